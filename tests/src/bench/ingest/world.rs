//! Tenants with sessions of a few calls each, and what people and judges say of them.

use floopy_proto::v1;
use rand::{Rng, SeedableRng, rngs::StdRng, seq::SliceRandom};
use uuid::Uuid;

/// Calls of each session.
const TURNS: usize = 4;
/// Candidates that every decision considered.
const CANDIDATES: usize = 20;
/// Call sites of each tenant.
const SITES: usize = 10;
/// Days over which the sessions are spread.
const DAYS: u64 = 7;
const DAY_MS: u64 = 86_400_000;
const CLASSES: [&str; 4] = ["class:code", "class:chat", "class:extract", "class:math"];

/// The population, the same for the same seed.
#[derive(Debug)]
pub struct World {
    random: StdRng,
    now_ms: u64,
    tenants: usize,
    sessions: Vec<Session>,
}

#[derive(Debug, Clone)]
struct Session {
    tenant: usize,
    id: String,
    site: usize,
    started_ms: u64,
    calls: [Uuid; TURNS],
}

/// Which of its names a session is rated by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    Session,
    Completion,
    Request,
}

impl World {
    /// Of this many tenants and sessions, up to `now_ms`.
    pub fn new(tenants: usize, sessions: usize, now_ms: u64) -> Self {
        let mut random = StdRng::seed_from_u64(20);
        let mut session = |n: usize| Session {
            tenant: random.random_range(0..tenants),
            id: format!("session-{n:08}-{:08x}", random.random::<u32>()),
            site: random.random_range(0..SITES),
            started_ms: now_ms - random.random_range(60_000..DAYS * DAY_MS),
            calls: std::array::from_fn(|_| uuid(&mut random)),
        };
        let mut sessions: Vec<Session> = (0..sessions).map(&mut session).collect();
        sessions.sort_by_key(|session| session.started_ms);
        Self {
            random,
            now_ms,
            tenants,
            sessions,
        }
    }

    /// The ids of all tenants.
    pub fn tenants(&self) -> Vec<String> {
        (0..self.tenants).map(tenant).collect()
    }

    /// Every call of these sessions, in order of time.
    pub fn decisions(&mut self, sessions: std::ops::Range<usize>) -> Vec<v1::Event> {
        let sessions: Vec<Session> = self.sessions[sessions].to_vec();
        let mut events = Vec::new();
        for session in &sessions {
            for turn in 0..TURNS {
                let decision = self.decision(session, turn);
                events.push(self.event(v1::event::Body::Decision(decision)));
            }
        }
        events
    }

    fn decision(&mut self, session: &Session, turn: usize) -> v1::Decision {
        let served = candidate(self.random.random_range(0..4));
        let attempt = v1::Attempt {
            candidate: served.clone(),
            result: v1::AttemptResult::Ok.into(),
            status: 200,
            latency_ms: 900,
            wasted_micro_usd: None,
            upstream_request_id: String::new(),
        };
        let outcome = v1::Outcome {
            status: 200,
            ending: v1::Ending::Completed.into(),
            latency_ms: 900,
            cost_micro_usd: Some(420),
            input_tokens: 800,
            output_tokens: 200,
            ..v1::Outcome::default()
        };
        v1::Decision {
            request_id: session.calls[turn].as_bytes().to_vec().into(),
            tenant: tenant(session.tenant),
            key_id: "key_0011223344556677".into(),
            created_at_ms: session.started_ms + turn as u64 * 1_000,
            session_id: session.id.clone(),
            completion_id: completion(session.calls[turn]),
            shapes: vec![
                format!("site:{:016x}", session.tenant * SITES + session.site),
                CLASSES[session.site % CLASSES.len()].into(),
                "all".into(),
            ],
            ranked_shape: "all".into(),
            requested_model: "auto".into(),
            strategy: v1::Strategy::FeedbackDriven.into(),
            phase: v1::Phase::Auto.into(),
            candidates: (0..CANDIDATES).map(trace).collect(),
            chosen: served.clone(),
            served,
            reason: v1::Reason::Dispatched.into(),
            propensity: 0.95,
            confidence: Some(0.6),
            confidence_reason: "ok".into(),
            attempts: vec![attempt],
            outcome: Some(outcome),
            stage: v1::Stage::Finished.into(),
            ..v1::Decision::default()
        }
    }

