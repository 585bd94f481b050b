//! What types cannot say of entries: names that refer to each other, values that exclude each other.

use std::collections::BTreeSet;

use super::{
    entry::{Entry, Figure, Modality},
    figures::GENERAL,
};
use crate::domain::shape::Class;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Its path, as in `models[3].source`.
    pub key: String,
    pub message: String,
}

/// What is asked of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// A catalog file: each figure has a source.
    File,
    /// The configuration: its owner may say what they like, and is the source of it.
    Configuration,
}

/// Everything that is wrong with the entries of a list called `list`. `known`: which sources there are.
pub fn problems(
    (list, models): (&str, &[Entry]),
    known: impl Fn(&str) -> bool,
    strictness: Strictness,
) -> Vec<Problem> {
    let mut names = BTreeSet::new();
    let mut found = Vec::new();
    for (index, entry) in models.iter().enumerate() {
        let mut check = Check {
            at: format!("{list}[{index}]"),
            known: &known,
            strictness,
            found: &mut found,
        };
        if !names.insert(entry.name()) {
            check.wrong("model", format!("{} is listed twice", entry.name()));
        }
        check.entry(entry);
    }
    found
}

struct Check<'a, F> {
    at: String,
    known: &'a F,
    strictness: Strictness,
    found: &'a mut Vec<Problem>,
}

impl<F: Fn(&str) -> bool> Check<'_, F> {
    fn wrong(&mut self, key: &str, message: String) {
        let key = format!("{}.{key}", self.at);
        self.found.push(Problem { key, message });
    }

    fn entry(&mut self, entry: &Entry) {
        if let Err(error) = entry.key() {
            self.wrong("model", error.to_string());
        }
        self.source("source", entry.source.as_deref());
        if let Some(source) = &entry.prices_source {
            self.source("prices_source", Some(source));
        }
        self.limits(entry);
        self.prices(entry);
        self.modalities("input", &entry.input);
        self.modalities("output", &entry.output);
        if entry.input.contains(&Modality::Embedding) {
            self.wrong("input", "\"embedding\" is no input of a model".to_owned());
        }
        self.figures(entry);
    }

    fn source(&mut self, key: &str, source: Option<&str>) {
        match source {
            Some(name) if !(self.known)(name) => {
                let message = format!("{name:?} is not declared; add [sources.{name:?}]");
                self.wrong(key, message);
            }
            None if self.strictness == Strictness::File => {
                let message = "is missing; name one of [sources.…]".to_owned();
                self.wrong(key, message);
            }
            Some(_) | None => {}
        }
    }

    fn limits(&mut self, entry: &Entry) {
        let limits = [
            ("context_tokens", entry.context_tokens),
            ("max_output_tokens", entry.max_output_tokens),
        ];
        for (key, limit) in limits {
            if limit == Some(0) {
                let message = "0 is not allowed; leave the key out where it is not known";
                self.wrong(key, message.to_owned());
            }
        }
    }

    fn prices(&mut self, entry: &Entry) {
        let [input, output, cached, write] = entry.prices();
        for (there, lacking) in [
            (input, output),
            (output, input),
            (cached, input),
            (write, input),
        ] {
            if there.1.is_some() && lacking.1.is_none() {
                let message = format!("is missing beside {}", there.0);
                self.wrong(lacking.0, message);
                return;
            }
        }
    }

    fn modalities(&mut self, key: &str, listed: &[Modality]) {
        let mut seen = BTreeSet::new();
        if let Some(twice) = listed.iter().find(|modality| !seen.insert(**modality)) {
            let message = format!("{:?} is listed twice", twice.as_str());
            self.wrong(key, message);
        }
    }

    fn figures(&mut self, entry: &Entry) {
        if entry.benchmark.is_some() && self.strictness == Strictness::File {
            let message =
                "has no source; write benchmarks = [{ shape = \"all\", score = …, source = … }]";
            self.wrong("benchmark", message.to_owned());
        }
        let mut seen = BTreeSet::new();
        for (index, figure) in entry.benchmarks.iter().enumerate() {
            let at = format!("benchmarks[{index}]");
            self.figure(&at, figure);
            let is_general = figure.shape == GENERAL;
            if is_general && entry.benchmark.is_some() {
                let message =
                    "there is a benchmark beside it, and both are for all tasks".to_owned();
                self.wrong(&format!("{at}.shape"), message);
            }
            let test = figure.test.as_deref().filter(|_| !is_general);
            if !seen.insert((figure.shape.as_str(), test)) {
                let what = test.unwrap_or_default();
                let message = format!("a second figure of {what:?} for {:?}", figure.shape);
                self.wrong(&at, message);
            }
        }
    }

    fn figure(&mut self, at: &str, figure: &Figure) {
        let is_class = Class::CHAT.iter().any(|c| c.as_str() == figure.shape);
        if figure.shape != GENERAL && !is_class {
            let classes: Vec<&str> = Class::CHAT.iter().map(|class| class.as_str()).collect();
            let message = format!(
                "{:?} is no kind of task; write \"{GENERAL}\" or one of {}",
                figure.shape,
                classes.join(", ")
            );
            self.wrong(&format!("{at}.shape"), message);
        }
        if !(0.0..=1.0).contains(&figure.score) {
            let message = format!("{} is not allowed; it must be 0 to 1", figure.score);
            self.wrong(&format!("{at}.score"), message);
        }
        if figure.test.as_deref().unwrap_or_default().trim().is_empty() && !figure.estimated {
            let message = "is missing: which test was it?".to_owned();
            self.wrong(&format!("{at}.test"), message);
        }
        self.source(&format!("{at}.source"), figure.source.as_deref());
    }
}
