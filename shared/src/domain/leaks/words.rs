//! Words, however they are written and whatever stands between them, and hashes of the last few of them.

use crate::domain::sensitive::Offset;

/// So many words in the order of the prompt are no accident. Two sentences of English, or one of Chinese.
pub const RUN: usize = 24;
/// So many may be the beginning of a run.
pub(super) const BEGINNING: usize = 8;

/// A word, as its hash.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Word {
    pub hash: u64,
    /// Where it begins.
    pub start: Offset,
}

/// Reads words one character after the other.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// The word under way.
    word: Option<Word>,
    /// What was read.
    pub at: Offset,
}

/// FNV-1a's, over characters.
const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

impl Words {
    /// Reads a character; tells of the words that it ends.
    pub(super) fn push(&mut self, character: char, mut ended: impl FnMut(Word)) {
        let start = self.at;
        self.at.bytes += character.len_utf8() as u64;
        self.at.characters += 1;
        if !character.is_alphanumeric() {
            self.word.take().into_iter().for_each(ended);
            return;
        }
        let is_alone = is_alone(character);
        if is_alone {
            self.word.take().into_iter().for_each(&mut ended);
        }
        let hash = OFFSET_BASIS;
        let word = self.word.get_or_insert(Word { hash, start });
        if character.is_ascii() {
            word.add(character.to_ascii_lowercase());
        } else {
            character.to_lowercase().for_each(|lower| word.add(lower));
        }
        if is_alone {
            self.word.take().into_iter().for_each(ended);
        }
    }
}

impl Word {
    fn add(&mut self, character: char) {
        self.hash = (self.hash ^ u64::from(u32::from(character))).wrapping_mul(PRIME);
    }
}

/// Whether it is a word by itself: of scripts that write no spaces.
fn is_alone(character: char) -> bool {
    matches!(
        character,
        '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}'
    )
}

/// Odd, so that no power of it is nought.
const BASE: u64 = 0x9e37_79b9_7f4a_7c15;

/// The last words of a text.
#[derive(Debug)]
pub(super) struct Rolling {
    last: [Word; RUN],
    count: usize,
    run: u64,
    beginning: u64,
}

impl Default for Rolling {
    fn default() -> Self {
        Self {
            last: [Word::default(); RUN],
            count: 0,
            run: 0,
            beginning: 0,
        }
    }
}

impl Rolling {
    pub(super) fn push(&mut self, word: Word) {
        let left = |length: usize| match self.count.checked_sub(length) {
            Some(at) => self.last[at % RUN].hash,
            None => 0,
        };
        let roll = |hash: u64, length: usize| {
            let left = left(length).wrapping_mul(power(length));
            let more = hash.wrapping_mul(BASE).wrapping_add(word.hash);
            more.wrapping_sub(left)
        };
        (self.run, self.beginning) = (roll(self.run, RUN), roll(self.beginning, BEGINNING));
        self.last[self.count % RUN] = word;
        self.count += 1;
    }

    /// Of the last [`RUN`] words.
    pub(super) fn run(&self) -> Option<u64> {
        (self.count >= RUN).then_some(self.run)
    }

    /// Of the last [`BEGINNING`] words.
    pub(super) fn beginning(&self) -> Option<u64> {
        (self.count >= BEGINNING).then_some(self.beginning)
    }

    /// Where the last so many words begin, of [`RUN`] at most.
    pub(super) fn start(&self, words: usize) -> Offset {
        match self.count.checked_sub(words.clamp(1, RUN)) {
            Some(at) => self.last[at % RUN].start,
            None => Offset::default(),
        }
    }
}

const fn power(exponent: usize) -> u64 {
    let (mut power, mut left) = (1u64, exponent);
    while left > 0 {
        power = power.wrapping_mul(BASE);
        left -= 1;
    }
    power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<(u64, u64)> {
        let (mut reader, mut all) = (Words::default(), Vec::new());
        for character in text.chars().chain([' ']) {
            reader.push(character, |word| {
                all.push((word.hash, word.start.characters))
            });
        }
        all
    }

    #[test]
    fn words_are_the_same_however_they_are_written() {
        let hashes = |text: &str| words(text).into_iter().map(|(hash, _)| hash).collect();
        let plain: Vec<u64> = hashes("you are ÉLAN s cook");
        assert_eq!(plain, hashes("**You** ARE\n- élan's (cook)"));
        assert_ne!(plain, hashes("you are élan s cool"));
        let starts: Vec<u64> = words("é ab、你好c").into_iter().map(|(_, at)| at).collect();
        assert_eq!(starts, [0, 2, 5, 6, 7]);
    }

    #[test]
    fn hashes_are_those_of_the_last_words_alone() {
        let text = |begins: &str| {
            let rest: String = (0..RUN).map(|n| format!("w{n} ")).collect();
            let mut rolling = Rolling::default();
            for (hash, at) in words(&format!("{begins}{rest}")) {
                let start = Offset {
                    bytes: at,
                    characters: at,
                };
                rolling.push(Word { hash, start });
            }
            rolling
        };
        let (bare, late) = (text(""), text("and so we begin "));
        assert_eq!(
            (bare.run(), bare.beginning()),
            (late.run(), late.beginning())
        );
        assert_eq!(late.start(RUN).characters, bare.start(RUN).characters + 16);
        assert_ne!(bare.run(), bare.beginning());
    }
}
