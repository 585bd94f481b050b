//! What is written to the wire is read back as it was; what is not valid is refused by name.
#![expect(clippy::expect_used, reason = "a broken fixture is a failed test")]

#[path = "wire_round_trip/budget.rs"]
mod budget;
#[path = "wire_round_trip/cache.rs"]
mod cache;
#[path = "wire_round_trip/firewall.rs"]
mod firewall;
#[path = "wire_round_trip/parts.rs"]
mod parts;
#[path = "wire_round_trip/tags.rs"]
mod tags;
#[path = "wire_round_trip/tenant.rs"]
mod tenant;
#[path = "wire_round_trip/written.rs"]
mod written;

use floopy_proto::v1;
use floopy_shared::domain::{
    affinity::{Affinity, Origin, Release},
    batch::BatchLine,
    catalog::{Catalog, CatalogModel, ModelKind, ShapePrior},
    confidence::ConfidenceReason,
    constraints::Constraints,
    decision::{
        Attempt, AttemptResult, CandidateTrace, Decision, Ending, Filter, Load, Outcome, Reason,
        Stage, Strategy as Selected,
    },
    event::{Content, Event, EventBody, Rating, RatingScore, RatingSubject, ScoringJob},
    experiment::{Arrangement, Assignment, Variant},
    features::Features,
    gates::Gate,
    ids::{CandidateKey, RequestId, SessionId, TenantId},
    money::{Prices, Usage},
    prompt::PromptVersion,
    ranking::{Evidence, Objective, RankedCandidate, Rankings, Role, ShapeRanking},
    shape::ShapeKey,
    snapshot::{Environment, TableBody, TableName, Tenant},
    weights::{Phase, phase_weights},
};
use floopy_shared::wire::snapshot::{table_to_wire, update_from_wire};
use proptest::prelude::*;
use uuid::Uuid;

use self::{
    parts::{called, class_signals, implicit, posterior, priced},
    tenant::{prompts, tenant},
    written::check,
};

fn key(name: &str) -> CandidateKey {
    CandidateKey::parse(name).expect("valid")
}

fn shape(name: &str) -> ShapeKey {
    ShapeKey::named(name).expect("valid")
}

#[expect(clippy::too_many_lines, reason = "one literal with every field")]
fn decision(id: u128, number: u64, share: f64, flag: bool) -> Decision {
    let chosen = flag.then(|| key("openai/gpt-4o"));
    Decision {
        request_id: RequestId(Uuid::from_u128(id)),
        tenant: TenantId::new("acme").expect("valid"),
        key_id: "k1".into(),
        created_at_ms: number,
        session_id: flag.then(|| SessionId::new("s/1 ü").expect("valid")),
        completion_id: flag.then(|| "chatcmpl-1".into()),
        shapes: vec![shape("task:x"), shape("class:code"), ShapeKey::root()],
        class_signals: class_signals(),
        implicit: implicit(),
        ranked_shape: flag.then(ShapeKey::root),
        requested_model: "auto".into(),
        strategy: if flag {
            Selected::FeedbackDriven
        } else {
            Selected::Fallback
        },
        phase: Phase::Auto,
        weights: phase_weights(share * 20.0, 0.0),
        candidates: vec![CandidateTrace {
            key: key("groq/openai/gpt-oss-20b"),
            score: share,
            posterior: flag.then(|| posterior(share)),
            propensity: 1.0 - share,
            expected_cost_micro_usd: flag.then_some(number),
            filter: (!flag).then_some(Filter::Gate(Gate::MinSamples)),
            role: flag.then_some(Role::Explorer),
            latency_p95_ms: flag.then_some(number),
            p_floor: flag.then_some(share),
            p_best: flag.then_some(1.0 - share),
            load: flag.then_some(Load {
                first_byte_ms: Some(share),
                waiting: 3,
            }),
            published: flag.then_some(share),
        }],
        chosen: chosen.clone(),
        served: chosen,
        reason: if flag {
            Reason::KeptWarm
        } else {
            Reason::Error
        },
        propensity: share,
        confidence: flag.then_some(share),
        confidence_reason: ConfidenceReason::Day0Capped,
        evidence: Evidence {
            samples: number,
            top2_gap: share,
            used_shared_prior: flag,
            ..Evidence::default()
        },
        exploration_rate: share,
        snapshot_version: number,
        draw_key: "s1".into(),
        features: Features {
            tools: flag,
            max_output_tokens: (number > 0).then_some(number),
            history_tokens_estimate: number / 2,
            provider_tools: !flag,
            ..Features::default()
        },
        attempts: vec![Attempt {
            key: key("openai/gpt-4o"),
            result: if flag {
                AttemptResult::Ok
            } else {
                AttemptResult::Cancelled
            },
            status: flag.then_some(200),
            latency_ms: number,
            wasted_micro_usd: (!flag).then_some(number),
            upstream_request_id: flag.then(|| format!("req-{number}").into()),
        }],
        outcome: Outcome {
            status: if flag { 200 } else { 502 },
            ending: if flag {
                Ending::Completed
            } else {
                Ending::Error
            },
            latency_ms: number,
            first_byte_ms: flag.then_some(number),
            cost_micro_usd: flag.then_some(number),
            usage: Usage {
                input: number,
                cached_input: 1,
                output: 7,
            },
            usage_estimated: flag,
            calls_tools: flag,
            fallback_used: !flag,
            overhead_us: number,
            refused: flag,
        },
        stage: [Stage::Started, Stage::Finished][usize::from(flag)],
        shadow_of: (!flag).then(|| RequestId(Uuid::from_u128(id / 2))),
        affinity: Affinity {
            held: flag.then(|| key("anthropic/claude-haiku-4-5")),
            warm: flag,
            tool_loop: !flag,
            origin: flag.then_some(Origin::OpenAiStyle),
            bound: flag,
        },
        released: (!flag).then_some(Release::NotRanked),
        baseline: flag.then(|| key("openai/gpt-4o")),
        calibrated: flag.then_some(share),
        rule_id: (!flag).then(|| "id of a rule".into()),
        rule: flag.then(|| "cheap".into()),
        passthrough: !flag,
        project: flag.then(|| Uuid::from_u128(id)),
        environment: (!flag).then_some(Environment::Staging),
        experiment: flag.then_some(Assignment {
            experiment: Uuid::from_u128(id / 3),
            variant: if number.is_multiple_of(2) {
                Variant::A
            } else {
                Variant::B
            },
            percentage: 25,
            arrangement: [Arrangement::Shadow, Arrangement::Canary][usize::from(flag)],
        }),
        cache: flag.then(|| cache::any(number)),
        charged: flag.then(|| budget::charged(id)),
        stopped: (!flag).then(|| budget::stopped(number).into()),
        firewall: (!number.is_multiple_of(3)).then(|| firewall::screening(number, flag)),
        watched: (!number.is_multiple_of(4)).then(|| firewall::watched(number, flag)),
        redacted: firewall::redacted(number),
        tags: (!number.is_multiple_of(3)).then(|| tags::any(flag).into()),
        batch: flag.then(|| BatchLine {
            batch: "batch_1".to_owned(),
            custom_id: "line 1".to_owned(),
        }),
        prompt: flag.then(|| PromptVersion {
            id: Uuid::from_u128(id),
            version: 7,
        }),
        evaluation: flag,
        priced: (!number.is_multiple_of(5)).then(|| priced(number, flag)),
    }
}

