//! Classes of tasks: from what a request carries, from what it says otherwise.
//!
//! The first rule that applies decides:
//!
//! | order | class | applies when |
//! |---|---|---|
//! | 1 | `embedding` | vectors are asked for |
//! | 2 | `vision` | an image is part of the conversation |
//! | 3 | `tool_code` | tools are offered, and texts or tool names are about code (coding agents, API calls) |
//! | 4 | `tool_use` | tools are offered |
//! | 5 | `structured` | `response_format` asks for JSON |
//! | 6 | `long_context` | the input is at least [`LONG_CONTEXT_TOKENS`] long |
//! | 7 | `translation`, `structured`, `code`, `math`, `extraction`, `creative` | the topic with the most points, if it has [`ENOUGH`]; earlier ones win ties |
//! | 8 | `chat` | otherwise |
//!
//! `math` includes reasoning problems; `extraction` includes summaries, classification and questions about a
//! given text; `creative` is all writing: fiction, verse, advertising, speeches, letters, rewording;
//! `structured` from texts is an explicit demand for JSON, YAML, XML, CSV or a table.
//!
//! Points come from terms ([`super::lexicon`], seventeen languages) and from looks ([`super::structure`], any
//! language), read from bounded parts of these texts:
//!
//! | text | read | counts | why |
//! |---|---|---|---|
//! | last user message | first and last bytes | 100 % | what is asked now; before or after a paste |
//! | first user message | first bytes | [`FIRST_PERCENT`] | "thanks, now the second one" goes on with the same task |
//! | system prompt | first bytes | [`SYSTEM_PERCENT`] | where the message is only the data |
//! | tool names | first bytes | 100 %, of code only | `run_tests` says what kind of agent it is |
//!
//! Within them a term counts half as much again among a sentence's first words, and [less][pasted] where it is
//! quoted, fenced, pasted or behind "…:".
//!
//! [pasted]: super::evidence

use std::borrow::Cow;

use super::{
    Signals,
    evidence::{Evidence, Part, Topic},
    excerpt::{head, tail},
};

/// Input length from which a request is a long-context task, in tokens.
pub const LONG_CONTEXT_TOKENS: u64 = 16_000;

/// What the shapes of classes begin with.
const PREFIX: &str = "class:";

/// Points a topic needs to be taken for one.
const ENOUGH: i32 = 100;

/// Bytes read of the last user message: its beginning, and its end.
const LAST_HEAD_BYTES: usize = 720;
const LAST_TAIL_BYTES: usize = 360;

/// Bytes read of the first user message.
const FIRST_BYTES: usize = 360;

/// Bytes read of the system prompt.
const SYSTEM_BYTES: usize = 400;

/// Bytes read of the tools' names.
const TOOL_BYTES: usize = 256;

/// What the first user message counts, in percent: where the last one has no topic of its own ("and the second
/// one?"), and where it has.
const FIRST_PERCENT: (i32, i32) = (100, 50);

/// What the system prompt counts, in percent: where the messages have no topic, and where they have. Less than
/// the messages, because it also lists what else the application can do, or must not.
const SYSTEM_PERCENT: (i32, i32) = (70, 40);

/// The classes that requests are sorted into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    Embedding,
    Vision,
    ToolCode,
    ToolUse,
    Structured,
    LongContext,
    Code,
    Math,
    Translation,
    Extraction,
    Creative,
    Chat,
}

impl Class {
    /// Every class of chat requests.
    pub const CHAT: [Self; 11] = [
        Self::Vision,
        Self::ToolCode,
        Self::ToolUse,
        Self::Structured,
        Self::LongContext,
        Self::Code,
        Self::Math,
        Self::Translation,
        Self::Extraction,
        Self::Creative,
        Self::Chat,
    ];

    /// The name after `class:`.
    pub fn as_str(self) -> &'static str {
        &self.shape()[PREFIX.len()..]
    }

    /// The name of its shape.
    pub(super) fn shape(self) -> &'static str {
        match self {
            Self::Embedding => "class:embedding",
            Self::Vision => "class:vision",
            Self::ToolCode => "class:tool_code",
            Self::ToolUse => "class:tool_use",
            Self::Structured => "class:structured",
            Self::LongContext => "class:long_context",
            Self::Code => "class:code",
            Self::Math => "class:math",
            Self::Translation => "class:translation",
            Self::Extraction => "class:extraction",
            Self::Creative => "class:creative",
            Self::Chat => "class:chat",
        }
    }
}

/// A class and what spoke for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classification {
    pub class: Class,
    /// The strongest signals for the class, strongest first: the field that decided, or terms and looks with
    /// their points.
    pub signals: Vec<Signal>,
}

