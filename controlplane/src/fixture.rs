//! Records and stores for tests.

use std::sync::{Arc, Mutex};

use floopy_shared::{
    domain::{
        affinity::Affinity,
        confidence::ConfidenceReason,
        decision::{
            Attempt, AttemptResult, CandidateTrace, Decision, Ending, Outcome, Reason, Stage,
            Strategy,
        },
        event::{Event, EventBody, Rating, RatingScore, RatingSubject, Score, ScoringJob},
        features::Features,
        ids::{CandidateKey, RequestId, SessionId, TenantId},
        money::Usage,
        ranking::{Evidence, Posterior, Role},
        shape::{ShapeKey, Signal},
        weights::{Phase, phase_weights},
    },
    process::clock::Clock,
};
use uuid::Uuid;

use crate::{
    config::WhenFull,
    index::dirty::Dirty,
    ingest::{Arrival, Intake, Verdict},
    kept::Kept,
    metrics::Metrics,
    queue::{Ask, Bounds, Queue},
    store::{Location, Store},
};

/// "Now" of every fixture.
pub(crate) const NOW: u64 = 1_800_000_000_000;

pub(crate) fn tenant() -> TenantId {
    TenantId::new("acme").expect("valid")
}

/// A version 4 UUID that is the same for the same number.
pub(crate) fn uuid(n: u64) -> Uuid {
    let mut bytes = [7; 16];
    bytes[8..].copy_from_slice(&n.to_be_bytes());
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

pub(crate) fn request(n: u64) -> RequestId {
    RequestId(uuid(n))
}

pub(crate) fn key(model: &str) -> CandidateKey {
    CandidateKey::new("p", model).expect("valid")
}

fn shape(name: &str) -> ShapeKey {
    ShapeKey::named(name).expect("valid")
}

fn spoke() -> Signal {
    Signal {
        name: "code block".into(),
        points: 160,
    }
}

fn answered() -> Attempt {
    Attempt {
        key: key("a"),
        result: AttemptResult::Ok,
        status: Some(200),
        latency_ms: 40,
        wasted_micro_usd: None,
        upstream_request_id: Some("req-1".into()),
    }
}

/// A completed call of model `a`, without a session.
pub(crate) fn decision(n: u64) -> Decision {
    Decision {
        request_id: request(n),
        tenant: tenant(),
        key_id: "key_1".into(),
        created_at_ms: NOW - 1_000 + n,
        session_id: None,
        completion_id: Some(format!("chatcmpl-{n}")),
        shapes: ["class:code", "all"].map(shape).to_vec(),
        class_signals: vec![spoke()],
        ranked_shape: Some(shape("class:code")),
        requested_model: "auto".into(),
        strategy: Strategy::FeedbackDriven,
        phase: Phase::Auto,
        weights: phase_weights(20.0, 0.0),
        candidates: vec![trace("a", 0.95), trace("b", 0.05)],
        chosen: Some(key("a")),
        served: Some(key("a")),
        reason: Reason::Dispatched,
        propensity: 0.95,
        confidence: Some(0.55),
        confidence_reason: ConfidenceReason::Ok,
        evidence: evidence(),
        exploration_rate: 0.05,
        snapshot_version: 7,
        draw_key: "draw".into(),
        features: features(),
        attempts: vec![answered()],
        outcome: outcome(),
        stage: Stage::Finished,
        shadow_of: None,
        affinity: Affinity::default(),
        released: None,
        baseline: None,
        calibrated: None,
        rule: None,
        rule_id: None,
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
        implicit: Vec::new(),
        priced: None,
    }
}

fn features() -> Features {
    Features {
        messages: 1,
        input_tokens_estimate: 100,
        ..Features::default()
    }
}

fn evidence() -> Evidence {
    Evidence {
        samples: 12,
        top2_gap: 0.07,
        scored_requests: 20,
        ..Evidence::default()
    }
}

fn trace(model: &str, propensity: f64) -> CandidateTrace {
    CandidateTrace {
        key: key(model),
        score: 0.8,
        posterior: Some(Posterior {
            mean: 0.8,
            lower: 0.7,
            upper: 0.9,
            n: 12.0,
        }),
        propensity,
        expected_cost_micro_usd: Some(120),
        filter: None,
        role: Some(Role::Incumbent),
        latency_p95_ms: None,
        p_floor: None,
        p_best: None,
        load: None,
        published: None,
    }
}

fn outcome() -> Outcome {
    Outcome {
        status: 200,
        ending: Ending::Completed,
        latency_ms: 412,
        first_byte_ms: None,
        cost_micro_usd: Some(230),
        usage: Usage {
            input: 100,
            cached_input: 0,
            output: 20,
        },
        usage_estimated: false,
        fallback_used: false,
        overhead_us: 180,
        refused: false,
        calls_tools: false,
    }
}

/// A completed call within a session.
pub(crate) fn turn(n: u64, session: &str, model: &str) -> Decision {
    let session_id = Some(SessionId::new(session).expect("valid"));
    Decision {
        session_id,
        chosen: Some(key(model)),
        served: Some(key(model)),
        ..decision(n)
    }
}

pub(crate) fn event(id: u64, body: EventBody) -> Event {
    Event {
        id: uuid(1_000_000 + id),
        recorded_at_ms: NOW,
        body,
    }
}

pub(crate) fn decided(id: u64, decision: Decision) -> Event {
    event(id, EventBody::Decision(Box::new(decision)))
}

/// A rating of a session, or of whatever `subject` names.
pub(crate) fn rated(id: u64, subject: &str, score: i64) -> Event {
    event(
        id,
        EventBody::Rating(rating(
            RatingSubject::Session(SessionId::new(subject).expect("valid")),
            score,
        )),
    )
}

pub(crate) fn rating(subject: RatingSubject, score: i64) -> Rating {
    Rating {
        tenant: tenant(),
        subject,
        score: RatingScore::new(score).expect("in range"),
        useful: score > 6,
        revise: false,
        retracted: false,
        rated_at_ms: NOW,
    }
}

/// The same rating as a revision, or at another time.
pub(crate) fn adjusted(mut event: Event, adjust: impl FnOnce(&mut Rating)) -> Event {
    if let EventBody::Rating(rating) = &mut event.body {
        adjust(rating);
    }
    event
}

pub(crate) fn job(id: u64, n: u64) -> Event {
    let job = ScoringJob {
        request_id: request(n),
        tenant: tenant(),
        candidate: key("a"),
        prompt: "question".into(),
        reply: "answer".into(),
        truncated: false,
        json_expected: false,
        session_id: None,
        asked_at_ms: 0,
        uncertainty: 0,
        calls: Vec::new(),
    };
    event(id, EventBody::ScoringJob(job))
}

pub(crate) fn score(n: u64, composite: f64) -> Score {
    Score {
        request_id: request(n),
        relevance: composite,
        coherence: composite,
        helpfulness: composite,
        safety: 1.0,
        composite,
        judge: "test/1".into(),
        cost_micro_usd: 0,
        probability: None,
        weight: 1.0,
        rubric: 0,
        own: Vec::new(),
    }
}

/// Room for three jobs, each of which is handed out twice.
pub(crate) const BOUNDS: Bounds = Bounds {
    jobs: 3,
    when_full: WhenFull::DropOldest,
    deliveries: 2,
    dead: 3,
};

/// So many jobs for a second.
pub(crate) fn ask(jobs: u32) -> Ask {
    Ask {
        jobs,
        bytes: 4 << 20,
        lease_ms: 1_000,
        worker: "w".to_owned(),
    }
}

/// An intake over an empty store in memory.
pub(crate) async fn intake() -> Intake {
    intake_with(BOUNDS, Clock::from_source(|| NOW)).await
}

/// The same with another queue and another clock.
pub(crate) async fn intake_with(bounds: Bounds, clock: Clock) -> Intake {
    let registry = Mutex::<prometheus_client::registry::Registry>::default();
    let store = Store::open(&Location::Memory).await.expect("opens");
    let metrics = Metrics::register(&mut registry.lock().expect("not poisoned"));
    Intake {
        queue: Queue::new(store.clone(), clock.clone(), bounds, Arc::clone(&metrics)),
        store,
        outbox: None,
        clock,
        kept: Arc::new(Kept::new(90 * 86_400_000)),
        metrics,
        dirty: Arc::new(Dirty::default()),
        totals: Arc::default(),
    }
}

/// Appends and returns what became of each event.
pub(crate) async fn append(intake: &Intake, events: Vec<Event>) -> Vec<Verdict> {
    let arrivals = events.into_iter().map(Arrival::Event).collect();
    let receipts = intake.append(arrivals).await.expect("the store works");
    receipts
        .into_iter()
        .map(|receipt| receipt.verdict)
        .collect()
}