proptest! {
    #[test]
    fn decisions_survive_the_wire(id: u128, number in 0..u64::MAX / 2, share in 0.0..1.0f64, flag: bool) {
        let body = EventBody::Decision(Box::new(decision(id, number, share, flag)));
        check(&Event { id: Uuid::from_u128(id), recorded_at_ms: number, body });
    }

    #[test]
    fn ratings_and_jobs_survive_the_wire(id: u128, score in 0..=10i64, text in "\\PC{1,80}", flag: bool) {
        let request = RequestId(Uuid::from_u128(id));
        let subject = match SessionId::new(&text) {
            Ok(session) if flag => RatingSubject::Session(session),
            Ok(_) | Err(_) => RatingSubject::Request(request),
        };
        let tenant = TenantId::new("acme").expect("valid");
        let score = RatingScore::new(score).expect("in range");
        let rating = Rating { tenant: tenant.clone(), subject, score, useful: flag, revise: !flag, retracted: !flag, rated_at_ms: 9 };
        check(&Event { id: request.0, recorded_at_ms: 1, body: EventBody::Rating(rating) });
        let job = ScoringJob {
            request_id: request, tenant: tenant.clone(), candidate: key("a/b"), prompt: text.clone(),
            reply: text.clone(), truncated: flag, json_expected: !flag,
            session_id: SessionId::new(&text).ok().filter(|_| flag), asked_at_ms: 7,
            uncertainty: 250,
            calls: vec![called(&text, flag)],
        };
        check(&Event { id: request.0, recorded_at_ms: 1, body: EventBody::ScoringJob(job) });
        let content = Content {
            request_id: request, tenant, session_id: SessionId::new("s").expect("valid"), created_at_ms: 9,
            candidate: key("a/b"), messages: text.clone(), reply: flag.then_some(text), truncated: flag,
        };
        check(&Event { id: request.0, recorded_at_ms: 1, body: EventBody::Content(content) });
    }
}

fn rankings() -> Rankings {
    let candidate = |name: &str, probability, role| RankedCandidate {
        key: key(name),
        score: 0.8,
        posterior: posterior(0.8),
        probability,
        shadow_probability: 1.0 - probability,
        role,
        latency_p95_ms: (probability > 0.5).then_some(812),
        p_floor: (probability > 0.5).then_some(0.8),
        p_best: (probability > 0.5).then_some(0.6),
        gate: (probability <= 0.0).then_some(Gate::MaxCostDrop),
    };
    Rankings {
        tenant: TenantId::new("acme").expect("valid"),
        shapes: vec![ShapeRanking {
            shape: ShapeKey::root(),
            phase: Phase::Nps,
            weights: phase_weights(10.0, 10.0),
            candidates: vec![
                candidate("p/a", 1.0, Role::Incumbent),
                candidate("p/b", 0.0, Role::Masked),
            ],
            confidence: None,
            confidence_reason: ConfidenceReason::SingleCandidate,
            evidence: Evidence::default(),
            baseline: Some(key("p/a")),
            calibrated: Some(0.9),
        }],
        shadow_rate: 0.1,
        objective: Objective::Floor,
        quality_per_usd: 2.5,
    }
}

