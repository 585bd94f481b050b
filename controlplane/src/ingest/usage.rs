//! What a call or a rating adds to what its tenant used.

use floopy_shared::domain::{
    cache::CacheUse,
    decision::{Decision, Ending, Stage},
    firewall::{Screening, Verdict},
    ids::{CandidateKey, TenantId},
    snapshot::Environment,
};

use crate::{
    calendar::month_of,
    learn::credit::day_of,
    store::{
        ratings::StoredRating,
        usage::{Column, Counts, Line, Used},
    },
};

/// First status that says that a call failed.
const ERRORS: u16 = 400;

/// Counts a decision that is stored from now on.
pub(crate) fn add_decision(used: &mut Used, decision: &Decision) {
    used.add(line_of(decision), counts_of(decision));
}

/// Takes away a decision that another one replaces.
pub(crate) fn take_decision(used: &mut Used, decision: &Decision) {
    used.add(line_of(decision), counts_of(decision).negated());
}

/// Counts the first rating of a subject in place of what was the first one until now.
pub(crate) fn replace_rating(
    used: &mut Used,
    tenant: &TenantId,
    (before, after): (Option<u64>, Option<u64>),
) {
    if before == after {
        return;
    }
    let one = Counts::default().with(Column::Ratings, 1);
    if let Some(rated_ms) = before {
        used.add(line_of_rating(tenant, rated_ms), one.negated());
    }
    if let Some(rated_ms) = after {
        used.add(line_of_rating(tenant, rated_ms), one);
    }
}

/// When the earliest rating that is kept of a subject was given, if any was. Each subject counts once, however often it is
/// revised.
pub(crate) fn first_rated<'a>(ratings: impl Iterator<Item = &'a StoredRating>) -> Option<u64> {
    let given = ratings.filter(|rating| rating.score.is_some());
    given.map(|rating| rating.rated_ms).min()
}

fn line_of(decision: &Decision) -> Line {
    let model = decision.served.as_ref();
    Line {
        tenant: decision.tenant.clone(),
        day: day_of(decision.created_at_ms),
        month: month_of(decision.created_at_ms),
        project: decision
            .project
            .map(|id| id.to_string())
            .unwrap_or_default(),
        environment: decision
            .environment
            .map_or("", Environment::as_str)
            .to_owned(),
        model: model.map_or("", CandidateKey::as_str).to_owned(),
    }
}

/// A rating belongs to no model: its session may have had several.
fn line_of_rating(tenant: &TenantId, rated_ms: u64) -> Line {
    Line {
        tenant: tenant.clone(),
        day: day_of(rated_ms),
        month: month_of(rated_ms),
        project: String::new(),
        environment: String::new(),
        model: String::new(),
    }
}

fn counts_of(decision: &Decision) -> Counts {
    let spent = decision.spent_micro_usd();
    if decision.shadow_of.is_some() {
        return Counts::default()
            .with(Column::ShadowRequests, 1)
            .with(Column::ShadowCostMicroUsd, spent);
    }
    let outcome = &decision.outcome;
    let usage = outcome.usage;
    let hit = decision.cache_hit().unwrap_or_default();
    let (is_hit, is_miss) = match decision.cache {
        Some(CacheUse::Hit(_)) => (true, false),
        Some(CacheUse::Miss | CacheUse::Compared(_)) => (false, true),
        None => (false, false),
    };
    let saved_tokens = hit
        .saved_input_tokens
        .saturating_add(hit.saved_output_tokens);
    let agrees = decision.comparison().and_then(|compared| compared.agrees);
    let is_unpriced = outcome.cost_micro_usd.is_none() && usage.input + usage.output > 0;
    watched(decision, screened(decision))
        .with(
            Column::FirewallRedacted,
            u64::from(!decision.redacted.is_empty()),
        )
        .with(Column::Requests, 1)
        .with(Column::Errors, u64::from(has_failed(decision)))
        .with(Column::InputTokens, usage.input)
        .with(Column::CachedInputTokens, usage.cached_input)
        .with(Column::OutputTokens, usage.output)
        .with(Column::CostMicroUsd, spent)
        .with(Column::UnpricedRequests, u64::from(is_unpriced))
        .with(Column::CacheHits, u64::from(is_hit))
        .with(Column::CacheMisses, u64::from(is_miss))
        .with(Column::SavedMicroUsd, hit.saved_micro_usd.unwrap_or(0))
        .with(Column::SavedTokens, saved_tokens)
        .with(Column::SemanticHits, u64::from(hit.similar.is_some()))
        .with(Column::SemanticCompared, u64::from(agrees.is_some()))
        .with(Column::SemanticWrong, u64::from(agrees == Some(false)))
}

/// What the firewall made of it.
fn screened(decision: &Decision) -> Counts {
    let none = Counts::default();
    match decision.firewall.as_deref() {
        None => none,
        Some(Screening::Skipped { .. }) => none.with(Column::FirewallSkipped, 1),
        Some(Screening::Scored { verdict, .. }) => {
            let scanned = none.with(Column::FirewallScanned, 1);
            match verdict {
                Verdict::Passed => scanned,
                Verdict::Flagged => scanned.with(Column::FirewallFlagged, 1),
                Verdict::Blocked => scanned
                    .with(Column::FirewallFlagged, 1)
                    .with(Column::FirewallBlocked, 1),
            }
        }
    }
}

/// And of its reply.
fn watched(decision: &Decision, counts: Counts) -> Counts {
    let Some(watched) = decision.watched.as_deref() else {
        return counts;
    };
    let scanned = counts.with(Column::FirewallOutputScanned, 1);
    match watched.verdict {
        Verdict::Passed => scanned,
        Verdict::Flagged => scanned.with(Column::FirewallOutputFlagged, 1),
        Verdict::Blocked => scanned
            .with(Column::FirewallOutputFlagged, 1)
            .with(Column::FirewallOutputBlocked, 1),
    }
}

/// A stream that has begun has not failed yet; a caller who left did not see an error.
fn has_failed(decision: &Decision) -> bool {
    let is_over = decision.stage == Stage::Finished;
    is_over
        && match decision.outcome.ending {
            Ending::Completed => decision.outcome.status >= ERRORS,
            Ending::Error | Ending::BrokenStream | Ending::Interrupted => true,
            Ending::ClientDisconnected => false,
        }
}
