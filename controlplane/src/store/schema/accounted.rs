//! The step that lets costs and savings be summed without a look at the records.

/// Of a call that was served, or was to be: what became of it, the rule that it followed, the kind of task, what was
/// paid, and either what the default model would have cost or why it counts for no savings. Calls of before have none
/// of it.
pub(super) const ACCOUNTED: &[&str] = &[
    "ALTER TABLE decisions ADD COLUMN came TEXT",
    "ALTER TABLE decisions ADD COLUMN under TEXT",
    "ALTER TABLE decisions ADD COLUMN task TEXT",
    "ALTER TABLE decisions ADD COLUMN excluded TEXT",
    "ALTER TABLE decisions ADD COLUMN baseline_micro_usd INTEGER",
    "ALTER TABLE decisions ADD COLUMN paid_micro_usd INTEGER",
    "CREATE INDEX decisions_accounted ON decisions (
        tenant, created_ms, came, excluded, under, baseline_micro_usd, paid_micro_usd, session_id, served, task
    ) WHERE shadow = 0",
];
