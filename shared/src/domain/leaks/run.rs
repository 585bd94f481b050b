//! Whether a text that comes in pieces repeats a system prompt.

use std::sync::Arc;

use super::{
    prompt::Prompt,
    words::{BEGINNING, RUN, Rolling, Words},
};
use crate::domain::sensitive::Offset;

/// A text, word by word.
#[derive(Debug)]
pub(super) struct Run {
    prompt: Arc<Prompt>,
    words: Words,
    rolling: Rolling,
    /// The last words up to each of so many may be a part of a run.
    suspicious: usize,
}

impl Run {
    pub(super) fn new(prompt: Arc<Prompt>) -> Self {
        Self {
            prompt,
            words: Words::default(),
            rolling: Rolling::default(),
            suspicious: 0,
        }
    }

    /// Where the first run begins that is complete now.
    pub(super) fn push(&mut self, piece: &str) -> Option<Offset> {
        piece.chars().find_map(|character| self.read(character))
    }

    /// Nothing more comes: the last word is one.
    pub(super) fn finish(&mut self) -> Option<Offset> {
        self.read(' ')
    }

    fn read(&mut self, character: char) -> Option<Offset> {
        let (prompt, rolling, suspicious) = (&self.prompt, &mut self.rolling, &mut self.suspicious);
        let mut found = None;
        self.words.push(character, |word| {
            rolling.push(word);
            *suspicious = match prompt.has_beginning(rolling) {
                true => *suspicious + 1,
                false => 0,
            };
            if found.is_none() && prompt.has_run(rolling) {
                found = Some(rolling.start(RUN));
            }
        });
        found
    }

    /// No run that is complete later begins before this, in bytes.
    pub(super) fn possible(&self) -> u64 {
        let words = (BEGINNING - 1 + self.suspicious).min(RUN - 1);
        self.rolling.start(words).bytes
    }

    /// From here on, in bytes, it looks as if a run had begun.
    pub(super) fn suspected(&self) -> u64 {
        if self.suspicious == 0 {
            self.words.at.bytes
        } else {
            self.possible()
        }
    }
}
