//! What tenants know together, for whoever runs Floopy.

use utoipa::ToSchema;

use super::{super::super::Routes, operation};
use crate::rest::operator::pool;

/// What is known of a model over all tenants.
#[derive(ToSchema)]
struct PooledModel {
    provider: String,
    model: String,
    benchmark: Option<f64>,
    benchmark_source: String,
    tenants: u64,
    /// Each counts by the share of it that the model served.
    rated_sessions: f64,
    rated_replies: u64,
    judged_replies: u64,
    failures: u64,
}

/// What was told of all tenants together.
#[derive(ToSchema)]
struct PoolRelease {
    release: u64,
    #[schema(format = DateTime)]
    released_at: String,
    /// In it, with something to give or without.
    tenants: u64,
    /// What it cost each of them, as zero-concentrated differential privacy.
    rho: f64,
    /// Standard deviation of the noise in each cell.
    sigma: f64,
}

/// A release that is asked for.
#[derive(ToSchema)]
struct PoolReleaseWanted {
    /// Always `pool_release`.
    object: String,
    wanted: bool,
}

pub(super) fn routes() -> Routes {
    Routes::of("System")
        .get(
            "/v1/operator/pool",
            pool::get,
            operation("getPool", "What all tenants together know of each model")
                .answers_page::<PooledModel>("The models of everybody's catalog."),
        )
        .get(
            "/v1/operator/pool/releases",
            pool::releases,
            operation("listPoolReleases", "What was told of all tenants together")
                .answers_page::<PoolRelease>("The releases of the last year, the newest first."),
        )
        .post(
            "/v1/operator/pool/releases",
            pool::release,
            operation("releasePool", "Tell what tenants know together now")
                .says("Within a second or two, and not only once it is due. It costs the tenants in it as much as any other.")
                .answers::<PoolReleaseWanted>(202, "It is on its way."),
        )
}
