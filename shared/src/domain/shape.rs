//! Task shapes: what kind of task a request is, from the call site first, from its text otherwise.
//!
//! A request has a chain of shapes, most specific first: the call site (`task:<header>` or `site:<hash>`
//! of system prompt and tool names), the class of its text (`class:code`), and the root `all`. Evidence
//! counts for every shape of the chain; the first one that is ranked decides.

use std::{fmt, sync::Arc};

use xxhash_rust::xxh3::xxh3_64;

use super::features::Features;

/// The shape every request has.
pub const ROOT: &str = "all";

/// Input length from which a request is a long-context task, in tokens.
pub const LONG_CONTEXT_TOKENS: u64 = 16_000;

/// Bytes of a task name that are kept, so that the shape's name is never too long to be read back.
const TASK_BYTES: usize = 64;

/// Bytes of a system prompt that identify its call site; what follows is often data.
const SITE_PROMPT_BYTES: usize = 512;

/// Bytes of the last user message that are classified.
const CLASSIFIED_BYTES: usize = 2_048;

/// A shape's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShapeKey(Arc<str>);

impl ShapeKey {
    /// The shape every request has.
    pub fn root() -> Self {
        Self(ROOT.into())
    }

    /// Wraps a name read back from a record or table.
    pub fn named(name: &str) -> Option<Self> {
        (!name.is_empty() && name.len() <= 128).then(|| Self(name.into()))
    }

    /// Whether this is the shape every request has.
    pub fn is_root(&self) -> bool {
        &*self.0 == ROOT
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShapeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for ShapeKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// What the shape of a request is read from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signals<'a> {
    /// The `floopy-task` header.
    pub task: Option<&'a str>,
    pub system_prompt: Option<&'a str>,
    pub tool_names: &'a [&'a str],
    /// The last user message.
    pub user_text: &'a str,
    pub features: Features,
}

/// The chain of a request, most specific first, root last.
pub fn shapes(signals: &Signals<'_>) -> Vec<ShapeKey> {
    let mut chain = Vec::with_capacity(3);
    if let Some(site) = call_site(signals) {
        chain.push(ShapeKey(site.into()));
    }
    chain.push(ShapeKey(
        format!("class:{}", classify(signals).as_str()).into(),
    ));
    chain.push(ShapeKey::root());
    chain
}

fn call_site(signals: &Signals<'_>) -> Option<String> {
    let task = signals.task.map(str::trim).unwrap_or_default();
    if !task.is_empty() {
        let clean: String = task
            .chars()
            .filter(|c| !c.is_control())
            .take(64)
            .flat_map(char::to_lowercase)
            .collect();
        return Some(format!("task:{}", prefix(&clean, TASK_BYTES)));
    }
    let prompt = signals.system_prompt.unwrap_or_default();
    if prompt.trim().is_empty() && signals.tool_names.is_empty() {
        return None;
    }
    // Digits are masked: dates, counters and ids vary within one call site.
    let mut text: Vec<u8> = prompt
        .bytes()
        .take(SITE_PROMPT_BYTES)
        .map(|b| if b.is_ascii_digit() { b'0' } else { b })
        .collect();
    let mut names = signals.tool_names.to_vec();
    names.sort_unstable();
    for name in names {
        text.push(0);
        text.extend_from_slice(name.as_bytes());
    }
    Some(format!("site:{:016x}", xxh3_64(&text)))
}

/// The classes that text and features are sorted into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    Embedding,
    Vision,
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
    /// The name after `class:`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Embedding => "embedding",
            Self::Vision => "vision",
            Self::ToolUse => "tool_use",
            Self::Structured => "structured",
            Self::LongContext => "long_context",
            Self::Code => "code",
            Self::Math => "math",
            Self::Translation => "translation",
            Self::Extraction => "extraction",
            Self::Creative => "creative",
            Self::Chat => "chat",
        }
    }
}

/// Sorts by features first, then by words of the last user message (English, Spanish, Portuguese,
/// French, German); deterministic, first match wins.
pub fn classify(signals: &Signals<'_>) -> Class {
    let features = &signals.features;
    if features.embeddings {
        return Class::Embedding;
    }
    if features.vision {
        return Class::Vision;
    }
    if features.tools {
        return Class::ToolUse;
    }
    if features.json_schema {
        return Class::Structured;
    }
    if features.input_tokens_estimate >= LONG_CONTEXT_TOKENS {
        return Class::LongContext;
    }
    classify_text(prefix(signals.user_text, CLASSIFIED_BYTES))
}

