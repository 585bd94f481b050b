//! The records that a proxy would have written of simulated calls.

use floopy_shared::domain::{
    affinity::Affinity,
    decision::{Attempt, AttemptResult, Decision, Ending, Outcome, Reason, Stage},
    features::Features,
    ids::{CandidateKey, RequestId, SessionId},
    money::Usage,
    route::Choice,
};
use uuid::Uuid;

use super::Learner;
use crate::replay::{policy::Seen, world::Request};

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// When the replay begins: any moment will do, as long as it is the same every time (2024-01-01).
const START_MS: u64 = 1_704_067_200_000;
/// Latency of replies whose rows name none.
const UNKNOWN_LATENCY_MS: u64 = 1_000;

impl Learner {
    /// The record that a proxy would have written.
    pub(super) fn decision(
        &self,
        at: usize,
        request: &Request,
        seen: &Seen,
        choice: Choice,
    ) -> Decision {
        let key = self.key(seen.model).clone();
        let session = self.session(request);
        let latency_ms = seen
            .latency_s
            .map_or(UNKNOWN_LATENCY_MS, |s| (s * 1e3) as u64);
        let (number, at) = (self.number as u64, at as u64);
        Decision {
            request_id: RequestId(Uuid::from_u64_pair(number, at)),
            tenant: self.setup.tenant.clone(),
            key_id: String::new(),
            created_at_ms: START_MS + at * (DAY_MS / self.setup.settings.requests_per_day),
            session_id: SessionId::new(&session).ok(),
            completion_id: None,
            shapes: self.setup.chains[request.shape].clone(),
            class_signals: Vec::new(),
            ranked_shape: choice.ranked_shape,
            requested_model: "auto".into(),
            strategy: choice.strategy,
            phase: choice.phase,
            weights: choice.weights,
            candidates: choice.candidates,
            chosen: Some(key.clone()),
            served: Some(key.clone()),
            reason: choice.reason,
            propensity: choice.propensity,
            confidence: choice.confidence,
            confidence_reason: choice.confidence_reason,
            evidence: choice.evidence,
            exploration_rate: choice.exploration_rate,
            affinity: Affinity::default(),
            released: choice.released,
            baseline: choice.baseline,
            calibrated: choice.calibrated,
            rule: choice.rule,
            rule_id: choice.rule_id,
            passthrough: false,
            project: None,
            environment: None,
            experiment: None,
            prompt: None,
            evaluation: false,
            batch: None,
            cache: None,
            charged: None,
            stopped: None,
            tags: None,
            firewall: None,
            watched: None,
            redacted: Vec::new(),
            priced: None,
            implicit: Vec::new(),
            snapshot_version: at / self.setup.settings.refresh + 1,
            draw_key: session,
            features: Features::default(),
            attempts: vec![answered(key, latency_ms)],
            outcome: completed(latency_ms),
            stage: Stage::Finished,
            shadow_of: None,
        }
    }
}

/// The one try that it took.
fn answered(key: CandidateKey, latency_ms: u64) -> Attempt {
    Attempt {
        key,
        result: AttemptResult::Ok,
        status: Some(200),
        latency_ms,
        wasted_micro_usd: None,
        upstream_request_id: None,
    }
}

/// The copy of a call that went to another candidate.
pub(super) fn shadow_of(served: Decision, key: CandidateKey, propensity: f64) -> Decision {
    let Decision {
        request_id: RequestId(id),
        ..
    } = served;
    let (high, low) = id.as_u64_pair();
    let attempts = served.attempts.into_iter().map(|attempt| Attempt {
        key: key.clone(),
        ..attempt
    });
    Decision {
        // Another id than that of any served call: the lower half counts those.
        request_id: RequestId(Uuid::from_u64_pair(high, !low)),
        session_id: None,
        attempts: attempts.collect(),
        chosen: Some(key.clone()),
        served: Some(key),
        reason: Reason::Shadow,
        propensity,
        shadow_of: Some(served.request_id),
        ..served
    }
}

fn completed(latency_ms: u64) -> Outcome {
    Outcome {
        status: 200,
        ending: Ending::Completed,
        latency_ms,
        first_byte_ms: None,
        cost_micro_usd: None,
        usage: Usage::default(),
        usage_estimated: false,
        fallback_used: false,
        overhead_us: 0,
        refused: false,
        calls_tools: false,
    }
}
