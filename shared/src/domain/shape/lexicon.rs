//! Weighted terms of each class in seventeen languages, indexed by their first bytes.
//!
//! A term is written as people write it and folded like the text it is looked for in. A `*` at its end
//! lets the word go on (`summari*`), `{a,b}` stands for each of its alternatives. Terms in scripts without
//! spaces between words, and in Arabic, where articles and conjunctions stick to the word, are found
//! anywhere; all others begin, and without `*` end, at a word's boundary.

mod code;
mod creative;
mod extraction;
mod math;
mod structured;
mod translation;

use std::sync::LazyLock;

use super::{
    evidence::{TOPICS, Topic},
    fold,
};

/// Points, and the terms that are worth them, separated by `|`.
///
/// 100 is what a class needs to be taken for one. A term that alone decides has 150 to 200; one that is
/// common elsewhere, too, has less and needs company.
type Terms = (i32, &'static str);

/// What terms a lexicon may hold; the reader keeps one byte for each.
pub(super) const MAX_TERMS: usize = 4_096;

/// Slots of the index over the first three bytes; with some two thousand terms most words of a text find
/// theirs empty.
const SLOTS: usize = 4_096;

/// The shortest term, in bytes: what the index looks at.
const KEY_BYTES: usize = 3;

/// A term as it is looked for.
pub(super) struct Term {
    pub topic: Topic,
    pub points: i32,
    /// As written in the lexicon, for explanations.
    pub name: &'static str,
    text: Box<str>,
    /// The first eight bytes, and which of them the term has: one comparison refuses nearly every word.
    opening: u64,
    opening_mask: u64,
    open_end: bool,
}

/// All terms.
pub(super) struct Lexicon {
    terms: Vec<Term>,
    /// Where the terms of each slot begin; one more than there are slots.
    starts: Vec<u16>,
}

/// Built on first use.
pub(super) static LEXICON: LazyLock<Lexicon> = LazyLock::new(Lexicon::build);

const LISTS: [(Topic, &[Terms]); TOPICS] = [
    (Topic::Translation, translation::TERMS),
    (Topic::Structured, structured::TERMS),
    (Topic::Code, code::TERMS),
    (Topic::Math, math::TERMS),
    (Topic::Quantity, math::QUANTITY),
    (Topic::Extraction, extraction::TERMS),
    (Topic::Creative, creative::TERMS),
];

impl Lexicon {
    fn build() -> Self {
        let entries = LISTS
            .into_iter()
            .flat_map(|(topic, list)| list.iter().map(move |entry| (topic, entry)));
        let mut terms: Vec<Term> = entries
            .flat_map(|(topic, &(points, names))| {
                names_in(names).flat_map(move |name| terms_of(topic, points, name))
            })
            .collect();
        terms.sort_by(|a, b| {
            (slot_of(a.opening), &a.text, a.topic as u8).cmp(&(
                slot_of(b.opening),
                &b.text,
                b.topic as u8,
            ))
        });
        terms.dedup_by(|a, b| a.text == b.text && a.topic == b.topic);
        terms.truncate(MAX_TERMS);
        let below = |slot: usize| terms.partition_point(|term| slot_of(term.opening) < slot);
        let starts = (0..=SLOTS).map(|slot| below(slot) as u16).collect();
        Self { terms, starts }
    }

    /// The terms that `text` begins with, with their numbers.
    #[inline]
    pub(super) fn at<'t>(
        &self,
        text: &'t [u8],
    ) -> impl Iterator<Item = (usize, &Term)> + use<'_, 't> {
        let opening = opening_of(text);
        let slot = slot_of(opening);
        let (start, end) = (
            usize::from(self.starts[slot]),
            usize::from(self.starts[slot + 1]),
        );
        let found = self.terms[start..end].iter().enumerate();
        found
            .filter(move |(_, term)| {
                opening & term.opening_mask == term.opening && term.begins(text)
            })
            .map(move |(n, term)| (start + n, term))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.terms.len()
    }
}

impl Term {
    fn new(topic: Topic, points: i32, name: &'static str, text: &str) -> Option<Self> {
        let mut folded = String::new();
        fold::push(&mut folded, text.trim());
        let open_end = folded.ends_with('*');
        if open_end {
            folded.pop();
        }
        (folded.len() >= KEY_BYTES).then(|| Self {
            topic,
            points,
            name,
            open_end: open_end
                || folded
                    .bytes()
                    .next_back()
                    .is_none_or(|b| !b.is_ascii_alphanumeric()),
            opening: opening_of(folded.as_bytes()),
            opening_mask: opening_of(&vec![u8::MAX; folded.len()]),
            text: folded.into(),
        })
    }

    #[inline]
    fn begins(&self, text: &[u8]) -> bool {
        let term = self.text.as_bytes();
        if !text.starts_with(term) {
            return false;
        }
        self.open_end || !text.get(term.len()).is_some_and(u8::is_ascii_alphanumeric)
    }
}

/// One for every text that the name stands for.
fn terms_of(topic: Topic, points: i32, name: &'static str) -> impl Iterator<Item = Term> {
    let texts = expand(name).into_iter();
    texts.filter_map(move |text| Term::new(topic, points, name, &text))
}

/// Splits at `|`.
fn names_in(names: &'static str) -> impl Iterator<Item = &'static str> {
    names
        .split('|')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// Every text that a name with `{a,b}` stands for.
fn expand(name: &str) -> Vec<String> {
    let Some((before, rest)) = name.split_once('{') else {
        return vec![name.to_owned()];
    };
    let Some((choices, after)) = rest.split_once('}') else {
        return vec![name.to_owned()];
    };
    let tails = expand(after);
    let with = |choice: &str| {
        let tails = tails.iter();
        tails
            .map(|tail| format!("{before}{choice}{tail}"))
            .collect::<Vec<_>>()
    };
    choices.split(',').flat_map(with).collect()
}

/// The first eight bytes, zeros behind the end.
#[inline]
fn opening_of(text: &[u8]) -> u64 {
    if let Some(bytes) = text.first_chunk() {
        return u64::from_le_bytes(*bytes);
    }
    let mut bytes = [0; 8];
    bytes[..text.len()].copy_from_slice(text);
    u64::from_le_bytes(bytes)
}

/// By the first three bytes.
#[inline]
fn slot_of(opening: u64) -> usize {
    // Multiplication spreads them over the upper bits (Knuth, TAOCP 3, 6.4: 2^32 / golden ratio).
    let key = (opening & 0xff_ffff) as u32;
    (key.wrapping_mul(2_654_435_769) >> 20) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&'static str> {
        let mut folded = String::new();
        fold::push(&mut folded, text);
        LEXICON
            .at(folded.as_bytes())
            .map(|(_, term)| term.name)
            .collect()
    }

    #[test]
    fn every_term_has_a_number_of_its_own() {
        assert!(
            (1_000..MAX_TERMS).contains(&LEXICON.len()),
            "{}",
            LEXICON.len()
        );
    }

    #[test]
    fn terms_end_at_a_words_boundary_unless_they_are_open() {
        assert_eq!(found("haikus"), ["haiku*"]);
        assert_eq!(found("poem, please"), ["poem"]);
        assert!(found("poemx").is_empty());
    }

    #[test]
    fn alternatives_in_braces_stand_for_each_of_their_texts() {
        assert_eq!(expand("a{b,c} {d,}"), ["ab d", "ab ", "ac d", "ac "]);
        assert_eq!(expand("open {brace"), ["open {brace"]);
    }
}
