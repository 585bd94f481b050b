//! Names that are the same whenever they are made anew: what is read twice is recorded once.

use floopy_shared::domain::ids::RequestId;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        // Lengths keep parts apart.
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().into()
}

fn id(parts: &[&str]) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest(parts)[..16]);
    Builder::from_random_bytes(bytes).into_uuid()
}

/// The request id of a batch's line.
pub(crate) fn request_id(batch: &str, custom_id: &str) -> RequestId {
    RequestId(id(&["request", batch, custom_id]))
}

/// The id of the event that records it.
pub(crate) fn event_id(batch: &str, custom_id: &str) -> Uuid {
    id(&["event", batch, custom_id])
}

/// The id of the event that hands its reply to the judge.
pub(crate) fn job_id(batch: &str, custom_id: &str) -> Uuid {
    id(&["job", batch, custom_id])
}

/// The id of its line in an output file.
pub(crate) fn line_id(batch: &str, custom_id: &str) -> String {
    let name = id(&["line", batch, custom_id]).simple();
    format!("batch_req_{name}")
}

/// Our name of a file of a provider: two providers may have one of the same name.
pub(crate) fn file_id(provider: &str, provider_id: &str) -> String {
    let name = id(&["file", provider, provider_id]).simple();
    format!("file-{name}")
}

/// A name that nobody had yet.
pub(crate) fn new_name(prefix: &str) -> String {
    format!("{prefix}{}", Uuid::new_v4().simple())
}

/// What tells a question from others.
pub(crate) fn question(parts: &[&str]) -> String {
    hex::encode(digest(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_line_has_the_same_names_and_no_other_has_them() {
        assert_eq!(request_id("b1", "a"), request_id("b1", "a"));
        assert_ne!(request_id("b1", "a"), request_id("b2", "a"));
        assert_ne!(request_id("b", "1a"), request_id("b1", "a"));
        assert_ne!(request_id("b1", "a").0, event_id("b1", "a"));
        assert_ne!(file_id("openai", "file-1"), file_id("groq", "file-1"));
        assert_eq!(request_id("b1", "a").0.get_version_num(), 4);
    }
}
