//! Reading a text once: its words, and what it looks like.

use std::{collections::HashSet, sync::LazyLock};

/// Bytes of a text that are looked at; beyond that more text says little and costs time.
pub(super) const READ_BYTES: usize = 64 * 1024;

/// A text as the rules see it.
#[derive(Debug)]
pub(super) struct Text<'a> {
    /// What was read of it.
    pub raw: &'a str,
    /// Lower-cased words in order; in scripts without spaces each character is one.
    pub words: Vec<String>,
    /// Characters that are neither white space nor control.
    pub visible: usize,
    /// Control, replacement and private-use characters: what binary data turns into.
    pub garbage: usize,
}

impl<'a> Text<'a> {
    /// Reads at most [`READ_BYTES`].
    pub(super) fn read(text: &'a str) -> Self {
        let raw = prefix(text, READ_BYTES);
        let mut read = Self {
            raw,
            words: Vec::new(),
            visible: 0,
            garbage: 0,
        };
        let mut word = String::new();
        for c in raw.chars() {
            read.count(c);
            if c.is_alphanumeric() && !is_ideographic(c) {
                word.extend(c.to_lowercase());
                continue;
            }
            read.end_word(&mut word);
            if is_ideographic(c) {
                read.words.push(c.to_string());
            }
        }
        read.end_word(&mut word);
        read
    }

    fn count(&mut self, c: char) {
        let odd = c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if odd || c == '\u{FFFD}' || ('\u{E000}'..='\u{F8FF}').contains(&c) {
            self.garbage += 1;
        } else if !c.is_whitespace() && !c.is_control() {
            self.visible += 1;
        }
    }

    fn end_word(&mut self, word: &mut String) {
        if !word.is_empty() {
            self.words.push(std::mem::take(word));
        }
    }

    /// All stems.
    pub(super) fn stems(&self) -> HashSet<&str> {
        self.words.iter().map(|word| stem(word)).collect()
    }

    /// Lines that are not blank.
    pub(super) fn lines(&self) -> impl Iterator<Item = &'a str> {
        self.raw
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
    }

    /// Lines that start like a list item.
    pub(super) fn list_items(&self) -> usize {
        self.lines().filter(|line| is_list_item(line)).count()
    }

    /// Marks that open or close a block of code.
    pub(super) fn fences(&self) -> usize {
        self.raw.matches("```").count()
    }
}

fn is_list_item(line: &str) -> bool {
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = rest.len() < line.len() && (rest.starts_with(". ") || rest.starts_with(") "));
    numbered || ["- ", "* ", "• "].iter().any(|mark| line.starts_with(mark))
}

/// Chinese, Japanese and Korean: no spaces between words, or too few to count on.
fn is_ideographic(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}')
}

pub(super) fn is_content(word: &str) -> bool {
    let long_enough = word.chars().nth(1).is_some() || word.chars().any(is_ideographic);
    long_enough && !STOPS.contains(word)
}

/// Without the endings that English, Spanish, Portuguese, French and German add most often; crude, but the
/// same on both sides of a comparison.
pub(super) fn stem(word: &str) -> &str {
    const ENDINGS: &[&str] = &["ing", "ers", "ies", "ed", "es", "er", "en", "s", "e", "y"];
    let cut = ENDINGS.iter().find_map(|ending| word.strip_suffix(ending));
    cut.filter(|rest| rest.chars().nth(2).is_some())
        .unwrap_or(word)
}

/// A count as a number to reckon with.
#[expect(clippy::cast_precision_loss, reason = "counts of words in 64 KiB")]
pub(super) fn count(n: usize) -> f64 {
    n as f64
}

/// Sentences, by their end marks and line breaks; a mark within a number or a name ends none.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map_or(' ', |(_, next)| *next);
        let ends = match c {
            '\n' | '。' | '！' | '？' => true,
            '.' | '!' | '?' => next.is_whitespace(),
            _ => false,
        };
        if ends {
            let end = at + c.len_utf8();
            found.push(text[start..end].trim());
            start = end;
        }
    }
    found.push(text[start..].trim());
    found.retain(|sentence| sentence.chars().any(char::is_alphanumeric));
    found
}

/// The longest start of at most `bytes` that splits no character.
pub(super) fn prefix(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The same, to be looked up.
static STOPS: LazyLock<HashSet<&str>> = LazyLock::new(|| STOP_WORDS.iter().copied().collect());

#[rustfmt::skip]
const STOP_WORDS: &[&str] = &[
    "a", "about", "all", "also", "an", "and", "any", "are", "as", "at", "be", "but", "by", "can", "could",
    "did", "do", "does", "for", "from", "give", "had", "has", "have", "he", "her", "here", "his", "how", "i",
    "if", "in", "into", "is", "it", "its", "just", "like", "make", "me", "more", "my", "no", "not", "of",
    "on", "one", "or", "our", "out", "please", "she", "should", "so", "some", "tell", "than", "that", "the",
    "their", "them", "then", "there", "these", "they", "this", "to", "up", "us", "use", "was", "we", "were",
    "what", "when", "where", "which", "who", "why", "will", "with", "would", "you", "your",
    "assistant", "system", "user",
    "al", "com", "como", "con", "da", "das", "de", "del", "des", "die", "do", "du", "ein", "eine", "el", "em",
    "en", "er", "es", "est", "et", "für", "ich", "ist", "la", "las", "le", "les", "lo", "los", "mais", "mit",
    "na", "nicht", "no", "nos", "os", "para", "pas", "por", "pour", "que", "qui", "se", "sie", "sur", "um",
    "uma", "un", "und", "une", "von", "wie", "y", "zu",
    "в", "и", "как", "на", "не", "по", "с", "что", "это", "的", "了", "是", "在",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_items_are_seen_in_their_usual_forms() {
        assert_eq!(
            Text::read("1. a\n2) b\n- c\n* d\n• e\nf\n2026 was").list_items(),
            5
        );
    }

    #[test]
    fn reading_stops_between_characters() {
        assert_eq!(prefix("ééé", 3), "é");
    }
}
