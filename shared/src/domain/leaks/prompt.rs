//! What a call's system prompt says, as runs of words: those that a reply must not have, and how they begin.

use std::collections::HashSet;

use foldhash::fast::RandomState;

use super::words::{Rolling, Words};

/// Of system prompts, so many bytes are looked for.
const MAX_PROMPT: usize = 64 << 10;
/// Of what else was said, so many are gone through for what may be said again.
const MAX_SAID: usize = 256 << 10;

/// The runs of words of a call's system prompts which nobody else said in it.
#[derive(Debug, Default)]
pub struct Prompt {
    runs: HashSet<u64, RandomState>,
    /// How they begin, or go on.
    beginnings: HashSet<u64, RandomState>,
}

impl Prompt {
    /// `system`: the call's system prompts. `said`: what users and tools say in it, which is no secret.
    pub fn new<'a>(
        system: impl IntoIterator<Item = &'a str>,
        said: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let mut prompt = Self::default();
        for text in bounded(system, MAX_PROMPT) {
            each_run(text, |rolling| {
                prompt.runs.extend(rolling.run());
                prompt.beginnings.extend(rolling.beginning());
            });
        }
        if prompt.is_empty() {
            return Self::default();
        }
        for text in bounded(said, MAX_SAID) {
            each_run(text, |rolling| {
                if let Some(run) = rolling.run() {
                    prompt.runs.remove(&run);
                }
            });
        }
        prompt
    }

    /// It has no run that could be told from other words.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    pub(super) fn has_run(&self, rolling: &Rolling) -> bool {
        rolling.run().is_some_and(|run| self.runs.contains(&run))
    }

    /// Whether the last words may be a part of a run.
    pub(super) fn has_beginning(&self, rolling: &Rolling) -> bool {
        let beginning = rolling.beginning();
        beginning.is_some_and(|beginning| self.beginnings.contains(&beginning))
    }
}

/// Texts up to so many bytes in all.
fn bounded<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    max_bytes: usize,
) -> impl Iterator<Item = &'a str> {
    let mut room = max_bytes;
    texts.into_iter().map(move |text| {
        let shown = &text[..text.floor_char_boundary(room)];
        room -= shown.len();
        shown
    })
}

/// The last words before the end of each word.
fn each_run(text: &str, mut each: impl FnMut(&Rolling)) {
    let (mut words, mut rolling) = (Words::default(), Rolling::default());
    // A space ends the last word.
    for character in text.chars().chain([' ']) {
        words.push(character, |word| {
            rolling.push(word);
            each(&rolling);
        });
    }
}
