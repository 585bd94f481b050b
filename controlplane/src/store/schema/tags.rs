//! The step that keeps what callers say calls belong to.

/// As lines of text; calls of before have none.
pub(super) const TAGS: &[&str] = &["ALTER TABLE decisions ADD COLUMN tags TEXT"];
