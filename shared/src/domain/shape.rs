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

use std::{
    borrow::Borrow,
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use super::features::Features;

pub use self::class::{Class, Classification, LONG_CONTEXT_TOKENS, Signal, classify, explain};

/// The shape every request has.
pub const ROOT: &str = "all";

/// Bytes of a task name that are kept, so that the shape's name is never too long to be read back.
const TASK_BYTES: usize = 64;

/// A shape's name.
#[derive(Clone)]
pub struct ShapeKey(Name);

/// Those that every request has one of are not allocated for each.
#[derive(Clone)]
enum Name {
    Fixed(&'static str),
    Own(Arc<str>),
}

impl ShapeKey {
    /// The shape every request has.
    pub fn root() -> Self {
        Self(Name::Fixed(ROOT))
    }

    /// That of all requests of a class.
    pub fn of_class(class: Class) -> Self {
        Self(Name::Fixed(class.shape()))
    }

    /// Wraps a name read back from a record or table.
    pub fn named(name: &str) -> Option<Self> {
        (!name.is_empty() && name.len() <= 128).then(|| Self::own(name))
    }

    fn own(name: &str) -> Self {
        Self(Name::Own(name.into()))
    }

    /// Whether this is the shape every request has.
    pub fn is_root(&self) -> bool {
        self.as_str() == ROOT
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::Fixed(name) => name,
            Name::Own(name) => name,
        }
    }
}

impl fmt::Debug for ShapeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ShapeKey").field(&self.as_str()).finish()
    }
}

impl fmt::Display for ShapeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq for ShapeKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for ShapeKey {}

impl PartialOrd for ShapeKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ShapeKey {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

/// As the name's own, which it is looked up by.
impl Hash for ShapeKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Borrow<str> for ShapeKey {
    fn borrow(&self) -> &str {
        self.as_str()
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
    chain(call_site(signals), classify(signals))
}

/// The chain of a request whose call site and class are known already.
pub fn chain(site: Option<ShapeKey>, class: Class) -> Vec<ShapeKey> {
    let mut chain = Vec::with_capacity(3);
    chain.extend(site);
    chain.push(ShapeKey::of_class(class));
    chain.push(ShapeKey::root());
    chain
}

/// Where in an application a request comes from. Only its task, its system prompt, its tools' names and its
/// schema's name say so.
pub fn call_site(signals: &Signals<'_>) -> Option<ShapeKey> {
    site_name(signals).map(|name| ShapeKey::own(&name))
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
    use std::hash::{BuildHasher, RandomState};

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
    fn a_name_is_the_same_shape_wherever_it_comes_from() {
        let state = RandomState::new();
        let hash = |shape: &ShapeKey| state.hash_one(shape);
        for class in Class::CHAT.into_iter().chain([Class::Embedding]) {
            let own = ShapeKey::named(&format!("class:{}", class.as_str())).expect("valid");
            let fixed = ShapeKey::of_class(class);
            assert_eq!((&fixed, hash(&fixed)), (&own, hash(&own)));
            assert_eq!(fixed.cmp(&ShapeKey::root()), own.cmp(&ShapeKey::root()));
        }
        assert_eq!(ShapeKey::named(ROOT), Some(ShapeKey::root()));
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
