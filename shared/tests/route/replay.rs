//! Propensities are what really happens, and a record replays bit for bit.

use std::{collections::BTreeMap, sync::Arc};

use floopy_proto::v1;
use floopy_shared::domain::{
    affinity::Affinity,
    catalog::CatalogModel,
    decision::{Decision, Ending, Filter, Outcome, Reason, Stage},
    ids::{RequestId, TenantId},
    money::Usage,
    route::{Choice, Selection, replay::replay},
    rule::{Routing, Rule},
    shape::ShapeKey,
    snapshot::{Snapshot, TableBody, TableUpdate, Tenant, Update},
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::{any::any_world, world::World};

pub(crate) fn circuit(seed: u64) -> impl Fn(&CatalogModel) -> Option<Filter> {
    move |model| {
        let sum: u64 = model.key.as_str().bytes().map(u64::from).sum();
        match (sum ^ seed) % 9 {
            0 => Some(Filter::CircuitOpen),
            1 => Some(Filter::NoProviderKey),
            _ => None,
        }
    }
}

pub(crate) fn snapshot(world: &World) -> Snapshot {
    let table = |name: &str, body| TableUpdate {
        name: name.into(),
        version: 1,
        body: Ok(body),
    };
    let update = Update {
        version: 1,
        tables: vec![
            table("catalog", TableBody::Catalog(Arc::new(world.catalog()))),
            table("ranking/t", TableBody::Rankings(Arc::new(world.rankings()))),
        ],
        removed: vec![],
    };
    let (snapshot, rejections) = Snapshot::default().apply(update);
    assert!(rejections.is_empty(), "{rejections:?}");
    snapshot
}

/// What the proxy writes down of a choice.
pub(crate) fn record(world: &World, choice: &Choice) -> Decision {
    let outcome = ended();
    Decision {
        request_id: RequestId(Uuid::parse_str(&world.request).expect("a UUID")),
        tenant: TenantId::new("t").expect("valid"),
        key_id: "k".into(),
        created_at_ms: 1,
        session_id: None,
        completion_id: None,
        shapes: vec![ShapeKey::root()],
        class_signals: Vec::new(),
        implicit: Vec::new(),
        ranked_shape: choice.ranked_shape.clone(),
        requested_model: "auto".into(),
        strategy: choice.strategy,
        phase: choice.phase,
        weights: choice.weights,
        candidates: choice.candidates.clone(),
        chosen: choice.order.first().map(|model| model.key.clone()),
        served: None,
        reason: choice.reason,
        propensity: choice.propensity,
        confidence: choice.confidence,
        confidence_reason: choice.confidence_reason,
        evidence: choice.evidence,
        exploration_rate: choice.exploration_rate,
        snapshot_version: 1,
        draw_key: world.session.clone(),
        features: world.features,
        attempts: vec![],
        outcome,
        stage: Stage::Finished,
        shadow_of: None,
        affinity: world.affinity.clone(),
        released: choice.released,
        baseline: choice.baseline.clone(),
        calibrated: choice.calibrated,
        rule: choice.rule.clone(),
        rule_id: choice.rule_id.clone(),
        passthrough: matches!(world.selection, Selection::Untouched(_)),
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
    }
}

fn ended() -> Outcome {
    Outcome {
        status: 200,
        ending: Ending::Completed,
        latency_ms: 1,
        first_byte_ms: None,
        cost_micro_usd: None,
        usage: Usage::default(),
        usage_estimated: false,
        fallback_used: false,
        overhead_us: 1,
        refused: false,
        calls_tools: false,
    }
}

/// Decides, writes it down, sends it over the wire, decides again from what arrived. How many could serve.
fn replays(seed: u64) -> bool {
    let world = any_world(seed);
    let snapshot = snapshot(&world);
    let tenant = Tenant {
        default_model: world.default_model.clone(),
        constraints: world.constraints.clone(),
        zero_retention: world.zero_retention,
        routing: Routing {
            rules: world.rule.clone().into_iter().collect(),
            ..Routing::default()
        },
        ..Tenant::new(TenantId::new("t").expect("valid"))
    };
    let rankings = snapshot.rankings(&tenant.id).expect("pushed").clone();
    let first = world.choose_with((snapshot.catalog(), &rankings), circuit(seed));
    let Ok(first) = first else { return false };
    let wire = v1::Decision::from(&record(&world, &first));
    let read = Decision::try_from(wire).expect("readable");
    let second = replay(&read, &snapshot, &tenant).expect("again");
    assert_eq!(first, second, "seed {seed}");
    for (a, b) in first.candidates.iter().zip(&second.candidates) {
        assert_eq!(
            a.propensity.to_bits(),
            b.propensity.to_bits(),
            "seed {seed}"
        );
    }
    true
}

fn check_replays(decisions: u64) {
    let served = (0..decisions).filter(|seed| replays(*seed)).count();
    let share = served as f64 / decisions as f64;
    assert!(
        share > 0.8,
        "only {share} of the worlds have somebody to serve"
    );
}

/// More on request: a million take a quarter of a minute.
const REPLAYS: &str = "FLOOPY_REPLAYS";

#[test]
fn a_hundred_thousand_records_replay_bit_for_bit() {
    let wanted = std::env::var(REPLAYS).ok();
    check_replays(wanted.map_or(100_000, |n| n.parse().expect("a number")));
}

#[test]
fn choices_among_a_callers_own_list_replay_bit_for_bit() {
    let replayed = (0..5_000).filter(|seed| {
        let mut world = any_world(*seed);
        let models = world.catalog();
        let listed = models.models().iter().step_by(2);
        world.rule = Some(Rule::among(listed.map(|model| model.key.clone()).collect()));
        world.selection = Selection::Auto;
        let snapshot = snapshot(&world);
        let tenant = Tenant {
            default_model: world.default_model.clone(),
            constraints: world.constraints.clone(),
            zero_retention: world.zero_retention,
            ..Tenant::new(TenantId::new("t").expect("valid"))
        };
        let rankings = snapshot.rankings(&tenant.id).expect("pushed").clone();
        let first = world.choose_with((snapshot.catalog(), &rankings), circuit(*seed));
        let Ok(first) = first else { return false };
        let record = Decision {
            requested_model: "a,b".into(),
            ..record(&world, &first)
        };
        let second = replay(&record, &snapshot, &tenant).expect("again");
        assert_eq!(first, second, "seed {seed}");
        true
    });
    assert!(
        replayed.count() > 3_000,
        "hardly any world has somebody to serve"
    );
}

/// Over many sessions of one world, who serves and whether a canary or explorer was the reason.
fn frequencies(world: &World, seed: u64, sessions: u32) -> Option<(BTreeMap<String, f64>, f64)> {
    let (catalog, rankings) = (world.catalog(), world.rankings());
    let mut served: BTreeMap<String, f64> = BTreeMap::new();
    let mut explored = 0.0;
    for n in 0..sessions {
        let one = World {
            session: format!("{seed}-{n}"),
            ..world.clone()
        };
        let choice = one.choose_with((&catalog, &rankings), circuit(seed)).ok()?;
        *served.entry(choice.order[0].key.to_string()).or_default() += 1.0 / f64::from(sessions);
        if choice.reason == Reason::Explored {
            explored += 1.0 / f64::from(sessions);
        }
    }
    Some((served, explored))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn simulated_frequencies_match_the_logged_propensities(seed: u64) {
        const SESSIONS: u32 = 8_000;
        // Five standard deviations of the least certain share.
        let tolerance = 5.0 * (0.25 / f64::from(SESSIONS)).sqrt();
        let world = World { selection: Selection::Auto, ..any_world(seed) };
        let Some((served, explored)) = frequencies(&world, seed, SESSIONS) else { return Ok(()) };
        let (catalog, rankings) = (world.catalog(), world.rankings());
        let choice = world.choose_with((&catalog, &rankings), circuit(seed)).expect("as before");
        let sum: f64 = choice.candidates.iter().map(|c| c.propensity).sum();
        prop_assert!((sum - 1.0).abs() < 1e-9, "propensities sum to {sum}");
        prop_assert!(
            (explored - choice.exploration_rate).abs() < tolerance,
            "explored {explored}, logged {}", choice.exploration_rate
        );
        for candidate in &choice.candidates {
            let share = served.get(candidate.key.as_str()).copied().unwrap_or(0.0);
            prop_assert!(
                (share - candidate.propensity).abs() < tolerance,
                "{} served {share}, logged {}", candidate.key, candidate.propensity
            );
        }
    }

    #[test]
    fn shadows_go_where_their_logged_propensity_says(seed: u64) {
        const REQUESTS: u32 = 8_000;
        let tolerance = 5.0 * (0.25 / f64::from(REQUESTS)).sqrt();
        let mut world = World { selection: Selection::Auto, zero_retention: false, ..any_world(seed) };
        world.features.provider_tools = false;
        world.affinity = Affinity::default();
        let (catalog, rankings) = (world.catalog(), world.rankings());
        let mut tried: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        for n in 0..REQUESTS {
            world.request = format!("{seed}-{n}");
            let Ok(choice) = world.choose_with((&catalog, &rankings), circuit(seed)) else { return Ok(()) };
            if let Some(shadow) = choice.shadow {
                let entry = tried.entry(shadow.model.key.to_string()).or_default();
                *entry = (entry.0 + 1.0 / f64::from(REQUESTS), shadow.propensity);
            }
        }
        for (candidate, (share, logged)) in tried {
            prop_assert!((share - logged).abs() < tolerance, "{candidate} tried {share}, logged {logged}");
        }
    }
}
