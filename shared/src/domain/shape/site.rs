//! The call site of a request: a fingerprint of the template behind its system prompt, and of its tools.
//!
//! Two requests come from the same place of an application when the template of their system prompt and the
//! names of their tools are the same. What applications put into templates is masked, neighbouring masks
//! count as one, and then the first [`TEMPLATE_BYTES`] of what is left are hashed:
//!
//! | masked or ignored | example |
//! |---|---|
//! | words with a digit, `@` or `://` | dates, times, counters, UUIDs, hex ids, e-mail addresses, links |
//! | capitalised words inside a sentence; at its start before another one, `'s`, a comma or "is", "has", … | "Maria Souza is a customer of Acme" |
//! | months and weekdays | "21 de noviembre" |
//! | the rest of a line behind a key such as `user:`, `date:`, `名前：` | "User: maria" |
//! | everything from a line that begins a section of data; of a closed `<tag>`, only its inside | "Context:", `<documents>…</documents>` |
//! | case, spaces, punctuation | |
//! | order and descriptions of tools, digits of their names | `search_v2`, `search_v3` |
//!
//! The name of a JSON schema, if any, belongs to the call site, too. Where fewer than [`LEAST_WORDS`] words are
//! left and there is neither tool nor schema, there is no call site and the class of the text decides.
//!
//! What is not recognised, such as a small-written name in running text, splits a call site into many. That
//! costs memory for a while, and nothing else: a shape is ranked only once it has evidence of its own, and
//! until then the request is decided by its class. The `floopy-task` header mends it for good.

mod words;

use std::cmp::Ordering;

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use self::words::{AFTER_NAMES, CALENDAR, KEYS, SECTIONS};
use super::{Signals, excerpt::head, fold};

/// Bytes of the masked system prompt that are hashed; about sixty words, and what follows is often data.
const TEMPLATE_BYTES: usize = 384;

/// Bytes of the system prompt that are looked at.
const PROMPT_BYTES: usize = 1_024;

/// Fewer words than this say too little.
const LEAST_WORDS: usize = 3;

/// Longest value behind a key that is masked; longer ones are instructions.
const VALUE_BYTES: usize = 120;

/// Most tools whose names are hashed, and bytes of each; providers allow 128 and 64.
const MAX_TOOLS: usize = 128;
const TOOL_NAME_BYTES: usize = 64;

/// The fingerprint, if the request shows where it comes from.
pub(super) fn fingerprint(signals: &Signals<'_>) -> Option<u64> {
    let mut template = Template::default();
    template.read(head(
        signals.system_prompt.unwrap_or_default(),
        PROMPT_BYTES,
    ));
    let mut text = template.text;
    if template.words < LEAST_WORDS {
        text.clear();
    }
    let mut names: Vec<u64> = signals
        .tool_names
        .iter()
        .take(MAX_TOOLS)
        .map(|name| name_hash(name))
        .collect();
    names.sort_unstable();
    names.dedup();
    names.extend(signals.schema_name.map(name_hash));
    if text.is_empty() && names.is_empty() {
        return None;
    }
    let mut hasher = Xxh3::new();
    hasher.update(text.as_bytes());
    for name in names {
        hasher.update(&name.to_le_bytes());
    }
    Some(hasher.digest())
}

/// Of a tool's or schema's name without its digits.
fn name_hash(name: &str) -> u64 {
    let mut masked = [0; TOOL_NAME_BYTES];
    let mut len = 0;
    for b in name.bytes().take(TOOL_NAME_BYTES) {
        let digit = b.is_ascii_digit();
        if !digit || len == 0 || masked[len - 1] != b'0' {
            masked[len] = if digit { b'0' } else { b };
            len += 1;
        }
    }
    xxh3_64(&masked[..len])
}
/// The masked beginning of a system prompt.
#[derive(Default)]
struct Template {
    text: String,
    words: usize,
    masked: bool,
    word: String,
}

/// What follows the word that is looked at.
#[derive(Clone, Copy)]
struct After<'a> {
    punctuation: &'a str,
    next: &'a str,
}

impl Template {
    fn read(&mut self, prompt: &str) {
        self.text.reserve(TEMPLATE_BYTES + 64);
        let mut rest = prompt;
        while !rest.is_empty() && self.text.len() < TEMPLATE_BYTES {
            let (line, below) = rest.split_once('\n').unwrap_or((rest, ""));
            rest = below;
            let line = line.trim();
            if let Some(section) = self.section_of(line) {
                // A closed element is passed over; any other section lasts to the end.
                let Some(after) = after_element(section, line, below) else {
                    return;
                };
                rest = after;
                self.mask();
                continue;
            }
            self.read_line(line);
        }
    }

