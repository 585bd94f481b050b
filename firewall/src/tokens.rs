//! The words, signs and line ends of folded text.

use std::ops::Range;

use crate::{
    fold::Folded,
    tables::{Class, Tables},
};

/// Letters that are written apart make one word from this many on.
const LEAST_APART: usize = 4;
/// Of a row of the same sign, this many are told apart.
const MOST_SIGNS: usize = 3;
/// Join letters to one word.
const JOINERS: [char; 4] = ['\'', '@', '$', '€'];

/// What a token is. The ranges are of folded characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Word(Range<usize>),
    /// Its letters stand apart, every second character.
    Apart(Range<usize>),
    /// One of a script without spaces.
    Solo(usize),
    /// So many of the same.
    Sign(char, usize),
}

/// One of them, and the bytes of the text that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// All of them, in order.
pub(crate) fn tokens(text: &[Folded], tables: &Tables) -> Vec<Token> {
    let mut out = Vec::with_capacity(text.len() / 4);
    let mut at = 0;
    while at < text.len() {
        let reader = Reader { text, tables, at };
        let (kind, end) = reader.next();
        if let Some(kind) = kind {
            out.push(Token {
                kind,
                start: text[at].start,
                end: text[end - 1].end,
            });
        }
        at = end;
    }
    out
}

struct Reader<'a> {
    text: &'a [Folded],
    tables: &'a Tables,
    at: usize,
}

impl Reader<'_> {
    /// What stands here, and where it ends.
    fn next(&self) -> (Option<Kind>, usize) {
        let c = self.text[self.at].c;
        match self.tables.class(c) {
            Class::Space => (None, self.at + 1),
            Class::Line => self.line(),
            Class::Solo => (Some(Kind::Solo(self.at)), self.at + 1),
            Class::Letter => self.apart().unwrap_or_else(|| self.word()),
            Class::Sign => {
                let end = self.run(self.at, |other| other == c);
                (Some(Kind::Sign(c, (end - self.at).min(MOST_SIGNS))), end)
            }
        }
    }

    fn get(&self, at: usize) -> Option<char> {
        self.text.get(at).map(|folded| folded.c)
    }

    fn is_letter(&self, at: usize) -> bool {
        let c = self.get(at);
        c.is_some_and(|c| self.tables.class(c) == Class::Letter)
    }

    /// Where the characters from here on are no longer such.
    fn run(&self, from: usize, is_such: impl Fn(char) -> bool) -> usize {
        let count = self.text[from..].iter().take_while(|f| is_such(f.c));
        from + count.count()
    }

    fn line(&self) -> (Option<Kind>, usize) {
        let end = self.run(self.at, |c| c == '\n' || c == ' ');
        let lines = self.text[self.at..end].iter().filter(|f| f.c == '\n');
        (Some(Kind::Sign('\n', lines.count().min(2))), end)
    }

    fn word(&self) -> (Option<Kind>, usize) {
        let letters = |from| self.run(from, |c| self.tables.class(c) == Class::Letter);
        let mut end = letters(self.at);
        while self.get(end).is_some_and(|c| JOINERS.contains(&c)) && self.is_letter(end + 1) {
            end = letters(end + 1);
        }
        (Some(Kind::Word(self.at..end)), end)
    }

    /// Letters with one and the same or another sign between each two: `i g n o r e`.
    fn apart(&self) -> Option<(Option<Kind>, usize)> {
        let is_small = |at| self.get(at).is_some_and(|c| c.is_ascii_lowercase());
        let is_between = |at| self.get(at).is_some_and(|c| self.tables.apart.contains(&c));
        if !is_small(self.at) {
            return None;
        }
        let (mut last, mut count) = (self.at, 1);
        while is_between(last + 1) && is_small(last + 2) && !self.is_letter(last + 3) {
            last += 2;
            count += 1;
        }
        let kind = Kind::Apart(self.at..last + 1);
        (count >= LEAST_APART).then_some((Some(kind), last + 1))
    }
}
