//! What runs in the background: new rankings after new evidence, and keeping the store in bounds.

pub(crate) mod abandoned;
pub(crate) mod budgets;
pub(crate) mod checkpoint;
pub(crate) mod decision_log;
pub(crate) mod evaluations;
pub(crate) mod housekeeping;
pub(crate) mod queue;
pub(crate) mod refresh;
pub(crate) mod webhooks;
