//! The score board: what Floopy achieved, and what others would have achieved with the same requests of the
//! same users.

use super::session::{Asked, Played, rating};
use crate::simulator::{
    self, Prompt,
    kind::Kind,
    world::{MODELS, World},
};

/// How one way of serving did over some sessions.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Side {
    /// Sum of session ratings, 0 to 10 each.
    ratings: f64,
    /// Sum of the hidden quality of whoever served.
    quality: f64,
    cost_micro_usd: f64,
}

/// One session: what happened and what would have.
#[derive(Debug, Clone)]
struct Scored {
    floopy: Side,
    models: [Side; MODELS.len()],
    oracle: Side,
    /// Kind and the model that served, `None` where none did.
    served: Vec<(Kind, Option<usize>)>,
}

/// Means over some sessions.
#[derive(Debug, Clone, Copy)]
pub(super) struct Means {
    pub rating: f64,
    pub quality: f64,
    pub usd_per_1k: f64,
}

/// Everyone over the same sessions.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub sessions: usize,
    pub floopy: Means,
    /// The model with the best mean rating over all sessions so far: nobody knows it beforehand.
    pub best_single: Means,
    /// The model that public benchmarks favour: what one would start with.
    pub benchmark: Means,
    /// The best model for each kind, known without trying.
    pub oracle: Means,
}

/// All sessions so far.
#[derive(Debug)]
pub(super) struct Board {
    world: World,
    expected: usize,
    /// By number, as far as they are played.
    sessions: Vec<Option<Scored>>,
    played: usize,
    rated: usize,
    requests: usize,
    unanswered: usize,
    last_request: Option<String>,
}

impl Board {
    pub(super) fn new(seed: u64, expected: usize) -> Self {
        Self {
            world: World::new(seed),
            expected,
            sessions: vec![None; expected],
            played: 0,
            rated: 0,
            requests: 0,
            unanswered: 0,
            last_request: None,
        }
    }

    /// Counts one session and works out the what-ifs.
    pub(super) fn add(&mut self, played: &Played) {
        let scored = Scored {
            floopy: self.actual(played),
            models: std::array::from_fn(|model| self.what_if(played, |_| model, false)),
            oracle: self.what_if(played, |kind| self.world.best(kind), true),
            served: played
                .requests
                .iter()
                .map(|r| (r.kind, r.reply.map(|e| e.model)))
                .collect(),
        };
        self.played += 1;
        self.rated += usize::from(played.rated);
        self.requests += played.requests.len();
        self.unanswered += played.requests.iter().filter(|r| r.reply.is_none()).count();
        if let Some(id) = played
            .requests
            .iter()
            .rev()
            .find_map(|r| r.request_id.clone())
        {
            self.last_request = Some(id);
        }
        if let Some(place) = self.sessions.get_mut(played.number) {
            *place = Some(scored);
        }
    }

    fn actual(&self, played: &Played) -> Side {
        let good: Vec<bool> = played.requests.iter().map(Asked::is_good).collect();
        let mut side = Side {
            ratings: f64::from(rating(&good, played.noise)),
            ..Side::default()
        };
        for request in &played.requests {
            let Some(entry) = request.reply else { continue };
            side.quality += self.world.quality(request.kind, &MODELS[entry.model]);
            side.cost_micro_usd += entry.cost_micro_usd;
        }
        side
    }

    /// The same requests, all served by the choice. A failure is a bad reply, except for `steps_in`, who
    /// falls back to the second best.
    fn what_if(&self, played: &Played, choice: impl Fn(Kind) -> usize, steps_in: bool) -> Side {
        let mut side = Side::default();
        let mut good = Vec::with_capacity(played.requests.len());
        for request in &played.requests {
            let prompt = prompt(request);
            let mut model = choice(request.kind);
            let mut outcome = self
                .world
                .outcome(request.kind, prompt.nonce(), &MODELS[model]);
            if outcome.failure.is_some() && steps_in {
                model = self.second_best(request.kind, model);
                outcome = self
                    .world
                    .outcome(request.kind, prompt.nonce(), &MODELS[model]);
            }
            good.push(outcome.good && outcome.failure.is_none());
            side.quality += self.world.quality(request.kind, &MODELS[model]);
            if outcome.failure.is_none() {
                let written = simulator::answer(&self.world, model, request.kind, &prompt);
                side.cost_micro_usd +=
                    MODELS[model].cost_micro_usd(written.input_tokens, written.output_tokens);
            }
        }
        side.ratings = f64::from(rating(&good, played.noise));
        side
    }

    fn second_best(&self, kind: Kind, best: usize) -> usize {
        let quality = |index: &usize| self.world.quality(kind, &MODELS[*index]);
        let others = (0..MODELS.len()).filter(|index| *index != best);
        others
            .max_by(|a, b| quality(a).total_cmp(&quality(b)))
            .unwrap_or(best)
    }

    /// Everyone over the latest `count` sessions.
    pub(super) fn latest(&self, count: usize) -> Option<Window> {
        let scored: Vec<&Scored> = self.sessions.iter().flatten().collect();
        self.window(&scored[scored.len().saturating_sub(count)..])
    }

    /// Everyone over the first `count` sessions.
    pub(super) fn first(&self, count: usize) -> Option<Window> {
        let scored: Vec<&Scored> = self.sessions.iter().flatten().take(count).collect();
        self.window(&scored)
    }

    fn window(&self, scored: &[&Scored]) -> Option<Window> {
        let requests = scored.iter().map(|s| s.served.len()).sum::<usize>();
        if requests == 0 {
            return None;
        }
        let means = |side: &dyn Fn(&Scored) -> Side| means(scored, side, requests);
        let (single, benchmark) = (self.best_single(), benchmark_favourite());
        Some(Window {
            sessions: scored.len(),
            floopy: means(&|s| s.floopy),
            best_single: means(&|s| s.models[single]),
            benchmark: means(&|s| s.models[benchmark]),
            oracle: means(&|s| s.oracle),
        })
    }

