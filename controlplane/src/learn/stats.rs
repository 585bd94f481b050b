//! A tenant's sums, by shape and candidate: exact integers, so that adding and taking away commute.

use std::collections::BTreeMap;

use floopy_shared::domain::{ids::CandidateKey, implicit::ImplicitKind, shape::ShapeKey};

use super::{
    accord::Accord,
    agreement::Agreement,
    credit::{Cell, Source, unpair},
    sums::Sums,
    versus::{Against, Weighted},
};

/// What was observed of one candidate in one shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ArmSums {
    /// Labels of sessions, weighted with the share of the session that the candidate served.
    pub session: Sums,
    /// Squares of those shares: what the labels are worth as observations.
    pub squares: i64,
    pub auto: Sums,
    pub manual: Sums,
    pub failed: Sums,
    /// See [`super::credit::latency_p95_ms`].
    pub latency: Sums,
    /// How often its callers did what counts against it, in micro-units; in [`ShapeStats::implicit`] until it is known
    /// what the tenant counts.
    pub implied: i64,
}

/// Products of shares of two nodes that shared sessions: a candidate of this shape, and a node of any.
pub type Pairs = BTreeMap<CandidateKey, BTreeMap<ShapeKey, BTreeMap<CandidateKey, i64>>>;

/// What was observed in one shape.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ShapeStats {
    pub arms: BTreeMap<CandidateKey, ArmSums>,
    /// In micro-units.
    pub pairs: Pairs,
    /// Sessions with a rating that touched this shape, and their ratings.
    pub rated: Sums,
    /// How often this shape stood below another one.
    pub parents: BTreeMap<ShapeKey, i64>,
    /// How often callers did something after a candidate's reply, in micro-units.
    pub implicit: BTreeMap<CandidateKey, BTreeMap<Source, i64>>,
}

impl ShapeStats {
    /// Nothing observed.
    pub const NONE: Self = Self {
        arms: BTreeMap::new(),
        pairs: BTreeMap::new(),
        rated: Sums {
            n: 0,
            sum: 0,
            sumsq: 0,
        },
        parents: BTreeMap::new(),
        implicit: BTreeMap::new(),
    };

    /// Replies with a judge's score, or a failure that counts as one.
    pub fn scored_requests(&self) -> f64 {
        let counts = self.arms.values().map(|arm| arm.auto.n + arm.failed.n);
        Sums {
            n: counts.sum(),
            ..Sums::default()
        }
        .weight()
    }

    /// Each pair of nodes that shared sessions, with the product of their shares in micro-units.
    pub fn each_pair(
        &self,
    ) -> impl Iterator<Item = (&CandidateKey, (&ShapeKey, &CandidateKey), i64)> {
        self.pairs.iter().flat_map(|(arm, others)| {
            others.iter().flat_map(move |(shape, products)| {
                let products = products.iter();
                products.map(move |(other, product)| (arm, (shape, other), *product))
            })
        })
    }

    /// Sessions with a rating.
    pub fn rated_sessions(&self) -> f64 {
        self.rated.weight()
    }

    /// The shape this one stood below most often; the first by name among equals.
    pub fn parent(&self) -> Option<&ShapeKey> {
        let best = self.parents.iter().rev().max_by_key(|(_, count)| **count);
        best.map(|(shape, _)| shape)
    }
}

/// Everything observed for one tenant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TenantStats {
    pub shapes: BTreeMap<ShapeKey, ShapeStats>,
    /// How the judge's scale compares with that of people.
    pub agreement: Agreement,
    /// Routing beside candidates alone: over all requests, in the root, and by kind of task.
    pub against: BTreeMap<ShapeKey, Against>,
    /// Where its scores and people's ratings lie beside each other.
    pub accord: Accord,
    /// Shadow calls by day; the sum is what they cost in micro-USD.
    pub shadow: BTreeMap<i64, Sums>,
    /// Scores that models were asked for, in the same way.
    pub judging: BTreeMap<i64, Sums>,
}

impl TenantStats {
    /// Sorts cells, whose days do not matter here, into shapes. Names that are none are left out.
    pub fn collect(cells: impl IntoIterator<Item = (Cell, Sums)>) -> Self {
        let mut stats = Self::default();
        for (cell, sums) in cells {
            stats.add(&cell, sums);
        }
        stats
    }

    /// Has what callers did count against the candidates, as far as it is of these kinds.
    pub fn imply(&mut self, kinds: &[ImplicitKind]) {
        for shape in self.shapes.values_mut() {
            for (key, counts) in &shape.implicit {
                let of = |kind: &ImplicitKind| counts.get(&Source::of_implicit(*kind));
                let count = kinds.iter().filter_map(of).sum();
                if let Some(arm) = shape.arms.get_mut(key) {
                    arm.implied = count;
                }
            }
        }
    }

    /// What the shadow cost on a day.
    pub fn shadow_spend_micro_usd(&self, day: i64) -> u64 {
        let spent = self.shadow.get(&day).map_or(0, |sums| sums.sum);
        u64::try_from(spent).unwrap_or(0)
    }

