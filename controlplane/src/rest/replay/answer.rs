//! What was decided, what would have been, and what lies between, as JSON.

use floopy_shared::{
    domain::{
        constraints::Constraints,
        decision::{CandidateTrace, Decision},
        ids::CandidateKey,
        route::{
            Choice, NoCandidate,
            replay::{Recorded, Unreplayable},
        },
    },
    view::{candidate, filtered, named},
};
use serde_json::{Value, json};

use super::question::Question;

/// The whole answer.
pub(super) fn answer(
    decision: &Decision,
    question: &Question,
    recorded: Result<Recorded<'_>, Unreplayable>,
) -> Value {
    let winner = decision.chosen.as_ref();
    let original = side(
        (winner, decision.reason.as_str()),
        decision.propensity,
        &decision.candidates,
    );
    let mut body = json!({
        "request_id": decision.request_id.to_string(),
        "dry_run": true,
        "snapshot_version": decision.snapshot_version,
        "constraints": constraints(&question.constraints),
        "default_model": question.default_model.as_ref().map(CandidateKey::as_str),
        "original": original,
        "replayed": null,
        "delta": null,
        "changed": false,
        "reproducible": false,
        "not_reproducible_because": null,
    });
    body["original"]["served"] = json!(decision.served.as_ref().map(named));
    let recorded = match recorded {
        Ok(recorded) => recorded,
        Err(why) => {
            body["not_reproducible_because"] = json!(why.to_string());
            return body;
        }
    };
    let differs = difference(decision, &recorded.again());
    body["reproducible"] = json!(differs.is_none());
    body["not_reproducible_because"] = json!(differs);
    let (replayed, now) = match recorded.under(&question.constraints) {
        Ok(choice) => {
            let key = choice.order.first().map(|model| model.key.clone());
            let shown = (key.as_ref(), choice.reason.as_str());
            let replayed = side(shown, choice.propensity, &choice.candidates);
            (replayed, key)
        }
        Err(NoCandidate { candidates }) => (side((None, "no_candidate"), 0.0, &candidates), None),
    };
    body["changed"] = json!(now.as_ref() != winner);
    body["delta"] = delta(&body["original"]["expected"], &replayed["expected"]);
    body["replayed"] = replayed;
    body
}

/// Why deciding again does not give what was decided; `None`: it does, to the last bit.
fn difference(decision: &Decision, again: &Result<Choice, NoCandidate>) -> Option<String> {
    let choice = match again {
        Ok(choice) => choice,
        Err(_) => return Some("deciding again from the record leaves nobody to serve".to_owned()),
    };
    let winner = choice.order.first().map(|model| &model.key);
    let same = winner == decision.chosen.as_ref()
        && choice.propensity.to_bits() == decision.propensity.to_bits();
    (!same).then(|| {
        let name = |key: Option<&CandidateKey>| key.map_or("nobody".to_owned(), ToString::to_string);
        format!(
            "deciding again from the record gives {} with probability {}, recorded is {} with {}: a rule, a price \
             or what a quality is worth has changed since",
            name(winner),
            choice.propensity,
            name(decision.chosen.as_ref()),
            decision.propensity,
        )
    })
}

/// One choice: who serves, and all who were weighed.
fn side(
    (winner, reason): (Option<&CandidateKey>, &str),
    propensity: f64,
    candidates: &[CandidateTrace],
) -> Value {
    let of_winner = candidates.iter().find(|c| Some(&c.key) == winner);
    let drawn = || candidates.iter().filter(|c| c.propensity > 0.0);
    json!({
        "winner": winner.map(named),
        "reason": reason,
        "propensity": propensity,
        "candidates": candidates.iter().map(candidate).collect::<Vec<_>>(),
        "filtered": candidates.iter().filter_map(filtered).collect::<Vec<_>>(),
        "expected": {
            "winner_cost_micro_usd": of_winner.and_then(|c| c.expected_cost_micro_usd),
            "winner_quality": of_winner.and_then(quality),
            "mean_cost_micro_usd": mean(drawn(), |c| c.expected_cost_micro_usd.map(cost)),
            "mean_quality": mean(drawn(), quality),
        },
    })
}

/// What is believed of its quality, on 0..1; `None`: nobody asked.
fn quality(trace: &CandidateTrace) -> Option<f64> {
    let learned = trace.posterior.map(|posterior| posterior.mean);
    learned.or_else(|| (trace.score > 0.0).then_some(trace.score))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a call costs far less than 2^53 micro-USD"
)]
fn cost(micro_usd: u64) -> f64 {
    micro_usd as f64
}

/// Over the draws, by their probabilities; `None` where it is not known of somebody who may be drawn.
fn mean<'a>(
    drawn: impl Iterator<Item = &'a CandidateTrace>,
    of: impl Fn(&CandidateTrace) -> Option<f64>,
) -> Option<f64> {
    let (mut sum, mut weight) = (0.0, 0.0);
    for trace in drawn {
        sum += trace.propensity * of(trace)?;
        weight += trace.propensity;
    }
    (weight > 0.0).then(|| sum / weight)
}

/// What the change comes to; null where one side is not known.
fn delta(original: &Value, replayed: &Value) -> Value {
    let integer = |key: &str| Some(replayed[key].as_i64()? - original[key].as_i64()?);
    let number = |key: &str| Some(replayed[key].as_f64()? - original[key].as_f64()?);
    json!({
        "winner_cost_micro_usd": integer("winner_cost_micro_usd"),
        "winner_quality": number("winner_quality"),
        "mean_cost_micro_usd": number("mean_cost_micro_usd"),
        "mean_quality": number("mean_quality"),
    })
}

fn constraints(c: &Constraints) -> Value {
    json!({
        "allow_providers": c.allow_providers,
        "deny_providers": c.deny_providers,
        "allow_models": c.allow_models,
        "deny_models": c.deny_models,
        "max_cost_micro_usd": c.max_cost_micro_usd,
        "max_latency_ms": c.max_latency_ms,
        "min_quality": c.min_quality.map(|m| json!({"floor": m.floor, "assurance": m.assurance})),
    })
}
