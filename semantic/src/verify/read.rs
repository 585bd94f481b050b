//! A question, read: what is polite or says nothing is gone, and one word stands for all that say the same.

use super::sentence::{ASKING, NEGATION, NUMBER, Segment, Sentence, TIME};
use crate::{
    lexicon::{Language, Lexicon, Role},
    stem::singular,
    text::{Kind, Token, tokens},
};

/// Longer questions are about more than can be told here.
const MAX_BYTES: usize = 1_000;
/// As are those with more words.
const MAX_TOKENS: usize = 160;
/// Last words of what is said around a question only where it asks for something.
const ASK_FIRST: [&str; 9] = [
    "know",
    "idea",
    "wonder",
    "wondering",
    "ask",
    "saber",
    "sabe",
    "sabes",
    "usted",
];
/// Of what stands on either side of an `and`, where either may come first.
const EITHER: [&str; 3] = ["between", "entre", "compare"];

/// What a question says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    language: Option<Language>,
    sentences: Vec<Sentence>,
}

impl Reading {
    /// `None`: it says nothing, or more than can be compared.
    pub fn of(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let tokens = tokens(text);
        if tokens.len() > MAX_TOKENS {
            return None;
        }
        let words = tokens.iter().filter(|token| token.kind == Kind::Word);
        // A few English words may well have no small one among them.
        let assumed = text.is_ascii().then_some(Language::English);
        let language = Language::of(words.map(|token| token.text.as_str())).or(assumed);
        let parts = tokens.split(|token| token.kind == Kind::End);
        let sentences = parts.filter_map(|part| match language {
            Some(language) => Reader::new(part, language).read(),
            None => verbatim(part),
        });
        let sentences: Vec<Sentence> = sentences.collect();
        (!sentences.is_empty()).then_some(Self {
            language,
            sentences,
        })
    }

    pub(super) fn language(&self) -> Option<Language> {
        self.language
    }

    pub(super) fn sentences(&self) -> &[Sentence] {
        &self.sentences
    }
}

/// Of a language that is not known every word counts, where it stands.
fn verbatim(tokens: &[Token]) -> Option<Sentence> {
    let units: Vec<String> = tokens.iter().map(|token| token.text.clone()).collect();
    (!units.is_empty()).then(|| Sentence {
        segments: vec![Segment {
            marker: String::new(),
            units,
        }],
        has_owner: false,
    })
}

struct Reader<'a> {
    tokens: &'a [Token],
    language: Language,
    lexicon: &'static Lexicon,
    /// Words are what it asks about: no other word stands for one.
    is_literal: bool,
    /// It asks how something is done: whose it is says nothing.
    is_how_to: bool,
    marker: String,
    out: Sentence,
}

impl<'a> Reader<'a> {
    fn new(tokens: &'a [Token], language: Language) -> Self {
        let lexicon = language.lexicon();
        let is_literal = tokens.iter().any(|token| lexicon.is_mention(&token.text));
        let mut reader = Self {
            tokens,
            language,
            lexicon,
            is_literal,
            is_how_to: false,
            marker: String::new(),
            out: Sentence::default(),
        };
        reader.strip();
        reader
    }

    /// Takes away what is said around the question.
    fn strip(&mut self) {
        loop {
            let words = words(self.tokens);
            let opening = self.lexicon.opening(&words);
            let rest = self.tokens.get(opening..).unwrap_or_default();
            let has_stop = rest.first().is_some_and(|token| token.kind == Kind::Stop);
            // One word may begin what is asked as well; and where words are asked about, so may two.
            let is_around = match opening {
                0 => false,
                1 => has_stop || rest.is_empty() || words[0] == "please",
                2 => !self.is_literal || has_stop,
                _ => true,
            };
            if !is_around || (ASK_FIRST.contains(&words[opening - 1]) && !self.asks(rest)) {
                break;
            }
            self.tokens = rest;
            self.skip_stops();
        }
        while let Some(shorter) = self.without_closing() {
            self.tokens = shorter;
        }
    }

    /// Whether these words begin by asking: `do you know Python` does not ask what it is.
    fn asks(&self, words: &[Token]) -> bool {
        let is_asking = |token: &Token| self.lexicon.has(&token.text, Role::Asking);
        words.first().is_some_and(is_asking)
    }

    fn skip_stops(&mut self) {
        let is_stop = |token: &&Token| token.kind == Kind::Stop;
        let stops = self.tokens.iter().take_while(is_stop).count();
        self.tokens = &self.tokens[stops..];
    }

