//! `/v1/cache` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use std::collections::BTreeMap;

use serde_json::Value;
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
    semantic: Option<SemanticCacheInput>,
}

/// For questions that ask the same in other words as one whose reply is stored.
#[derive(ToSchema)]
struct SemanticCacheInput {
    /// `off`; `shadow`, which compares the stored reply with a fresh one and gives the fresh one; or `on`.
    #[schema(nullable = false, example = "shadow", pattern = "^(off|shadow|on)$")]
    mode: Option<String>,
    /// How near the questions must be; missing: 0.6.
    #[schema(minimum = 0.3, maximum = 1.0)]
    threshold: Option<f64>,
    /// Earlier messages of the user may be in other words as well.
    #[schema(nullable = false)]
    advanced: Option<bool>,
}

/// The same, as it holds.
#[derive(ToSchema)]
struct SemanticCache {
    /// `off`, `shadow` or `on`.
    mode: String,
    threshold: f64,
    advanced: bool,
}

/// Whether replies are stored to be given again, and what that saved.
#[derive(ToSchema)]
struct Cache {
    /// Always `cache`.
    object: String,
    enabled: bool,
    ttl_seconds: u64,
    semantic: SemanticCache,
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
    /// Of the hits: the reply was to the same question in other words.
    semantic_hits: u64,
    /// Such replies that were compared with fresh ones.
    semantic_compared: u64,
    /// Of these, they said something else.
    semantic_wrong: u64,
    /// Null: none was compared.
    semantic_wrong_rate: Option<f64>,
}

/// A stored reply that was given again.
#[derive(ToSchema)]
pub(super) struct CacheHit {
    age_seconds: u64,
    /// Null: its price was not known.
    saved_micro_usd: Option<u64>,
    saved_input_tokens: u64,
    saved_output_tokens: u64,
    /// Null: it was the reply to this very request.
    similar: Option<SimilarReply>,
}

/// A stored reply to the same question in other words.
#[derive(ToSchema)]
pub(super) struct SimilarReply {
    /// How near the two questions are, 0 to 1.
    similarity: f64,
    /// Earlier messages were in other words as well.
    advanced: bool,
    /// The name of the request that it was the reply to.
    matched_key: String,
}

/// A stored reply that was not given, so that it could be compared with a fresh one.
#[derive(ToSchema)]
pub(super) struct CacheComparison {
    similar: SimilarReply,
    /// Null: it is not known yet, or they cannot be compared.
    agrees: Option<bool>,
}

/// Which replies go: those of a model, those to one request, those of a rule, or, with none of these, all.
#[derive(ToSchema)]
struct CacheFlushInput {
    /// `provider/model`.
    #[schema(example = "openai/gpt-4o-mini")]
    model: Option<String>,
    /// A reply's `floopy-cache-key`.
    #[schema(pattern = "^[0-9a-fA-F]{64}$")]
    key: Option<String>,
    /// The name of a routing rule: the replies of calls that it decided on, whether or not it is there still.
    #[schema(example = "support", pattern = "^[a-zA-Z0-9_.-]{1,64}$")]
    rule: Option<String>,
}

#[derive(ToSchema)]
struct CacheFlush {
    /// Always `cache.flush`.
    object: String,
    /// `all`, `model`, `key` or `rule`.
    flushed: String,
    #[schema(format = DateTime)]
    created_at: String,
}

/// The call itself, as it would be sent to `/v1/chat/completions`, or `request` with the `headers` that it would have,
/// and the `endpoint` where it is another one.
#[derive(ToSchema)]
struct CacheExplainInput {
    model: Option<String>,
    messages: Option<Vec<Value>>,
    /// The body of a call.
    request: Option<BTreeMap<String, Value>>,
    headers: Option<BTreeMap<String, String>>,
    /// `chat` unless told: `chat`, `responses`, `messages` or `embeddings`.
    endpoint: Option<String>,
}

/// What the cache would do with a call.
#[derive(ToSchema)]
struct CacheExplanation {
    /// Always `cache.explanation`.
    object: String,
    /// `exact`, `semantic`, `advanced`, `miss`, `bypass`, `off`, or `refused`: routing would refuse the call by its headers.
    status: String,
    /// Why it is passed by, as `floopy-cache-note` would say.
    note: Option<String>,
    /// The same in a sentence.
    why: String,
    is_cacheable: bool,
    /// What follows is null where the cache would not be asked.
    key: Option<String>,
    /// What the key is made of beside the body; null: the call does not have it.
    key_parts: Option<BTreeMap<String, Option<String>>>,
    /// The body as it counts.
    canonical_body: Option<String>,
    /// Keys of the body that do not count.
    left_out: Vec<String>,
    /// Everything that is stored under the key, whether it may be given or not.
    stored: Vec<StoredReply>,
    reads: Option<bool>,
    writes: Option<bool>,
    bucket_max_size: Option<u32>,
    ttl_seconds: Option<u64>,
    max_age_seconds: Option<u64>,
    semantic: Option<SemanticExplanation>,
}

/// What the cache would do with questions that ask the same in other words.
#[derive(ToSchema)]
struct SemanticExplanation {
    /// `off`, `shadow` or `on`, for this call.
    mode: String,
    threshold: f64,
    /// Earlier messages of this call may be in other words as well.
    is_advanced: bool,
    /// Null: such questions are looked for. `off`; `not_kept`: this proxy keeps no questions; `tools`: the call has some;
    /// `no_plain_question`: it does not end with a message of the user that can be compared.
    not_looked_for: Option<String>,
    /// The eight nearest that are at least at 0.3, the nearest first.
    near: Vec<NearQuestion>,
}

/// A question whose reply was stored, of a call that is alike in all else.
#[derive(ToSchema)]
struct NearQuestion {
    /// `proxy`: the one that answers; `qdrant`: what proxies share.
    place: String,
    /// How near the two questions are, 0 to 1.
    similarity: f64,
    /// The name of the request that asked it.
    matched_key: String,
    /// Null: the reply is gone.
    model: Option<String>,
    age_seconds: Option<u64>,
    /// Whether it may be the reply to this call: where `mode` is `on` and there is none to the very request, the first such
    /// one is given, if the call reads.
    is_given: bool,
    /// `below_threshold`, `other_language`, `other_length` (more sentences or messages), `other_negation`, `other_number`,
    /// `other_thing_asked`, `other_time`, `other_words`, `other_order`, `not_stored`, or as of a stored reply.
    why_not: Option<String>,
}

/// A reply that is stored.
#[derive(ToSchema)]
struct StoredReply {
    /// `proxy`: the one that answers; `redis`: what proxies share.
    place: String,
    model: String,
    age_seconds: u64,
    ttl_seconds: u64,
    bytes: u64,
    is_given: bool,
    /// `expired`, `flushed`, `older_than_max_age` or `model_may_not_serve`.
    why_not: Option<String>,
}

pub(super) fn routes() -> Routes {
    let explain = Operation::new("explainCache", "What would the cache do with a call?")
        .says("Nobody is called and nothing changes. At most 64 KiB; counts with `/v1/routing/explain`: 30 times a minute for \
            an organisation, 10 times for a key.")
        .takes_open::<CacheExplainInput>()
        .answers::<CacheExplanation>(200, "Whether, why, and under which key.")
        .refuses(404);
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
        .at_the_proxy("post", "/v1/cache/explain", explain)
}