/// Something that spoke for a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// A term of the lexicon or a look; nothing else of a text is ever told.
    pub name: Cow<'static, str>,
    /// 100 are enough for a class; 0 where a field decided.
    pub points: u32,
}

/// Sorts a request; deterministic.
pub fn classify(signals: &Signals<'_>) -> Class {
    if let Some((class, _)) = by_field(signals) {
        return class;
    }
    by_text(signals, &Evidence::read(signals)).0
}

/// Sorts a request like [`classify`] and says why.
pub fn explain(signals: &Signals<'_>) -> Classification {
    if let Some((class, name)) = by_field(signals) {
        let name = Cow::Borrowed(name);
        let signals = vec![Signal { name, points: 0 }];
        return Classification { class, signals };
    }
    let evidence = Evidence::read(signals);
    let (class, topic) = by_text(signals, &evidence);
    let speaks = evidence
        .fired()
        .filter(|fired| topic.is_some_and(|topic| fired.topic.helps(topic)));
    let signals = speaks
        .map(|fired| Signal {
            name: Cow::Borrowed(fired.name),
            points: fired.points.unsigned_abs(),
        })
        .collect();
    Classification { class, signals }
}

/// What needs no reading.
fn by_field(signals: &Signals<'_>) -> Option<(Class, &'static str)> {
    let features = &signals.features;
    if features.embeddings {
        return Some((Class::Embedding, "the embeddings endpoint"));
    }
    if features.vision {
        return Some((Class::Vision, "an image"));
    }
    if features.tools {
        return None;
    }
    if features.json_schema || signals.json_expected {
        return Some((Class::Structured, "response_format"));
    }
    (features.input_tokens_estimate >= LONG_CONTEXT_TOKENS)
        .then_some((Class::LongContext, "the input's length"))
}

fn by_text(signals: &Signals<'_>, evidence: &Evidence) -> (Class, Option<Topic>) {
    let topic = evidence.topic();
    if signals.features.tools {
        return match topic {
            Some(Topic::Code) => (Class::ToolCode, topic),
            _ => (Class::ToolUse, None),
        };
    }
    (topic.map_or(Class::Chat, class_of), topic)
}

fn class_of(topic: Topic) -> Class {
    match topic {
        Topic::Translation => Class::Translation,
        Topic::Structured => Class::Structured,
        Topic::Code => Class::Code,
        Topic::Math | Topic::Quantity => Class::Math,
        Topic::Extraction => Class::Extraction,
        Topic::Creative => Class::Creative,
    }
}

impl Topic {
    fn helps(self, topic: Self) -> bool {
        self == topic || (self == Self::Quantity && topic == Self::Math)
    }
}

impl Evidence {
    /// Reads the bounded parts of a request's texts, what counts most first.
    fn read(signals: &Signals<'_>) -> Self {
        let mut evidence = Self::new();
        evidence.read_last(signals.user_text);
        for name in signals.tool_names.iter().scan(TOOL_BYTES, |room, name| {
            *room = room.checked_sub(name.len())?;
            Some(name)
        }) {
            evidence.read_words(name, Part::System, 100);
        }
        let first = head(signals.first_user_text, FIRST_BYTES);
        let percent = evidence.percent(FIRST_PERCENT);
        evidence.read_words(first, Part::Message, percent);
        evidence.read_looks(first, percent);
        let system = head(signals.system_prompt.unwrap_or_default(), SYSTEM_BYTES);
        let percent = evidence.percent(SYSTEM_PERCENT);
        evidence.read_words(system, Part::System, percent);
        evidence.conclude();
        evidence
    }

    fn read_last(&mut self, text: &str) {
        let whole = text.len() <= LAST_HEAD_BYTES + LAST_TAIL_BYTES;
        let parts = if whole {
            [(text, Part::Message), ("", Part::Ending)]
        } else {
            let (head, tail) = (head(text, LAST_HEAD_BYTES), tail(text, LAST_TAIL_BYTES));
            [(head, Part::Beginning), (tail, Part::Ending)]
        };
        for (text, part) in parts {
            self.read_words(text, part, 100);
            self.read_looks(text, 100);
        }
    }

    /// The percentage that applies: before, or after a topic was found.
    fn percent(&self, (undecided, decided): (i32, i32)) -> i32 {
        if self.topic().is_none() {
            undecided
        } else {
            decided
        }
    }

    /// The topic with the most points, if they are enough.
    fn topic(&self) -> Option<Topic> {
        let mut best = None;
        let mut most = ENOUGH - 1;
        for topic in [
            Topic::Translation,
            Topic::Structured,
            Topic::Code,
            Topic::Math,
            Topic::Extraction,
            Topic::Creative,
        ] {
            if self.points(topic) > most {
                (best, most) = (Some(topic), self.points(topic));
            }
        }
        best
    }
}