    fn without_closing(&self) -> Option<&'a [Token]> {
        let closing = self.lexicon.closing(&words(self.tokens));
        let rest = &self.tokens[..self.tokens.len().checked_sub(closing)?];
        let is_after_stop = rest.last().is_none_or(|token| token.kind == Kind::Stop);
        let stops = rest
            .iter()
            .rev()
            .take_while(|token| token.kind == Kind::Stop);
        let shorter = &rest[..rest.len() - stops.count()];
        (closing > 0 && is_after_stop && !self.is_literal).then_some(shorter)
    }

    fn read(mut self) -> Option<Sentence> {
        let mut at = 0;
        while at < self.tokens.len() {
            at += self.step(at);
        }
        for segment in &mut self.out.segments {
            sort_either(segment);
        }
        (!self.out.segments.is_empty()).then_some(self.out)
    }

    /// Reads what stands here; how many tokens it was.
    fn step(&mut self, at: usize) -> usize {
        let token = &self.tokens[at];
        match token.kind {
            Kind::Stop => self.marker.clear(),
            Kind::Number => self.unit(format!("{NUMBER}{}", token.text)),
            Kind::End | Kind::Symbol => self.symbol(&token.text),
            Kind::Word if token.is_quoted => self.unit(format!("\"{}", token.text)),
            Kind::Word => {
                if let Some(length) = self.phrase(at) {
                    return length;
                }
                self.word(at, token);
            }
        }
        1
    }

    fn symbol(&mut self, text: &str) {
        let same = self.lexicon.same(text).unwrap_or(text);
        self.unit(same.to_owned());
    }

    fn phrase(&mut self, at: usize) -> Option<usize> {
        let (length, stands_for) = self.lexicon.phrase_at(&words(&self.tokens[at..]))?;
        let is_first = self.out.segments.is_empty();
        match stands_for {
            // `the capital of France` asks what it is.
            "what-is" if is_first && at + length < self.tokens.len() => {}
            _ if self.is_literal => return None,
            "how-to" => {
                self.is_how_to = is_first;
                self.unit(format!("{ASKING}how-to"));
            }
            "why" | "when" => self.unit(format!("{ASKING}{stands_for}")),
            _ if stands_for.starts_with("how-") || stands_for.starts_with("what-") => {
                self.unit(format!("{ASKING}{stands_for}"));
            }
            _ if self.lexicon.has(stands_for, Role::Preposition) => self.turn(stands_for),
            _ => self.unit(stands_for.to_owned()),
        }
        Some(length)
    }

    fn word(&mut self, at: usize, token: &Token) {
        let word = token.text.as_str();
        let has = |role| self.lexicon.has(word, role);
        if token.is_shouted && self.lexicon.is_function(word) {
            return self.unit(format!("^{word}"));
        }
        if token.is_owner {
            return self.owner(word);
        }
        let next_is_word = self
            .tokens
            .get(at + 1)
            .is_some_and(|next| matches!(next.kind, Kind::Word | Kind::Number | Kind::Symbol));
        if has(Role::Dropped) && next_is_word {
            return;
        }
        let after_asking = at > 0 && self.lexicon.has(&self.tokens[at - 1].text, Role::Asking);
        if has(Role::Present) && after_asking && !self.is_literal {
            return;
        }
        if self.is_how_to && ["my", "meu", "minha", "mi"].contains(&word) {
            return;
        }
        let times = [Role::Past, Role::Future, Role::Can, Role::Should];
        let is_time = !self.is_literal && times.into_iter().any(has);
        let is_preposition = has(Role::Preposition);
        if has(Role::Negation) {
            self.unit(format!("{NEGATION}{word}"));
            if is_preposition {
                self.turn(word);
            }
        } else if has(Role::Asking) {
            self.marker.clear();
            self.unit(format!("{ASKING}{word}"));
        } else if is_time {
            let same = self.lexicon.same(word).unwrap_or(word);
            self.unit(format!("{TIME}{same}"));
        } else if is_preposition {
            self.turn(word);
        } else if let Some(number) = self.lexicon.number(word) {
            self.unit(format!("{NUMBER}{number}"));
        } else {
            let name = self.name(word);
            self.unit(name);
        }
    }

    /// What a word names.
    fn name(&self, word: &str) -> String {
        if self.is_literal {
            return word.to_owned();
        }
        let stem = singular(word, self.language, self.lexicon);
        let same = self.lexicon.same(word).or_else(|| self.lexicon.same(&stem));
        same.map_or(stem, str::to_owned)
    }

    /// `France's capital` is the capital of France.
    fn owner(&mut self, word: &str) {
        let units = vec![self.name(word)];
        self.out.has_owner = true;
        self.out.segments.push(Segment {
            marker: "of".to_owned(),
            units,
        });
        let marker = self.marker.clone();
        self.out.segments.push(Segment {
            marker,
            units: Vec::new(),
        });
    }

    fn unit(&mut self, unit: String) {
        let marker = &self.marker;
        match self
            .out
            .segments
            .last_mut()
            .filter(|last| last.marker == *marker)
        {
            Some(last) => last.units.push(unit),
            None => self.out.segments.push(Segment {
                marker: marker.clone(),
                units: vec![unit],
            }),
        }
    }

    /// A preposition: what follows is after it.
    fn turn(&mut self, marker: &str) {
        self.marker = marker.to_owned();
        self.out.segments.push(Segment {
            marker: self.marker.clone(),
            units: Vec::new(),
        });
    }
}

/// The words up to the first thing that is none; quoted ones are none.
fn words(tokens: &[Token]) -> Vec<&str> {
    let is_word = |token: &Token| token.kind == Kind::Word && !token.is_quoted && !token.is_owner;
    let shown = tokens.iter().map(|token| {
        if is_word(token) {
            token.text.as_str()
        } else {
            ""
        }
    });
    shown.collect()
}

/// `between A and B` is between B and A.
fn sort_either(segment: &mut Segment) {
    let is_either = EITHER.contains(&segment.marker.as_str());
    let at = segment
        .units
        .iter()
        .position(|unit| ["and", "y", "e", "versus", "or"].contains(&unit.as_str()));
    let Some(at) = at.filter(|_| is_either) else {
        return;
    };
    if segment.units[..at] > segment.units[at + 1..] {
        let second = segment.units.split_off(at + 1);
        let conjunction = segment.units.pop();
        let first = std::mem::replace(&mut segment.units, second);
        segment.units.extend(conjunction);
        segment.units.extend(first);
    }
}
