//! Kinds of task: how users of each kind ask, and how the simulator recognises them.

use floopy_shared::domain::shape::{Class, Signals, classify};

use super::draw::Draw;

/// What a task is about; stands for one call site of an application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Code,
    Math,
    Extract,
    Summarize,
    Support,
    Write,
}

impl Kind {
    /// All of them, in the order of the quality table.
    pub const ALL: [Self; 6] = [
        Self::Code,
        Self::Math,
        Self::Extract,
        Self::Summarize,
        Self::Support,
        Self::Write,
    ];

    /// Its place in [`Kind::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// A short name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Math => "math",
            Self::Extract => "extract",
            Self::Summarize => "summarize",
            Self::Support => "support",
            Self::Write => "write",
        }
    }

    /// The system prompt of its call site.
    pub fn system_prompt(self) -> &'static str {
        match self {
            Self::Code => {
                "You are a senior Python engineer. Answer with working code and a short explanation."
            }
            Self::Math => "You are a patient maths tutor. Show each step, then state the result.",
            Self::Extract => {
                "You extract data from messages. Answer with one JSON object and nothing else."
            }
            Self::Summarize => {
                "You summarise meeting notes for busy readers, as a few bullet points."
            }
            Self::Support => {
                "You are the support assistant of an online shop. Be friendly and concrete."
            }
            Self::Write => "You write marketing copy with a warm voice and no clichés.",
        }
    }

    /// Whether its call site asks for JSON.
    pub fn wants_json(self) -> bool {
        self == Self::Extract
    }

    /// What kind a request is: by its call site where it is one of ours, by its words otherwise.
    pub fn recognise(system_prompt: &str, user_text: &str, wants_json: bool) -> Self {
        if let Some(kind) = Self::ALL
            .into_iter()
            .find(|kind| system_prompt == kind.system_prompt())
        {
            return kind;
        }
        if wants_json {
            return Self::Extract;
        }
        match classify(&Signals {
            user_text,
            ..Signals::default()
        }) {
            Class::Code | Class::ToolCode | Class::ToolUse => Self::Code,
            Class::Math => Self::Math,
            Class::Structured => Self::Extract,
            Class::Extraction | Class::Translation | Class::LongContext => Self::Summarize,
            Class::Creative => Self::Write,
            Class::Embedding | Class::Vision | Class::Chat => Self::Support,
        }
    }

    /// What a user of this kind writes; no two users write the same.
    pub fn user_text(self, draw: &mut Draw) -> String {
        let number = 10_000 + draw.below(9_989_999);
        match self {
            Self::Code => {
                let (task, data) = (draw.pick(CODE_TASKS), draw.pick(CODE_DATA));
                format!(
                    "Write a Python function that {task} {data}. It belongs to ticket {number}, so mention edge cases."
                )
            }
            Self::Math => {
                let (item, a, b) = (draw.pick(GOODS), 3 + draw.below(40), 2 + draw.below(19));
                format!(
                    "A shop packs {a} {item} per crate and sells {b} crates a day. How many {item} does it sell in {number} days? Calculate it."
                )
            }
            Self::Extract => {
                let (name, city, item) = (draw.pick(NAMES), draw.pick(CITIES), draw.pick(GOODS));
                format!(
                    "Extract customer, city, product and order number: \"Hello, {name} from {city} here, the {item} of order {number} never arrived.\""
                )
            }
            Self::Summarize => {
                let (team, topic, risk) = (draw.pick(TEAMS), draw.pick(TOPICS), draw.pick(RISKS));
                format!(
                    "Summarise: the {team} team met about the {topic}. Budget {number} was approved, {risk} is the main risk, and the next review is on Friday."
                )
            }
            Self::Support => {
                let (item, trouble) = (draw.pick(GOODS), draw.pick(TROUBLES));
                format!(
                    "My {item} from order {number} {trouble}. What can I do now, and how long will it take?"
                )
            }
            Self::Write => {
                let (item, audience) = (draw.pick(GOODS), draw.pick(AUDIENCES));
                format!(
                    "Write a short story for a newsletter that presents our {item} to {audience}. Campaign {number}."
                )
            }
        }
    }
}

const CODE_TASKS: &[&str] = &[
    "deduplicates",
    "groups and counts",
    "validates",
    "merges and sorts",
    "paginates",
    "parses",
    "caches",
];
const CODE_DATA: &[&str] = &[
    "invoice rows by customer",
    "sensor readings by hour",
    "nested configuration files",
    "log lines by severity",
    "overlapping date ranges",
    "user records from two sources",
];
const GOODS: &[&str] = &[
    "lanterns",
    "kettles",
    "backpacks",
    "notebooks",
    "headphones",
    "raincoats",
    "bicycles",
    "blankets",
];
const NAMES: &[&str] = &[
    "Ana Souza",
    "Jonas Keller",
    "Mei Tanaka",
    "Sofia Rossi",
    "Omar Haddad",
    "Lena Novak",
];
const CITIES: &[&str] = &["Lisbon", "Hamburg", "Osaka", "Turin", "Amman", "Prague"];
const TEAMS: &[&str] = &["platform", "finance", "logistics", "design", "research"];
const TOPICS: &[&str] = &[
    "warehouse migration",
    "pricing change",
    "mobile release",
    "supplier contract",
    "data retention policy",
];
const RISKS: &[&str] = &[
    "the schedule",
    "a missing licence",
    "staff turnover",
    "currency exposure",
    "late testing",
];
const TROUBLES: &[&str] = &[
    "arrived damaged",
    "stopped working after a week",
    "came in the wrong colour",
    "never left the warehouse",
    "was charged twice",
];
const AUDIENCES: &[&str] = &[
    "commuters",
    "young parents",
    "students",
    "night-shift nurses",
    "weekend hikers",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_recognised_by_their_call_site_and_otherwise_by_their_words() {
        for kind in Kind::ALL {
            assert_eq!(
                Kind::recognise(kind.system_prompt(), "anything", false),
                kind
            );
        }
        assert_eq!(
            Kind::recognise("", "Why does this python code fail?", false),
            Kind::Code
        );
        assert_eq!(Kind::recognise("", "hello", true), Kind::Extract);
    }

    #[test]
    fn users_of_one_kind_write_different_texts() {
        let texts: std::collections::HashSet<String> = (0..500)
            .map(|n| Kind::Support.user_text(&mut Draw::new(n, &["user"])))
            .collect();
        assert!(texts.len() > 495, "{}", texts.len());
    }
}