    /// A rating of each of these sessions, in random order.
    pub fn ratings(
        &mut self,
        sessions: std::ops::Range<usize>,
        named: Named,
        revise: bool,
    ) -> Vec<v1::Event> {
        let mut rated = self.sessions[sessions].to_vec();
        rated.shuffle(&mut self.random);
        let rating = |session: Session| v1::Rating {
            tenant: tenant(session.tenant),
            session_id: match named {
                Named::Session => session.id,
                Named::Completion => completion(session.calls[1]),
                Named::Request => session.calls[2].to_string(),
            },
            revise,
            ..self.rating()
        };
        let ratings: Vec<v1::Rating> = rated.into_iter().map(rating).collect();
        self.rated(ratings)
    }

    /// A rating of one reply of each of these sessions, in random order.
    pub fn reply_ratings(&mut self, sessions: std::ops::Range<usize>) -> Vec<v1::Event> {
        let mut rated = self.sessions[sessions].to_vec();
        rated.shuffle(&mut self.random);
        let rating = |session: Session| v1::Rating {
            tenant: tenant(session.tenant),
            request_id: session.calls[0].as_bytes().to_vec().into(),
            ..self.rating()
        };
        let ratings: Vec<v1::Rating> = rated.into_iter().map(rating).collect();
        self.rated(ratings)
    }

    fn rating(&self) -> v1::Rating {
        v1::Rating {
            score: 8,
            useful: true,
            rated_at_ms: self.now_ms,
            ..v1::Rating::default()
        }
    }

    fn rated(&mut self, ratings: Vec<v1::Rating>) -> Vec<v1::Event> {
        let event = |mut rating: v1::Rating| {
            rating.score = self.random.random_range(0..=10);
            self.event(v1::event::Body::Rating(rating))
        };
        ratings.into_iter().map(event).collect()
    }

    /// A judge's score of every call of these sessions, in the order in which the calls came.
    pub fn scores(&mut self, sessions: std::ops::Range<usize>) -> Vec<v1::Score> {
        let calls = self.sessions[sessions].iter().flat_map(|s| s.calls);
        let calls: Vec<Uuid> = calls.collect();
        let score = |call: Uuid| v1::Score {
            request_id: call.as_bytes().to_vec().into(),
            relevance: 0.8,
            coherence: 0.9,
            helpfulness: 0.7,
            safety: 1.0,
            composite: self.random.random(),
            judge: "bench-1".into(),
            ..v1::Score::default()
        };
        calls.into_iter().map(score).collect()
    }

    fn event(&mut self, body: v1::event::Body) -> v1::Event {
        v1::Event {
            id: uuid(&mut self.random).as_bytes().to_vec().into(),
            recorded_at_ms: self.now_ms,
            body: Some(body),
        }
    }
}

fn uuid(random: &mut StdRng) -> Uuid {
    uuid::Builder::from_random_bytes(random.random()).into_uuid()
}

fn tenant(n: usize) -> String {
    format!("tenant-{n:04}")
}

fn completion(call: Uuid) -> String {
    format!("chatcmpl-{}", call.simple())
}

fn candidate(n: usize) -> String {
    format!("provider-{}/model-{n}", n % 5)
}

fn trace(n: usize) -> v1::CandidateTrace {
    v1::CandidateTrace {
        candidate: candidate(n),
        score: 0.8,
        posterior: Some(v1::Posterior {
            mean: 0.8,
            lower: 0.7,
            upper: 0.9,
            n: 40.0,
        }),
        propensity: if n == 0 { 0.95 } else { 0.0 },
        expected_cost_micro_usd: Some(420),
        filter: v1::Filter::Unspecified.into(),
        ..v1::CandidateTrace::default()
    }
}
