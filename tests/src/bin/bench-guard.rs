//! How soon the guards of promotions find what got worse, and how often they are wrong, by simulation: 1,000 runs
//! each with fixed seeds, every observation looked at. Fails where a stated rate or delay is not kept.

use floopy_controlplane::learn::{
    drift::{Reference, Watch},
    monitor::{Call, Observed},
    promotion::{Guards, Limits},
};
use floopy_tests::bench::report::say;

const RUNS: u64 = 1_000;
/// Observations of the candidate in a run; each is looked at.
const LOOKS: usize = 5_000;
/// Calls of whom it replaces for each of the candidate's.
const BESIDE: usize = 9;
/// Quality of whom it replaces.
const QUALITY: f64 = 0.8;
/// How much worse a candidate may be, on the scale of people.
const DROP: f64 = 0.05;
const LIMITS: Limits = Limits {
    quality_drop: DROP,
    cost_ratio: Some(1.1),
};

/// SplitMix64 (Steele et al., OOPSLA 2014).
struct Rng(u64);

impl Rng {
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn normal(&mut self, sd: f64) -> f64 {
        let sum: f64 = (0..12).map(|_| self.unit()).sum();
        (sum - 6.0) * sd
    }

    fn is(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }
}

/// What a score says of a reply.
#[derive(Clone, Copy)]
enum Signal {
    /// Right or wrong.
    Checks,
    /// The quality with noise.
    Graded,
    /// A judge that is right so often, on a scale of its own.
    Judge(f64),
}

impl Signal {
    fn name(self) -> String {
        match self {
            Self::Checks => "checks".to_owned(),
            Self::Graded => "graded judge".to_owned(),
            Self::Judge(right) => format!("judge, {:.0} % right", right * 100.0),
        }
    }

    /// The limits on its own scale, which is narrower than that of people by what a judge does not see.
    fn limits(self) -> Limits {
        let slope = match self {
            Self::Checks | Self::Graded => 1.0,
            Self::Judge(sees) => 0.65 * (2.0 * sees - 1.0),
        };
        Limits {
            quality_drop: slope * DROP,
            ..LIMITS
        }
    }

    fn score(self, quality: f64, rng: &mut Rng) -> f64 {
        let right = rng.is(quality);
        match self {
            Self::Checks => f64::from(u8::from(right)),
            Self::Graded => (quality + rng.normal(0.15)).clamp(0.0, 1.0),
            Self::Judge(sees) => {
                let seen = right == rng.is(sees);
                let base = if seen { 0.85 } else { 0.2 };
                (base + rng.normal(0.1)).clamp(0.0, 1.0)
            }
        }
    }
}

/// What the runs came to.
struct Tally {
    delays: Vec<usize>,
}

impl Tally {
    fn of(run: impl Fn(&mut Rng) -> Option<usize>) -> Self {
        let found = (0..RUNS).filter_map(|seed| run(&mut Rng(seed.wrapping_mul(0x9e37_79b9))));
        let mut delays: Vec<usize> = found.collect();
        delays.sort_unstable();
        Self { delays }
    }

    /// Of all runs: whoever was not found takes for ever.
    fn quantile(&self, q: f64) -> Option<usize> {
        let at = (q * RUNS as f64).ceil() as usize;
        self.delays.get(at.max(1) - 1).copied()
    }

    fn told(&self) -> String {
        let shown = |q| {
            let at: Option<usize> = self.quantile(q);
            at.map_or("never".to_owned(), |at| at.to_string())
        };
        format!("median {}, 90 % by {}", shown(0.5), shown(0.9))
    }
}

/// Observations of a candidate of this quality until it is taken back beside whom it replaces.
fn taken_back(signal: Signal, quality: f64, rng: &mut Rng) -> Option<usize> {
    let (mut guards, limits) = (Guards::default(), signal.limits());
    (1..=LOOKS).find(|_| {
        for _ in 0..BESIDE {
            let score = signal.score(QUALITY, rng);
            guards.replaced(&Observed::Scored(score), None);
        }
        let score = signal.score(quality, rng);
        guards.observe(&Observed::Scored(score), None, &limits);
        guards.alarm().is_some()
    })
}

/// The same where what is asked in one session is hard or easy as a whole.
fn taken_back_in_sessions(quality: f64, rng: &mut Rng) -> Option<usize> {
    const TURNS: usize = 6;
    const SPREAD: f64 = 0.15;
    let mut guards = Guards::default();
    let mut hard = [0.0; BESIDE + 1];
    (1..=LOOKS).find(|turn| {
        for (at, hard) in hard.iter_mut().enumerate() {
            if turn % TURNS == 1 {
                *hard = if rng.is(0.5) { SPREAD } else { -SPREAD };
            }
            let base = if at == 0 { quality } else { QUALITY };
            let score = Observed::Scored(f64::from(u8::from(rng.is(base + *hard))));
            let session = u32::try_from((turn - 1) / TURNS * (BESIDE + 1) + at).ok();
            if at == 0 {
                guards.observe(&score, session, &LIMITS);
            } else {
                guards.replaced(&score, session);
            }
        }
        guards.alarm().is_some()
    })
}

