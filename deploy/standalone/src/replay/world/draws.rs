//! Every random draw of a world, from one seed.

use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Gamma, Geometric, Normal};

use super::{Feedback, JudgeLuck, ManualLuck, Request, Size, Tenant};
use crate::replay::table::{PromptRef, Table};

/// Prompts of a shape that a tenant has at least: fewer say little of a model.
const MIN_PROMPTS: usize = 20;
/// Task shapes of one session at most.
const SESSION_SHAPES: usize = 3;
/// Share of a tenant's traffic that is spread evenly, so that no shape is unheard of.
const EVEN_SHARE: f64 = 0.1;

/// Independent streams of numbers under one seed. ChaCha's are the same on every platform and in every
/// version, which `StdRng` does not promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::replay) enum Stream {
    /// What all tenants share.
    Platform,
    /// A tenant's requests and moods.
    Tenant(usize),
    /// A tenant's policy, if it needs luck of its own.
    Policy(usize),
}

impl Stream {
    pub(in crate::replay) fn rng(self, seed: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(match self {
            Self::Platform => 0,
            Self::Tenant(tenant) => 2 * tenant as u64 + 1,
            Self::Policy(tenant) => 2 * tenant as u64 + 2,
        });
        rng
    }
}

pub(super) fn tenants(table: &Table, feedback: &Feedback, size: Size) -> Vec<Tenant> {
    let seeds = (0..size.seeds as u64).map(|n| size.seed.wrapping_add(n));
    seeds
        .flat_map(|seed| of_seed(table, feedback, (seed, size)))
        .collect()
}

fn of_seed(table: &Table, feedback: &Feedback, (seed, size): (u64, Size)) -> Vec<Tenant> {
    let mut platform = Stream::Platform.rng(seed);
    let shared: Vec<f64> = (0..table.models.len())
        .map(|_| normal(&mut platform, feedback.judge_bias))
        .collect();
    (0..size.tenants)
        .map(|tenant| {
            let rng = Stream::Tenant(tenant).rng(seed);
            let sources = (table, feedback);
            Draws { rng, sources, seed }.tenant(&shared, size.requests)
        })
        .collect()
}

fn normal(rng: &mut ChaCha8Rng, sd: f64) -> f64 {
    // A standard deviation is finite and not negative, as its option says.
    Normal::new(0.0, sd).map_or(0.0, |normal| normal.sample(rng))
}

/// One tenant being drawn.
struct Draws<'a> {
    rng: ChaCha8Rng,
    sources: (&'a Table, &'a Feedback),
    seed: u64,
}

/// Which prompts a tenant asks, and how often of which shape.
struct Habits {
    mix: Vec<f64>,
    /// Positions of the tenant's prompts, by shape.
    prompts: Vec<Vec<usize>>,
    /// Conversations of the table that it holds.
    sessions: Vec<Vec<PromptRef>>,
}