#[test]
fn tables_survive_the_wire() {
    let mut model = CatalogModel::unlisted(key("p/a"), ModelKind::Chat);
    let unpriced = CatalogModel {
        key: key("p/b"),
        ..model.clone()
    };
    model.prices = Some(Prices {
        input_micro_usd_per_mtok: 1,
        output_micro_usd_per_mtok: 0,
        cached_input_micro_usd_per_mtok: Some(0),
    });
    let prior = ShapePrior::new("class:code", 0.8, "a test".into()).expect("valid");
    model.shape_priors = [prior].into();
    let own = CatalogModel {
        key: key("p/own"),
        ..model.clone()
    };
    let catalog = Catalog::new(vec![model, unpriced]).expect("valid");
    let tenant = tenant(own);
    let tables = [
        (TableName::Catalog, TableBody::Catalog(catalog.into())),
        (
            TableName::Tenant(tenant.id.clone()),
            TableBody::Tenant(tenant.into()),
        ),
        (
            TableName::Ranking(rankings().tenant),
            TableBody::Rankings(rankings().into()),
        ),
        (
            TableName::Prompts(prompts().tenant),
            TableBody::Prompts(prompts().into()),
        ),
    ];
    for (name, body) in tables {
        let table = table_to_wire(&name, 7, &body);
        let response = v1::WatchResponse {
            snapshot_version: 7,
            tables: vec![table],
            removed: vec![],
        };
        let read = update_from_wire(response).tables.remove(0);
        assert_eq!((read.name, read.version), (name.to_string(), 7));
        assert_eq!(read.body.expect("readable"), body);
    }
}

#[test]
fn what_is_not_valid_is_refused_by_name() {
    let event = |body| v1::Event {
        id: Uuid::from_u128(1).as_bytes().to_vec().into(),
        recorded_at_ms: 0,
        body,
    };
    let refused = |event: v1::Event| Event::try_from(event).expect_err("invalid").to_string();
    assert_eq!(refused(event(None)), "body is missing");
    let good = v1::Decision::from(&decision(1, 1, 0.5, true));
    let wild = v1::Decision {
        strategy: 99,
        ..good.clone()
    };
    assert!(refused(event(Some(v1::event::Body::Decision(wild)))).contains("strategy is 99"));
    let bare = v1::Decision {
        outcome: None,
        ..good.clone()
    };
    assert_eq!(
        refused(event(Some(v1::event::Body::Decision(bare)))),
        "outcome is missing"
    );
    let odd = v1::Decision {
        request_id: vec![1, 2].into(),
        ..good
    };
    assert!(refused(event(Some(v1::event::Body::Decision(odd)))).contains("request_id"));
}

#[test]
fn tables_that_no_proxy_may_use_are_refused_with_the_reason() {
    let refused = |change: &dyn Fn(&mut v1::Rankings)| {
        let mut wire = v1::Rankings::from(&rankings());
        change(&mut wire);
        Rankings::try_from(wire).expect_err("invalid").to_string()
    };
    let masked = refused(&|r| r.shapes[0].candidates[0].role = v1::Role::Masked.into());
    assert!(
        masked.contains("p/a of shape all is masked but has probability 1"),
        "{masked}"
    );
    let exploring = refused(&|r| r.shapes[0].candidates[0].role = v1::Role::Explorer.into());
    let expected = "explorers of shape all have 1";
    assert!(exploring.contains(expected), "{exploring}");
    let priced = refused(&|r| r.quality_per_usd = -1.0);
    assert!(priced.contains("quality per USD is -1"), "{priced}");
    let constraints = v1::Constraints {
        deny_providers: vec!["p".into()],
        allow_providers: vec!["p".into()],
        ..v1::Constraints::default()
    };
    let error = Constraints::try_from(constraints)
        .expect_err("contradiction")
        .to_string();
    assert!(
        error.contains("deny_providers: \"p\" is also in allow_providers"),
        "{error}"
    );
}

#[test]
fn what_older_planes_leave_out_has_its_neutral_value() {
    let mut wire = v1::Rankings::from(&rankings());
    (wire.objective, wire.quality_per_usd) = (0, 0.0);
    let read = Rankings::try_from(wire).expect("valid");
    assert_eq!(
        (read.objective, read.quality_per_usd),
        (Objective::Quality, 0.0)
    );
    let tenant = v1::Tenant {
        id: "acme".into(),
        ..v1::Tenant::default()
    };
    let expected = TenantId::new("acme").map(Tenant::new).ok();
    assert_eq!(Tenant::try_from(tenant).ok(), expected);
}
