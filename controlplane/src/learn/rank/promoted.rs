//! Promotions and pins, put to the candidates of one shape.

use std::collections::BTreeMap;

use floopy_shared::domain::{
    gates::Gate,
    ids::CandidateKey,
    ranking::{Rankings, Role},
    shape::ShapeKey,
};

use super::{Done, Incumbents, Question};
use crate::learn::{
    policy::{Contender, Held, Traffic, p_floor},
    promotion::KEPT,
};

/// How candidates stand in a shape, as far as promotions need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub incumbent: CandidateKey,
    /// Who would serve instead if that could change at once.
    pub wish: Option<CandidateKey>,
    shares: BTreeMap<CandidateKey, Shares>,
}

/// How one does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    pub role: Role,
    pub gate: Option<Gate>,
    /// How sure it is that it is nearly as good as the incumbent.
    pub p_floor: f64,
}

impl Standing {
    #[cfg(test)]
    pub(crate) fn new(
        incumbent: CandidateKey,
        wish: Option<CandidateKey>,
        shares: impl IntoIterator<Item = (CandidateKey, Shares)>,
    ) -> Self {
        Self {
            incumbent,
            wish,
            shares: shares.into_iter().collect(),
        }
    }

    /// How a candidate stands; `None`: it is none.
    pub fn of(&self, key: &CandidateKey) -> Option<Shares> {
        self.shares.get(key).copied()
    }
}

/// What a ranking comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub rankings: Rankings,
    pub incumbents: Incumbents,
    pub standings: BTreeMap<ShapeKey, Standing>,
}

/// Whether who serves a shape may change at once. A pin does not make anybody serve whom the tenant forbids.
pub(super) fn held(
    question: &Question<'_>,
    (shape, done): (&ShapeKey, &Done<'_>),
    contenders: &[Contender],
) -> Held {
    let position = |key: &CandidateKey| done.positions.get(key.as_str()).copied();
    let ladder = question.ladder;
    let pinned = ladder.pin(shape).and_then(position);
    if let Some(pinned) = pinned.filter(|at| !contenders[*at].forbidden) {
        return Held::Pinned(pinned);
    }
    if !ladder.is_staged {
        return Held::Free;
    }
    let place = ladder.place(shape);
    let canary = place.and_then(|place| place.canary.as_ref());
    Held::Staged {
        canary: canary.and_then(|(key, share)| Some((position(key)?, *share))),
        back: place.and_then(|place| place.back.as_ref().and_then(position)),
    }
}

/// How the candidates of a shape stand.
pub(super) fn standing(
    question: &Question<'_>,
    contenders: &[Contender],
    traffic: &Traffic,
) -> Standing {
    let key = |at: usize| question.candidates[at].key.clone();
    let serving = &contenders[traffic.incumbent].estimate;
    let shares = |(at, contender): (usize, &Contender)| {
        let shares = Shares {
            role: traffic.roles[at],
            gate: contender.gate,
            p_floor: p_floor(&contender.estimate, serving, KEPT),
        };
        (key(at), shares)
    };
    Standing {
        incumbent: key(traffic.incumbent),
        wish: (traffic.wish != traffic.incumbent).then(|| key(traffic.wish)),
        shares: contenders.iter().enumerate().map(shares).collect(),
    }
}
