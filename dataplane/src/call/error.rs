//! Why a body is not a call; names the field and what was found, never content.

use serde_json::value::RawValue;

use super::value::{MAX_ITEMS, described, kind_of};

/// A body that cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCall {
    #[error("the body is not valid JSON: {0}")]
    NotJson(String),
    #[error("the body is {found}, it must be a JSON object")]
    NotAnObject { found: &'static str },
    #[error("the key {0:?} occurs twice at the top level of the body")]
    DuplicateKey(String),
    #[error("the body has more than {0} keys at its top level")]
    TooManyKeys(usize),
    /// In a protocol that is read into the typed form.
    #[error(transparent)]
    Typed(floopy_protocols::Invalid),
    #[error("{field} is missing, it must be {expected}")]
    Missing {
        field: &'static str,
        expected: &'static str,
    },
    #[error("{field} is {found}, it must be {expected}")]
    Wrong {
        field: String,
        found: String,
        expected: &'static str,
    },
}

impl InvalidCall {
    /// A wrong value that may be shown, because it is not content.
    pub(super) fn shown(field: impl Into<String>, raw: &RawValue, expected: &'static str) -> Self {
        Self::Wrong {
            field: field.into(),
            found: described(raw),
            expected,
        }
    }

    /// A wrong value of which only the type may be shown.
    pub(super) fn hidden(field: impl Into<String>, raw: &RawValue, expected: &'static str) -> Self {
        Self::Wrong {
            field: field.into(),
            found: kind_of(raw).to_owned(),
            expected,
        }
    }

    /// An array that is refused for its length alone.
    pub(super) fn too_many(field: impl Into<String>) -> Self {
        Self::Wrong {
            field: field.into(),
            found: format!("an array of more than {MAX_ITEMS} elements"),
            expected: "shorter",
        }
    }

    /// The field, where it is about one.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::NotJson(_) | Self::NotAnObject { .. } | Self::TooManyKeys(_) => None,
            Self::DuplicateKey(key) => Some(key),
            Self::Typed(invalid) => invalid.param(),
            Self::Missing { field, .. } => Some(field),
            Self::Wrong { field, .. } => Some(field),
        }
    }
}
