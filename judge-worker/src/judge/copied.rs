//! What a reply took over from its prompt, word for word: the pieces, how long they are, and in what order.

use std::collections::{HashMap, HashSet};

use super::{text::count, vocabulary::Ids};

/// Places of one word in the prompt that are tried: more would make a text of one word quadratic.
const MOST_PLACES: usize = 32;
/// Words of a piece that is taken to be meant as one.
const PIECE_WORDS: usize = 3;

/// Shares of the reply's words, 0 to 1.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Copied {
    /// Of its pairs of words, those that the prompt has.
    pub(super) pairs: f64,
    /// Of its runs of three.
    pub(super) triples: f64,
    /// Pieces that it is made of, for each of its words: few where it is quoted, many where words are put together anew.
    pub(super) pieces: f64,
    /// The longest piece.
    pub(super) longest: f64,
    /// Of its longer pieces, those that stand before the one that precedes them.
    pub(super) backward: f64,
}

struct Piece {
    at: usize,
    length: usize,
}

impl Copied {
    pub(super) fn of(prompt: &Ids, reply: &Ids) -> Self {
        if reply.is_empty() {
            return Self::default();
        }
        let pieces = pieces(prompt, reply);
        let longer: Vec<&Piece> = pieces
            .iter()
            .filter(|piece| piece.length >= PIECE_WORDS)
            .collect();
        let backward = longer.windows(2).filter(|two| two[1].at < two[0].at);
        let longest = pieces.iter().map(|piece| piece.length).max();
        let words = count(reply.len());
        Self {
            pairs: share_of_runs::<2>(prompt, reply),
            triples: share_of_runs::<3>(prompt, reply),
            pieces: count(pieces.len()) / words,
            longest: count(longest.unwrap_or(0)) / words,
            backward: count(backward.count()) / count(longer.len().max(2)),
        }
    }
}

fn share_of_runs<const N: usize>(prompt: &Ids, reply: &Ids) -> f64 {
    let run = |run: &[u32]| <[u32; N]>::try_from(run).ok();
    let known: HashSet<[u32; N]> = prompt.windows(N).filter_map(run).collect();
    let runs = reply.windows(N).filter_map(run);
    let found = runs.filter(|run| known.contains(run)).count();
    count(found) / count(reply.len().saturating_sub(N - 1).max(1))
}

/// From left to right, the longest piece at each place.
fn pieces(prompt: &Ids, reply: &Ids) -> Vec<Piece> {
    let mut places: HashMap<u32, Vec<usize>> = HashMap::new();
    for (at, word) in prompt.iter().enumerate() {
        let places = places.entry(*word).or_default();
        if places.len() < MOST_PLACES {
            places.push(at);
        }
    }
    let mut found = Vec::new();
    let mut rest = &reply[..];
    while let Some(first) = rest.first() {
        let length = |at: &usize| {
            let same = rest.iter().zip(&prompt[*at..]).take_while(|(a, b)| a == b);
            same.count()
        };
        let places = places.get(first).into_iter().flatten();
        let pieces = places.map(|at| Piece {
            at: *at,
            length: length(at),
        });
        // Of several that are equally long the first one.
        let best = pieces.reduce(|a, b| if b.length > a.length { b } else { a });
        let step = best.as_ref().map_or(1, |piece| piece.length.max(1));
        found.extend(best);
        rest = rest.get(step..).unwrap_or_default();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_is_one_piece_and_a_mixture_many() {
        let prompt: Ids = (0..40).collect();
        let quoted = Copied::of(&prompt, &(5..15).collect());
        let mixed = Copied::of(&prompt, &vec![3, 1, 9, 7, 2, 30, 11, 20, 6, 0]);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(
            near(quoted.triples, 1.0) && near(quoted.longest, 1.0),
            "{quoted:?}"
        );
        assert!(
            near(mixed.triples, 0.0) && near(mixed.pieces, 1.0),
            "{mixed:?}"
        );
    }

    #[test]
    fn pieces_in_another_order_are_seen() {
        let prompt: Ids = (0..40).collect();
        let reply: Ids = (20..25).chain(0..5).collect();
        assert!(Copied::of(&prompt, &reply).backward > 0.4);
    }
}
