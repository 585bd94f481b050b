//! Replies that people rated, and how the built-in judge scores them beside what is simpler.
//!
//! A folder of files in the form of one JSON object a line, with or without gzip: `context`, `response` and `scores`, an
//! object of numbers. Which prompt belongs to a file is known by its name.

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::{self, Read},
    path::Path,
};

use flate2::read::GzDecoder;
use floopy_judge_worker::{judge, rubric::Exchange};
use serde::Deserialize;

/// One of them.
#[derive(Debug, Clone, Deserialize)]
pub struct Rated {
    pub context: String,
    /// What a conversation may draw on.
    #[serde(default)]
    pub fact: String,
    pub response: String,
    pub scores: HashMap<String, Option<f64>>,
}

/// What kind of text a file is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    Article,
    Conversation,
    Record,
    Unknown,
}

/// What the judge says of a reply that is compared with people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    Relevance,
    Coherence,
    Helpfulness,
    Safety,
    Faithfulness,
}

/// The judge's scores, and those of what is simpler.
#[derive(Debug, Clone, Copy)]
pub struct Scores {
    verdict: floopy_judge_worker::rubric::Verdict,
    faithfulness: f64,
    /// Words of the reply.
    pub length: f64,
    /// Share of the reply's words that are in the prompt.
    pub overlap: f64,
    /// Share of the prompt's words that are in the reply.
    pub coverage: f64,
}

impl Scores {
    pub fn of(&self, dimension: Dimension) -> f64 {
        match dimension {
            Dimension::Relevance => self.verdict.relevance,
            Dimension::Coherence => self.verdict.coherence,
            Dimension::Helpfulness => self.verdict.helpfulness,
            Dimension::Safety => self.verdict.safety,
            Dimension::Faithfulness => self.faithfulness,
        }
    }
}

impl Set {
    /// By the file's name.
    pub fn named(name: &str) -> Self {
        let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        if has(&["summeval", "qags"]) {
            Self::Article
        } else if has(&["usr", "chat"]) {
            Self::Conversation
        } else if has(&["sfres", "sfhot"]) {
            Self::Record
        } else {
            Self::Unknown
        }
    }

    /// The dimension of the judge that is to say what people said by this name; `None` where none does.
    pub fn dimension(self, human: &str) -> Option<Dimension> {
        match (self, human) {
            (_, "relevance" | "informativeness" | "groundedness") => Some(Dimension::Relevance),
            (_, "coherence" | "fluency" | "naturalness" | "understandability") => {
                Some(Dimension::Coherence)
            }
            (_, "engagingness" | "overall") => Some(Dimension::Helpfulness),
            (_, "consistency") => Some(Dimension::Faithfulness),
            (_, "unsafe") => Some(Dimension::Safety),
            _ => None,
        }
    }
}

impl Rated {
    /// As the proxy would have written it down.
    pub fn prompt(&self, set: Set) -> String {
        let context = self.context.trim();
        match set {
            Set::Article => {
                let article = context.replace('\n', " ");
                format!("user: Summarize the following article in a few sentences.\n\n{article}")
            }
            Set::Record => format!("user: Say this to the guest in one sentence: {context}"),
            Set::Conversation => self.conversation(),
            Set::Unknown => format!("user: {context}"),
        }
    }

    /// The last turn is the user's.
    fn conversation(&self) -> String {
        let fact: Vec<&str> = self.fact.split_whitespace().collect();
        let mut lines = vec![format!(
            "system: Chat with the user. You may use this fact: {}",
            fact.join(" ")
        )];
        let turns = self.context.lines().map(str::trim);
        let turns: Vec<&str> = turns.filter(|turn| !turn.is_empty()).collect();
        for (at, turn) in turns.iter().enumerate() {
            let is_user = (turns.len() - 1 - at).is_multiple_of(2);
            let who = if is_user { "user" } else { "assistant" };
            lines.push(format!("{who}: {turn}"));
        }
        lines.join("\n")
    }

