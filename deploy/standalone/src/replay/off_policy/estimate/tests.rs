//! The estimators against numbers worked out by hand, and against what they promise.

use proptest::prelude::*;

use super::*;

fn step(weight: f64, reward: f64, predicted: f64, expected: f64, cluster: usize) -> Step {
    Step {
        weight,
        reward,
        predicted,
        expected,
        cluster,
    }
}

#[track_caller]
fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
}

#[test]
fn four_decisions_by_hand() {
    // Served with propensity 0.5, 0.5, 0.25 and 0.25; the target wants them with 0.25, 1, 0.5 and 0.
    let steps = [
        step(0.5, 1.0, 0.5, 0.6, 0),
        step(2.0, 0.5, 0.5, 0.5, 1),
        step(2.0, 0.0, 0.2, 0.3, 2),
        step(0.0, 1.0, 0.9, 0.4, 3),
    ];
    near(ips(&steps).value, (0.5 + 1.0) / 4.0);
    near(self_normalised(&steps).expect("weights").value, 1.5 / 4.5);
    // 0.6 + 0.5·0.5, 0.5 + 0, 0.3 − 2·0.2, 0.4.
    near(doubly_robust(&steps).value, (0.85 + 0.5 - 0.1 + 0.4) / 4.0);
    near(gain(&steps).value, 1.65 / 4.0 - 2.5 / 4.0);
    near(effective_size(&steps), 4.5 * 4.5 / 8.25);
    // Terms 0.5, 1, 0, 0: squared errors 0.015625 + 0.390625 + 2·0.140625 = 0.6875.
    near(
        ips(&steps).half_width,
        Z * (4.0 / 3.0 * 0.6875_f64).sqrt() / 4.0,
    );
    // Errors of the ratio at 1/3: 0.5·2/3, 2·1/6, −2·1/3, 0: squares 2/9 + 4/9.
    let half_width = Z * (4.0 / 3.0 * 6.0 / 9.0_f64).sqrt() / 4.5;
    near(
        self_normalised(&steps).expect("weights").half_width,
        half_width,
    );
}

#[test]
fn decisions_of_one_session_count_as_one_draw() {
    let apart: Vec<Step> = (0..4)
        .map(|n| step(1.0, f64::from(n % 2), 0.0, 0.0, n as usize))
        .collect();
    let together: Vec<Step> = apart
        .iter()
        .map(|s| Step {
            cluster: usize::from(s.reward > 0.5),
            ..*s
        })
        .collect();
    near(
        ips(&apart).half_width,
        Z * (4.0 / 3.0 * 1.0_f64).sqrt() / 4.0,
    );
    // Two clusters whose errors sum to −1 and 1.
    near(ips(&together).half_width, Z * (2.0 * 2.0_f64).sqrt() / 4.0);
}

#[test]
fn without_any_overlap_there_is_no_ratio() {
    let steps = [step(0.0, 1.0, 0.5, 0.5, 0)];
    assert_eq!(self_normalised(&steps), None);
    assert_eq!(effective_size(&steps), 0.0);
}

/// Positive numbers that sum to one, none tiny: rare draws make the normal approximation poor.
fn shares(n: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.3..1.0, n).prop_map(|raw| {
        let sum: f64 = raw.iter().sum();
        raw.into_iter().map(|share| share / sum).collect()
    })
}

/// Logged propensities, target probabilities, rewards and predictions of four candidates.
type Arms = (Vec<f64>, Vec<f64>, Vec<f64>, Vec<f64>);

fn arms() -> impl Strategy<Value = Arms> {
    let unit = || prop::collection::vec(0.0..1.0, 4);
    (shares(4), shares(4), unit(), unit())
}

/// What is logged if this candidate is drawn.
fn served((logged, target, rewards, predicted): &Arms, arm: usize, cluster: usize) -> Step {
    let expected = target.iter().zip(predicted).map(|(p, m)| p * m).sum();
    step(
        target[arm] / logged[arm],
        rewards[arm],
        predicted[arm],
        expected,
        cluster,
    )
}

proptest! {
    /// Exactly: the mean over all draws, weighted with their probabilities.
    #[test]
    fn inverse_propensities_and_doubly_robust_are_unbiased_whatever_the_model(arms in arms()) {
        let (logged, target, rewards, _) = &arms;
        let truth: f64 = target.iter().zip(rewards).map(|(p, r)| p * r).sum();
        let over_draws = |of: fn(&[Step]) -> Estimate| -> f64 {
            (0..4).map(|arm| logged[arm] * of(&[served(&arms, arm, 0)]).value).sum()
        };
        prop_assert!((over_draws(ips) - truth).abs() < 1e-9);
        prop_assert!((over_draws(doubly_robust) - truth).abs() < 1e-9);
    }

    /// On logs as they come: the truth lies within five standard errors.
    #[test]
    fn simulated_logs_give_the_true_value_back(arms in arms(), seed: u64) {
        use rand::Rng;
        let mut rng = crate::replay::world::Stream::Platform.rng(seed);
        let (logged, target, rewards, _) = &arms;
        let truth: f64 = target.iter().zip(rewards).map(|(p, r)| p * r).sum();
        let log: Vec<Step> = (0..3_000)
            .map(|cluster| {
                let mut rest = rng.random::<f64>();
                let drawn = logged.iter().position(|p| { rest -= p; rest < 0.0 }).unwrap_or(3);
                served(&arms, drawn, cluster)
            })
            .collect();
        for found in [ips(&log), doubly_robust(&log), self_normalised(&log).expect("weights")] {
            let allowed = 5.0 * found.half_width / Z + 1e-9;
            prop_assert!((found.value - truth).abs() <= allowed, "{} is not {truth}", found.value);
        }
    }
}
