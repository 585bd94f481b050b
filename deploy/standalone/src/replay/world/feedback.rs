//! How noisy, rare and biased the labels are: every constant of the simulated users and judge.

use clap::Args;
use floopy_shared::domain::event::RatingScore;

/// The users and the judge. The defaults are pessimistic: on the scale of outcomes, one judge's score has a
/// standard deviation of about 1 and a candidate's bias of about 0.02, where graded judges of public
/// benchmarks have about 0.12 and 0.008.
#[derive(Debug, Clone, Copy, PartialEq, Args)]
#[command(next_help_heading = "Users and judge")]
pub(in crate::replay) struct Feedback {
    /// Mean requests of a session; 1 makes every request a session
    #[arg(long, value_name = "N", default_value_t = 6.0, value_parser = at_least_one)]
    pub(in crate::replay) session_requests: f64,
    /// Share of a tenant's prompts among all of the table
    #[arg(long, value_name = "SHARE", default_value_t = 0.5, value_parser = share)]
    pub(in crate::replay) prompt_share: f64,
    /// Dirichlet concentration of tenants' task mixes: less makes tenants differ more
    #[arg(long, value_name = "ALPHA", default_value_t = 1.0, value_parser = positive)]
    pub(in crate::replay) mix_concentration: f64,
    /// Share of sessions that are rated
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = share)]
    pub(in crate::replay) rated: f64,
    /// Share of requests that a person rates by themselves
    #[arg(long, value_name = "SHARE", default_value_t = 0.02, value_parser = share)]
    pub(in crate::replay) manual: f64,
    /// How often that person is wrong
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, value_parser = share)]
    pub(in crate::replay) manual_flip: f64,
    /// How often the judge takes good for bad and bad for good
    #[arg(long, value_name = "SHARE", default_value_t = 0.2, value_parser = share)]
    pub(in crate::replay) judge_flip: f64,
    /// Spread of the judge's scores around what it saw, as a standard deviation
    #[arg(long, value_name = "SD", default_value_t = 0.1, value_parser = not_negative)]
    pub(in crate::replay) judge_noise: f64,
    /// Spread of the judge's bias between candidates, the same for all tenants, as a standard deviation
    #[arg(long, value_name = "SD", default_value_t = 0.012, value_parser = not_negative)]
    pub(in crate::replay) judge_bias: f64,
    /// The same, of each tenant
    #[arg(long, value_name = "SD", default_value_t = 0.006, value_parser = not_negative)]
    pub(in crate::replay) judge_tenant_bias: f64,
    /// Spread of a session's rating around what its replies deserve, as a standard deviation
    #[arg(long, value_name = "SD", default_value_t = 0.18, value_parser = not_negative)]
    pub(in crate::replay) rating_noise: f64,
    /// Spread of tenants' kindness in ratings, as a standard deviation
    #[arg(long, value_name = "SD", default_value_t = 0.05, value_parser = not_negative)]
    pub(in crate::replay) kindness: f64,
}

/// What the judge gives a bad reply, and how much more a good one: it compresses the scale.
const JUDGE_SCALE: (f64, f64) = (0.20, 0.65);
/// What users give a session without one good reply, and how much more one of only good ones.
const RATING_SCALE: (f64, f64) = (0.20, 0.70);
/// A session is felt as its mean, and a little as its worst moment (peak-end rule: Kahneman et al. 1993).
const MEAN_SHARE: f64 = 0.7;

impl Feedback {
    /// The judge's score of a reply whose true score is `score`.
    pub(super) fn judged(&self, score: f64, bias: f64, (is_misread, noise): (bool, f64)) -> f64 {
        let seen = if is_misread { 1.0 - score } else { score };
        (JUDGE_SCALE.0 + JUDGE_SCALE.1 * seen + bias + noise).clamp(0.0, 1.0)
    }

    /// What a user in this mood gives a session with these true scores.
    pub(super) fn rating(&self, scores: &[f64], mood: f64) -> RatingScore {
        let mean = scores.iter().sum::<f64>() / scores.len().max(1) as f64;
        let worst = scores.iter().copied().fold(1.0, f64::min);
        let felt = MEAN_SHARE * mean + (1.0 - MEAN_SHARE) * worst;
        on_ten(RATING_SCALE.0 + RATING_SCALE.1 * felt + mood)
    }
}

/// A value on 0..1 as a rating; what lies outside is brought into range.
pub(super) fn on_ten(value: f64) -> RatingScore {
    let ten = (value.clamp(0.0, 1.0) * 10.0).round() as i64;
    // 0 to 10 by construction; 0 stands in for what cannot be.
    RatingScore::new(ten).unwrap_or_else(|_| on_ten(0.0))
}

fn number(text: &str, accept: impl Fn(f64) -> bool, rule: &str) -> Result<f64, String> {
    let value = text.parse::<f64>().ok().filter(|value| accept(*value));
    value.ok_or_else(|| format!("it must be {rule}"))
}

/// A number from 0 to 1.
pub(in crate::replay) fn share(text: &str) -> Result<f64, String> {
    number(
        text,
        |value| (0.0..=1.0).contains(&value),
        "a number from 0 to 1",
    )
}

fn positive(text: &str) -> Result<f64, String> {
    number(
        text,
        |value| value > 0.0 && value.is_finite(),
        "a number above 0",
    )
}

/// A number from 0.
pub(in crate::replay) fn not_negative(text: &str) -> Result<f64, String> {
    number(text, |value| value >= 0.0 && value.is_finite(), "0 or more")
}

fn at_least_one(text: &str) -> Result<f64, String> {
    number(text, |value| value >= 1.0 && value.is_finite(), "1 or more")
}
