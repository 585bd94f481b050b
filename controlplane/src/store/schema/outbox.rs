//! The step that keeps what waits to be sent to the decision log.

/// Decisions that were written and that the log has yet to take. Changes are never given out twice: of two rows of a
/// decision in the log the one with the greater change stands.
pub(super) const OUTBOX: &[&str] = &[
    "CREATE TABLE log_outbox (change INTEGER PRIMARY KEY AUTOINCREMENT, decision INTEGER NOT NULL) STRICT",
    "CREATE INDEX log_outbox_decision ON log_outbox (decision)",
];