    /// The one model that would have earned the best ratings over all sessions so far.
    pub(super) fn best_single(&self) -> usize {
        let sum = |model: &usize| -> f64 {
            self.sessions
                .iter()
                .flatten()
                .map(|s| s.models[*model].ratings)
                .sum()
        };
        (0..MODELS.len())
            .max_by(|a, b| sum(a).total_cmp(&sum(b)))
            .unwrap_or(0)
    }

    /// How often each model served a kind in the latest `count` sessions.
    pub(super) fn served(&self, kind: Kind, count: usize) -> [usize; MODELS.len()] {
        let scored: Vec<&Scored> = self.sessions.iter().flatten().collect();
        let mut served = [0; MODELS.len()];
        let latest = scored[scored.len().saturating_sub(count)..]
            .iter()
            .flat_map(|s| &s.served);
        for model in latest
            .filter(|(of, _)| *of == kind)
            .filter_map(|(_, model)| *model)
        {
            served[model] += 1;
        }
        served
    }

    /// What served requests cost, in micro-USD.
    pub(super) fn served_cost_micro_usd(&self) -> f64 {
        self.sessions
            .iter()
            .flatten()
            .map(|s| s.floopy.cost_micro_usd)
            .sum()
    }

    pub(super) fn world(&self) -> &World {
        &self.world
    }

    pub(super) fn expected(&self) -> usize {
        self.expected
    }

    pub(super) fn played(&self) -> usize {
        self.played
    }

    pub(super) fn rated(&self) -> usize {
        self.rated
    }

    pub(super) fn requests(&self) -> usize {
        self.requests
    }

    pub(super) fn unanswered(&self) -> usize {
        self.unanswered
    }

    /// A request that can be looked at.
    pub(super) fn last_request(&self) -> Option<&str> {
        self.last_request.as_deref()
    }
}

impl Window {
    /// Share of the way from a reference to the oracle, in ratings.
    pub(super) fn gap_closed(&self, reference: &Means) -> f64 {
        share(self.floopy.rating, reference.rating, self.oracle.rating)
    }

    /// The same in hidden quality, which has no luck in it.
    pub(super) fn quality_gap_closed(&self, reference: &Means) -> f64 {
        share(self.floopy.quality, reference.quality, self.oracle.quality)
    }
}

fn share(reached: f64, from: f64, to: f64) -> f64 {
    if to > from {
        (reached - from) / (to - from)
    } else {
        0.0
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of sessions and requests"
)]
fn means(scored: &[&Scored], side: &dyn Fn(&Scored) -> Side, requests: usize) -> Means {
    let sum = |value: &dyn Fn(Side) -> f64| scored.iter().map(|s| value(side(s))).sum::<f64>();
    Means {
        rating: sum(&|s| s.ratings) / scored.len().max(1) as f64,
        quality: sum(&|s| s.quality) / requests as f64,
        // Micro-USD per request are 1e-6 · 1e3 USD per thousand.
        usd_per_1k: sum(&|s| s.cost_micro_usd) / requests as f64 / 1_000.0,
    }
}

/// What one would start with, knowing only the benchmarks.
pub(super) fn benchmark_favourite() -> usize {
    let benchmark = |index: &usize| MODELS[*index].benchmark;
    (0..MODELS.len())
        .max_by(|a, b| benchmark(a).total_cmp(&benchmark(b)))
        .unwrap_or(0)
}

/// As the simulator saw it.
fn prompt(request: &Asked) -> Prompt<'_> {
    Prompt {
        system: request.kind.system_prompt(),
        user: &request.text,
        json: request.kind.wants_json(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::{draw::Draw, ledger::Entry};

    fn played(board: &Board, number: usize, choose: impl Fn(Kind) -> usize) -> Played {
        let mut draw = Draw::new(number as u64, &["test"]);
        let requests = (0..4)
            .map(|i| {
                let kind = Kind::ALL[(number + i) % 6];
                let text = kind.user_text(&mut draw);
                let model = choose(kind);
                let mut asked = Asked {
                    kind,
                    text,
                    request_id: None,
                    reply: None,
                };
                let outcome = board
                    .world
                    .outcome(kind, prompt(&asked).nonce(), &MODELS[model]);
                let entry = Entry {
                    kind,
                    nonce: 0,
                    model,
                    good: outcome.good,
                    input_tokens: 1,
                    output_tokens: 1,
                    cost_micro_usd: 1.0,
                };
                asked.reply = outcome.failure.is_none().then_some(entry);
                asked
            })
            .collect();
        Played {
            number,
            requests,
            noise: 0.0,
            rated: true,
        }
    }

    #[test]
    fn serving_as_a_single_model_scores_like_that_model_and_as_the_oracle_closes_the_gap() {
        let mut alone = Board::new(3, 400);
        let mut wise = Board::new(3, 400);
        for number in 0..400 {
            alone.add(&played(&alone, number, |_| 0));
            wise.add(&played(&wise, number, |kind| wise.world.best(kind)));
        }
        let titan = alone
            .sessions
            .iter()
            .flatten()
            .map(|s| (s.floopy.ratings, s.models[0].ratings));
        assert!(
            titan
                .clone()
                .all(|(floopy, model)| (floopy - model).abs() < 1e-9)
        );
        let window = wise.latest(400).expect("played");
        assert!(
            window.oracle.rating > window.best_single.rating + 0.4,
            "{window:?}"
        );
        assert!(
            window.quality_gap_closed(&window.best_single) > 0.9,
            "{window:?}"
        );
    }
}
