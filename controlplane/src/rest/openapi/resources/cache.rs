//! `/v1/cache` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use utoipa::ToSchema;

use super::super::{Routes, operation::Operation};
use crate::rest::cache;

/// What is set; missing or null: as where nobody sets anything, off and a week.
#[derive(ToSchema)]
struct CacheInput {
    /// For calls that do not say.
    enabled: Option<bool>,
    /// How long a reply is good for.
    #[schema(minimum = 1, maximum = 2_592_000)]
    ttl_seconds: Option<u32>,
}

/// Whether replies are stored to be given again, and what that saved.
#[derive(ToSchema)]
struct Cache {
    /// Always `cache`.
    object: String,
    enabled: bool,
    ttl_seconds: u64,
    /// Null: never.
    #[schema(format = DateTime)]
    flushed_at: Option<String>,
    month: CacheMonth,
}

/// Of the calls since the first of the month, UTC.
#[derive(ToSchema)]
struct CacheMonth {
    hits: u64,
    misses: u64,
    /// Of the calls that asked; null: none did.
    hit_rate: Option<f64>,
    /// What the replies that were given again had cost.
    saved_micro_usd: u64,
    saved_tokens: u64,
}

/// Which replies go: those of a model, those to one request, or, with neither, all.
#[derive(ToSchema)]
struct CacheFlushInput {
    /// `provider/model`.
    #[schema(example = "openai/gpt-4o-mini")]
    model: Option<String>,
    /// A reply's `floopy-cache-key`.
    #[schema(pattern = "^[0-9a-fA-F]{64}$")]
    key: Option<String>,
}

#[derive(ToSchema)]
struct CacheFlush {
    /// Always `cache.flush`.
    object: String,
    /// `all`, `model` or `key`.
    flushed: String,
    #[schema(format = DateTime)]
    created_at: String,
}

pub(super) fn routes() -> Routes {
    let path = "/v1/cache";
    Routes::of("Cache")
        .get(
            path,
            cache::get,
            Operation::new("getCache", "The cache and what it saved")
                .answers::<Cache>(200, "What is set, and this month's hits."),
        )
        .put(
            path,
            cache::put,
            Operation::new("replaceCache", "Set the cache")
                .says("Reaches every proxy in about a second.")
                .takes::<CacheInput>()
                .answers::<Cache>(200, "What is set now."),
        )
        .post(
            "/v1/cache/flush",
            cache::flush,
            Operation::new("flushCache", "Take stored replies away")
                .says("Reaches every proxy in about a second. A reply that is under way meanwhile is not stored either.")
                .takes::<CacheFlushInput>()
                .answers::<CacheFlush>(200, "They are gone."),
        )
}
