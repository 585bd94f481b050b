//! Words that ask to read a given text: summaries, extraction, classification, questions about it.

use super::Terms;

pub(super) const TERMS: &[Terms] = &[
    // English.
    (
        200,
        "summari*|summary|summaries|tl;dr|tldr|sum {this,it,that} up|sum up|synopsis|key {takeaways,points,facts,findings}|the gist",
    ),
    (
        150,
        "extract|extracts|extracting|extraction|condense*|recap|takeaways|sentiment|named entit*|pull out|spam or not|{classify,categorize,categorise}*",
    ),
    (
        150,
        "according to the {passage,text,article,document,report,paragraph}|based on the {passage,text,article,document,context}|in the passage",
    ),
    (
        120,
        "main {points,ideas,topics,risks,arguments,conclusions}|positive, negative|using only the|from the {text,document,passage,article,transcript}",
    ),
    (
        80,
        "mentioned in|which of these {topics,categories}|belong* to|does the {author,passage,text}|bullet points|bullets|{text,article,document} below",
    ),
    (
        60,
        "classification|following {text,article,passage,document,email,review,transcript}|transcript|meeting notes|{list,find,identify} {all,every,the}",
    ),
    (
        40,
        "passage|paragraph|article|report|mentioned|minutes|excerpt|categories|label",
    ),
    // Spanish, Portuguese, French, Italian.
    (
        200,
        "resumen|resuma|resumo|resumir|resúmeme|resume {este,esta,el,la,los,las,lo,en}|résume {ce,cet,cette,le,la,les,moi,en}|résumer|résume-moi",
    ),
    (
        200,
        "riassu*|sintetizz*|fais-moi {un résumé,une synthèse}|un résumé|synthèse {de,du}|{extrae,extraer,extraiga,extraia,extrair,extrais,extraire,estrai,estrarre}",
    ),
    (
        150,
        "clasifica*|classifique*|classifica*|puntos {clave,principales}|principais pontos|pontos principais|points {clés,principaux}|punti {chiave,principali}",
    ),
    (
        80,
        "según el {texto,documento,artículo}|de acordo com o {texto,documento}|d'après {le,ce} {texte,document}|secondo il {testo,documento}",
    ),
    (
        50,
        "texto {siguiente,abaixo,a seguir}|{siguiente,seguinte} texto|texte suivant|del testo|dal testo|compte rendu|aparecen|aparecem|este {artículo,relatório}",
    ),
    // German, Dutch, Polish.
    (
        200,
        "zusammenfass*|samenvat*|streść|streszcz*|podsumuj*|podsumowan*|fasse|fass {das,den,die,es,mir}|vat {dit,deze,de,het}|extrahier*|wyodrębni*",
    ),
    (
        120,
        "kernaussage*|kernpunkte|hoofdpunten|wichtigsten punkte|klassifizier*|wypisz|wyciągnij|haal alle|najważniejsze punkty|zusammen|samen",
    ),
    (
        60,
        "laut dem text|in diesem {absatz,text}|genannt|werden in|folgenden {text,artikel}|onderstaande|poniższ*|ten artykuł|deze tekst",
    ),
    // Russian, Turkish.
    (
        200,
        "краткое содержание|перескаж*|пересказ*|резюмир*|суммируй*|извлек*|извлеч*|özetle*|özeti*|özet",
    ),
    (
        100,
        "обобщи*|кратко|классифицир*|выпиши*|выдели*|çıkar|sınıflandır*|metinden|из {текста,договора,статьи}|текста ниже",
    ),
    // Arabic, Hindi.
    (200, "لخص|ملخص|تلخيص|استخرج|استخراج|सारांश|संक्षेप"),
    (80, "صنف|من النص|النص التالي|المقال|निकालो|निकालें|वर्गीकृत|लेख"),
    // Chinese, Japanese, Korean.
    (
        200,
        "总结|總結|概括|摘要|归纳|提取|抽取|要約|抽出|요약|추출",
    ),
    (
        100,
        "分类|主要内容|文章|文本中|まとめて|分類|記事|文章から|분류|본문|다음 글|정리해",
    ),
    // Indonesian, Vietnamese.
    (
        200,
        "ringkas*|rangkum*|ikhtisar|ekstrak*|tóm tắt|trích xuất|tổng hợp",
    ),
    (
        80,
        "klasifikasi*|dari teks|artikel berikut|phân loại|văn bản|bài viết sau|trong đoạn",
    ),
];
