//! Finds phrases in a text, all of them in one pass.

use std::collections::HashSet;

use aho_corasick::AhoCorasick;

/// A list of phrases.
#[derive(Debug)]
pub(super) struct Finder(Option<AhoCorasick>);

impl Finder {
    /// Of phrases in small letters.
    pub(super) fn of(phrases: &[&str]) -> Self {
        // Fails only for lists of gigabytes.
        Self(AhoCorasick::new(phrases).ok())
    }

    pub(super) fn is_in(&self, text: &str) -> bool {
        self.0.as_ref().is_some_and(|finder| finder.is_match(text))
    }

    /// How many different phrases a text has.
    pub(super) fn count(&self, text: &str) -> usize {
        let Some(finder) = &self.0 else {
            return 0;
        };
        let found = finder.find_overlapping_iter(text);
        found
            .map(|found| found.pattern())
            .collect::<HashSet<_>>()
            .len()
    }

    /// Where each of them is that a text has.
    pub(super) fn ends(&self, text: &str) -> Vec<usize> {
        let Some(finder) = &self.0 else {
            return Vec::new();
        };
        finder.find_iter(text).map(|found| found.end()).collect()
    }
}
