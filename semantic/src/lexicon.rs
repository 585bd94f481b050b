//! What words do in a question, by language, read once from the file beside this one.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

/// A language whose function words are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Language {
    English,
    Portuguese,
    Spanish,
}

/// What a word does, besides naming something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Says nothing by itself.
    Dropped,
    Preposition,
    Negation,
    /// Asks for one kind of thing.
    Asking,
    Past,
    Future,
    Can,
    Should,
    /// Says nothing beside a verb.
    Present,
}

/// The words of one language.
#[derive(Debug, Default)]
pub(crate) struct Lexicon {
    known_by: HashSet<&'static str>,
    opening: Vec<Vec<&'static str>>,
    closing: Vec<Vec<&'static str>>,
    roles: HashMap<&'static str, Vec<Role>>,
    numbers: HashMap<&'static str, u64>,
    mentions: HashSet<&'static str>,
    whole: HashSet<&'static str>,
    same: HashMap<&'static str, &'static str>,
    /// By their first word, the longest first.
    phrases: HashMap<&'static str, Vec<Phrase>>,
}

/// One way of saying something.
#[derive(Debug)]
struct Phrase {
    words: Vec<&'static str>,
    stands_for: &'static str,
}

static SOURCE: &str = include_str!("lexicon.txt");

static ALL: LazyLock<[Lexicon; 3]> = LazyLock::new(|| {
    let mut all = [Lexicon::default(), Lexicon::default(), Lexicon::default()];
    let mut at = 0;
    for line in SOURCE.lines().map(str::trim) {
        match line {
            "[en]" => at = 0,
            "[pt]" => at = 1,
            "[es]" => at = 2,
            _ => {
                if let Some((kind, listed)) = line.split_once(':')
                    && !line.starts_with('#')
                {
                    all[at].add(kind, listed.trim());
                }
            }
        }
    }
    for lexicon in &mut all {
        lexicon.order();
    }
    all
});

impl Language {
    pub(crate) const ALL: [Self; 3] = [Self::English, Self::Portuguese, Self::Spanish];

    pub(crate) fn lexicon(self) -> &'static Lexicon {
        match self {
            Self::English => &ALL[0],
            Self::Portuguese => &ALL[1],
            Self::Spanish => &ALL[2],
        }
    }

    /// The language with most function words among these; `None`: there are none, or as many of two.
    pub(crate) fn of<'a>(words: impl Iterator<Item = &'a str> + Clone) -> Option<Self> {
        // What is a word of two of them tells nothing.
        let is_of = |word: &&str, language: Self| {
            let mut others = Self::ALL.iter().filter(|other| **other != language);
            language.lexicon().known_by.contains(word)
                && others.all(|other| !other.lexicon().is_function(word))
        };
        let known = |language: Self| words.clone().filter(|word| is_of(word, language)).count();
        let counts = Self::ALL.map(|language| (known(language), language));
        let most = counts.iter().map(|(n, _)| *n).max().filter(|n| *n > 0)?;
        let mut best = counts.iter().filter(|(n, _)| *n == most);
        let first = best.next().map(|(_, language)| *language);
        first.filter(|_| best.next().is_none())
    }
}

impl Lexicon {
    fn add(&mut self, kind: &'static str, listed: &'static str) {
        let words = || listed.split_whitespace();
        let phrases = || {
            listed
                .split('|')
                .map(|one| one.split_whitespace().collect())
        };
        match kind {
            "words" => self.known_by.extend(words()),
            "open" => self.opening.extend(phrases()),
            "close" => self.closing.extend(phrases()),
            "drop" => self.act(words(), Role::Dropped),
            "prep" => self.act(words(), Role::Preposition),
            "negation" => self.act(words(), Role::Negation),
            "ask" => self.act(words(), Role::Asking),
            "past" => self.act(words(), Role::Past),
            "future" => self.act(words(), Role::Future),
            "can" => self.act(words(), Role::Can),
            "should" => self.act(words(), Role::Should),
            "present" => self.act(words(), Role::Present),
            "mention" => self.mentions.extend(words()),
            "whole" => self.whole.extend(words()),
            "number" => self.count(listed),
            "same" => {
                let first = words().next().unwrap_or_default();
                self.same.extend(words().map(|word| (word, first)));
            }
            "phrase" => self.phrase(listed),
            // Told to people.
            _ => {}
        }
    }

