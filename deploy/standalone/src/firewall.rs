//! `floopy firewall test`: what the firewall's model says of texts, without any server.

use std::{
    fs,
    io::{self, Read},
    ops::Range,
    path::PathBuf,
};

use clap::{Args, Subcommand};
use floopy_firewall::{
    library,
    model::{BUILT_IN, Files, Model, ModelError},
    scan::{Limits, Message, Role, Scanner, Verdict},
};
use serde_json::{Value, json};

use crate::{
    catalog::table::{Side, table},
    console::Console,
};

/// Characters of a text that a row shows.
const SHOWN: usize = 60;

/// What can be done with the firewall from here.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Scores a text, or each line of a file, and says where it looks most like an attack
    Test(Test),
}

#[derive(Debug, Args)]
pub struct Test {
    /// The text; `-` reads lines from standard input
    #[arg(value_name = "TEXT", required_unless_present = "file")]
    text: Option<String>,
    /// Reads lines from a file; a line that is a JSON object with `text` stands for that
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    file: Option<PathBuf>,
    /// Takes what is read as one text
    #[arg(long)]
    whole: bool,
    /// The score from which on a text counts as an attack, 0 to 1 [default: the model's own]
    #[arg(long, value_name = "SCORE")]
    threshold: Option<f32>,
    /// A folder with another model: `model.onnx` and `tokenizer.json`
    #[arg(long, value_name = "FOLDER")]
    model: Option<PathBuf>,
    /// The file of ONNX Runtime [default: that of the proxy]
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
    /// Prints a JSON object for each text
    #[arg(long)]
    json: bool,
}

/// Why nothing was scored.
#[derive(Debug, thiserror::Error)]
pub enum FirewallError {
    #[error("{place} cannot be read: {source}")]
    Read { place: String, source: io::Error },
    #[error("--threshold is {0}, it must be above 0 and at most 1")]
    Threshold(f32),
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Runs a command to its end.
pub(crate) fn run(command: &Command, console: &mut Console) -> Result<(), FirewallError> {
    match command {
        Command::Test(test) => test.run(console),
    }
}

/// A text with what was said of it.
struct Scored {
    line: usize,
    text: String,
    verdict: Verdict,
}

impl Test {
    fn run(&self, console: &mut Console) -> Result<(), FirewallError> {
        if let Some(threshold) = self.threshold
            && !(threshold > 0.0 && threshold <= 1.0)
        {
            return Err(FirewallError::Threshold(threshold));
        }
        let texts = self.texts()?;
        let mut scanner = Scanner::new(self.open()?, Limits::default());
        let threshold = self.threshold.unwrap_or(scanner.thresholds().one_percent);
        let mut scored = Vec::with_capacity(texts.len());
        for (line, text) in texts {
            let role = Role::User;
            let verdict = scanner.score(&[Message { role, text: &text }])?;
            scored.push(Scored {
                line,
                text,
                verdict,
            });
        }
        if self.json {
            for row in &scored {
                console.say(&row.json(threshold).to_string());
            }
        } else {
            console.say(&shown(&scored, threshold));
        }
        Ok(())
    }

    fn open(&self) -> Result<Model, FirewallError> {
        let library = library::find(self.library.as_deref());
        let Some(folder) = &self.model else {
            return Ok(Model::load(&library, BUILT_IN)?);
        };
        let network = read(folder.join("model.onnx"))?;
        let tokenizer = read(folder.join("tokenizer.json"))?;
        let files = Files {
            network: &network,
            tokenizer: &String::from_utf8_lossy(&tokenizer),
        };
        Ok(Model::load(&library, files)?)
    }

    /// Texts with the numbers of their lines.
    fn texts(&self) -> Result<Vec<(usize, String)>, FirewallError> {
        let read = match (&self.file, &self.text) {
            (Some(file), _) => read(file.clone())?,
            (None, Some(text)) if text == "-" => standard_input()?,
            (None, text) => return Ok(vec![(1, text.clone().unwrap_or_default())]),
        };
        let read = String::from_utf8_lossy(&read);
        if self.whole {
            return Ok(vec![(1, read.into_owned())]);
        }
        let lines = read.lines().enumerate();
        let lines = lines.filter(|(_, line)| !line.trim().is_empty());
        Ok(lines
            .map(|(index, line)| (index + 1, text_of(line)))
            .collect())
    }
}

fn read(file: PathBuf) -> Result<Vec<u8>, FirewallError> {
    fs::read(&file).map_err(|source| FirewallError::Read {
        place: file.display().to_string(),
        source,
    })
}

fn standard_input() -> Result<Vec<u8>, FirewallError> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|source| FirewallError::Read {
        place: "standard input".to_owned(),
        source,
    })?;
    Ok(bytes)
}

/// Of a line such as `{"text": "…"}` the text.
fn text_of(line: &str) -> String {
    let object = serde_json::from_str::<Value>(line).ok();
    let text = object.and_then(|object| object.get("text")?.as_str().map(str::to_owned));
    text.unwrap_or_else(|| line.to_owned())
}

impl Scored {
    fn word(&self, threshold: f32) -> &'static str {
        if self.verdict.score >= threshold {
            "attack"
        } else {
            "harmless"
        }
    }

    /// What was looked at most, in characters.
    fn span(&self) -> Range<usize> {
        let Range { start, end } = self.verdict.span;
        let count =
            |range: Range<usize>| self.text.get(range).map_or(0, |text| text.chars().count());
        let start_chars = count(0..start);
        start_chars..start_chars + count(start..end)
    }

    fn json(&self, threshold: f32) -> Value {
        let span = self.span();
        json!({
            "line": self.line,
            "score": thousandths(self.verdict.score),
            "threshold": thousandths(threshold),
            "verdict": self.word(threshold),
            "span": {"start": span.start, "end": span.end},
            "partial": !self.verdict.is_complete,
        })
    }
}

fn shown(scored: &[Scored], threshold: f32) -> String {
    let columns = [
        ("LINE", Side::Right),
        ("SCORE", Side::Right),
        ("VERDICT", Side::Left),
        ("CHARACTERS", Side::Right),
        ("THERE", Side::Left),
    ];
    let row = |row: &Scored| {
        let span = row.span();
        let there = row.text.get(row.verdict.span.clone()).unwrap_or_default();
        vec![
            row.line.to_string(),
            format!("{:.3}", row.verdict.score),
            row.word(threshold).to_owned(),
            format!("{}-{}", span.start, span.end),
            one_line(there),
        ]
    };
    let rows: Vec<Vec<String>> = scored.iter().map(row).collect();
    let attacks = scored.iter().filter(|row| row.verdict.score >= threshold);
    let (attacks, all) = (attacks.count(), scored.len());
    let table = table(&columns, &rows);
    format!("{table}\n\n{attacks} of {all} at or above the threshold of {threshold:.3}")
}

/// As much as a row has room for, without what would break it or the terminal.
fn one_line(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut shown: String = plain.clone().take(SHOWN).collect();
    if plain.count() > SHOWN {
        shown.push('…');
    }
    shown
}

fn thousandths(score: f32) -> f64 {
    (f64::from(score) * 1_000.0).round() / 1_000.0
}
