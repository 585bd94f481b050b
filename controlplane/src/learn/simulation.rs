//! The learner against simulated users: it finds the best model of each shape, and loses nothing where one
//! model is best everywhere. It sees only what a judge and raters say, never the hidden qualities.

use std::collections::BTreeMap;

use floopy_shared::domain::{
    event::RatingScore,
    ids::{CandidateKey, TenantId},
    implicit::ImplicitKind,
    shape::ShapeKey,
};

use super::{
    alarm::Alarms,
    credit::{Cell, Credit, Source, Turn, of_session},
    policy::Goal,
    promotion::UNSTAGED,
    rank::{Candidate, Incumbents, Platform, Question, rank},
    stats::TenantStats,
    sums::{ONE, Sums, to_micro},
};

/// SplitMix64 (Steele et al., OOPSLA 2014): small, seedable, good enough for a test.
pub(super) struct Rng(pub(super) u64);

impl Rng {
    pub(super) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn noise(&mut self, sd: f64) -> f64 {
        (0..12)
            .map(|_| self.unit())
            .sum::<f64>()
            .mul_add(sd, -6.0 * sd)
    }

    fn draw<'a>(
        &mut self,
        weighted: impl Iterator<Item = (&'a CandidateKey, f64)>,
    ) -> Option<CandidateKey> {
        let mut left = self.unit();
        let mut last = None;
        for (key, weight) in weighted.filter(|(_, w)| *w > 0.0) {
            last = Some(key.clone());
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
        last
    }
}

const MODELS: [&str; 4] = ["a", "b", "c", "d"];
const SHAPES: [&str; 3] = ["class:code", "class:chat", "class:math"];

fn key(model: &str) -> CandidateKey {
    CandidateKey::new("p", model).expect("valid")
}

fn shape(name: &str) -> ShapeKey {
    ShapeKey::named(name).expect("valid")
}

/// Hidden quality per shape and model, and the running state of one simulated tenant.
struct World {
    rng: Rng,
    hidden: [[f64; 4]; 3],
    buckets: Credit,
    incumbents: Incumbents,
    /// Mean hidden quality of what was served in the last quarter.
    served: (f64, u32),
    /// What of callers' acts counts.
    counted: &'static [ImplicitKind],
    /// How often a caller asks again by model, whatever the reply was worth.
    asked_again: [f64; 4],
}

impl World {
    fn new(seed: u64, hidden: [[f64; 4]; 3]) -> Self {
        let (buckets, incumbents) = (Credit::new(), Incumbents::new());
        Self {
            rng: Rng(seed),
            hidden,
            buckets,
            incumbents,
            served: (0.0, 0),
            counted: &[],
            asked_again: [0.0; 4],
        }
    }

    /// Has what callers do count, who ask the same again so often after each model's replies, whatever they are worth.
    fn listening(mut self, asked_again: [f64; 4]) -> Self {
        (self.counted, self.asked_again) = (&[ImplicitKind::AskedAgain], asked_again);
        self
    }

    fn quality(&self, shape: usize, candidate: &CandidateKey) -> f64 {
        let model = MODELS
            .iter()
            .position(|m| *m == candidate.model())
            .expect("known");
        self.hidden[shape][model]
    }

    fn judge(&mut self, shape: usize, candidate: &CandidateKey) {
        // A biased, noisy judge: compresses the scale, adds a quarter of it as noise.
        let score = 0.2 + 0.65 * self.quality(shape, candidate) + self.rng.noise(0.12);
        for name in [SHAPES[shape], "all"] {
            let cell = Cell {
                shape: name.into(),
                arm: candidate.to_string(),
                source: Source::Auto,
                day: 0,
            };
            *self.buckets.entry(cell).or_default() += Sums::of(ONE, to_micro(score));
        }
    }

    fn ask_again(&mut self, shape: usize, candidate: &CandidateKey) {
        let model = MODELS.iter().position(|m| *m == candidate.model());
        let rate = model.map_or(0.0, |model| self.asked_again[model]);
        // Nothing is drawn where nobody does: other worlds stay as they are.
        if rate <= 0.0 || self.rng.unit() >= rate {
            return;
        }
        for name in [SHAPES[shape], "all"] {
            let cell = Cell {
                shape: name.into(),
                arm: candidate.to_string(),
                source: Source::AskedAgain,
                day: 0,
            };
            *self.buckets.entry(cell).or_default() += Sums::of(ONE, 0);
        }
    }

    fn rank(&mut self) -> BTreeMap<ShapeKey, floopy_shared::domain::ranking::ShapeRanking> {
        let tenant = TenantId::new("t").expect("valid");
        // The benchmarks know only the order on average, and favour "a".
        let candidates: Vec<Candidate> = MODELS
            .iter()
            .zip([0.85, 0.80, 0.78, 0.75])
            .map(|(m, benchmark)| Candidate {
                key: key(m),
                benchmark,
                shape_priors: Default::default(),
                cost: Some(10),
            })
            .collect();
        let stats = TenantStats::collect(self.buckets.clone());
        let (rankings, incumbents) = rank(&Question {
            tenant: &tenant,
            candidates: &candidates,
            stats: &stats,
            platform: &Platform::default(),
            incumbents: &self.incumbents,
            baseline: None,
            guarded: None,
            goal: Goal::Quality,
            shadow_rate: 0.1,
            shadow_spend: 1.0,
            canary_rate: 0.05,
            live_exploration: 0.0,
            constraints: &floopy_shared::domain::constraints::UNCONSTRAINED,
            quality_per_usd: 0.0,
            alarms: &Alarms::new(),
            ladder: &UNSTAGED,
            implicit: self.counted,
        })
        .expect("candidates");
        rankings.validate().expect("valid rankings");
        self.incumbents = incumbents;
        rankings
            .shapes
            .into_iter()
            .map(|r| (r.shape.clone(), r))
            .collect()
    }

