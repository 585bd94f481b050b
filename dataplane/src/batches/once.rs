//! Questions that are done once: those that bear a name, which clients give what they may ask again.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::{invalid, names::question};
use crate::http::respond::Refusal;

/// How long a question is remembered that has a name: the same as for what the control plane makes.
const NAMED_MS: u64 = 24 * 3_600_000;
/// Longest name of a question.
const MAX_NAME_BYTES: usize = 255;
/// Of a value that is shown in an error.
const SHOWN_CHARS: usize = 64;

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
static REPLAYED: HeaderName = HeaderName::from_static("floopy-idempotent-replay");

/// What tells a question from others, since when it may have been asked, and what was asked.
#[derive(Debug, Clone)]
pub(crate) struct Once {
    pub question: String,
    pub since_ms: u64,
    pub digest: String,
}

/// What is answered, and whether it was made for the same question before.
#[derive(Debug)]
pub(crate) struct Made<T> {
    pub it: T,
    pub is_replay: bool,
}

/// The name that a caller gave its question.
pub(super) fn name(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_visible && (1..=MAX_NAME_BYTES).contains(&text.len()) {
        return Ok(Some(text));
    }
    let shown = String::from_utf8_lossy(value.as_bytes());
    let shown: String = shown.chars().take(SHOWN_CHARS).collect();
    let message = format!(
        "{IDEMPOTENCY_KEY} is {shown:?}, it must have 1 to {MAX_NAME_BYTES} visible ASCII characters"
    );
    Err(invalid(IDEMPOTENCY_KEY, message))
}

impl Once {
    /// A question with a name; `of`: what kind of thing it makes.
    pub(super) fn named(of: &str, name: &str, now_ms: u64) -> Self {
        Self {
            question: question(&[of, name]),
            since_ms: now_ms.saturating_sub(NAMED_MS),
            digest: String::new(),
        }
    }

    /// Whether what the name made before was made for something else; an empty digest is of a version that kept none.
    pub(super) fn check(&self, before: &str) -> Result<(), Refusal> {
        if before.is_empty() || before == self.digest {
            return Ok(());
        }
        let message = "Idempotency-Key was used for another request; a new request needs a new one";
        let refusal = Refusal::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            message,
        );
        Err(refusal.about(Some(IDEMPOTENCY_KEY)))
    }
}

impl<T> Made<T> {
    pub(crate) fn map<U>(self, of: impl FnOnce(T) -> U) -> Made<U> {
        Made {
            it: of(self.it),
            is_replay: self.is_replay,
        }
    }

    /// Says so in the headers of an answer, if it was made before.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        if self.is_replay {
            headers.insert(&REPLAYED, HeaderValue::from_static("true"));
        }
    }
}