/// Observations until a step is passed; `None`: it was taken back before, or never.
fn passed(signal: Signal, quality: f64, rng: &mut Rng) -> Option<usize> {
    let (mut guards, limits) = (Guards::default(), signal.limits());
    for look in 1..=LOOKS {
        for _ in 0..BESIDE {
            let score = signal.score(QUALITY, rng);
            guards.replaced(&Observed::Scored(score), None);
        }
        let score = signal.score(quality, rng);
        guards.observe(&Observed::Scored(score), None, &limits);
        if guards.alarm().is_some() {
            return None;
        }
        if guards.is_passed() {
            return Some(look);
        }
    }
    None
}

/// Observations after it arrived and 1,000 more as good as before until it is taken back.
fn live(signal: Signal, then: f64, rng: &mut Rng) -> Option<usize> {
    const BEFORE: usize = 1_000;
    let (mut guards, limits) = (Guards::default(), signal.limits());
    for _ in 0..300 * BESIDE {
        let score = signal.score(QUALITY, rng);
        guards.replaced(&Observed::Scored(score), None);
    }
    guards.begin_live();
    (1..=BEFORE + LOOKS)
        .find(|look| {
            let quality = if *look <= BEFORE { QUALITY } else { then };
            let score = signal.score(quality, rng);
            guards.observe(&Observed::Scored(score), None, &limits);
            guards.alarm().is_some()
        })
        .map(|look| look.saturating_sub(BEFORE))
}

/// Calls until the candidate is taken back for what is no score.
fn called(call: impl Fn(&mut Rng, bool) -> Observed, rng: &mut Rng) -> Option<usize> {
    let mut guards = Guards::default();
    (1..=LOOKS).find(|_| {
        for _ in 0..BESIDE {
            guards.replaced(&call(rng, false), None);
        }
        guards.observe(&call(rng, true), None, &LIMITS);
        guards.alarm().is_some()
    })
}

/// A call that failed with this probability, if it is the candidate's.
fn failing(rate: f64) -> impl Fn(&mut Rng, bool) -> Observed {
    move |rng, of_candidate| {
        let rate = if of_candidate { rate } else { 0.001 };
        if rng.is(rate) {
            Observed::Failed
        } else {
            answered(rng, (1.0, 1.0, 0.01))
        }
    }
}

/// An answer, lognormal in time and cost, by what these are of the candidate.
fn worse(latency: f64, cost: f64, refused: f64) -> impl Fn(&mut Rng, bool) -> Observed {
    move |rng, of_candidate| {
        let of = if of_candidate {
            (latency, cost, refused)
        } else {
            (1.0, 1.0, 0.01)
        };
        answered(rng, of)
    }
}

fn answered(rng: &mut Rng, (latency, cost, refused): (f64, f64, f64)) -> Observed {
    let mut drawn = |typical: f64, sd: f64| (typical * rng.normal(sd).exp()).round() as u64;
    let (latency_ms, cost_micro_usd) = (drawn(800.0 * latency, 0.6), drawn(400.0 * cost, 0.5));
    Observed::Answered(Call {
        latency_ms: Some(latency_ms),
        cost_micro_usd: Some(cost_micro_usd),
        refused: rng.is(refused),
    })
}

/// Scores over all tenants until a model that fell by a fifth everywhere is out, by the platform's monitor.
fn platform(signal: Signal, rng: &mut Rng) -> Option<usize> {
    const TENANTS: usize = 24;
    const BEFORE: usize = 200;
    let mut watch = Watch::default();
    let mut known = Vec::new();
    for _ in 0..TENANTS {
        let scores: Vec<f64> = (0..BEFORE).map(|_| signal.score(QUALITY, rng)).collect();
        let mean = scores.iter().sum::<f64>() / BEFORE as f64;
        let squares = scores.iter().map(|score| (score - mean).powi(2));
        known.push(Reference {
            n: BEFORE as f64,
            mean,
            variance: squares.sum::<f64>() / BEFORE as f64,
        });
    }
    (1..=LOOKS).find(|look| {
        let score = signal.score(0.8 * QUALITY, rng);
        let _ = watch.scored(score, known[look % TENANTS]);
        watch.scores.is_platform_alarm()
    })
}

/// The most of the runs that a rate explains but for one time in 1,000.
fn plausible(rate: f64) -> usize {
    let runs = RUNS as f64;
    let mut chance = (1.0 - rate).powf(runs);
    let mut left = 1.0 - chance;
    let mut count = 0_i32;
    while left > 0.001 {
        let before = f64::from(count);
        chance *= (runs - before) / (before + 1.0) * rate / (1.0 - rate);
        left -= chance;
        count += 1;
    }
    usize::try_from(count).unwrap_or_default()
}