    /// Adds to one cell; negative sums take away what was added before.
    pub fn add(&mut self, cell: &Cell, sums: Sums) {
        match cell.source {
            Source::Agreement => match unpair(&cell.arm) {
                Some((of, place)) => self.accord.add((of, place), sums),
                None => self.agreement.add(&cell.arm, sums),
            },
            Source::Shadow => add_spend(&mut self.shadow, cell.day, sums),
            Source::Judging => add_spend(&mut self.judging, cell.day, sums),
            Source::AskedAgain
            | Source::Retried
            | Source::Left
            | Source::InvalidToolCall
            | Source::Capped
            | Source::Abandoned => {
                self.in_shape(cell, sums, |shape| shape.add_implicit(cell, sums.n));
            }
            Source::Versus => self.add_versus(cell, sums, |seen| &mut seen.plain),
            Source::VersusSquared => self.add_versus(cell, sums, |seen| &mut seen.squared),
            Source::Rated => self.in_shape(cell, sums, |shape| shape.rated += sums),
            Source::Parent => self.in_shape(cell, sums, |shape| shape.add_parent(cell, sums.n)),
            Source::Pair => self.in_shape(cell, sums, |shape| shape.add_pair(cell, sums.n)),
            Source::Session => self.in_arm(cell, sums, |arm| &mut arm.session),
            Source::Auto => self.in_arm(cell, sums, |arm| &mut arm.auto),
            Source::Manual => self.in_arm(cell, sums, |arm| &mut arm.manual),
            Source::Failed => self.in_arm(cell, sums, |arm| &mut arm.failed),
            Source::Latency => self.in_arm(cell, sums, |arm| &mut arm.latency),
            // Of these only gates ask, see `recent`.
            Source::Cost | Source::Tried => {}
        }
    }

    fn add_versus(&mut self, cell: &Cell, sums: Sums, of: impl Fn(&mut Weighted) -> &mut Sums) {
        let Some(shape) = ShapeKey::named(&cell.shape) else {
            return;
        };
        let against = self.against.entry(shape).or_default();
        let seen = if cell.arm.is_empty() {
            &mut against.served
        } else {
            let Ok(key) = CandidateKey::parse(&cell.arm) else {
                return;
            };
            against.alone.entry(key).or_default()
        };
        *of(seen) += sums;
        if sums.n < 0 {
            against.alone.retain(|_, seen| *seen != Weighted::default());
            self.against
                .retain(|_, against| *against != Against::default());
        }
    }

    fn in_arm(&mut self, cell: &Cell, sums: Sums, of: impl Fn(&mut ArmSums) -> &mut Sums) {
        self.in_shape(cell, sums, |shape| {
            if let Some(arm) = shape.arm(&cell.arm) {
                *of(arm) += sums;
            }
        });
    }

    fn in_shape(&mut self, cell: &Cell, sums: Sums, add: impl FnOnce(&mut ShapeStats)) {
        let shape = match self.shapes.get_mut(cell.shape.as_str()) {
            Some(shape) => shape,
            None => {
                let Some(key) = ShapeKey::named(&cell.shape) else {
                    return;
                };
                self.shapes.entry(key).or_default()
            }
        };
        add(shape);
        // What was taken away for good takes no room.
        if sums.n < 0 {
            shape.prune();
            if *shape == ShapeStats::default() {
                self.shapes.remove(cell.shape.as_str());
            }
        }
    }
}

fn add_spend(days: &mut BTreeMap<i64, Sums>, day: i64, sums: Sums) {
    let spent = days.entry(day).or_default();
    *spent += sums;
    if *spent == Sums::default() {
        days.remove(&day);
    }
}

impl ShapeStats {
    fn prune(&mut self) {
        self.arms.retain(|_, arm| !arm.is_empty());
        self.pairs.retain(|_, others| {
            others.retain(|_, products| {
                products.retain(|_, product| *product != 0);
                !products.is_empty()
            });
            !others.is_empty()
        });
        self.parents.retain(|_, count| *count != 0);
        self.implicit.retain(|_, counts| {
            counts.retain(|_, count| *count != 0);
            !counts.is_empty()
        });
    }

    fn add_implicit(&mut self, cell: &Cell, count: i64) {
        if let Ok(key) = CandidateKey::parse(&cell.arm) {
            let counts = self.implicit.entry(key).or_default();
            *counts.entry(cell.source).or_default() += count;
        }
    }

    fn arm(&mut self, name: &str) -> Option<&mut ArmSums> {
        if !self.arms.contains_key(name) {
            let key = CandidateKey::parse(name).ok()?;
            self.arms.insert(key, ArmSums::default());
        }
        self.arms.get_mut(name)
    }

    fn add_parent(&mut self, cell: &Cell, count: i64) {
        if let Some(parent) = ShapeKey::named(&cell.arm) {
            *self.parents.entry(parent).or_default() += count;
        }
    }

    fn add_pair(&mut self, cell: &Cell, product: i64) {
        let Some((arm, (shape, other))) = unpair(&cell.arm) else {
            return;
        };
        if (shape, other) == (cell.shape.as_str(), arm) {
            if let Some(arm) = self.arm(arm) {
                arm.squares += product;
            }
            return;
        }
        let others = self.pairs.get_mut(arm);
        let products = others.and_then(|others| others.get_mut(shape));
        // Most are there, and need no names of their own.
        if let Some(known) = products.and_then(|products| products.get_mut(other)) {
            *known += product;
            return;
        }
        let (Ok(arm), Some(shape), Ok(other)) = (
            CandidateKey::parse(arm),
            ShapeKey::named(shape),
            CandidateKey::parse(other),
        ) else {
            return;
        };
        let others = self.pairs.entry(arm).or_default();
        *others.entry(shape).or_default().entry(other).or_default() += product;
    }
}

impl ArmSums {
    /// Whether anything at all was observed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What it is together with a part.
    pub fn with(&self, part: &Self) -> Self {
        self.without(&Self::default().without(part))
    }

    /// What is left without a part.
    pub fn without(&self, part: &Self) -> Self {
        Self {
            session: self.session + -part.session,
            squares: self.squares - part.squares,
            auto: self.auto + -part.auto,
            manual: self.manual + -part.manual,
            failed: self.failed + -part.failed,
            latency: self.latency + -part.latency,
            implied: self.implied - part.implied,
        }
    }
}
