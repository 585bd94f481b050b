//! Words that ask for another language.

use super::Terms;

pub(super) const TERMS: &[Terms] = &[
    // To translate.
    (
        200,
        "translat*|übersetz*|uebersetz*|traduz*|traduc*|traduç*|traduir*|traduis*|traduit*|traduct*|tradui|tradurre|traduzion*",
    ),
    (
        200,
        "vertaal*|vertal*|przetłumacz*|tłumacz*|tłumaczen*|переведи*|перевест*|переводчик*|tercüme*|ترجم|अनुवाद*|terjemah*",
    ),
    (
        200,
        "翻译|翻譯|翻訳|번역|{dịch,dịch câu,dịch đoạn,dịch văn bản} {sang,sau,này}|dịch thuật|bản dịch|phiên dịch|英訳|和訳|英译|汉译",
    ),
    (120, "перевод*|çevir*|çeviri*|dịch sang"),
    // How is it said.
    (
        150,
        "how {do,would,can} {you,i,we} say|how to say|cómo se dice|como se diz|comment {dit-on,dire,on dit}|wie sagt man|come si dice",
    ),
    (
        150,
        "hoe zeg {je,ik,men}|jak {powiedzieć,się mówi}|как {сказать,будет}|nasıl denir|ne demek|كيف {تقول,أقول,يقال}|怎么说|怎麼說",
    ),
    (
        150,
        "何と言い*|何て言*|어떻게 말하*|어떻게 말해*|nói thế nào|bahasa {inggris,jepang,jerman,prancis,spanyol,arab,korea}nya",
    ),
    // Into which language.
    (
        120,
        "into {english,french,german,spanish,italian,portuguese,dutch,polish,russian,turkish,arabic,hindi,chinese,mandarin,japanese,korean,swedish,greek,latin}",
    ),
    (
        90,
        "to {english,french,german,spanish,italian,portuguese,dutch,polish,russian,turkish,arabic,hindi,chinese,mandarin,japanese,korean,swedish,greek,latin}",
    ),
    (
        60,
        "in {english,french,german,spanish,italian,portuguese,dutch,polish,russian,turkish,arabic,hindi,chinese,mandarin,japanese,korean,swedish,greek,latin}",
    ),
    (
        120,
        "{english,french,german,spanish,italian,portuguese,dutch,polish,russian,turkish,arabic,hindi,chinese,japanese,korean} {version,translation}",
    ),
    (
        80,
        "al {inglés,francés,alemán,italiano,portugués,chino,japonés,ruso,español}|para o {inglês,francês,alemão,italiano,espanhol,português}",
    ),
    (
        50,
        "en {inglés,francés,alemán,japonés,anglais,français,allemand,espagnol,polonais,italien}|em {inglês,francês,espanhol,alemão,italiano}",
    ),
    (
        80,
        "ins {englische,deutsche,französische,spanische,italienische,türkische}|auf {englisch,deutsch,französisch,spanisch,türkisch,italienisch}",
    ),
    (
        50,
        "in {inglese,francese,tedesco,spagnolo,giapponese}|{naar,in} het {engels,frans,duits,spaans,italiaans}|en anglais",
    ),
    (
        80,
        "na {angielski,niemiecki,francuski,polski,hiszpański}|po {angielsku,niemiecku,francusku,hiszpańsku}|на {английский,русский,немецкий,французский}",
    ),
    (
        60,
        "по-{английски,немецки,французски,испански,японски,русски}|{ingilizce,almanca,fransızca,türkçe,ispanyolca}*|अंग्रेज़ी में|हिंदी में",
    ),
    (
        60,
        "إلى {الإنجليزية,العربية,الفرنسية}|ب{الفرنسية,الإنجليزية,الألمانية,العربية}|成{英文,中文,英语,法语,日语,德语}|用{英文,英语,法语,日语,德语,中文}",
    ),
    (
        60,
        "{英語,日本語,スペイン語,フランス語,中国語,ドイツ語}{に,で}|{영어,한국어,독일어,일본어,중국어,프랑스어}로|ke bahasa|sang tiếng|tiếng {anh,hàn,nhật,pháp}",
    ),
    (
        40,
        "mean in|render|{english,french,german,spanish,italian,portuguese,dutch,polish,russian,turkish,arabic,hindi,chinese,mandarin,japanese,korean,swedish,greek,latin}",
    ),
];
