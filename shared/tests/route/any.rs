//! Any world whatever, told by a number: candidates, conversation, constraints and rule.

use floopy_shared::domain::{
    affinity::{Affinity, Origin},
    constraints::{Constraints, MinQuality},
    decision::{Load, Strategy},
    features::Features,
    gates::Gate,
    ids::CandidateKey,
    ranking::{Objective, Role},
    route::Selection,
    rule::Rule,
};
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

/// Any rule whatever, of any strategy; every other world has none.
fn rule(dice: &mut Dice) -> Option<Rule> {
    let below = |dice: &mut Dice, n: usize| usize::try_from(dice.below(n as u64)).expect("small");
    let strategy = *Strategy::ALL.get(below(dice, 2 * Strategy::ALL.len()))?;
    let wanted = match strategy {
        Strategy::LegacyModel => 1,
        Strategy::FeedbackDriven | Strategy::SmartCost => below(dice, NAMES.len()),
        Strategy::Fallback | Strategy::RoundRobin | Strategy::Weighted | Strategy::LatencyBased => {
            1 + below(dice, NAMES.len())
        }
    };
    let first = below(dice, NAMES.len());
    let nth = |n: usize| key(NAMES[(first + n) % NAMES.len()]);
    let weighted = strategy == Strategy::Weighted;
    let weights = (0..wanted).map(|_| 0.1 + dice.unit() * 9.0);
    let rule = Rule {
        id: String::new(),
        name: "r".into(),
        strategy,
        models: (0..wanted).map(nth).collect(),
        weights: weights.filter(|_| weighted).collect(),
        min_quality: None,
    };
    rule.validate().expect("a rule that can be followed");
    Some(rule)
}

/// What the proxy measured of some of them.
fn loads(dice: &mut Dice) -> Vec<(CandidateKey, Load)> {
    let load = |dice: &mut Dice| Load {
        first_byte_ms: (!dice.chance(4)).then(|| dice.unit() * 2_000.0),
        waiting: u32::try_from(dice.below(4)).expect("small"),
    };
    NAMES.iter().map(|name| (key(name), load(dice))).collect()
}

/// Any world whatever, told by a number.
pub(crate) fn any_world(seed: u64) -> World {
    let dice = &mut Dice(seed);
    let candidates = candidates(dice);
    let affinity = affinity(dice, candidates.len());
    let min_quality = MinQuality {
        floor: 0.95,
        assurance: 0.5 + dice.unit() * 0.49,
    };
    let named = |dice: &mut Dice| NAMES[usize::try_from(dice.below(8)).expect("small")].to_owned();
    let history = dice.below(8_000);
    let mut world = World {
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
        selection: match dice.below(20) {
            0 => Selection::Ordered(vec![key(&named(dice)), key("local/free")]),
            1 => Selection::One(key(&named(dice))),
            2 => Selection::Untouched(key(&named(dice))),
            _ => Selection::Auto,
        },
        rule: rule(dice),
        loads: loads(dice),
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
    };
    if world.baseline.is_some() {
        gate(dice, &mut world.candidates);
    }
    world
}

/// Any gate keeps back some of those without traffic.
fn gate(dice: &mut Dice, candidates: &mut [Ranked]) {
    for candidate in candidates.iter_mut().filter(|c| c.probability == 0.0) {
        let gate = Gate::ALL.get(usize::try_from(dice.below(40)).expect("small"));
        candidate.gate = gate.copied();
    }
}
