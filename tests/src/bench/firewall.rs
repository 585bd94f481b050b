//! Texts that somebody judged, and how well a score tells attacks from what is harmless.

use serde::Deserialize;

/// One of them.
#[derive(Debug, Clone, Deserialize)]
pub struct Judged {
    pub text: String,
    /// 1: an attack.
    pub label: u8,
}

/// How well a score tells them apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// How often an attack scores higher than a harmless text; ties are half.
    pub auc: f64,
    /// The share of attacks that score higher than all but one in a hundred harmless texts.
    pub recall_at_one_percent: f64,
    /// The share of attacks, and of harmless texts, that reach the threshold.
    pub recall: f64,
    pub false_positives: f64,
}

/// Reads rows, one JSON object a line.
pub fn read(text: &str) -> Result<Vec<Judged>, serde_json::Error> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(serde_json::from_str).collect()
}

/// Of (score, is an attack).
pub fn quality(scored: &[(f64, bool)], threshold: f64) -> Quality {
    let of = |attack: bool| {
        let mut scores: Vec<f64> = scored
            .iter()
            .filter(|(_, is_attack)| *is_attack == attack)
            .map(|(score, _)| *score)
            .collect();
        scores.sort_by(f64::total_cmp);
        scores
    };
    let (attacks, harmless) = (of(true), of(false));
    let below = |scores: &[f64], score: f64| scores.partition_point(|other| *other < score);
    let above = |scores: &[f64], score: f64| scores.partition_point(|other| *other <= score);
    let wins = attacks.iter().map(|score| {
        let (low, high) = (below(&harmless, *score), above(&harmless, *score));
        (low + high) as f64 / 2.0
    });
    let wins: f64 = wins.sum();
    let reach =
        |scores: &[f64], least: f64| share(scores.len() - below(scores, least), scores.len());
    let allowed = harmless.len() / 100;
    let limit = harmless.iter().rev().nth(allowed).copied();
    let limit = limit.unwrap_or(f64::NEG_INFINITY);
    let over = attacks.len() - above(&attacks, limit);
    Quality {
        auc: wins / ((attacks.len() * harmless.len()).max(1) as f64),
        recall_at_one_percent: share(over, attacks.len()),
        recall: reach(&attacks, threshold),
        false_positives: reach(&harmless, threshold),
    }
}

fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// What is easy and fast: how many phrases that attacks are known for a text has.
pub fn phrases(text: &str) -> f64 {
    const VERBS: [&str; 8] = [
        "ignore",
        "disregard",
        "forget",
        "override",
        "bypass",
        "reveal",
        "print",
        "repeat",
    ];
    const OBJECTS: [&str; 6] = [
        "previous",
        "instructions",
        "prompt",
        "rules",
        "above",
        "guidelines",
    ];
    const WHOLE: [&str; 5] = [
        "system prompt",
        "developer mode",
        "do anything now",
        "jailbreak",
        "no restrictions",
    ];
    let text = text.to_lowercase();
    let count = |words: &[&str]| words.iter().filter(|word| text.contains(**word)).count();
    let pairs = count(&VERBS).min(count(&OBJECTS));
    (pairs + count(&WHOLE)) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_that_knows_is_perfect_and_a_constant_is_a_coin() {
        let knows: Vec<_> = (0..400).map(|n| (f64::from(n), n >= 200)).collect();
        let found = quality(&knows, 200.0);
        assert_eq!((found.auc, found.recall_at_one_percent), (1.0, 1.0));
        assert_eq!((found.recall, found.false_positives), (1.0, 0.0));
        let same: Vec<_> = (0..400).map(|n| (1.0, n >= 200)).collect();
        let found = quality(&same, 1.0);
        assert_eq!((found.auc, found.recall_at_one_percent), (0.5, 0.0));
        assert_eq!((found.recall, found.false_positives), (1.0, 1.0));
    }

    #[test]
    fn one_in_a_hundred_harmless_texts_may_score_as_high() {
        // Two of 200 harmless texts score higher than half of the attacks.
        let harmless = (0..200).map(|n| (if n < 2 { 5.0 } else { 0.0 }, false));
        let attacks = (0..10).map(|n| (if n < 5 { 4.0 } else { 6.0 }, true));
        let found = quality(&harmless.chain(attacks).collect::<Vec<_>>(), 4.5);
        assert_eq!(found.recall_at_one_percent, 1.0);
        assert_eq!(found.recall, 0.5);
        assert_eq!(found.false_positives, 0.01);
    }
}
