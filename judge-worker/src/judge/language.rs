//! Whether a reply is in another language than its question, told by script and by the commonest words.

use super::text::Text;

/// The commonest words that only one of these languages has.
#[rustfmt::skip]
const COMMON: &[(&str, &[&str])] = &[
    ("en", &["the", "and", "of", "is", "to", "what", "how", "you", "this", "with", "are", "for", "it"]),
    ("es", &["el", "los", "las", "y", "es", "una", "del", "cómo", "qué", "por", "está", "puede", "usted"]),
    ("pt", &["os", "uma", "não", "é", "em", "do", "da", "você", "são", "como", "isso", "ao", "pelo"]),
    ("fr", &["les", "des", "est", "et", "une", "dans", "vous", "pour", "qui", "du", "au", "cette", "ce"]),
    ("de", &["der", "die", "das", "und", "ist", "nicht", "mit", "ein", "eine", "wie", "sie", "auf", "den"]),
    ("it", &["il", "gli", "che", "è", "di", "per", "sono", "della", "nel", "questo", "come", "puoi", "anche"]),
];

/// Beginnings of words with which another language is asked for.
#[rustfmt::skip]
const ASKS_FOR_ONE: &[&str] = &[
    "translat", "traduc", "traduz", "tradui", "übersetz", "tradurre", "english", "inglés", "inglês", "anglais",
    "englisch", "spanish", "español", "espanhol", "french", "français", "francés", "francês", "german", "deutsch",
    "alemán", "alemão", "portugu", "italian", "chinese", "japanese", "russian", "language", "idioma", "sprache",
    "langue", "翻译", "翻譯", "перевед",
];

/// Words that are looked at.
const READ_WORDS: usize = 80;
/// Words that must tell before a language is believed.
const LEAST: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Script {
    Latin,
    Cyrillic,
    Ideographic,
    Other,
}

/// Only where both are sure, and no language is spoken of.
pub(super) fn differs(prompt: &Text<'_>, reply: &Text<'_>) -> bool {
    if prompt.words.len() < LEAST || reply.words.len() < LEAST {
        return false;
    }
    let scripts = (script(prompt), script(reply));
    let is_other = if scripts == (Script::Latin, Script::Latin) {
        let languages = language(prompt).zip(language(reply));
        languages.is_some_and(|(asked, answered)| asked != answered)
    } else {
        scripts.0 != scripts.1
    };
    is_other && !speaks_of_one(prompt)
}

fn speaks_of_one(prompt: &Text<'_>) -> bool {
    let asks = |word: &String| ASKS_FOR_ONE.iter().any(|asks| word.starts_with(asks));
    prompt.words.iter().any(asks)
}

/// That of most words.
fn script(text: &Text<'_>) -> Script {
    let mut counts = [0usize; 4];
    for word in text.words.iter().take(READ_WORDS) {
        let of = word.chars().find(|c| c.is_alphabetic()).map(script_of);
        if let Some(script) = of {
            counts[script as usize] += 1;
        }
    }
    let scripts = [
        Script::Latin,
        Script::Cyrillic,
        Script::Ideographic,
        Script::Other,
    ];
    let most = scripts
        .into_iter()
        .max_by_key(|script| counts[*script as usize]);
    most.unwrap_or(Script::Other)
}

fn script_of(c: char) -> Script {
    match c {
        'a'..='z' | 'A'..='Z' | '\u{C0}'..='\u{24F}' => Script::Latin,
        '\u{400}'..='\u{52F}' => Script::Cyrillic,
        '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' => Script::Ideographic,
        _ => Script::Other,
    }
}

/// The one with most of its common words, where it has twice those of any other.
fn language(text: &Text<'_>) -> Option<&'static str> {
    let hits = |common: &[&str]| {
        let words = text.words.iter().take(READ_WORDS).map(String::as_str);
        words.filter(|word| common.contains(word)).count()
    };
    let mut found: Vec<(usize, &str)> = COMMON
        .iter()
        .map(|(name, common)| (hits(common), *name))
        .collect();
    found.sort_by_key(|(hits, _)| std::cmp::Reverse(*hits));
    let (first, second) = (found.first()?, found.get(1)?);
    (first.0 >= LEAST && first.0 >= 2 * second.0).then_some(first.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(prompt: &str, reply: &str) -> bool {
        differs(&Text::read(prompt), &Text::read(reply))
    }

    const ENGLISH: &str = "What is the capital of France and how do you get to it?";

    #[test]
    fn another_language_or_script_is_seen() {
        assert!(check(
            ENGLISH,
            "Die Hauptstadt ist Paris, und das ist mit der Bahn nicht weit."
        ));
        assert!(check(ENGLISH, "Столица Франции Париж, туда идёт поезд."));
    }

    #[test]
    fn the_same_one_and_what_is_too_short_to_tell_is_none() {
        assert!(!check(
            ENGLISH,
            "The capital of France is Paris, and the train is the way to get there."
        ));
        assert!(!check(ENGLISH, "Paris."));
        assert!(!check(
            "Translate to German: the cat is on the mat and it sleeps",
            "Die Katze ist auf der Matte und sie schläft."
        ));
    }
}
