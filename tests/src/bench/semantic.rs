//! Pairs of sentences that somebody judged, and how well the semantic cache tells which of them ask the same.

use floopy_semantic::{
    embed::model,
    verify::{Reading, verify},
};
use ring::digest::{SHA256, digest};
use serde::Deserialize;

/// One of them.
#[derive(Debug, Clone, Deserialize)]
pub struct Pair {
    pub a: String,
    pub b: String,
    /// 1: the answer to one may be given to the other.
    pub equivalent: u8,
    /// How much alike people found them, 0 to 1.
    #[serde(default)]
    pub score: Option<f64>,
}

/// What people rated so says much the same.
const CLOSE: f64 = 0.8;

/// Which half of the pairs is looked at. What was tuned on one must be measured on the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    Tuning,
    HeldOut,
    Both,
}

/// A pair, as the cache sees it.
#[derive(Debug)]
pub struct Judged<'a> {
    pub pair: &'a Pair,
    pub is_same: bool,
    pub similarity: f32,
    pub is_accepted: bool,
}

/// How often it was right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    pub accepted: usize,
    pub right: usize,
    /// Of what was accepted, what people found to say much the same at least.
    pub close: usize,
    /// Pairs that ask the same.
    pub same: usize,
}

impl Quality {
    fn of<'a>(accepted: impl Iterator<Item = &'a Judged<'a>>, same: usize) -> Self {
        let (mut count, mut right, mut close) = (0, 0, 0);
        for judged in accepted {
            count += 1;
            right += usize::from(judged.is_same);
            let is_close = judged.pair.score.is_some_and(|score| score >= CLOSE);
            close += usize::from(judged.is_same || is_close);
        }
        Self {
            accepted: count,
            right,
            close,
            same,
        }
    }

    /// Of what was accepted, the share that asks the same.
    pub fn precision(self) -> f64 {
        share(self.right, self.accepted)
    }

    /// Of what asks the same, the share that was accepted.
    pub fn recall(self) -> f64 {
        share(self.right, self.same)
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

/// Reads pairs, one JSON object a line.
pub fn read(text: &str) -> Result<Vec<Pair>, serde_json::Error> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(serde_json::from_str).collect()
}

/// By a hash of the sentence that comes first in the alphabet: whatever is paired with it is in the same half.
fn is_held_out(pair: &Pair) -> bool {
    let first = pair.a.to_lowercase().min(pair.b.to_lowercase());
    let hash = digest(&SHA256, first.as_bytes());
    hash.as_ref()
        .first()
        .is_some_and(|byte| byte.is_multiple_of(2))
}

/// What the cache makes of them. Pairs of the same text are none: no model is needed to find them.
pub fn judge(pairs: &[Pair], half: Half, least: f32) -> Vec<Judged<'_>> {
    let is_in = |pair: &&Pair| match half {
        Half::Tuning => !is_held_out(pair),
        Half::HeldOut => is_held_out(pair),
        Half::Both => true,
    };
    let differs = |pair: &&Pair| pair.a.trim() != pair.b.trim();
    let judged = pairs.iter().filter(is_in).filter(differs).map(|pair| {
        let similarity = model().vector(&pair.a).similarity(&model().vector(&pair.b));
        let is_same = Reading::of(&pair.a)
            .zip(Reading::of(&pair.b))
            .is_some_and(|(a, b)| verify(&a, &b).is_ok());
        Judged {
            pair,
            is_same: pair.equivalent == 1,
            similarity,
            is_accepted: is_same && similarity >= least,
        }
    });
    judged.collect()
}

/// Of what the cache accepts.
pub fn checked(judged: &[Judged<'_>]) -> Quality {
    let same = judged.iter().filter(|judged| judged.is_same).count();
    Quality::of(judged.iter().filter(|judged| judged.is_accepted), same)
}

/// Of the nearest pairs without any check, as many as it takes to find so many that ask the same.
pub fn nearest(judged: &[Judged<'_>], right: usize) -> Quality {
    let same = judged.iter().filter(|judged| judged.is_same).count();
    let mut sorted: Vec<&Judged<'_>> = judged.iter().collect();
    sorted.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    let mut found = 0;
    let count = sorted.iter().take_while(|judged| {
        let is_short = found < right;
        found += usize::from(judged.is_same);
        is_short
    });
    let count = count.count();
    Quality::of(sorted.into_iter().take(count), same)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = include_str!("../../samples/questions.jsonl");

    #[test]
    fn no_pair_of_the_sample_is_taken_for_another_question_and_most_are_found() {
        let pairs = read(SAMPLE).expect("pairs");
        let judged = judge(&pairs, Half::Both, 0.5);
        let wrong: Vec<&Pair> = judged
            .iter()
            .filter(|j| j.is_accepted && !j.is_same)
            .map(|j| j.pair)
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        let (checked, plain) = (checked(&judged), nearest(&judged, checked(&judged).right));
        assert!(checked.recall() > 0.6, "{checked:?}");
        assert!(plain.precision() < checked.precision(), "{plain:?}");
    }
}
