//! Task shapes: what kind of task a request is, from the call site first, from its text otherwise.
//!
//! A request has a chain of shapes, most specific first: the call site (`task:<header>` or `site:<hash>`
//! of system prompt and tool names, see [`site`]), the class of its text (`class:code`, see [`class`]), and
//! the root `all`. Evidence counts for every shape of the chain; the first one that is ranked decides.
//!
//! Reading is bounded: however long a request is, a few kilobytes of it are looked at.

mod class;
mod evidence;
mod excerpt;
mod fold;
mod lexicon;
mod site;
mod structure;

use std::{fmt, sync::Arc};

use super::features::Features;

pub use self::class::{Class, Classification, LONG_CONTEXT_TOKENS, Signal, classify, explain};

/// The shape every request has.
pub const ROOT: &str = "all";

/// Bytes of a task name that are kept, so that the shape's name is never too long to be read back.
const TASK_BYTES: usize = 64;

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
    /// The first system or developer message, or its beginning.
    pub system_prompt: Option<&'a str>,
    pub tool_names: &'a [&'a str],
    /// The name of the JSON schema that the reply must follow.
    pub schema_name: Option<&'a str>,
    /// Whether `response_format` asks for JSON, with or without a schema.
    pub json_expected: bool,
    /// The first user message, or its beginning, where the last one is another.
    pub first_user_text: &'a str,
    /// The last user message, or its beginning and end.
    pub user_text: &'a str,
    pub features: Features,
}

/// Bytes of a text of [`Signals`] that are enough at its beginning, and at its end.
pub const ENOUGH_BYTES: usize = 1_024;

/// The chain of a request, most specific first, root last.
pub fn shapes(signals: &Signals<'_>) -> Vec<ShapeKey> {
    chain(call_site(signals), signals)
}

/// The chain of a request whose call site is known already.
pub fn chain(site: Option<ShapeKey>, signals: &Signals<'_>) -> Vec<ShapeKey> {
    let mut chain = Vec::with_capacity(3);
    chain.extend(site);
    let class = classify(signals).as_str();
    chain.push(ShapeKey(["class:", class].concat().into()));
    chain.push(ShapeKey::root());
    chain
}

/// Where in an application a request comes from. Only its task, its system prompt, its tools' names and its
/// schema's name say so.
pub fn call_site(signals: &Signals<'_>) -> Option<ShapeKey> {
    site_name(signals).map(|name| ShapeKey(name.into()))
}

fn site_name(signals: &Signals<'_>) -> Option<String> {
    let task = signals.task.map(str::trim).unwrap_or_default();
    if !task.is_empty() {
        let clean: String = task
            .chars()
            .filter(|c| !c.is_control())
            .take(TASK_BYTES)
            .flat_map(char::to_lowercase)
            .collect();
        return Some(format!("task:{}", excerpt::head(&clean, TASK_BYTES)));
    }
    let fingerprint = site::fingerprint(signals)?;
    Some(format!("site:{fingerprint:016x}"))
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
}
