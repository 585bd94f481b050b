//! What callers do for other reasons than a bad reply does not mislead the learner by more than a bound.

use super::*;

/// Each kind of task has a best model of its own.
const APART: [[f64; 4]; 3] = [
    [0.60, 0.85, 0.55, 0.50],
    [0.80, 0.60, 0.55, 0.60],
    [0.55, 0.50, 0.60, 0.85],
];
/// The first is a little better at everything.
const ONE_BEST: [[f64; 4]; 3] = [[0.80, 0.76, 0.74, 0.70]; 3];
const SEEDS: u64 = 24;

/// Mean quality served late, over seeds, and its standard error.
fn served(world: impl Fn(u64) -> World) -> (f64, f64) {
    let all: Vec<f64> = (0..SEEDS)
        .map(|seed| world(seed).run(1_000).mean_served())
        .collect();
    let n = all.len() as f64;
    let mean = all.iter().sum::<f64>() / n;
    let squares = all.iter().map(|q| (q - mean).powi(2)).sum::<f64>();
    (mean, (squares / (n * (n - 1.0))).sqrt())
}

#[test]
fn false_signals_cost_little_and_never_more_than_their_bound() {
    for (name, hidden) in [("apart", APART), ("one best", ONE_BEST)] {
        let (none, error) = served(|seed| World::new(seed, hidden));
        let even = served(|seed| World::new(seed, hidden).listening([0.1; 4]));
        // Three in ten after the replies of the model that is best over all, and of no other.
        let against = served(|seed| World::new(seed, hidden).listening([0.3, 0.0, 0.0, 0.0]));
        println!(
            "{name}: {none:.4} ± {error:.4} without, {even:.4?} even, {against:.4?} against the best"
        );
        assert!(even.0 > none - 0.01, "{name}: {even:?} of {none}");
        // A tenth of the scores are zeros at most: 0.073 of 0.8.
        assert!(against.0 > none - 0.075, "{name}: {against:?} of {none}");
    }
}
