//! A word without the ending that says how many there are.

use crate::lexicon::{Language, Lexicon};

/// The word itself where its ending may belong to it.
pub(crate) fn singular(word: &str, language: Language, lexicon: &Lexicon) -> String {
    let letters = word.chars().count();
    if letters <= 3 || !word.ends_with('s') || lexicon.is_whole(word) {
        return word.to_owned();
    }
    let cut = |ending: &str, instead: &str| {
        word.strip_suffix(ending)
            .map(|stem| format!("{stem}{instead}"))
    };
    let found = match language {
        Language::English => english(word, letters, cut),
        Language::Portuguese | Language::Spanish => {
            let is_plural = ["as", "es", "os"].iter().any(|end| word.ends_with(end));
            cut("s", "").filter(|_| is_plural && letters > 4)
        }
    };
    found.unwrap_or_else(|| word.to_owned())
}

fn english(
    word: &str,
    letters: usize,
    cut: impl Fn(&str, &str) -> Option<String>,
) -> Option<String> {
    if ["ss", "us", "is", "'s"]
        .iter()
        .any(|end| word.ends_with(end))
    {
        return None;
    }
    if letters > 4 && word.ends_with("ies") {
        return cut("ies", "y");
    }
    let hisses = ["sses", "shes", "ches", "xes", "zzes"];
    if hisses.iter().any(|end| word.ends_with(end)) {
        return cut("es", "");
    }
    cut("s", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_lose_their_ending_and_nothing_else_does() {
        let of = |word: &str| singular(word, Language::English, Language::English.lexicon());
        for (word, expected) in [
            ("dogs", "dog"),
            ("cities", "city"),
            ("boxes", "box"),
            ("houses", "house"),
            ("class", "class"),
            ("bus", "bus"),
            ("news", "news"),
            ("goods", "goods"),
            ("gas", "gas"),
            ("analysis", "analysis"),
        ] {
            assert_eq!(of(word), expected);
        }
    }
}
