//! Words that ask for writing: fiction, verse, advertising, speeches, letters, another style.

use super::Terms;

pub(super) const TERMS: &[Terms] = &[
    // English.
    (
        200,
        "poem|poems|haiku*|limerick*|sonnet*|lyrics|{short,bedtime,horror,love} stor{y,ies}|fairy tale*|slogan*|tagline*|screenplay|plot twist*",
    ),
    (
        150,
        "poetry|blog post*|cover letter|product description*|ad copy|copywrit*|advertising copy|{linkedin,social media,instagram} post*|villain|novella",
    ),
    (
        120,
        "essay|tell me a {story,joke}|rhym*|fiction*|in the style of|monologue|dialogue|protagonist|ballad|verse|{sound,sounds} like|limericks|satire",
    ),
    (
        100,
        "write a story|a story about|{a,wedding,acceptance,farewell} speech|invent|rephrase|paraphrase|rewrite|reword|toast|tweet|fantasy|brainstorm*|catchy|newsletter|make {the,it} {ending,sadder,funnier}",
    ),
    (
        80,
        "novel|story|stories|joke|jokes|tale|song|come up with|names for|name ideas|headline*|caption*|{continue,finish} {this,the}|playful|persuasive",
    ),
    (
        60,
        "{tell,give} me a|character*|imaginary|speech|draft|compose|imagine|pretend|creative|marketing|poet|{write,help me write} {a,an,me,some}|letter|e-mail to|email to",
    ),
    // Spanish, Portuguese, French, Italian.
    (
        200,
        "poema*|poesía*|poème*|poesia|poesie|cuento*|eslogan|haikai|favola|fiaba|filastrocca|historia infantil|história infantil|texto de vendas",
    ),
    (
        120,
        "relato|conto|racconto|inventa*|invente*|rimas|rimes|rima|chiste|piada|blague|barzelletta|cuéntame un*|raconte{,-moi}|racconta*|rédige*|redacta",
    ),
    (
        80,
        "histoire{s,}|una historia|uma história|una storia|chanson|canción|canção|canzone|discurso|discours|discorso|novela|roman|romanzo|redija",
    ),
    (
        50,
        "escribe|escriba|escreva|écris|écrivez|scrivi|crea un|crie um*|publicid*|publicité|pubblicità",
    ),
    // German, Dutch, Polish.
    (
        200,
        "gedicht*|märchen|sprookje*|wiersz*|bajk{a,ę,i}|opowiadani*|kurzgeschichte*|werbetext*|werbespruch|reim|reime|rijm*|rym*",
    ),
    (
        120,
        "erzähl*|verfass*|verzin*|wymyśl*|verhaal|{eine,kurze} geschichte|rede zum|eine rede|witz|mop|dowcip|piosenk*|drehbuch|romanfigur",
    ),
    (
        50,
        "schreib|schreibe|schrijf|napisz|opowiedz|vertel een|formuliere",
    ),
    // Russian, Turkish.
    (
        200,
        "стих*|сказк*|сочини*|şiir*|masal*|hikaye*|öykü*|слоган*|рифм*",
    ),
    (
        120,
        "придумай*|анекдот*|песн*|рассказ о|рассказ про|uydur*|fıkra|şarkı sözü",
    ),
    (50, "напиши|напишите|расскажи|историю|yaz|anlat"),
    // Arabic, Hindi.
    (200, "قصيدة|قصة|حكاية|قصائد|कविता|कहानी|शायरी|गीत"),
    (60, "اكتب|احك|شعار|خطاب|लिखो|लिखें|लिखिए|सुनाओ|चुटकुला"),
    // Chinese, Japanese, Korean.
    (
        150,
        "诗|詩|故事|童话|小说|歌词|口号|作文|文案|笑话|俳句|短歌|物語|小説|童話|歌詞|キャッチコピー|동화|소설|시를|시 한|슬로건|가사",
    ),
    (
        60,
        "一首|写一|编一|书いて|書いて|作って|이야기|지어|써 줘|써줘|韻",
    ),
    // Indonesian, Vietnamese.
    (
        200,
        "puisi|dongeng|cerpen|pantun|bài thơ|câu chuyện|truyện ngắn|truyện cổ tích",
    ),
    (
        80,
        "cerita*|ceritakan|kể cho|lagu|sáng tác|khẩu hiệu|viết một bài",
    ),
    (40, "buatkan|tulis|tuliskan|viết"),
];
