//! From the pairs of a level's shapes to the equations of their nodes, and back.

use std::collections::BTreeMap;

use super::{Done, Draft};
use crate::learn::{
    estimate::HUMAN_BIAS,
    evidence::Scales,
    residual::{self, Node, Solved, Spread},
    sums::to_unit,
};

/// Pseudo-sessions that pull the offset of sessions' ratings to zero.
const OFFSET_PSEUDO: f64 = 5.0;

/// How much higher people rate sessions than their turns' qualities say, by the root's candidates.
pub(super) fn offset(root: &Draft<'_>) -> f64 {
    let Some(stats) = root.stats else { return 0.0 };
    let rated = stats.rated.moments();
    let nodes = root.arms.iter().zip(&root.chains);
    let explained: f64 = nodes
        .map(|(arm, chain)| arm.session.shares * chain.toward)
        .sum();
    (rated.sum - explained) / (rated.n + OFFSET_PSEUDO)
}

/// Each candidate's own part of its sessions' ratings, per draft in the order of the candidates.
pub(super) fn solve(drafts: &[Draft<'_>], done: &Done<'_>, scales: &Scales) -> Vec<Vec<Solved>> {
    let offsets: BTreeMap<&str, usize> = drafts
        .iter()
        .scan(0, |next, draft| {
            let start = *next;
            *next += draft.arms.len();
            Some((draft.shape.as_str(), start))
        })
        .collect();
    let mut nodes: Vec<Node> = Vec::new();
    for draft in drafts {
        let start = nodes.len();
        let arms = draft.arms.iter().zip(&draft.chains);
        nodes.extend(arms.map(|(arm, chain)| Node {
            toward: chain.toward,
            label: arm.session.sum - done.session_offset * arm.session.shares,
            n: arm.session.n,
            beside: Vec::new(),
        }));
        connect(draft, (done, &offsets), &mut nodes[start..]);
    }
    let spread = Spread {
        noise: scales.noise.session,
        bias: HUMAN_BIAS * HUMAN_BIAS,
    };
    let mut solved = residual::solve(&nodes, spread).into_iter();
    drafts
        .iter()
        .map(|draft| solved.by_ref().take(draft.arms.len()).collect())
        .collect()
}

/// What shared sessions with a draft's nodes: other nodes of the level as unknowns, everything else as known.
fn connect(
    draft: &Draft<'_>,
    (done, offsets): (&Done<'_>, &BTreeMap<&str, usize>),
    nodes: &mut [Node],
) {
    let Some(stats) = draft.stats else { return };
    for (arm, (shape, other), product) in stats.each_pair() {
        let (Some(own), Some(other)) = (
            done.positions.get(arm.as_str()),
            done.positions.get(other.as_str()),
        ) else {
            continue;
        };
        let product = to_unit(product);
        match offsets.get(shape.as_str()) {
            Some(start) => nodes[*own].beside.push((start + other, product)),
            None => {
                let known = done.composite(shape, *other).unwrap_or(nodes[*own].toward);
                nodes[*own].label -= product * known;
            }
        }
    }
}