impl Draws<'_> {
    fn tenant(&mut self, shared_bias: &[f64], requests: usize) -> Tenant {
        let (table, feedback) = self.sources;
        let habits = self.habits();
        let tenant_bias = feedback.judge_tenant_bias;
        let biases = shared_bias
            .iter()
            .map(|bias| bias + normal(&mut self.rng, tenant_bias));
        let judge_bias = biases.collect();
        let kindness = normal(&mut self.rng, feedback.kindness);
        let requests = self.requests(&habits, requests);
        Tenant {
            seed: self.seed,
            quality: means(table, &habits.prompts, |outcome| outcome.score),
            cost_usd: means(table, &habits.prompts, |outcome| {
                outcome.cost_usd.unwrap_or(0.0)
            }),
            mix: shares(&requests, table.shapes.len()),
            requests,
            judge_bias,
            kindness,
        }
    }

    fn habits(&mut self) -> Habits {
        let (table, feedback) = self.sources;
        let mut sessions = table.sessions.clone();
        let kept = kept(sessions.len(), feedback.prompt_share, 1);
        sessions.partial_shuffle(&mut self.rng, kept);
        // A partial shuffle leaves what was drawn at the end.
        let sessions = sessions.split_off(sessions.len() - kept);
        let prompts = if sessions.is_empty() {
            (0..table.shapes.len())
                .map(|shape| self.some_prompts(shape))
                .collect()
        } else {
            asked(table, &sessions)
        };
        let mix = self.mix();
        Habits {
            mix,
            prompts,
            sessions,
        }
    }

    fn some_prompts(&mut self, shape: usize) -> Vec<usize> {
        let (table, feedback) = self.sources;
        let mut all: Vec<usize> = (0..table.shapes[shape].prompts.len()).collect();
        let kept = kept(all.len(), feedback.prompt_share, MIN_PROMPTS);
        all.partial_shuffle(&mut self.rng, kept).0.to_vec()
    }

    /// Dirichlet, as normalised gamma variates, with a little of every shape.
    fn mix(&mut self) -> Vec<f64> {
        let (table, feedback) = self.sources;
        let gamma = Gamma::new(feedback.mix_concentration, 1.0);
        let shapes = table.shapes.len();
        let mut draw = || gamma.map_or(1.0, |gamma| gamma.sample(&mut self.rng));
        let weights: Vec<f64> = (0..shapes).map(|_| draw()).collect();
        let sum: f64 = weights.iter().sum();
        let even = 1.0 / shapes as f64;
        let one = |w: &f64| (1.0 - EVEN_SHARE) * w / sum.max(f64::MIN_POSITIVE) + EVEN_SHARE * even;
        weights.iter().map(one).collect()
    }

    fn requests(&mut self, habits: &Habits, count: usize) -> Vec<Request> {
        let mut requests = Vec::with_capacity(count);
        for session in 0.. {
            let turns = self.turns(habits);
            let room = count - requests.len();
            let last = turns.len().min(room) - 1;
            for (turn, asked) in turns.into_iter().take(room).enumerate() {
                requests.push(self.request(asked, (session, turn == last)));
            }
            if requests.len() >= count {
                break;
            }
        }
        requests
    }

    /// The prompts of one session; at least one.
    fn turns(&mut self, habits: &Habits) -> Vec<PromptRef> {
        if !habits.sessions.is_empty() {
            let session = self.rng.random_range(0..habits.sessions.len());
            return habits.sessions[session].clone();
        }
        let shapes = self.session_shapes(&habits.mix);
        let turns = self.session_length();
        let turn = |_| {
            let shape = shapes[self.rng.random_range(0..shapes.len())];
            let prompts = &habits.prompts[shape];
            let prompt = prompts[self.rng.random_range(0..prompts.len())];
            PromptRef { shape, prompt }
        };
        (0..turns).map(turn).collect()
    }

    /// One request and a geometric number of further ones, at least one, as long as sessions have any.
    fn session_length(&mut self) -> usize {
        let further = self.sources.1.session_requests - 1.0;
        if further < 1.0 {
            return 1 + usize::from(self.rng.random_bool(further));
        }
        // The distribution counts failures before a success; the success is a request too.
        let failures =
            Geometric::new(1.0 / further).map_or(0, |geometric| geometric.sample(&mut self.rng));
        2 + usize::try_from(failures).unwrap_or(usize::MAX - 2)
    }

    /// One to three shapes, the frequent ones more likely, none twice.
    fn session_shapes(&mut self, mix: &[f64]) -> Vec<usize> {
        let wanted = self.rng.random_range(1..=SESSION_SHAPES).min(mix.len());
        let mut left: Vec<(usize, f64)> = mix.iter().copied().enumerate().collect();
        let mut picked = Vec::with_capacity(wanted);
        for _ in 0..wanted {
            let sum: f64 = left.iter().map(|(_, weight)| weight).sum();
            let mut rest = self.rng.random::<f64>() * sum;
            let found = left.iter().position(|(_, weight)| {
                rest -= weight;
                rest < 0.0
            });
            picked.push(left.remove(found.unwrap_or(left.len() - 1)).0);
        }
        picked
    }

    /// Draws the same numbers for every request, whatever becomes of them.
    fn request(&mut self, asked: PromptRef, (session, is_last): (usize, bool)) -> Request {
        let feedback = self.sources.1;
        let served = self.judge_luck();
        let shadow = self.judge_luck();
        let rng = &mut self.rng;
        let is_rated = rng.random_bool(feedback.rated);
        let is_seen = rng.random_bool(feedback.manual);
        let is_misread = rng.random_bool(feedback.manual_flip);
        Request {
            shape: asked.shape,
            prompt: asked.prompt,
            session,
            is_last,
            is_rated,
            served,
            shadow,
            manual: is_seen.then_some(ManualLuck { is_misread }),
            rating_noise: normal(rng, feedback.rating_noise),
            decay: rng.random(),
        }
    }

    fn judge_luck(&mut self) -> JudgeLuck {
        let feedback = self.sources.1;
        JudgeLuck {
            is_misread: self.rng.random_bool(feedback.judge_flip),
            noise: normal(&mut self.rng, feedback.judge_noise),
        }
    }
}

/// How many of `all` a share keeps: at least `least`, if there are so many.
fn kept(all: usize, share: f64, least: usize) -> usize {
    ((all as f64 * share) as usize).max(least).min(all)
}

/// The prompts that these conversations ask, by shape, once each.
fn asked(table: &Table, sessions: &[Vec<PromptRef>]) -> Vec<Vec<usize>> {
    let mut prompts = vec![Vec::new(); table.shapes.len()];
    for turn in sessions.iter().flatten() {
        prompts[turn.shape].push(turn.prompt);
    }
    for shape in &mut prompts {
        shape.sort_unstable();
        shape.dedup();
    }
    prompts
}

fn means(
    table: &Table,
    prompts: &[Vec<usize>],
    of: impl Fn(&crate::replay::table::Outcome) -> f64,
) -> Vec<Vec<f64>> {
    let mean = |shape: usize, model: usize| {
        let values = prompts[shape]
            .iter()
            .map(|p| of(&table.shapes[shape].prompts[*p][model]));
        values.sum::<f64>() / prompts[shape].len().max(1) as f64
    };
    let row = |shape: usize| {
        (0..table.models.len())
            .map(|model| mean(shape, model))
            .collect()
    };
    (0..prompts.len()).map(row).collect()
}

/// Share of each shape among the requests.
fn shares(requests: &[Request], shapes: usize) -> Vec<f64> {
    let mut shares = vec![0.0; shapes];
    for request in requests {
        shares[request.shape] += 1.0 / requests.len() as f64;
    }
    shares
}