    /// What people said, the more the better.
    pub fn human(&self, dimension: &str) -> Option<f64> {
        let score = self.scores.get(dimension).copied().flatten()?;
        Some(if dimension == "unsafe" { -score } else { score })
    }

    /// Texts of the half that nothing was fitted to: a CRC of what they are about is odd.
    pub fn is_held_out(&self) -> bool {
        crc32fast::hash(self.context.as_bytes()) % 2 == 1
    }

    pub fn score(&self, prompt: &str) -> Scores {
        let exchange = exchange(prompt, &self.response);
        let words = |text: &str| -> Vec<String> {
            text.to_lowercase()
                .split_whitespace()
                .map(str::to_owned)
                .collect()
        };
        let (asked, said) = (words(prompt), words(&self.response));
        let share = |of: &[String], within: &[String]| {
            let within: HashSet<&String> = within.iter().collect();
            let found = of.iter().filter(|word| within.contains(word)).count();
            found as f64 / of.len().max(1) as f64
        };
        Scores {
            verdict: judge::score(&exchange),
            faithfulness: judge::faithfulness(&exchange),
            length: said.len() as f64,
            overlap: share(&said, &asked),
            coverage: share(&asked, &said),
        }
    }
}

/// Of a reply that is whole.
pub fn exchange<'a>(prompt: &'a str, reply: &'a str) -> Exchange<'a> {
    Exchange {
        prompt,
        reply,
        ..Exchange::default()
    }
}

/// The files of a folder by their names, in order.
pub fn read_folder(folder: &Path) -> io::Result<Vec<(String, Vec<Rated>)>> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder)? {
        let path = file?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some((name, ending)) = name.split_once(".jsonl") else {
            continue;
        };
        let text = if ending == ".gz" {
            let mut text = String::new();
            GzDecoder::new(fs::File::open(&path)?).read_to_string(&mut text)?;
            text
        } else {
            fs::read_to_string(&path)?
        };
        let rows = text.lines().map(serde_json::from_str::<Rated>);
        let rows = rows.collect::<Result<Vec<_>, _>>();
        let rows = rows.map_err(|e| io::Error::other(format!("{}: {e}", path.display())))?;
        found.push((name.to_owned(), rows));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// A few that nobody rated, so that the benchmark runs without data. Their figures say nothing.
pub fn made_up() -> Vec<(String, Vec<Rated>)> {
    let article = "The town council met on Monday. It decided to build a new library beside the river. \
        The library will cost two million and open in the spring of next year. Some members feared floods. \
        The mayor said that the ground was raised last year, and that the old library had become too small. \
        Schools will have rooms of their own there, and on Sundays there will be readings for children. \
        Work on it begins in May.";
    let replies = [
        (
            "The council decided to build a new library beside the river.",
            5.0,
        ),
        (
            "A new library will cost two million and open in the spring of next year.",
            4.0,
        ),
        ("The the council a river library library of.", 1.0),
        ("Bananas grow in warm countries.", 1.5),
    ];
    let rows = (0..16).map(|at| {
        let (reply, score) = replies[at % replies.len()];
        Rated {
            context: format!("{article} This is copy {} of it.", at / replies.len()),
            fact: String::new(),
            response: reply.to_owned(),
            scores: HashMap::from([
                ("relevance".to_owned(), Some(score)),
                ("coherence".to_owned(), Some(score)),
            ]),
        }
    });
    vec![("summeval-made-up".to_owned(), rows.collect())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_better_of_what_was_made_up_scores_higher() {
        for (name, rows) in made_up() {
            let set = Set::named(&name);
            let at = |row: &Rated| row.score(&row.prompt(set)).of(Dimension::Relevance);
            assert!(at(&rows[0]) > at(&rows[2]) && at(&rows[1]) > at(&rows[3]));
        }
    }
}
