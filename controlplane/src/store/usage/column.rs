//! What is added up.

/// What is added up, each a column of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Requests,
    Errors,
    InputTokens,
    CachedInputTokens,
    OutputTokens,
    /// Of what was served, and of tries that were in vain.
    CostMicroUsd,
    /// Of what was served, without a known price.
    UnpricedRequests,
    ShadowRequests,
    ShadowCostMicroUsd,
    Ratings,
    /// Requests that a stored reply answered, and such that found none.
    CacheHits,
    CacheMisses,
    /// What the stored replies had cost, and their tokens.
    SavedMicroUsd,
    SavedTokens,
    /// Of the hits: the question was another one like it.
    SemanticHits,
    /// Of the misses: such a reply was compared with a fresh one, and said something else.
    SemanticCompared,
    SemanticWrong,
    /// Requests that the firewall scored, those of them that looked like attacks, those that it refused for that, and
    /// those that it could not score.
    FirewallScanned,
    FirewallFlagged,
    FirewallBlocked,
    FirewallSkipped,
    /// Replies that it looked at, those of them that gave something away, and those that it stopped for that.
    FirewallOutputScanned,
    FirewallOutputFlagged,
    FirewallOutputBlocked,
    /// Requests that something was taken out of before anybody was asked.
    FirewallRedacted,
}

impl Column {
    pub(crate) const ALL: [Self; 25] = [
        Self::Requests,
        Self::Errors,
        Self::InputTokens,
        Self::CachedInputTokens,
        Self::OutputTokens,
        Self::CostMicroUsd,
        Self::UnpricedRequests,
        Self::ShadowRequests,
        Self::ShadowCostMicroUsd,
        Self::Ratings,
        Self::CacheHits,
        Self::CacheMisses,
        Self::SavedMicroUsd,
        Self::SavedTokens,
        Self::SemanticHits,
        Self::SemanticCompared,
        Self::SemanticWrong,
        Self::FirewallScanned,
        Self::FirewallFlagged,
        Self::FirewallBlocked,
        Self::FirewallSkipped,
        Self::FirewallOutputScanned,
        Self::FirewallOutputFlagged,
        Self::FirewallOutputBlocked,
        Self::FirewallRedacted,
    ];

    /// Its name in the store and in answers.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Errors => "errors",
            Self::InputTokens => "input_tokens",
            Self::CachedInputTokens => "cached_input_tokens",
            Self::OutputTokens => "output_tokens",
            Self::CostMicroUsd => "cost_micro_usd",
            Self::UnpricedRequests => "unpriced_requests",
            Self::ShadowRequests => "shadow_requests",
            Self::ShadowCostMicroUsd => "shadow_cost_micro_usd",
            Self::Ratings => "ratings",
            Self::CacheHits => "cache_hits",
            Self::CacheMisses => "cache_misses",
            Self::SavedMicroUsd => "saved_micro_usd",
            Self::SavedTokens => "saved_tokens",
            Self::SemanticHits => "semantic_hits",
            Self::SemanticCompared => "semantic_compared",
            Self::SemanticWrong => "semantic_wrong",
            Self::FirewallScanned => "firewall_scanned",
            Self::FirewallFlagged => "firewall_flagged",
            Self::FirewallBlocked => "firewall_blocked",
            Self::FirewallSkipped => "firewall_skipped",
            Self::FirewallOutputScanned => "firewall_output_scanned",
            Self::FirewallOutputFlagged => "firewall_output_flagged",
            Self::FirewallOutputBlocked => "firewall_output_blocked",
            Self::FirewallRedacted => "firewall_redacted",
        }
    }
}
