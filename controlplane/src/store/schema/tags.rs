//! The steps that keep what callers say calls belong to, and find calls by it.

/// As lines of text; calls of before have none.
pub(super) const TAGS: &[&str] = &["ALTER TABLE decisions ADD COLUMN tags TEXT"];

/// A tenant's calls that say something, the newest first, with what they say: whoever looks for a tag reads this and
/// no records but those that bear it.
pub(super) const TAGGED: &[&str] = &[
    "CREATE INDEX decisions_tagged ON decisions (tenant, created_ms, request_id, shadow, tags)
        WHERE tags IS NOT NULL",
];