fn classify_text(text: &str) -> Class {
    let text = text.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(CODE) {
        Class::Code
    } else if has(TRANSLATION) {
        Class::Translation
    } else if has(EXTRACTION) {
        Class::Extraction
    } else if has(MATH) {
        Class::Math
    } else if has(CREATIVE) {
        Class::Creative
    } else {
        Class::Chat
    }
}

const CODE: &[&str] = &[
    "```",
    "def ",
    "fn ",
    "#include",
    "public class",
    "function(",
    "stack trace",
    "traceback",
    "refactor",
    "unit test",
    "python",
    "javascript",
    "typescript",
    " rust ",
    "sql query",
    "regex",
    "compile",
    "código",
    "codigo",
    "bug ",
    "quellcode",
];
const TRANSLATION: &[&str] = &[
    "translate",
    "translation",
    "traduz",
    "traducir",
    "traduce",
    "traduis",
    "traduire",
    "übersetz",
];
const EXTRACTION: &[&str] = &[
    "summarize",
    "summarise",
    "summary",
    "tl;dr",
    "extract",
    "list the",
    "key points",
    "resuma",
    "resumo",
    "resume ",
    "resumir",
    "résume",
    "zusammenfass",
    "extrai",
    "extrae",
    "extrais",
];
const MATH: &[&str] = &[
    "calculate",
    "solve",
    "prove",
    "equation",
    "integral",
    "probability",
    "how many",
    "percent",
    "calcule",
    "calcula",
    "resolva",
    "resuelve",
    "quantos",
    "cuántos",
    "combien",
    "berechne",
    "wie viele",
];
const CREATIVE: &[&str] = &[
    "poem",
    "story",
    "haiku",
    "lyrics",
    "slogan",
    "creative",
    "poema",
    "história",
    "historia",
    "poème",
    "histoire",
    "gedicht",
    "geschichte",
];

fn prefix(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(signals: &Signals<'_>) -> Vec<String> {
        shapes(signals).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn task_header_names_the_call_site() {
        let signals = Signals {
            task: Some(" Refund-Triage "),
            user_text: "hello",
            ..Signals::default()
        };
        assert_eq!(chain(&signals), ["task:refund-triage", "class:chat", "all"]);
    }

    #[test]
    fn a_long_task_name_in_any_script_still_makes_a_readable_shape() {
        let task = "漢".repeat(200);
        let signals = Signals {
            task: Some(&task),
            ..Signals::default()
        };
        let shape = shapes(&signals).remove(0);
        assert!(ShapeKey::named(shape.as_str()).is_some(), "{shape}");
    }

    #[test]
    fn call_site_ignores_numbers_and_tool_order() {
        let site = |prompt, tools| {
            chain(&Signals {
                system_prompt: Some(prompt),
                tool_names: tools,
                ..Signals::default()
            })[0]
                .clone()
        };
        let monday = site("You help. Today is 2026-11-21.", &["a", "b"]);
        assert_eq!(monday, site("You help. Today is 2025-01-02.", &["b", "a"]));
        assert_ne!(monday, site("You help. Today is 2026-11-21.", &["a"]));
    }

    #[test]
    fn text_is_classified_in_several_languages() {
        let class = |text| {
            classify(&Signals {
                user_text: text,
                ..Signals::default()
            })
        };
        let cases = [
            ("Why does this python code fail?", Class::Code),
            (
                "Traduza isto para inglês: traduz por favor",
                Class::Translation,
            ),
            (
                "Bitte fasse das zusammen: Zusammenfassung",
                Class::Extraction,
            ),
            ("How many apples are left?", Class::Math),
            ("Écris un poème sur la mer", Class::Creative),
            ("Good morning!", Class::Chat),
        ];
        for (text, expected) in cases {
            assert_eq!(class(text), expected, "{text}");
        }
    }

    #[test]
    fn cutting_never_splits_a_character() {
        let text = "é".repeat(CLASSIFIED_BYTES);
        assert_eq!(prefix(&text, 3).len(), 2);
        assert_eq!(
            classify(&Signals {
                user_text: &text,
                ..Signals::default()
            }),
            Class::Chat
        );
    }
}