    /// Who serves a shape; one that is not told apart is served like all.
    fn incumbent(&self, name: &str) -> &CandidateKey {
        let own = self.incumbents.get(&shape(name));
        own.unwrap_or_else(|| &self.incumbents[&ShapeKey::root()])
    }

    fn session(
        &mut self,
        late: bool,
        rankings: &BTreeMap<ShapeKey, floopy_shared::domain::ranking::ShapeRanking>,
    ) {
        let which = (self.rng.unit() * 3.0) as usize;
        let ranking = rankings
            .get(&shape(SHAPES[which]))
            .unwrap_or(&rankings[&ShapeKey::root()]);
        let shares = ranking.candidates.iter().map(|c| (&c.key, c.probability));
        let served = self.rng.draw(shares).expect("someone serves");
        let length = 1 + (self.rng.unit() * 5.0) as usize;
        let quality = self.quality(which, &served);
        let mut turns = Vec::new();
        for _ in 0..length {
            self.judge(which, &served);
            self.ask_again(which, &served);
            turns.push(Turn {
                day: 0,
                shapes: vec![shape(SHAPES[which]), ShapeKey::root()],
                candidate: served.clone(),
                judged: None,
            });
            if self.rng.unit() < 0.1 {
                let shares = ranking
                    .candidates
                    .iter()
                    .map(|c| (&c.key, c.shadow_probability));
                if let Some(shadow) = self.rng.draw(shares) {
                    self.judge(which, &shadow);
                }
            }
        }
        if self.rng.unit() < 0.2 {
            let score = ((0.2 + 0.7 * quality + self.rng.noise(0.18)).clamp(0.0, 1.0) * 10.0)
                .round() as i64;
            let credit = of_session(&turns, RatingScore::new(score).expect("in range"));
            for (cell, sums) in credit {
                *self.buckets.entry(cell).or_default() += sums;
            }
        }
        if late {
            self.served = (self.served.0 + quality, self.served.1 + 1);
        }
    }

    fn run(mut self, sessions: u32) -> Self {
        let mut rankings = self.rank();
        for i in 0..sessions {
            if i % 20 == 0 {
                rankings = self.rank();
            }
            self.session(i * 4 >= sessions * 3, &rankings);
        }
        self
    }

    fn mean_served(&self) -> f64 {
        self.served.0 / f64::from(self.served.1.max(1))
    }
}

#[test]
fn every_shape_ends_with_its_best_model() {
    let hidden = [
        [0.60, 0.85, 0.55, 0.50],
        [0.80, 0.60, 0.55, 0.60],
        [0.55, 0.50, 0.60, 0.85],
    ];
    let best = ["b", "a", "d"];
    let mut right = 0;
    for seed in 0..8 {
        let world = World::new(seed, hidden).run(1_500);
        right += SHAPES
            .iter()
            .zip(best)
            .filter(|(shape, best)| world.incumbent(shape).model() == *best)
            .count();
        assert!(
            world.mean_served() > 0.78,
            "seed {seed} served {}",
            world.mean_served()
        );
    }
    assert!(
        right >= 23,
        "{right} of 24 shapes ended with their best model"
    );
}

#[test]
fn where_one_model_is_best_everywhere_little_is_lost() {
    let hidden = [[0.80, 0.76, 0.74, 0.70]; 3];
    let seeds = 0..24;
    let served: Vec<f64> = seeds
        .map(|seed| World::new(seed, hidden).run(1_500).mean_served())
        .collect();
    let mean = served.iter().sum::<f64>() / served.len() as f64;
    assert!(mean > 0.80 - 0.005, "served {mean} on average: {served:?}");
    // A shape may end on the second best for a while, never on what is clearly worse.
    assert!(served.iter().all(|q| *q > 0.76), "{served:?}");
}

#[test]
fn a_model_that_dies_stops_serving() {
    let hidden = [[0.80, 0.70, 0.60, 0.60]; 3];
    let mut world = World::new(1, hidden).run(150);
    world.hidden = [[0.0, 0.70, 0.60, 0.60]; 3];
    for _ in 0..120 {
        let dead = key("a");
        for (index, name) in SHAPES.iter().enumerate() {
            if world.incumbent(name) == &dead {
                for name in [SHAPES[index], "all"] {
                    let cell = Cell {
                        shape: name.into(),
                        arm: dead.to_string(),
                        source: Source::Failed,
                        day: 0,
                    };
                    *world.buckets.entry(cell).or_default() += Sums::of(ONE, 0);
                }
            }
        }
        world.rank();
    }
    for name in SHAPES {
        assert_ne!(world.incumbent(name), &key("a"), "{name}");
    }
}

mod implicit;
