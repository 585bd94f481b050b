//! How well one order of things agrees with another: Spearman's and Kendall's coefficients, with bootstrap intervals.

use std::cmp::Ordering;

/// Times that samples are drawn anew.
const RESAMPLES: usize = 1_000;

/// A coefficient and where it lies in 95 of 100 samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

/// Spearman's: the correlation of ranks, equal values sharing theirs. 0 where either side is all the same.
pub fn spearman(a: &[f64], b: &[f64]) -> f64 {
    correlation(&ranks(a), &ranks(b))
}

/// Kendall's tau-b: pairs in the same order against pairs in the other one, those that are equal set aside.
pub fn kendall(a: &[f64], b: &[f64]) -> f64 {
    let (mut agree, mut differ, mut only_a, mut only_b) = (0u64, 0u64, 0u64, 0u64);
    for i in 0..a.len() {
        for j in 0..i {
            let (x, y) = (a[i].total_cmp(&a[j]), b[i].total_cmp(&b[j]));
            match (x, y) {
                (Ordering::Equal, Ordering::Equal) => {}
                (Ordering::Equal, Ordering::Less | Ordering::Greater) => only_b += 1,
                (Ordering::Less | Ordering::Greater, Ordering::Equal) => only_a += 1,
                (Ordering::Less, Ordering::Less) | (Ordering::Greater, Ordering::Greater) => {
                    agree += 1;
                }
                (Ordering::Less, Ordering::Greater) | (Ordering::Greater, Ordering::Less) => {
                    differ += 1;
                }
            }
        }
    }
    let decided = agree + differ;
    let pairs = (decided + only_a) as f64 * (decided + only_b) as f64;
    if pairs > 0.0 {
        (agree as f64 - differ as f64) / pairs.sqrt()
    } else {
        0.0
    }
}

/// Spearman's with its interval, things of one group drawn together: what was said of one text is not independent.
pub fn estimate(a: &[f64], b: &[f64], groups: &[usize]) -> Estimate {
    interval(spearman(a, b), groups, |drawn| {
        spearman(&pick(a, drawn), &pick(b, drawn))
    })
}

/// How much more the first agrees with people than the second does, whichever way round that one is.
pub fn advantage(ours: &[f64], other: &[f64], people: &[f64], groups: &[usize]) -> Estimate {
    let of = |ours: &[f64], other: &[f64], people: &[f64]| {
        spearman(ours, people) - spearman(other, people).abs()
    };
    interval(of(ours, other, people), groups, |drawn| {
        of(
            &pick(ours, drawn),
            &pick(other, drawn),
            &pick(people, drawn),
        )
    })
}

fn pick(values: &[f64], drawn: &[usize]) -> Vec<f64> {
    drawn.iter().map(|at| values[*at]).collect()
}

fn interval(value: f64, groups: &[usize], of: impl Fn(&[usize]) -> f64) -> Estimate {
    let count = groups.iter().max().map_or(0, |most| most + 1);
    let mut members = vec![Vec::new(); count];
    for (at, group) in groups.iter().enumerate() {
        members[*group].push(at);
    }
    members.retain(|group| !group.is_empty());
    let mut draw = Draw(0x9E37_79B9_7F4A_7C15);
    let mut found: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn = (0..members.len()).flat_map(|_| members[draw.below(members.len())].iter());
            of(&drawn.copied().collect::<Vec<_>>())
        })
        .collect();
    found.sort_by(f64::total_cmp);
    let at = |per_mille: usize| found[(RESAMPLES * per_mille / 1_000).min(RESAMPLES - 1)];
    let (low, high) = (at(25), at(975));
    Estimate { value, low, high }
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().max(1) as f64;
    let (mean_a, mean_b) = (a.iter().sum::<f64>() / n, b.iter().sum::<f64>() / n);
    let (mut both, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        both += (x - mean_a) * (y - mean_b);
        of_a += (x - mean_a).powi(2);
        of_b += (y - mean_b).powi(2);
    }
    if of_a > 0.0 && of_b > 0.0 {
        both / (of_a * of_b).sqrt()
    } else {
        0.0
    }
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    for same in order.chunk_by(|a, b| values[*a].total_cmp(&values[*b]).is_eq()) {
        let rank = from as f64 + (same.len() as f64 - 1.0) / 2.0;
        same.iter().for_each(|at| ranks[*at] = rank);
        from += same.len();
    }
    ranks
}

/// Splitmix: the same draws each time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % count.max(1) as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coefficients_are_those_of_the_books() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        let (a, b) = ([1.0, 2.0, 3.0, 4.0, 5.0], [2.0, 1.0, 4.0, 3.0, 5.0]);
        near(spearman(&a, &b), 0.8);
        near(kendall(&a, &b), 0.6);
        // With equal values: tau-b is 5 / √(5·6), ρ is 4.5 / √(4.5·5).
        let (a, b) = ([1.0, 2.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0]);
        near(kendall(&a, &b), 5.0 / 30.0f64.sqrt());
        near(spearman(&a, &b), 4.5 / 22.5f64.sqrt());
        near(spearman(&[1.0, 1.0], &[1.0, 2.0]), 0.0);
    }

    #[test]
    fn an_interval_holds_the_value_and_is_the_same_each_time() {
        let a: Vec<f64> = (0..60).map(f64::from).collect();
        let b: Vec<f64> = (0..60).map(|i| f64::from(i + (i * 7) % 23)).collect();
        let groups: Vec<usize> = (0..60).map(|i| i / 2).collect();
        let found = estimate(&a, &b, &groups);
        assert!(
            found.low < found.value && found.value < found.high,
            "{found:?}"
        );
        assert_eq!(found, estimate(&a, &b, &groups));
    }
}
