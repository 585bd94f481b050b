//! Prompt and reply with numbers for words, so that comparing them costs little.

use std::collections::HashMap;

use super::text::{self, Text};

/// Words as numbers, the same for the same word in both texts.
pub(super) type Ids = Vec<u32>;

/// Both texts.
#[derive(Debug)]
pub(super) struct Pair<'a> {
    pub(super) prompt: Side,
    pub(super) reply: Side,
    stems: Vec<&'a str>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) words: Ids,
    /// Of each word.
    pub(super) stems: Ids,
    /// Stems that carry meaning, each once, in order of first appearance.
    pub(super) content: Ids,
    /// By stem, whether it comes up.
    said: Vec<bool>,
}

impl Side {
    pub(super) fn says(&self, stem: u32) -> bool {
        self.said.get(stem as usize).copied().unwrap_or(false)
    }
}

impl<'a> Pair<'a> {
    pub(super) fn of(prompt: &'a Text<'_>, reply: &'a Text<'_>) -> Self {
        let mut words = Words::default();
        let prompt = words.read(prompt);
        let reply = words.read(reply);
        Self {
            prompt,
            reply,
            stems: words.stems,
        }
    }

    pub(super) fn stem(&self, id: u32) -> &'a str {
        self.stems.get(id as usize).copied().unwrap_or_default()
    }
}

#[derive(Default)]
struct Words<'a> {
    ids: HashMap<&'a str, u32>,
    stem_ids: HashMap<&'a str, u32>,
    /// Of each word its stem, and whether it carries meaning.
    known: Vec<(u32, bool)>,
    stems: Vec<&'a str>,
}

impl<'a> Words<'a> {
    fn read(&mut self, text: &'a Text<'_>) -> Side {
        let mut side = Side {
            words: Vec::with_capacity(text.words.len()),
            stems: Vec::with_capacity(text.words.len()),
            content: Vec::new(),
            said: Vec::new(),
        };
        let mut is_listed: Vec<bool> = Vec::new();
        for word in &text.words {
            let id = self.id(word);
            let (stem, is_content) = self.known.get(id as usize).copied().unwrap_or_default();
            side.words.push(id);
            side.stems.push(stem);
            mark(&mut side.said, stem);
            if is_content && mark(&mut is_listed, stem) {
                side.content.push(stem);
            }
        }
        side
    }

    fn id(&mut self, word: &'a str) -> u32 {
        if let Some(id) = self.ids.get(word) {
            return *id;
        }
        let stem = text::stem(word);
        let next = number(self.stems.len());
        let stem_id = *self.stem_ids.entry(stem).or_insert(next);
        if stem_id == next {
            self.stems.push(stem);
        }
        let id = number(self.known.len());
        self.known.push((stem_id, text::is_content(word)));
        self.ids.insert(word, id);
        id
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Whether it was not marked before.
fn mark(marks: &mut Vec<bool>, at: u32) -> bool {
    let at = at as usize;
    if marks.len() <= at {
        marks.resize(at + 1, false);
    }
    !std::mem::replace(&mut marks[at], true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_words_are_stems_without_stop_words() {
        let prompt = Text::read("How do the maps handle collisions? Handling a map!");
        let reply = Text::read("It handles them.");
        let pair = Pair::of(&prompt, &reply);
        let content = pair.prompt.content.iter().map(|id| pair.stem(*id));
        assert_eq!(content.collect::<Vec<_>>(), ["map", "handl", "collision"]);
        let shared = pair.prompt.content.iter().map(|id| pair.reply.says(*id));
        assert_eq!(shared.collect::<Vec<_>>(), [false, true, false]);
    }
}
