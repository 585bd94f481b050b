//! The step with which jobs that nobody could score stay for people to look at, and every job says whose it is.

/// `worker` has it, or had it last unless it said why it failed; `error` is what was said of it last.
pub(super) const QUEUE: &[&str] = &[
    "ALTER TABLE scoring_jobs ADD COLUMN worker TEXT",
    "ALTER TABLE scoring_jobs ADD COLUMN error TEXT",
    "ALTER TABLE scoring_jobs ADD COLUMN dead_ms INTEGER",
    "UPDATE scoring_jobs SET tenant = (SELECT d.tenant FROM decisions AS d
        WHERE d.request_id = scoring_jobs.request_id) WHERE tenant IS NULL",
    // Its decision is not there yet, or no more.
    "UPDATE scoring_jobs SET tenant = '' WHERE tenant IS NULL",
    "DROP INDEX scoring_jobs_order",
    "CREATE INDEX scoring_jobs_waiting ON scoring_jobs (tenant, queued_ms) WHERE dead_ms IS NULL",
    "CREATE INDEX scoring_jobs_dead ON scoring_jobs (dead_ms) WHERE dead_ms IS NOT NULL",
];
