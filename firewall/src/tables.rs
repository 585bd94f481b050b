//! What a reader of text must know to make the ids that the model was trained on: `model/tokenizer.json`.

use std::collections::HashMap;

use serde::Deserialize;

/// The only form of the file that is known.
const FORMAT: u32 = 1;
/// A table of the model has at least two rows: one for nothing, one for something.
const LEAST_ROWS: u32 = 2;

/// Why the file of the tables can not be used.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTables {
    #[error("the tokenizer is no JSON of the expected fields")]
    Json(#[from] serde_json::Error),
    #[error("the tokenizer's format is {0}, only {FORMAT} is known")]
    Format(u32),
    #[error("the tokenizer's `{0}` is {1}, which is too small")]
    TooSmall(&'static str, usize),
    #[error("the tokenizer folds `{0}`, which is no character in hexadecimal")]
    Character(String),
}

/// Beyond which scores a text is suspicious.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Thresholds {
    /// One harmless text in a hundred scores as high.
    pub one_percent: f32,
    /// Two in a thousand do.
    pub two_permille: f32,
}

#[derive(Deserialize)]
struct File {
    format: u32,
    rows: u32,
    slots: usize,
    window: usize,
    stride: usize,
    part: usize,
    max_word: usize,
    apart: String,
    leet: HashMap<char, char>,
    symbols: Vec<(u32, u32)>,
    solo: Vec<(u32, u32)>,
    fold: HashMap<String, String>,
    thresholds: Thresholds,
}

/// What a folded character is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Letter,
    /// Of a script that has no spaces between words.
    Solo,
    Space,
    Line,
    Sign,
}

/// The numbers and tables of the file.
#[derive(Debug)]
pub struct Tables {
    pub(crate) rows: u32,
    pub(crate) slots: usize,
    pub(crate) window: usize,
    pub(crate) stride: usize,
    pub(crate) part: usize,
    pub(crate) max_word: usize,
    pub(crate) apart: Vec<char>,
    pub(crate) leet: HashMap<char, char>,
    /// Not overlapping, in order.
    symbols: Vec<(u32, u32)>,
    solo: Vec<(u32, u32)>,
    ascii: [Option<Box<str>>; 128],
    /// In the order of the characters.
    folds: Vec<(char, Box<str>)>,
    pub thresholds: Thresholds,
}

impl Tables {
    /// Reads them from JSON.
    pub fn read(json: &str) -> Result<Self, InvalidTables> {
        let file: File = serde_json::from_str(json)?;
        if file.format != FORMAT {
            return Err(InvalidTables::Format(file.format));
        }
        if file.rows < LEAST_ROWS {
            return Err(InvalidTables::TooSmall("rows", LEAST_ROWS as usize - 1));
        }
        let sizes = [
            ("slots", file.slots),
            ("window", file.window),
            ("stride", file.stride),
            ("part", file.part),
            ("max_word", file.max_word),
        ];
        if let Some((name, size)) = sizes.into_iter().find(|(_, size)| *size == 0) {
            return Err(InvalidTables::TooSmall(name, size));
        }
        let mut folds = file
            .fold
            .into_iter()
            .map(|(code, text)| Ok((character(&code)?, text.into_boxed_str())))
            .collect::<Result<Vec<_>, InvalidTables>>()?;
        folds.sort_unstable_by_key(|(c, _)| *c);
        let mut ascii = [const { None }; 128];
        for (c, text) in folds.iter().take_while(|(c, _)| c.is_ascii()) {
            ascii[*c as usize] = Some(text.clone());
        }
        Ok(Self {
            rows: file.rows,
            slots: file.slots,
            window: file.window,
            stride: file.stride.min(file.window),
            part: file.part,
            max_word: file.max_word,
            apart: file.apart.chars().collect(),
            leet: file.leet,
            symbols: ordered(file.symbols),
            solo: ordered(file.solo),
            ascii,
            folds,
            thresholds: file.thresholds,
        })
    }

    /// What stands for a character, where it is not itself.
    pub(crate) fn folded(&self, c: char) -> Option<&str> {
        if c.is_ascii() {
            return self.ascii[c as usize].as_deref();
        }
        let at = self.folds.binary_search_by_key(&c, |(c, _)| *c).ok()?;
        self.folds.get(at).map(|(_, text)| &**text)
    }

    pub(crate) fn class(&self, c: char) -> Class {
        match c {
            ' ' => Class::Space,
            '\n' => Class::Line,
            _ if c.is_ascii_alphanumeric() => Class::Letter,
            _ if c.is_ascii() => Class::Sign,
            _ if holds(&self.solo, c) => Class::Solo,
            _ if holds(&self.symbols, c) => Class::Sign,
            _ => Class::Letter,
        }
    }
}

fn character(code: &str) -> Result<char, InvalidTables> {
    let number = u32::from_str_radix(code, 16).ok();
    let found = number.and_then(char::from_u32);
    found.ok_or_else(|| InvalidTables::Character(code.to_owned()))
}

fn ordered(mut ranges: Vec<(u32, u32)>) -> Vec<(u32, u32)> {
    ranges.sort_unstable();
    ranges
}

fn holds(ranges: &[(u32, u32)], c: char) -> bool {
    let code = u32::from(c);
    let after = ranges.partition_point(|(first, _)| *first <= code);
    after > 0 && code <= ranges[after - 1].1
}
