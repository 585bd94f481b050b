//! Propensities are what really happens, and a record replays bit for bit.

use std::{collections::BTreeMap, sync::Arc};

use floopy_proto::v1;
use floopy_shared::domain::{
    affinity::{Affinity, Origin},
    catalog::CatalogModel,
    constraints::{Constraints, MinQuality},
    decision::{Decision, Ending, Filter, Outcome, Reason, Stage},
    features::Features,
    ids::{RequestId, TenantId},
    money::Usage,
    ranking::{Objective, Role},
    route::{Choice, Selection, replay::replay},
    shape::ShapeKey,
    snapshot::{Snapshot, TableBody, TableUpdate, Tenant, Update},
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::world::{Ranked, World, key, ranked};

const NAMES: [&str; 8] = [
    "openai/gpt",
    "openai/mini",
    "anthropic/claude",
    "anthropic/claude-mini",
    "gemini/pro",
    "groq/llama",
    "mistral/large",
    "local/free",
];

/// The next of a sequence that has nothing random about it (SplitMix64, Steele et al. 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        next(&mut self.0) % n
    }

    fn unit(&mut self) -> f64 {
        f64::from(u32::try_from(self.below(1 << 32)).expect("32 bits")) / f64::from(u32::MAX)
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}

fn candidates(dice: &mut Dice) -> Vec<Ranked> {
    let count = 2 + usize::try_from(dice.below(7)).expect("small");
    let mut candidates: Vec<Ranked> = NAMES[..count]
        .iter()
        .map(|name| Ranked {
            score: dice.unit(),
            shadow: 1.0 / count as f64,
            role: if dice.chance(8) {
                Role::Masked
            } else {
                Role::Fallback
            },
            latency_p95_ms: (!dice.chance(4)).then(|| dice.below(3_000)),
            p_floor: (!dice.chance(3)).then(|| dice.unit()),
            price: (!dice.chance(6)).then(|| 10_000 + dice.below(5_000_000)),
            ..ranked(name)
        })
        .collect();
    let exploring = if dice.chance(2) && count > 2 {
        0.03
    } else {
        0.0
    };
    candidates[0].role = Role::Incumbent;
    candidates[1].role = Role::Canary;
    candidates[1].probability = dice.unit() / 2.0;
    if exploring > 0.0 {
        candidates[2].role = Role::Explorer;
        candidates[2].probability = exploring;
    }
    candidates[0].probability = 1.0 - candidates[1].probability - exploring;
    candidates
}

fn affinity(dice: &mut Dice, count: usize) -> Affinity {
    let origins = [
        Origin::Anthropic,
        Origin::OpenAi,
        Origin::OpenAiStyle,
        Origin::Gemini,
    ];
    let tool_loop = dice.chance(4);
    let bound = dice.chance(6);
    let origin = origins[usize::try_from(dice.below(4)).expect("small")];
    let held = usize::try_from(dice.below(count as u64 + 2)).expect("small");
    Affinity {
        held: NAMES
            .get(held)
            .filter(|_| held < count + 1)
            .map(|name| key(name)),
        warm: dice.chance(2),
        tool_loop,
        origin: (bound || tool_loop).then_some(origin),
        bound,
    }
}

/// Any world whatever, told by a number.
fn any_world(seed: u64) -> World {
    let dice = &mut Dice(seed);
    let candidates = candidates(dice);
    let affinity = affinity(dice, candidates.len());
    let min_quality = MinQuality {
        floor: 0.95,
        assurance: 0.5 + dice.unit() * 0.49,
    };
    let named = |dice: &mut Dice| NAMES[usize::try_from(dice.below(8)).expect("small")].to_owned();
    let history = dice.below(8_000);
    World {
        baseline: dice.chance(2).then(|| candidates[0].key.clone()),
        default_model: dice.chance(3).then(|| candidates[1].key.clone()),
        constraints: Constraints {
            deny_models: if dice.chance(4) {
                vec![named(dice)]
            } else {
                vec![]
            },
            max_cost_micro_usd: dice.chance(4).then(|| 1 + dice.below(20_000)),
            max_latency_ms: dice.chance(4).then(|| 1 + dice.below(3_000)),
            min_quality: dice.chance(4).then_some(min_quality),
            ..Constraints::default()
        },
        zero_retention: dice.chance(10),
        features: Features {
            messages: u32::try_from(1 + dice.below(30)).expect("small"),
            history_tokens_estimate: history,
            input_tokens_estimate: history + dice.below(500),
            provider_tools: dice.chance(10),
            ..Features::default()
        },
        affinity,
        selection: if dice.chance(10) {
            Selection::Ordered(vec![key(&named(dice)), key("local/free")])
        } else {
            Selection::Auto
        },
        objective: if dice.chance(3) {
            Objective::Floor
        } else {
            Objective::Quality
        },
        quality_per_usd: dice.unit() * 3.0,
        shadow_rate: dice.unit() / 2.0,
        session: format!("session-{}", dice.below(1 << 40)),
        request: Uuid::from_u64_pair(dice.below(u64::MAX), dice.below(u64::MAX)).to_string(),
        ..World::new(candidates)
    }
}

fn circuit(seed: u64) -> impl Fn(&CatalogModel) -> Option<Filter> {
    move |model| {
        let sum: u64 = model.key.as_str().bytes().map(u64::from).sum();
        match (sum ^ seed) % 9 {
            0 => Some(Filter::CircuitOpen),
            1 => Some(Filter::NoProviderKey),
            _ => None,
        }
    }
}

fn snapshot(world: &World) -> Snapshot {
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
fn record(world: &World, choice: &Choice) -> Decision {
    Decision {
        request_id: RequestId(Uuid::parse_str(&world.request).expect("a UUID")),
        tenant: TenantId::new("t").expect("valid"),
        key_id: "k".into(),
        created_at_ms: 1,
        session_id: None,
        completion_id: None,
        shapes: vec![ShapeKey::root()],
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
        outcome: Outcome {
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
        },
        stage: Stage::Finished,
        shadow_of: None,
        affinity: world.affinity.clone(),
        released: choice.released,
        baseline: choice.baseline.clone(),
        calibrated: choice.calibrated,
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
        share > 0.9,
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
        if choice.reason != Reason::Pinned {
            prop_assert!(
                (explored - choice.exploration_rate).abs() < tolerance,
                "explored {explored}, logged {}", choice.exploration_rate
            );
        }
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
