//! Signs that a sentence was put together badly: words that do not follow each other, ends that are none.
//!
//! A list of pairs that English does not have finds much of what people call unnatural, and nothing in other
//! languages: there it takes nothing off.

#[rustfmt::skip]
const DETERMINERS: &[&str] = &[
    "a", "an", "the", "my", "your", "his", "her", "their", "our", "its", "this", "these",
];
/// Determiners that also stand alone.
const ALONE: &[&str] = &["this", "these", "his", "her"];
#[rustfmt::skip]
const PREPOSITIONS: &[&str] = &[
    "of", "to", "in", "for", "with", "on", "at", "from", "by", "about", "near", "into",
];
const CONJUNCTIONS: &[&str] = &["and", "or", "but", "because", "if", "that", "which"];
#[rustfmt::skip]
const AUXILIARIES: &[&str] = &[
    "is", "are", "was", "were", "be", "been", "am", "has", "have", "had", "do", "does", "did", "will", "would", "can",
    "could", "should",
];
const FINITE: &[&str] = &["is", "are", "was", "were", "do", "does", "will", "would"];
const SUBJECTS: &[&str] = &["i", "he", "she", "they", "we"];
/// Words that English does say twice.
const TWICE: &[&str] = &["that", "had", "so", "very", "ha", "no"];
#[rustfmt::skip]
const NO_END: &[&str] = &[
    "a", "an", "the", "my", "your", "their", "our", "its", "of", "and", "or", "but", "because", "if", "with", "from",
    "are", "is", "was", "were", "at", "by", "into",
];

/// Pairs of neighbours that do not go together.
pub(super) fn odd_pairs(words: &[&str]) -> usize {
    words
        .windows(2)
        .filter(|pair| is_odd(pair[0], pair[1]))
        .count()
}

fn is_odd(a: &str, b: &str) -> bool {
    is_said_twice(a, b)
        || follows_badly(a, b)
        || disagrees(a, b)
        || (["and", "or", "but"].contains(&a) && ["and", "or", "but", "of"].contains(&b))
}

fn is_said_twice(a: &str, b: &str) -> bool {
    a == b && a.chars().any(char::is_alphabetic) && a.len() > 1 && !TWICE.contains(&a)
}

fn follows_badly(a: &str, b: &str) -> bool {
    let lists = [
        DETERMINERS,
        PREPOSITIONS,
        CONJUNCTIONS,
        AUXILIARIES,
        SUBJECTS,
    ];
    let after_determiner = lists.iter().any(|list| list.contains(&b));
    let may_stand_alone = ALONE.contains(&a) && !DETERMINERS.contains(&b) && !SUBJECTS.contains(&b);
    if DETERMINERS.contains(&a) && after_determiner {
        return !may_stand_alone;
    }
    if PREPOSITIONS.contains(&a) {
        let joins = CONJUNCTIONS.contains(&b) && !["which", "that"].contains(&b);
        return joins || FINITE.contains(&b) || SUBJECTS.contains(&b);
    }
    let verb = ["is", "are", "was", "were", "does", "do", "did"];
    verb.contains(&a) && (verb.contains(&b) || ["has", "have", "of"].contains(&b))
}

/// Article and sound, subject and verb.
fn disagrees(a: &str, b: &str) -> bool {
    let is_word = b.len() > 1;
    let by_vowel = b.starts_with(['a', 'e', 'i', 'o']);
    let sounds_otherwise = b.starts_with("one") || b.starts_with("uni") || b.starts_with("eu");
    match a {
        "a" => is_word && by_vowel && !sounds_otherwise,
        "an" => is_word && !by_vowel && !b.starts_with(['u', 'h']),
        "he" | "she" | "it" => ["are", "were", "have", "do"].contains(&b),
        "they" | "we" | "you" => ["is", "was", "has", "does"].contains(&b),
        "i" => ["is", "are", "has", "does"].contains(&b),
        _ => false,
    }
}

/// Whether a sentence ends in a word that none ends in.
pub(super) fn dangles(sentence: &str) -> bool {
    let last = sentence
        .rsplit(|c: char| !c.is_alphanumeric())
        .find(|word| !word.is_empty());
    last.is_some_and(|word| NO_END.contains(&word.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odd(text: &str) -> usize {
        odd_pairs(&text.split(' ').collect::<Vec<_>>())
    }

    #[test]
    fn what_does_not_go_together_is_counted() {
        assert_eq!(
            odd("do you not to restaurant restaurants restaurants that are of"),
            2
        );
        assert_eq!(odd("there is a of the and they is a apple"), 4);
    }

    #[test]
    fn common_sentences_have_none() {
        for text in [
            "the map that we use is a hash map and it handles collisions in one of two ways",
            "this is what he had had in mind of which an hour was for us",
            "an umbrella is a useful thing to have with you at a university",
            "das ist die antwort auf die frage und das ist gut",
        ] {
            assert_eq!(odd(text), 0, "{text}");
        }
    }

    #[test]
    fn ends_that_are_none_are_seen() {
        assert!(dangles("The first thing to consider is that the ."));
        assert!(!dangles("He said so to her."));
    }
}
