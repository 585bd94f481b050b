//! The query of what sessions cost, checked key by key.

use floopy_shared::domain::tags::{Tag, value_in};

use super::super::{WEEK, WINDOWS, window};
use crate::{
    rest::{
        error::{ApiError, brief},
        query::{LIMIT, limit, property, unknown},
    },
    store::accounted::sessions::{Apart, Spent},
};

const KEYS: [&str; 7] = [
    "window",
    "property",
    "user_id",
    "session_path",
    "group_by",
    "limit",
    "cursor",
];

const LIST_KEYS: [&str; 6] = [
    "property",
    "user_id",
    "session_name",
    "session_path",
    "limit",
    "cursor",
];
/// As far back as decisions are listed unless told.
const MONTH: (&str, u64) = ("31d", 31 * 86_400_000);

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) window: (&'static str, u64),
    /// Lines of tags, each of which a call must have.
    pub(super) tags: Vec<String>,
    pub(super) by: Option<By>,
    pub(super) limit: u32,
    pub(super) cursor: Option<String>,
    /// Everything but limit and cursor, in a fixed order: what a cursor is bound to.
    pub(super) fingerprint: String,
}

/// What sums are told by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum By {
    Property(String),
    User,
    SessionPath,
    Model,
    Task,
}

impl By {
    fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            Some(("property", name)) if !name.is_empty() => {
                Some(Self::Property(name.to_ascii_lowercase()))
            }
            Some(_) => None,
            None => match text {
                "user_id" => Some(Self::User),
                "session_path" => Some(Self::SessionPath),
                "model" => Some(Self::Model),
                "task" => Some(Self::Task),
                _ => None,
            },
        }
    }

    /// What calls of a session are told apart by.
    pub(super) fn apart(&self) -> Apart {
        match self {
            Self::Property(_) | Self::User | Self::SessionPath => Apart::Tags,
            Self::Model => Apart::Model,
            Self::Task => Apart::Task,
        }
    }

    /// What it is of these calls; `None`: nothing was said of it.
    pub(super) fn value<'a>(&self, spent: &'a Spent) -> Option<&'a str> {
        let part = spent.part.as_str();
        match self {
            Self::Property(name) => value_in(part, Tag::Property(name, "")),
            Self::User => value_in(part, Tag::User("")),
            Self::SessionPath => value_in(part, Tag::SessionPath("")),
            Self::Model | Self::Task => Some(part).filter(|part| !part.is_empty()),
        }
    }
}

/// Checks the pairs of a query string for costs.
pub(super) fn parse(pairs: Vec<(String, String)>) -> Result<Asked, ApiError> {
    let asked = read(pairs, ("sessions", WEEK), &KEYS)?;
    if asked.by.is_some() && asked.cursor.is_some() {
        let message = "sums come at once: group_by has no cursor".to_owned();
        return Err(ApiError::invalid_query("cursor", message));
    }
    Ok(asked)
}

/// Checks the pairs of a query string for the list.
pub(super) fn parse_list(pairs: Vec<(String, String)>) -> Result<Asked, ApiError> {
    read(pairs, ("list of sessions", MONTH), &LIST_KEYS)
}

/// Empty values of known keys count as absent.
fn read(
    pairs: Vec<(String, String)>,
    (list, window): (&str, (&'static str, u64)),
    known: &[&str],
) -> Result<Asked, ApiError> {
    let mut asked = Asked {
        window,
        tags: Vec::new(),
        by: None,
        limit: LIMIT.0,
        cursor: None,
        fingerprint: String::new(),
    };
    let mut bound = Vec::new();
    for (key, value) in pairs {
        if !known.contains(&key.as_str()) {
            return Err(unknown(&key, known));
        }
        if value.is_empty() {
            continue;
        }
        take(&mut asked, &key, &value)?;
        if !matches!(key.as_str(), "limit" | "cursor") {
            bound.push(format!("{key}={value}"));
        }
    }
    bound.sort_unstable();
    asked.fingerprint = format!("{list}?{}", bound.join("&"));
    Ok(asked)
}

fn take(asked: &mut Asked, key: &str, value: &str) -> Result<(), ApiError> {
    match key {
        "window" => asked.window = window(value, &WINDOWS)?,
        "property" => asked.tags.push(property(key, value)?.line()),
        "user_id" => asked.tags.push(Tag::User(value.trim()).line()),
        "session_name" => asked.tags.push(Tag::SessionName(value.trim()).line()),
        "session_path" => asked.tags.push(Tag::SessionPath(value.trim()).line()),
        "group_by" => asked.by = Some(by(value)?),
        "limit" => asked.limit = limit(key, value)?,
        "cursor" => asked.cursor = Some(value.to_owned()),
        _ => return Err(unknown(key, &KEYS)),
    }
    Ok(())
}

fn by(value: &str) -> Result<By, ApiError> {
    By::parse(value).ok_or_else(|| {
        let message = format!(
            "group_by is {:?}, it must be user_id, session_path, model, task or property:NAME",
            brief(value)
        );
        ApiError::invalid_query("group_by", message)
    })
}
