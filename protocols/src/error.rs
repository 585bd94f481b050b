//! What can be wrong with a request, with a reply, and what providers say went wrong.

/// A caller's request that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("the body is not valid JSON: {0}")]
    NotJson(String),
    #[error("the field {0} occurs twice")]
    Duplicate(String),
    #[error("{field} is missing, it must be {expected}")]
    Missing {
        field: String,
        expected: &'static str,
    },
    #[error("{field} is {found}, it must be {expected}")]
    Wrong {
        field: String,
        found: String,
        expected: &'static str,
    },
}

impl Invalid {
    /// Numbers and booleans are shown, all else only by its kind: it may be content.
    pub fn wrong(field: &str, found: &str, expected: &'static str) -> Self {
        let field = if field.is_empty() { "the body" } else { field };
        Self::Wrong {
            field: field.to_owned(),
            found: kind_of(found),
            expected,
        }
    }

    /// Shows the value too: for fields that never hold content, such as `role` or `type`.
    pub fn shown(field: &str, found: &str, expected: &'static str) -> Self {
        let short: String = found.chars().take(MAX_SHOWN_CHARS).collect();
        Self::Wrong {
            field: field.to_owned(),
            found: format!("{short:?}"),
            expected,
        }
    }

    /// The field, where it is one field.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::NotJson(_) => None,
            Self::Duplicate(field) | Self::Missing { field, .. } | Self::Wrong { field, .. } => {
                Some(field)
            }
        }
    }
}

/// Of a value that is repeated in an error.
const MAX_SHOWN_CHARS: usize = 64;

fn kind_of(json: &str) -> String {
    match json.as_bytes().first() {
        Some(b'"') => "a string".to_owned(),
        Some(b'{') => "an object".to_owned(),
        Some(b'[') => "an array".to_owned(),
        Some(b't' | b'f') => json.to_owned(),
        Some(b'n') => "null".to_owned(),
        Some(_) if json.len() <= MAX_SHOWN_CHARS => format!("the number {json}"),
        Some(_) => "a number".to_owned(),
        None => "empty".to_owned(),
    }
}

/// Something that a provider's API cannot say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} cannot be sent to {target}: {why}")]
pub struct Unsupported {
    /// As the caller wrote it.
    pub field: String,
    /// The provider or its API.
    pub target: String,
    pub why: String,
    /// No API could say it: the call itself is wrong.
    pub is_invalid: bool,
}

impl Unsupported {
    pub fn new(field: impl Into<String>, target: &str, why: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            target: target.to_owned(),
            why: why.into(),
            is_invalid: false,
        }
    }

    /// A call that has to be read to be said in the provider's words, and cannot be.
    pub fn unreadable(invalid: &Invalid, target: &str) -> Self {
        Self {
            is_invalid: true,
            ..Self::new(
                invalid.param().unwrap_or("the body"),
                target,
                invalid.to_string(),
            )
        }
    }
}

/// A provider's reply that is not what its API promises. Never holds content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidReply(pub String);

impl From<Invalid> for InvalidReply {
    fn from(invalid: Invalid) -> Self {
        Self(format!("a reply in which {invalid}"))
    }
}

/// What kind of thing went wrong, the same for every API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    InvalidRequest,
    /// The prompt and the reply asked for do not fit the model.
    ContextLength,
    /// The provider's filter refused the request.
    ContentFilter,
    Authentication,
    Permission,
    NotFound,
    TooLarge,
    RateLimit,
    /// Nothing is left to pay with.
    Quota,
    Overloaded,
    Timeout,
    Server,
}

impl ErrorKind {
    /// Every kind, for tables.
    pub const ALL: [Self; 12] = [
        Self::InvalidRequest,
        Self::ContextLength,
        Self::ContentFilter,
        Self::Authentication,
        Self::Permission,
        Self::NotFound,
        Self::TooLarge,
        Self::RateLimit,
        Self::Quota,
        Self::Overloaded,
        Self::Timeout,
        Self::Server,
    ];

    /// What a status alone says.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 => Self::Authentication,
            402 => Self::Quota,
            403 => Self::Permission,
            404 => Self::NotFound,
            408 | 504 => Self::Timeout,
            413 => Self::TooLarge,
            429 => Self::RateLimit,
            503 | 529 => Self::Overloaded,
            400..=499 => Self::InvalidRequest,
            _ => Self::Server,
        }
    }
}

/// A provider's error in every API's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    pub kind: ErrorKind,
    /// The provider's own words.
    pub message: String,
    /// The provider's own name for it.
    pub code: Option<String>,
    pub param: Option<String>,
}
