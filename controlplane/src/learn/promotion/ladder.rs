//! Who serves by the promotions that are under way, as ranking is told.

use std::collections::{BTreeMap, BTreeSet};

use floopy_shared::domain::{
    ids::{CandidateKey, TenantId},
    shape::{ROOT, ShapeKey},
};

use serde::{Deserialize, Serialize};

use super::{Promotions, Stage, slot::Slot};

/// How who serves changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// As soon as another candidate is probably better.
    #[default]
    Immediate,
    /// Step by step: shadow, canary, wider canary, live.
    Staged,
}

impl Mode {
    /// The wire name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Immediate => "immediate",
            Self::Staged => "staged",
        }
    }
}

/// Of one tenant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ladder {
    /// Whether who is to serve gets there step by step; else at once.
    pub is_staged: bool,
    pub places: BTreeMap<ShapeKey, Place>,
    /// Who serves whatever is learned; the root's holds for all shapes that have none.
    pub pins: BTreeMap<ShapeKey, CandidateKey>,
}

/// Of one shape.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Place {
    /// `None`: who served before.
    pub serves: Option<CandidateKey>,
    /// Who serves where that one cannot.
    pub back: Option<CandidateKey>,
    /// With the share of traffic.
    pub canary: Option<(CandidateKey, f64)>,
    /// Who was taken back.
    pub barred: BTreeSet<CandidateKey>,
}

/// Without promotions and pins.
pub static UNSTAGED: Ladder = Ladder {
    is_staged: false,
    places: BTreeMap::new(),
    pins: BTreeMap::new(),
};

/// A wide canary serves so many times the share of a canary, and at most half.
const WIDER: f64 = 5.0;
const WIDEST: f64 = 0.5;

impl Ladder {
    /// Who is pinned in a shape.
    pub fn pin(&self, shape: &ShapeKey) -> Option<&CandidateKey> {
        self.pins.get(shape).or_else(|| self.pins.get(ROOT))
    }

    /// What is under way in a shape.
    pub fn place(&self, shape: &ShapeKey) -> Option<&Place> {
        self.places.get(shape).filter(|_| self.is_staged)
    }
}

impl Promotions {
    /// What ranking is told of a tenant.
    pub fn ladder(
        &self,
        tenant: &TenantId,
        (is_staged, pins): (bool, BTreeMap<ShapeKey, CandidateKey>),
        (canary_rate, now_ms): (f64, u64),
    ) -> Ladder {
        let of_tenant = self.slots.iter().filter(|((of, _), _)| of == tenant);
        let place = |((_, shape), slot): (&(TenantId, ShapeKey), &Slot)| {
            (shape.clone(), slot.place(canary_rate, now_ms))
        };
        Ladder {
            is_staged,
            places: of_tenant.map(place).collect(),
            pins,
        }
    }
}

impl Slot {
    fn place(&self, canary_rate: f64, now_ms: u64) -> Place {
        let live = self.live.as_ref();
        let climbing = self.climbing.as_ref();
        let serves = live.map(|live| &live.candidate);
        let serves = serves.or(self.back.as_ref());
        let canary = climbing.and_then(|climbing| {
            let share = match climbing.stage {
                Stage::Canary => canary_rate,
                Stage::WideCanary => (WIDER * canary_rate).min(WIDEST),
                Stage::Shadow
                | Stage::Live
                | Stage::RolledBack
                | Stage::Superseded
                | Stage::Withdrawn => return None,
            };
            Some((climbing.candidate.clone(), share))
        });
        let barred = self.barred.iter().filter(|(_, until)| **until > now_ms);
        Place {
            serves: serves.or(climbing.map(|c| &c.replaces)).cloned(),
            back: live.map(|live| live.replaces.clone()),
            canary,
            barred: barred.map(|(key, _)| key.clone()).collect(),
        }
    }
}
