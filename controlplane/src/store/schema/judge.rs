//! The step that keeps what judging cost, how it was drawn, and whom it was told that the judge disagrees with.

pub(super) const JUDGE: &[&str] = &[
    "ALTER TABLE scores ADD COLUMN cost_micro_usd INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE scores ADD COLUMN probability REAL",
    "ALTER TABLE scores ADD COLUMN weight REAL NOT NULL DEFAULT 1.0",
    "CREATE TABLE judge_disagreements (tenant TEXT PRIMARY KEY, since_ms INTEGER NOT NULL) WITHOUT ROWID, STRICT",
];

/// Of two scores of a reply the one by the later rubric stands; of two by the same one that of the greater digest, so that
/// which came first does not matter.
pub(super) const RUBRICS: &[&str] = &[
    "ALTER TABLE scores ADD COLUMN rubric INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE scores ADD COLUMN digest INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE scores ADD COLUMN own TEXT",
];