/// What was promised, and whether it is kept.
struct Ledger {
    is_kept: bool,
}

impl Ledger {
    fn rate(&mut self, what: &str, tally: &Tally, most: f64) {
        let count = tally.delays.len();
        self.is_kept &= count <= plausible(most);
        say(&format!(
            "  {what}: {count} of {RUNS} (bound {:.1} %)",
            most * 100.0
        ));
    }

    fn delay(&mut self, what: &str, tally: &Tally, most: Option<usize>) {
        let bound = most.map_or(String::new(), |most| format!(" (median at most {most})"));
        self.is_kept &= most.is_none_or(|most| tally.quantile(0.5).is_some_and(|at| at <= most));
        say(&format!("  {what}: {}{bound}", tally.told()));
    }
}

fn main() {
    let mut ledger = Ledger { is_kept: true };
    say(&format!(
        "guards of promotions, {RUNS} runs of {LOOKS} observations each, every one looked at; whom they replace has quality {QUALITY} and {BESIDE} calls for each of theirs"
    ));
    let signals = [
        (Signal::Checks, Some(250)),
        (Signal::Graded, Some(250)),
        (Signal::Judge(0.9), Some(900)),
        (Signal::Judge(0.8), Some(900)),
    ];
    for (signal, most) in signals {
        quality(&mut ledger, signal, most);
    }
    say("checks, sessions of six calls that are hard or easy together");
    let bound = Tally::of(|rng| taken_back_in_sessions(QUALITY - DROP, rng));
    ledger.rate("taken back though within the limit", &bound, 0.001);
    calls(&mut ledger);
    say(
        "a model that falls by a fifth for all of 24 tenants: scores over all of them until it is out",
    );
    for (signal, most) in [(Signal::Checks, 2_000), (Signal::Judge(0.8), 2_000)] {
        let found = Tally::of(|rng| platform(signal, rng));
        ledger.delay(&signal.name(), &found, Some(most));
    }
    if !ledger.is_kept {
        say("a stated rate or delay is not kept");
        std::process::exit(1);
    }
}

fn quality(ledger: &mut Ledger, signal: Signal, most: Option<usize>) {
    say(&signal.name());
    let same = Tally::of(|rng| taken_back(signal, QUALITY, rng));
    ledger.rate("taken back though as good", &same, 0.001);
    let bound = Tally::of(|rng| taken_back(signal, QUALITY - DROP, rng));
    ledger.rate("taken back though just within the limit", &bound, 0.001);
    let fifth = Tally::of(|rng| taken_back(signal, 0.8 * QUALITY, rng));
    ledger.delay("a fifth worse, scores until it is back", &fifth, most);
    let half = Tally::of(|rng| taken_back(signal, 0.5 * QUALITY, rng));
    ledger.delay("half as good", &half, Some(300));
    let wrong = Tally::of(|rng| passed(signal, QUALITY - 2.0 * DROP, rng));
    ledger.rate("passes a step though worse by the margin", &wrong, 0.05);
    let equal = Tally::of(|rng| passed(signal, QUALITY, rng));
    ledger.delay("as good, scores until a step is passed", &equal, None);
    let calm = Tally::of(|rng| live(signal, QUALITY, rng));
    ledger.rate("live, taken back without a change", &calm, 0.05);
    let fell = Tally::of(|rng| live(signal, 0.5 * QUALITY, rng));
    ledger.delay("live, then half as good", &fell, None);
}

fn calls(ledger: &mut Ledger) {
    say("calls");
    let cases = [(1.0, Some(14)), (0.5, Some(30)), (0.2, Some(88))];
    for (rate, most) in cases {
        let found = Tally::of(|rng| called(failing(rate), rng));
        let what = format!("{:.0} % fail, calls until it is back", rate * 100.0);
        ledger.delay(&what, &found, most);
    }
    let usual = Tally::of(|rng| called(failing(0.03), rng));
    ledger.rate("taken back at 3 % failures", &usual, 0.001);
    let refuses = Tally::of(|rng| called(worse(1.0, 1.0, 0.5), rng));
    ledger.delay("half are refused", &refuses, None);
    let slow = Tally::of(|rng| called(worse(6.0, 1.0, 0.01), rng));
    ledger.delay("six times as slow", &slow, None);
    let dear = Tally::of(|rng| called(worse(1.0, 2.0, 0.01), rng));
    ledger.delay("twice the cost", &dear, None);
    // Of each of the five tests one in 1,000 at most.
    let fine = Tally::of(|rng| called(worse(3.0, 1.1, 0.04), rng));
    ledger.rate("taken back at every limit at once", &fine, 0.005);
}
