//! The proxy as a whole, against a scripted upstream and a scripted control plane.

#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

#[path = "gateway/accounting.rs"]
mod accounting;
#[path = "gateway/cache.rs"]
mod cache;
#[path = "gateway/cache_gone.rs"]
mod cache_gone;
#[path = "gateway/cache_semantic.rs"]
mod cache_semantic;
#[path = "gateway/cache_shared.rs"]
mod cache_shared;
#[path = "gateway/connections.rs"]
mod connections;
#[path = "gateway/control.rs"]
mod control;
#[path = "gateway/deadlines.rs"]
mod deadlines;
#[path = "gateway/embeddings.rs"]
mod embeddings;
#[path = "gateway/explain.rs"]
mod explain;
#[path = "gateway/failures.rs"]
mod failures;
#[path = "gateway/fairness.rs"]
mod fairness;
#[path = "gateway/feedback.rs"]
mod feedback;
#[path = "gateway/forgery.rs"]
mod forgery;
#[path = "gateway/forwarding.rs"]
mod forwarding;
#[path = "gateway/hedges.rs"]
mod hedges;
#[path = "gateway/limits.rs"]
mod limits;
#[path = "gateway/messages.rs"]
mod messages;
#[path = "gateway/prompts.rs"]
mod prompts;
#[path = "gateway/proxy.rs"]
mod proxy;
#[path = "gateway/responses.rs"]
mod responses;
#[path = "gateway/retries.rs"]
mod retries;
#[path = "gateway/rules.rs"]
mod rules;
#[path = "gateway/serving.rs"]
mod serving;
#[path = "gateway/sessions.rs"]
mod sessions;
#[path = "gateway/shadows.rs"]
mod shadows;
#[path = "gateway/snapshots.rs"]
mod snapshots;
#[path = "gateway/streams.rs"]
mod streams;
#[path = "gateway/translation.rs"]
mod translation;
#[path = "gateway/upstream.rs"]
mod upstream;
