//! The step that lets what was done under a rule be measured without a look at the records.

/// Of an answered call under a rule: the rule's name, the kind of task, what it cost and how long it took. Calls of
/// before have none of it.
pub(super) const MEASURED: &[&str] = &[
    "ALTER TABLE decisions ADD COLUMN rule TEXT",
    "ALTER TABLE decisions ADD COLUMN kind TEXT",
    "ALTER TABLE decisions ADD COLUMN cost_micro_usd INTEGER",
    "ALTER TABLE decisions ADD COLUMN latency_ms INTEGER",
    "CREATE INDEX decisions_rule ON decisions (
        tenant, rule, created_ms, shadow, served, kind, cost_micro_usd, latency_ms, request_id, session_id
    ) WHERE rule IS NOT NULL",
];
