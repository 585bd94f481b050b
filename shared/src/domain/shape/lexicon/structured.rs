//! Words that demand an output a machine can read.

use super::Terms;

pub(super) const TERMS: &[Terms] = &[
    (120, "json|jsonl|ndjson"),
    (100, "yaml|csv|tsv"),
    (80, "xml|toml"),
    (
        150,
        "machine{-, }readable|structured output|markdown table|json-schema|json schema|well-formed",
    ),
    // English.
    (
        120,
        "json {object,array,list,document,output,format,string,blob}|{as,in,into,to,only,valid,return,output,with,a} {json,csv,yaml,xml}",
    ),
    (
        120,
        "with {keys,fields,columns}|with the {keys,fields,columns,following}|{the,these} {keys,fields}|json-{object,format}|as a table",
    ),
    (
        60,
        "header row|no prose|no markdown|respond only with|answer only with|output only|only the json|key-value|schema|fields|columns|keys",
    ),
    // Spanish, Portuguese, French, Italian.
    (
        120,
        "{objeto,objet,oggetto,formato,format,formatto} {json,csv,xml,yaml}|{en,em,au,para,in} {json,csv,xml,yaml}|json {válid,valid}*",
    ),
    (
        120,
        "{con,com,avec} {los,las,os,as,les,le,i} {campos,claves,chaves,clés,champs,chiavi,campi}|{con,in} formato",
    ),
    (
        60,
        "{campos,claves,chaves,clés,champs,chiavi,campi}|responde solo|réponds uniquement|renvoie uniquement|responda apenas",
    ),
    // German, Dutch, Polish.
    (
        120,
        "{als,im,mit,ins,naar,w} {json,csv,xml,yaml}*|{mit den,mit} {feldern,schlüsseln,spalten}|met de {velden,sleutels}|z polami",
    ),
    (
        60,
        "{csv,json,xml}-datei|plik {csv,json,xml}|w formacie|formacie json|antworte nur|antworte ausschließlich|gültige{m,s} json",
    ),
    // Russian, Turkish, Arabic, Hindi.
    (
        120,
        "{в,формате} {json,csv,xml,yaml}|с полями|с ключами|{json,csv,xml} {formatında,olarak}|بصيغة|مع الحقول|{json,csv} में|फ़ील्ड",
    ),
    (60, "в формате|formatında|صيغة|الحقول"),
    // Chinese, Japanese, Korean.
    (
        120,
        "格式返回|格式输出|字段|形式で出力|キーは|필드는|형식으로",
    ),
    (60, "格式|键|形式で|フィールド|キー|형식|필드|표로"),
    // Indonesian, Vietnamese.
    (
        120,
        "{dalam,format,hanya} {json,csv,xml}|dengan {kolom,kunci,field}|dạng {json,csv,xml}|với các {trường,khóa}",
    ),
];