    /// The beginning of a section of data that this line is.
    fn section_of(&mut self, line: &str) -> Option<&'static str> {
        self.word.clear();
        fold::push(
            &mut self.word,
            head(line.trim_start_matches(['#', '*', '-', '=', '[', ' ']), 40),
        );
        // One byte refuses nearly all of them.
        let first = self.word.bytes().next();
        SECTIONS
            .iter()
            .find(|section| section.bytes().next() == first && self.word.starts_with(**section))
            .copied()
    }

    fn read_line(&mut self, line: &str) {
        let mut line = line;
        if let Some((key, value)) = line.split_once([':', '：'])
            && value.len() <= VALUE_BYTES
            && self.is_personal(key)
        {
            line = key;
        }
        let cut = line.len();
        let mut starts_sentence = true;
        let mut tokens = Tokens(line);
        let mut token = tokens.next();
        while let Some((word, punctuation)) = token {
            token = tokens.next();
            let next = token.map_or("", |(next, _)| next);
            self.push(word, starts_sentence, After { punctuation, next });
            starts_sentence = punctuation.contains(['.', '!', '?', ':', '。', '！', '？', '：']);
            if self.text.len() >= TEMPLATE_BYTES {
                return;
            }
        }
        if cut < line.len() {
            self.mask();
        }
    }

    /// Whether what follows this key is somebody's or some moment's.
    fn is_personal(&mut self, key: &str) -> bool {
        self.word.clear();
        fold::push(&mut self.word, head(key, 64));
        let folded = self.word.trim_matches(|c: char| !c.is_alphanumeric());
        KEYS.iter().any(|key| {
            folded.strip_suffix(key).is_some_and(|before| {
                before
                    .chars()
                    .next_back()
                    .is_none_or(|c| !c.is_alphanumeric())
            })
        })
    }

    fn push(&mut self, word: &str, starts_sentence: bool, after: After<'_>) {
        self.word.clear();
        if is_volatile(word) || is_name(word, starts_sentence, after) {
            self.mask();
            return;
        }
        fold::push(&mut self.word, word);
        if is_calendar(&self.word) {
            self.mask();
            return;
        }
        self.text.push_str(&self.word);
        self.text.push(' ');
        self.words += 1;
        self.masked = false;
    }

    fn mask(&mut self) {
        if !self.masked {
            self.text.push_str("* ");
            self.masked = true;
        }
    }
}

/// What follows the element whose opening tag begins the line, if it is closed within what is looked at.
fn after_element<'a>(section: &str, line: &str, below: &'a str) -> Option<&'a str> {
    let tag = section
        .starts_with('<')
        .then(|| line.trim_start_matches('<'))?;
    let name = tag
        .split(|c: char| !c.is_alphanumeric() && c != '_' && c != '-')
        .next()?;
    let closes = |text: &str| {
        text.find("</")
            .is_some_and(|at| text[at + 2..].starts_with(name))
    };
    if closes(line) {
        return Some(below);
    }
    let mut rest = below;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        if closes(line) {
            return Some(after);
        }
        rest = after;
    }
    None
}

/// A month or a weekday.
fn is_calendar(word: &str) -> bool {
    CALENDAR
        .binary_search_by(|entry| calendar_order(entry, word))
        .is_ok()
}

/// By length first, which tells most words apart.
fn calendar_order(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Dates, times, counts, ids, addresses.
fn is_volatile(word: &str) -> bool {
    let mut has_colon = false;
    for b in word.bytes() {
        if b.is_ascii_digit() || b == b'@' {
            return true;
        }
        has_colon |= b == b':';
    }
    has_colon && word.contains("://")
}

/// Whether a word is written like somebody's or something's name.
fn is_name(word: &str, starts_sentence: bool, after: After<'_>) -> bool {
    if !is_title(word) {
        return false;
    }
    if !starts_sentence {
        return true;
    }
    let possessive = word.ends_with("'s") || word.ends_with("’s");
    possessive
        || after.punctuation.starts_with(',')
        || is_title(after.next)
        || AFTER_NAMES.contains(&after.next)
}

/// A capital and then small letters; acronyms are words like others.
fn is_title(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(char::is_uppercase) && chars.next().is_some_and(char::is_lowercase)
}

/// Words and what follows each: runs of letters and digits with what joins them inside; characters of scripts
/// without spaces are words of their own.
struct Tokens<'a>(&'a str);

impl<'a> Iterator for Tokens<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.0.find(char::is_alphanumeric)?;
        let rest = &self.0[start..];
        let first = rest.chars().next()?;
        let end = if is_spaceless(first) {
            first.len_utf8()
        } else {
            word_end(rest)
        };
        let (word, rest) = rest.split_at(end);
        let gap = rest.find(char::is_alphanumeric).unwrap_or(rest.len());
        let (punctuation, rest) = rest.split_at(gap);
        self.0 = rest;
        Some((word, punctuation))
    }
}

fn word_end(text: &str) -> usize {
    let mut end = 0;
    for (at, c) in text.char_indices() {
        if c.is_whitespace() || is_spaceless(c) {
            break;
        }
        if c.is_alphanumeric() {
            end = at + c.len_utf8();
        } else if !matches!(
            c,
            '.' | '-' | '_' | '@' | '/' | ':' | '\'' | '’' | '+' | '%'
        ) {
            break;
        }
    }
    end
}

fn is_spaceless(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_is_in_order() {
        assert!(CALENDAR.is_sorted_by(|a, b| calendar_order(a, b) == Ordering::Less));
    }
}
