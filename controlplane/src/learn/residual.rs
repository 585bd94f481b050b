//! Session ratings, taken apart: what of a rating is each candidate's own doing.
//!
//! Ratings follow `y = c + Σ_j h_j θ_j + ε` (see `credit::session`). With the prior `θ_j ~ N(m_j, b²)`, where
//! `m_j` is what judge and single ratings say, the posterior mean solves one linear equation per node:
//! `θ_i = m_i + r_i · e_i`, with the residual `e_i = (Σ h_i (y − c) − Σ_{j≠i} Σ h_i h_j θ_j − Σ h_i² m_i) / Σ h_i²`
//! and the trust `r_i = Σh_i² / (Σh_i² + s²/b²)`. A node is thus credited with what the others and the
//! judge leave unexplained, and a session counts as one observation however long it was. Solved by a few
//! sweeps of Gauss–Seidel: the matrix is positive definite, and shares fall off fast.

/// Sweeps over the nodes; the largest change of the last one is below 1e-3 in the simulations.
const SWEEPS: usize = 4;

/// One candidate in one shape, as the sessions saw it.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// What the cheaper sources say of it.
    pub toward: f64,
    /// `Σ h·(y − c)`, less what nodes outside of the solution explain.
    pub label: f64,
    /// `Σ h²`.
    pub n: f64,
    /// Other nodes of the solution, with `Σ h_i h_j`.
    pub beside: Vec<(usize, f64)>,
}

/// What one label says of a node and how far it differs between sessions and other sources, as variances.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    pub noise: f64,
    pub bias: f64,
}

/// The node's own quality by the sessions, and the trust in it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Solved {
    pub mean: f64,
    pub trust: f64,
}

/// Solves for all nodes.
pub fn solve(nodes: &[Node], spread: Spread) -> Vec<Solved> {
    let trust = |node: &Node| node.n / (node.n + spread.noise / spread.bias);
    let start = |node: &Node| Solved {
        mean: node.toward,
        trust: trust(node),
    };
    let mut solved: Vec<Solved> = nodes.iter().map(start).collect();
    for _ in 0..SWEEPS {
        for (i, node) in nodes.iter().enumerate().filter(|(_, node)| node.n > 0.0) {
            let beside: f64 = node.beside.iter().map(|(j, w)| w * solved[*j].mean).sum();
            let residual = (node.label - beside - node.n * node.toward) / node.n;
            solved[i].mean = node.toward + solved[i].trust * residual;
        }
    }
    solved
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPREAD: Spread = Spread {
        noise: 0.04,
        bias: 0.01,
    };

    /// Nodes of sessions given as (shares, rating).
    fn nodes(toward: &[f64], sessions: &[(&[f64], f64)]) -> Vec<Node> {
        let node = |i: usize| Node {
            toward: toward[i],
            label: sessions.iter().map(|(h, y)| h[i] * y).sum(),
            n: sessions.iter().map(|(h, _)| h[i] * h[i]).sum(),
            beside: (0..toward.len())
                .filter(|j| *j != i)
                .map(|j| (j, sessions.iter().map(|(h, _)| h[i] * h[j]).sum()))
                .collect(),
        };
        (0..toward.len()).map(node).collect()
    }

    #[test]
    fn whoever_served_alone_gets_the_whole_surprise() {
        let sessions: Vec<(&[f64], f64)> = vec![(&[1.0], 0.9); 40];
        let solved = solve(&nodes(&[0.5], &sessions), SPREAD);
        assert!(
            (solved[0].mean - 0.5 - 0.4 * 40.0 / 44.0).abs() < 1e-9,
            "{solved:?}"
        );
    }

    #[test]
    fn a_companion_is_not_blamed_for_what_the_other_explains() {
        // Together they are rated 0.5; the first alone is rated 0.2.
        let mut sessions: Vec<(&[f64], f64)> = vec![(&[0.5, 0.5], 0.5); 200];
        sessions.extend(vec![(&[1.0, 0.0][..], 0.2); 200]);
        let solved = solve(&nodes(&[0.5, 0.5], &sessions), SPREAD);
        assert!((solved[0].mean - 0.2).abs() < 0.05, "{solved:?}");
        assert!(solved[1].mean > 0.7, "{solved:?}");
    }

    #[test]
    fn a_node_without_sessions_stays_where_it_was() {
        let solved = solve(&nodes(&[0.4], &[]), SPREAD);
        assert_eq!(
            solved[0],
            Solved {
                mean: 0.4,
                trust: 0.0
            }
        );
    }
}
