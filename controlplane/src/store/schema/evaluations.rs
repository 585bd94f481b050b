//! Data sets, and what was made of them.

/// Items are in the order of their rows; results in the order in which they came, so that a page once told stays.
pub(super) const EVALUATIONS: &[&str] = &[
    "CREATE TABLE datasets (
        id TEXT PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, description TEXT, row_count INTEGER NOT NULL,
        bytes INTEGER NOT NULL, created_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL
    ) STRICT",
    "CREATE INDEX datasets_of ON datasets (tenant, created_ms, id)",
    "CREATE TABLE dataset_rows (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, dataset TEXT NOT NULL, row_id TEXT NOT NULL, body TEXT NOT NULL,
        created_ms INTEGER NOT NULL, UNIQUE (dataset, row_id)
    ) STRICT",
    "CREATE INDEX dataset_rows_of ON dataset_rows (dataset, seq)",
    "CREATE TABLE evaluation_runs (
        id TEXT PRIMARY KEY, tenant TEXT NOT NULL, dataset TEXT NOT NULL, model TEXT NOT NULL, prompt TEXT,
        config TEXT, status INTEGER NOT NULL, reason TEXT, message TEXT, created_ms INTEGER NOT NULL,
        started_ms INTEGER, finished_ms INTEGER
    ) STRICT",
    "CREATE INDEX evaluation_runs_of ON evaluation_runs (tenant, created_ms, id)",
    "CREATE INDEX evaluation_runs_active ON evaluation_runs (created_ms, id) WHERE finished_ms IS NULL",
    "CREATE INDEX evaluation_runs_finished ON evaluation_runs (finished_ms) WHERE finished_ms IS NOT NULL",
    "CREATE TABLE evaluation_items (
        seq INTEGER PRIMARY KEY, run TEXT NOT NULL, row INTEGER NOT NULL, input_id TEXT NOT NULL,
        state INTEGER NOT NULL, attempts INTEGER NOT NULL, next_ms INTEGER NOT NULL, result INTEGER, id TEXT,
        request_id BLOB, output TEXT, about TEXT, error TEXT, answered_ms INTEGER, decided INTEGER NOT NULL DEFAULT 0,
        served TEXT, cost_micro_usd INTEGER, latency_ms INTEGER, score REAL, relevance REAL, coherence REAL,
        helpfulness REAL, safety REAL, judge TEXT, unscored TEXT
    ) STRICT",
    "CREATE INDEX evaluation_items_state ON evaluation_items (run, state, seq)",
    "CREATE INDEX evaluation_items_results ON evaluation_items (run, result) WHERE result IS NOT NULL",
    "CREATE INDEX evaluation_items_answered ON evaluation_items (answered_ms, seq) WHERE state = 2",
];
