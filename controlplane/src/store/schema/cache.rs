//! The step that says whether tenants' replies are stored, and counts what that saved.

/// Calls of before asked no cache.
pub(super) const CACHE: &[&str] = &[
    "ALTER TABLE usage ADD COLUMN cache_hits INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE usage ADD COLUMN cache_misses INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE usage ADD COLUMN saved_micro_usd INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE usage ADD COLUMN saved_tokens INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE tenants ADD COLUMN cache_enabled INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE tenants ADD COLUMN cache_ttl_s INTEGER",
];

/// Whether replies to the same questions in other words are given, and how often one was, or was compared with a fresh one.
pub(super) const SEMANTIC: &[&str] = &[
    "ALTER TABLE tenants ADD COLUMN cache_semantic TEXT",
    "ALTER TABLE usage ADD COLUMN semantic_hits INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE usage ADD COLUMN semantic_compared INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE usage ADD COLUMN semantic_wrong INTEGER NOT NULL DEFAULT 0",
];
