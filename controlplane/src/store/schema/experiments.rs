//! The step that lets the calls of an experiment be found.

/// Of each call what its results are made of; what was said of it is looked up beside it. `variant` and `ending` are the
/// codes of `store::experiments`.
pub(super) const EXPERIMENTS: &[&str] = &[
    "CREATE TABLE experiment_calls (
        id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, experiment BLOB NOT NULL, variant INTEGER NOT NULL,
        created_ms INTEGER NOT NULL, request_id BLOB NOT NULL, unit TEXT NOT NULL, ending INTEGER NOT NULL,
        latency_ms INTEGER NOT NULL, cost_micro_usd INTEGER
    ) STRICT",
    "CREATE INDEX experiment_calls_order ON experiment_calls (tenant, experiment, created_ms, id)",
];
