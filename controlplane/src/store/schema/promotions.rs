//! The step that keeps how candidates came to serve, and went.

/// `body` has the guards and the steps so far; the columns before it are what is looked up.
pub(super) const PROMOTIONS: &[&str] = &[
    "CREATE TABLE promotions (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL, shape TEXT NOT NULL,
        candidate TEXT NOT NULL, replaces TEXT NOT NULL, stage TEXT NOT NULL, began_ms INTEGER NOT NULL,
        changed_ms INTEGER NOT NULL, body TEXT NOT NULL
    ) STRICT",
    "CREATE INDEX promotions_newest ON promotions (tenant, seq)",
    "CREATE INDEX promotions_stage ON promotions (stage, changed_ms)",
];