    fn act(&mut self, words: impl Iterator<Item = &'static str>, role: Role) {
        for word in words {
            self.roles.entry(word).or_default().push(role);
        }
    }

    fn count(&mut self, listed: &'static str) {
        let (small, large) = listed.split_once('|').unwrap_or((listed, ""));
        let large_values = [20, 30, 40, 50, 60, 70, 80, 90, 100, 1000];
        self.numbers.extend(small.split_whitespace().zip(0..));
        self.numbers
            .extend(large.split_whitespace().zip(large_values));
    }

    fn phrase(&mut self, listed: &'static str) {
        let (ways, stands_for) = listed.split_once("=>").unwrap_or((listed, listed));
        for way in ways.split('|') {
            let words: Vec<&str> = way.split_whitespace().collect();
            let stands_for = stands_for.trim();
            let first = words.first().copied().unwrap_or_default();
            let of = self.phrases.entry(first).or_default();
            of.push(Phrase { words, stands_for });
        }
    }

    fn order(&mut self) {
        for phrases in self.phrases.values_mut() {
            phrases.sort_by_key(|phrase| usize::MAX - phrase.words.len());
        }
        self.opening.sort_by_key(|phrase| usize::MAX - phrase.len());
        self.closing.sort_by_key(|phrase| usize::MAX - phrase.len());
    }

    pub(crate) fn has(&self, word: &str, role: Role) -> bool {
        self.roles
            .get(word)
            .is_some_and(|roles| roles.contains(&role))
    }

    /// Whether it is known for what it does and not for what it names.
    pub(crate) fn is_function(&self, word: &str) -> bool {
        self.known_by.contains(word) || self.roles.contains_key(word)
    }

    pub(crate) fn number(&self, word: &str) -> Option<u64> {
        self.numbers.get(word).copied()
    }

    /// Whether words are what a question with this word is about.
    pub(crate) fn is_mention(&self, word: &str) -> bool {
        self.mentions.contains(word)
    }

    /// Whether its last letter is no ending.
    pub(crate) fn is_whole(&self, word: &str) -> bool {
        self.whole.contains(word)
    }

    /// The one word for all that stand for each other.
    pub(crate) fn same(&self, word: &str) -> Option<&'static str> {
        self.same.get(word).copied()
    }

    /// How many words at the beginning are no part of what is said.
    pub(crate) fn opening(&self, words: &[&str]) -> usize {
        let begins = |phrase: &&Vec<&str>| words.starts_with(phrase);
        self.opening.iter().find(begins).map_or(0, Vec::len)
    }

    /// How many words at the end are no part of what is said.
    pub(crate) fn closing(&self, words: &[&str]) -> usize {
        let ends = |phrase: &&Vec<&str>| words.ends_with(phrase);
        self.closing.iter().find(ends).map_or(0, Vec::len)
    }

    /// The phrase that these words begin with: its length, and what it stands for.
    pub(crate) fn phrase_at(&self, words: &[&str]) -> Option<(usize, &'static str)> {
        let listed = self.phrases.get(words.first()?)?;
        let found = listed.iter().find(|p| words.starts_with(&p.words))?;
        Some((found.words.len(), found.stands_for))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_file_is_of_a_kind_that_is_read() {
        let kinds = [
            "words", "open", "close", "drop", "prep", "negation", "ask", "past", "future", "can",
            "should", "present", "number", "mention", "whole", "same", "phrase",
        ];
        for line in SOURCE
            .lines()
            .filter(|l| !l.is_empty() && !l.starts_with(['#', '[']))
        {
            let kind = line.split(':').next().expect("has one");
            assert!(kinds.contains(&kind), "{line}");
        }
    }

    #[test]
    fn languages_are_known_by_their_small_words() {
        let of = |text: &'static str| Language::of(text.split(' '));
        assert_eq!(of("what is the capital of france"), Some(Language::English));
        assert_eq!(of("qual é a capital da frança"), Some(Language::Portuguese));
        assert_eq!(of("cuál es la capital del país"), Some(Language::Spanish));
        assert_eq!(of("hauptstadt frankreich"), None);
    }
}
