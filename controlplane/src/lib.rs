//! The control plane: turns every rating, score and failure into rankings, and pushes them to the proxies.
//!
//! `learn` is pure; `index` holds the current tables and depends only on it; `grpc`, `rest` and `jobs`
//! depend on `index`; `store` is reached by `rest`, `jobs` and `ingest`; `app` puts them together.
//! `learn` is public so that `floopy replay` feeds logged outcomes through the very code that serves.

mod allowed;
mod app;
pub mod bench;
mod budgets;
mod config;
mod decision_log;
mod evaluations;
#[cfg(test)]
mod fixture;
mod fleet;
mod grpc;
mod in_force;
mod index;
mod ingest;
mod jobs;
mod kept;
pub mod learn;
mod metrics;
mod outgoing;
mod plans;
mod queue;
mod quota;
mod rest;
mod role;
mod security;
mod settings;
mod store;
mod webhooks;

use floopy_shared::domain::calendar;

pub use app::{
    Deps, Detached, Error, LIVE_KEYS, NewKey, Prepared, Reloader, Storage, back_up_store, check,
    create_key, detached, glance_at_decision_log, glance_at_store, known_models, migrate_store,
    move_store, prepare, prepare_in_turn, store_status,
};
pub use config::{
    Batches, Config, Dashboard, DecisionLogConfig, Evaluations, Export, Kind, Learning, Model,
    Objective, Operator, PlanConfig, Pool, RedisConfig, Retention, Savings, Scoring, StoreConfig,
    TenantConfig, Webhooks, WhenFull,
};
pub use decision_log::Glance as LogGlance;
pub use store::backup::Backup as StoreBackup;
pub use store::status::{Glance as StoreGlance, Status as StoreStatus, Table as StoreTable};
