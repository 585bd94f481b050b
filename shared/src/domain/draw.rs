//! Weighted rendezvous hashing: draws with exact probabilities and no shared state.
//!
//! `argmax_k ln(u_k) / p_k` with `u_k` uniform and independent per candidate picks candidate k with
//! probability `p_k / Σp` (Efraimidis & Spirakis 2006, weighted reservoir of size one). As `u_k` is a
//! hash of the session, a session keeps its candidate while probabilities move little.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What a draw is hashed over; the same on every proxy.
#[derive(Debug, Clone, Copy)]
pub struct DrawKey<'a> {
    pub session: &'a str,
    pub shape: &'a str,
    pub purpose: Purpose,
}

/// Independent draws of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Serve = 1,
    ShadowRate = 2,
    ShadowArm = 3,
    Experiment = 4,
}

impl DrawKey<'_> {
    fn seed(&self) -> u64 {
        let session = xxh3_64_with_seed(self.session.as_bytes(), self.purpose as u64);
        xxh3_64_with_seed(self.shape.as_bytes(), session)
    }

    /// A number in (0,1), uniform over keys.
    pub fn unit(&self) -> f64 {
        to_unit(self.seed())
    }
}

/// Draws an index of `weighted`, pairs of candidate name and weight; `None` where no weight is positive.
pub fn draw<'a>(key: DrawKey<'_>, weighted: impl Iterator<Item = (&'a str, f64)>) -> Option<usize> {
    let seed = key.seed();
    let mut best = None;
    for (index, (name, weight)) in weighted.enumerate() {
        if weight <= 0.0 {
            continue;
        }
        let score = to_unit(xxh3_64_with_seed(name.as_bytes(), seed)).ln() / weight;
        if best.is_none_or(|(_, top)| score > top) {
            best = Some((index, score));
        }
    }
    best.map(|(index, _)| index)
}

/// Draws them all, one after the other without putting back: the first is that of [`draw`], and each next one
/// is drawn among those that are left by the same weights (Efraimidis & Spirakis 2006). Those without a weight
/// come last, as they are listed.
pub fn draw_all<'a>(
    key: DrawKey<'_>,
    weighted: impl Iterator<Item = (&'a str, f64)>,
) -> Vec<usize> {
    let seed = key.seed();
    let score = |name: &str, weight: f64| {
        if weight > 0.0 {
            to_unit(xxh3_64_with_seed(name.as_bytes(), seed)).ln() / weight
        } else {
            f64::NEG_INFINITY
        }
    };
    let scores: Vec<f64> = weighted.map(|(name, weight)| score(name, weight)).collect();
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    order
}

#[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
fn to_unit(hash: u64) -> f64 {
    ((hash >> 11) as f64 + 0.5) / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(session: &str) -> DrawKey<'_> {
        DrawKey {
            session,
            shape: "all",
            purpose: Purpose::Serve,
        }
    }

    #[test]
    fn draws_follow_the_weights() {
        let names = ["a/x", "b/y", "c/z", "d/w"];
        let weights = [0.7, 0.25, 0.05, 0.0];
        let mut hits = [0u32; 4];
        for i in 0..40_000 {
            let session = format!("s{i}");
            let pairs = names.iter().copied().zip(weights);
            hits[draw(serve(&session), pairs).expect("positive weight")] += 1;
        }
        for (hit, weight) in hits.iter().zip(weights) {
            let share = f64::from(*hit) / 40_000.0;
            assert!((share - weight).abs() < 0.01, "{share} for {weight}");
        }
    }

    #[test]
    fn a_small_move_of_the_weights_moves_few_sessions() {
        let names = ["a/x", "b/y"];
        let moved = (0..10_000)
            .filter(|i| {
                let session = format!("s{i}");
                let at = |p: f64| draw(serve(&session), names.iter().copied().zip([p, 1.0 - p]));
                at(0.90) != at(0.85)
            })
            .count();
        assert!(moved < 700, "{moved} of 10,000 sessions moved");
    }

    #[test]
    fn the_second_is_drawn_by_the_weights_of_those_that_are_left() {
        let names = ["a/x", "b/y", "c/z", "d/w"];
        let weights = [0.6, 0.3, 0.1, 0.0];
        let mut after_first = [0u32; 4];
        let mut firsts = 0u32;
        for i in 0..40_000 {
            let session = format!("s{i}");
            let pairs = || names.iter().copied().zip(weights);
            let order = draw_all(serve(&session), pairs());
            assert_eq!(order.first().copied(), draw(serve(&session), pairs()));
            assert_eq!(order[3], 3, "without a weight it comes last");
            if order[0] == 0 {
                firsts += 1;
                after_first[order[1]] += 1;
            }
        }
        let share = f64::from(after_first[1]) / f64::from(firsts);
        assert!((share - 0.75).abs() < 0.01, "{share} for 0.3 of 0.4");
    }

    #[test]
    fn nothing_is_drawn_without_weight() {
        assert_eq!(draw(serve("s"), [("a/x", 0.0)].into_iter()), None);
    }
}
