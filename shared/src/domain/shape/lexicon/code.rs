//! Words of programming tasks.

use super::Terms;

pub(super) const TERMS: &[Terms] = &[
    // Words that hardly occur elsewhere.
    (
        200,
        "regex*|regular expression*|refactor*|{unit,integration} test*|traceback|stack trace|stacktrace|codebase|leetcode",
    ),
    (
        200,
        "{type,key,value,index,attribute,syntax,reference,runtime,name,import}error|nullpointerexception|segfault|segmentation fault",
    ),
    (
        200,
        "quellcode|quelltext|source code|código fuente|código fonte|code source|broncode|lập trình|mã nguồn",
    ),
    // Languages, tools and platforms: the same in every tongue.
    (
        150,
        "python*|javascript|typescript|java|c++|c#|golang|kotlin|php|haskell|sql|mysql|postgres*|sqlite|mongodb|bash|powershell",
    ),
    (
        150,
        "docker*|kubernetes|k8s|terraform|node.js|nodejs|npm|github|gitlab|pytorch|numpy|pandas|dataframe|django|fastapi",
    ),
    (
        120,
        "{in,a,my,the} {rust,swift,ruby,scala,perl}|c {program,code,function}|html|css|react|angular|vue|flask|spring boot|webpack|graphql|git|.net",
    ),
    (
        60,
        "in {go,c}|rust|swift|ruby|scala|perl|linux|ubuntu|shell|terminal|aws|azure|fortran|cobol|matlab|latex",
    ),
    (60, "{in,use,using} {laravel,express,nextjs,tailwind}|grep"),
    // Names of tools.
    (
        100,
        "apply_patch|str_replace*|{edit,read,write}_file|run_{tests,command,code,python}|{execute,run}_{code,python,sql}|code_interpreter|list_files",
    ),
    // English.
    (
        150,
        "pull request|merge conflict|build fails|debug*|coding|{write,implement} a {function,method,class,script,program,parser,query}",
    ),
    (
        120,
        "function {that,which,called}|{compile,compilation,build} error*|compiler|not compile|linker|rebase|software engineer*|data structure*|linked list|binary {tree,search}|rest api",
    ),
    (
        120,
        "{my,this,the,some,source,following} code|code {snippet,review}*|{api,rest,http} {key,call,endpoint,request,response}*|{get,post} request|api_key",
    ),
    (
        100,
        "asynchron*|callback*|serializ*|bug|bugs|algorithm*|endpoint*|script|scripts|web{app,site}|null pointer|localhost|async|mutex|front{-,}end*|back{-,}end*",
    ),
    (
        80,
        "commit|commits|exception*|code|codes|array|arrays|parser|recursi*|developer*|deploy*|dependenc*|type hint*|environment variable*|implement",
    ),
    (
        60,
        "database*|cache|compil*|function|functions|api|query|program|programmer|loop|loops|line of code|crash*|null|boolean|cli|class|method",
    ),
    (
        30,
        "object|attribute*|parameter*|string|concurren*|undo|revert|variable*|error*|server*|component*|module*|package*|schema*|json|yaml|file|files|assertion",
    ),
    (
        -100,
        "{zip,postal,area,promo,discount,voucher,qr,dress,country,access} code*|code{s,} of|{building,penal,civil,criminal,commercial,tax,moral} code*|código postal|code postal",
    ),
    // Spanish, Portuguese, French, Italian.
    (
        120,
        "código|codice|depurar|deboguer|déboguer|débogue*|bucle|fuite de mémoire|{una,la} función {que,en,para}|programmation|programmazione",
    ),
    (
        100,
        "función|funciones|função|funções|fonction {qui,en,pour,python}|funzione|funzioni|script*|laço|boucle|algoritmo*|algorithme*",
    ),
    (
        80,
        "excepción|exceção|eccezione|base de {datos,données}|banco de dados|ponteiro nulo|puntero nulo|arreglo|recursiv*|récursi*",
    ),
    (
        60,
        "fonction|programa {en,em,de}|programme {en,qui}|compil*|punto y coma|consulta {sql,que}|classe {java,python}|plante",
    ),
    // German, Dutch, Polish.
    (
        120,
        "kompilier*|funktion, die|programmier*|programmeer*|programist*|fehlermeldung|foutmelding|skript*|skrypt*",
    ),
    (
        100,
        "funktion*|functie|funkcj*|datenbank*|schleife*|kod źródłowy|pętl*|algorithmus|algorytm*",
    ),
    (
        60,
        "programm|programma|kod|kodu|bazy danych|variablen|klasse*|rekursiv*",
    ),
    // Russian, Turkish, Arabic, Hindi.
    (
        120,
        "скрипт*|компил*|программирова*|отлад*|fonksiyon*|بايثون|دالة|برمج|كود|خوارزمية|पायथन|फ़ंक्शन|कोड|प्रोग्रामिंग",
    ),
    (
        100,
        "функци*|код|кода|коде|массив*|баг|баги|багов|алгоритм*|базы данных|veritaban*|algoritma*|جافا|जावा",
    ),
    (
        60,
        "программ*|цикл|цикла|сегментации|kod|kodu|döngü*|derle*|प्रोग्राम|برنامج",
    ),
    // Chinese, Japanese, Korean.
    (
        150,
        "代码|代碼|编程|程式碼|报错|脚本|调试|编译|コード|バグ|スクリプト|コンパイル|デバッグ|파이썬|자바스크립트|버그|디버그|컴파일",
    ),
    (
        120,
        "函数|函數|数组|算法|数据库|関数|配列|アルゴリズム|データベース|함수|코드|배열|알고리즘|스크립트|데이터베이스",
    ),
    (
        60,
        "程序|循环|接口|プログラム|エラー|プログラミング|프로그램|자바|에러",
    ),
    // Indonesian, Vietnamese.
    (
        100,
        "fungsi|kode|skrip|pemrograman|basis data|viết hàm|hàm {python,java,trong}|thuật toán|cơ sở dữ liệu",
    ),
];
