//! The way of a candidate to serving: shadow, canary, a wider canary, live, and back.
//!
//! Of each shape of a tenant one candidate is on its way at a time, and whoever arrived is watched on. What follows
//! from observations follows from them and their order alone, as with the drift monitors: it can be written down at
//! any moment and goes on there.

mod guards;
mod ladder;
mod record;
mod slot;
#[cfg(test)]
mod tests;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use floopy_shared::domain::{
    ids::{CandidateKey, TenantId},
    ranking::Role,
    shape::ShapeKey,
};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use self::slot::Slot;
pub use self::{
    guards::{
        Channel, FAILURES, Guards, LATENCY_RATIO, Limits, PROMOTION, REFUSALS, ROLLBACK,
        ROLLBACK_LIVE, Reading,
    },
    ladder::{Ladder, Mode, Place, UNSTAGED},
    record::{Promotion, Stage, Step},
};
use super::{
    monitor::Observation,
    rank::{Shares, Standing},
};

/// Scores in the shadow, compared with those of whom it replaces, before a candidate serves anybody.
pub const SHADOW_SCORES: u32 = 20;
/// How sure it must be by then that a candidate keeps [`KEPT`] of the quality of whom it replaces.
pub const ASSURANCE: f64 = 0.7;
/// That share.
pub const KEPT: f64 = 0.95;
/// How long who was taken back only proves itself in the shadow.
pub const BARRED_MS: u64 = 24 * 3_600_000;
/// How long a candidate may stay in the shadow without qualifying.
const SHADOW_MS: u64 = 7 * 24 * 3_600_000;

/// Who decides where nobody asked.
const LEARNER: &str = "learner";

/// All that is under way or was since the last time it was written down.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Promotions {
    slots: BTreeMap<(TenantId, ShapeKey), Slot>,
    /// Those of these differ from what is written.
    touched: BTreeSet<(TenantId, ShapeKey)>,
    /// Ended and not written yet.
    ended: Vec<Promotion>,
}

impl Promotions {
    /// With what was written down.
    pub fn new(written: Vec<Promotion>) -> Self {
        let mut all = Self::default();
        for promotion in written {
            let place = (promotion.tenant.clone(), promotion.shape.clone());
            let slot = all.slots.entry(place).or_default();
            match promotion.stage {
                Stage::Shadow | Stage::Canary | Stage::WideCanary => {
                    slot.climbing = Some(promotion);
                }
                Stage::Live => slot.live = Some(promotion),
                Stage::RolledBack => {
                    let until = promotion.changed_ms + BARRED_MS;
                    slot.barred.insert(promotion.candidate, until);
                }
                Stage::Superseded | Stage::Withdrawn => {}
            }
        }
        all
    }

    /// Those that differ from what is written.
    pub fn unsaved(&self) -> impl Iterator<Item = &Promotion> {
        let open = self.touched.iter().filter_map(|at| self.slots.get(at));
        let open = open.flat_map(|slot| slot.live.iter().chain(&slot.climbing));
        self.ended.iter().chain(open)
    }

    /// Those of which a step is to be told.
    pub fn moved(&self) -> impl Iterator<Item = &Promotion> {
        self.unsaved()
            .filter(|promotion| !promotion.untold().is_empty())
    }

    /// It was written down, and told.
    pub fn saved(&mut self) {
        for at in std::mem::take(&mut self.touched) {
            let slot = self.slots.get_mut(&at);
            let open = slot.map(|slot| slot.live.iter_mut().chain(&mut slot.climbing));
            open.into_iter().flatten().for_each(Promotion::tell);
        }
        self.ended.clear();
    }

    /// Keeps only the tenants that are wanted.
    pub fn retain(&mut self, wanted: impl Fn(&TenantId) -> bool) {
        self.slots.retain(|(tenant, _), _| wanted(tenant));
        self.touched.retain(|(tenant, _)| wanted(tenant));
    }

    /// Takes in outcomes, oldest first; whose traffic changes.
    pub fn observe(
        &mut self,
        observations: &[Observation],
        limits: impl Fn(&TenantId) -> Limits,
        now_ms: u64,
    ) -> BTreeSet<TenantId> {
        let mut changed = BTreeSet::new();
        for seen in observations {
            let Some(shape) = &seen.ranked else { continue };
            let place = (seen.tenant.clone(), shape.clone());
            let Some(slot) = self.slots.get_mut(&place) else {
                continue;
            };
            if !slot.observe(seen, &limits(&seen.tenant)) {
                continue;
            }
            if self.follow(&place, now_ms) {
                changed.insert(seen.tenant.clone());
            }
            self.touched.insert(place);
        }
        changed
    }

    /// What follows from what a shape's guards say; whether that moves traffic.
    fn follow(&mut self, place: &(TenantId, ShapeKey), now_ms: u64) -> bool {
        let Some(slot) = self.slots.get_mut(place) else {
            return false;
        };
        let live_alarm = slot.live.as_ref().and_then(|live| live.guards.alarm());
        if let Some(channel) = live_alarm {
            self.end_live(place, (channel.as_str(), LEARNER), now_ms);
            return true;
        }
        let Some(climbing) = &mut slot.climbing else {
            return false;
        };
        if let Some(channel) = climbing.guards.alarm() {
            self.end_climbing(
                place,
                Stage::RolledBack,
                (channel.as_str(), LEARNER),
                now_ms,
            );
            return true;
        }
        if !climbing.guards.is_passed() {
            return false;
        }
        let reason = ("not_worse", LEARNER);
        match climbing.stage {
            Stage::Canary => {
                climbing.step(Stage::WideCanary, reason, now_ms);
                true
            }
            Stage::WideCanary => {
                self.arrive(place, reason, now_ms);
                true
            }
            Stage::Shadow
            | Stage::Live
            | Stage::RolledBack
            | Stage::Superseded
            | Stage::Withdrawn => false,
        }
    }

    /// The candidate serves from now on.
    fn arrive(&mut self, place: &(TenantId, ShapeKey), reason: (&str, &str), now_ms: u64) {
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        let Some(mut arrived) = slot.climbing.take() else {
            return;
        };
        arrived.step(Stage::Live, reason, now_ms);
        slot.back = None;
        if let Some(mut before) = slot.live.replace(arrived) {
            before.step(Stage::Superseded, reason, now_ms);
            self.ended.push(before);
        }
    }

    /// Who serves is taken back; who was compared with it has nobody left to replace.
    fn end_live(&mut self, place: &(TenantId, ShapeKey), why: (&str, &str), now_ms: u64) {
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        if let Some(mut live) = slot.live.take() {
            live.step(Stage::RolledBack, why, now_ms);
            slot.back = Some(live.replaces.clone());
            slot.barred
                .insert(live.candidate.clone(), now_ms + BARRED_MS);
            self.ended.push(live);
        }
        let why = ("replaced_was_rolled_back", why.1);
        self.end_climbing(place, Stage::Withdrawn, why, now_ms);
    }

    fn end_climbing(
        &mut self,
        place: &(TenantId, ShapeKey),
        to: Stage,
        why: (&str, &str),
        now_ms: u64,
    ) {
        let Some(slot) = self.slots.get_mut(place) else {
            return;
        };
        if let Some(mut climbing) = slot.climbing.take() {
            climbing.step(to, why, now_ms);
            if to == Stage::RolledBack {
                slot.barred
                    .insert(climbing.candidate.clone(), now_ms + BARRED_MS);
            }
            self.ended.push(climbing);
        }
    }

    /// Takes a promotion back because somebody asked for it; whether there is one under way.
    pub fn roll_back(&mut self, (tenant, id): (&TenantId, Uuid), by: &str, now_ms: u64) -> bool {
        let is_it = |promotion: &Option<Promotion>| promotion.as_ref().is_some_and(|p| p.id == id);
        let of_tenant = self.slots.iter().filter(|((of, _), _)| of == tenant);
        let mut found = of_tenant.filter(|(_, slot)| is_it(&slot.live) || is_it(&slot.climbing));
        let Some((place, is_live)) = found
            .next()
            .map(|(at, slot)| (at.clone(), is_it(&slot.live)))
        else {
            return false;
        };
        if is_live {
            self.end_live(&place, ("asked", by), now_ms);
        } else {
            self.end_climbing(&place, Stage::RolledBack, ("asked", by), now_ms);
        }
        true
    }

    /// Ends everything of a tenant that no longer takes steps, or of its pinned shapes.
    pub fn withdraw(&mut self, tenant: &TenantId, ladder: &Ladder, now_ms: u64) {
        let of_tenant = self.slots.iter().filter(|((of, _), _)| of == tenant);
        let stays = |shape: &ShapeKey| ladder.is_staged && ladder.pin(shape).is_none();
        let gone = of_tenant.filter(|((_, shape), slot)| {
            !stays(shape) && (slot.live.is_some() || slot.climbing.is_some())
        });
        let gone: Vec<(TenantId, ShapeKey)> = gone.map(|(place, _)| place.clone()).collect();
        for place in gone {
            let reason = if ladder.pin(&place.1).is_some() {
                "pinned"
            } else {
                "not_staged"
            };
            self.end_climbing(&place, Stage::Withdrawn, (reason, LEARNER), now_ms);
            if let Some(slot) = self.slots.get_mut(&place)
                && let Some(mut live) = slot.live.take()
            {
                live.step(Stage::Superseded, (reason, LEARNER), now_ms);
                self.ended.push(live);
            }
        }
    }

    /// Looks at a tenant's new ranking: who is proposed, who qualified, who may serve no longer. Whether that moves
    /// traffic.
    pub fn consider(
        &mut self,
        (tenant, standings): (&TenantId, &BTreeMap<ShapeKey, Standing>),
        ladder: &Ladder,
        now_ms: u64,
    ) -> bool {
        self.withdraw(tenant, ladder, now_ms);
        if !ladder.is_staged {
            return false;
        }
        let mut moved = false;
        for (shape, standing) in standings {
            if ladder.pin(shape).is_some() {
                continue;
            }
            let place = (tenant.clone(), shape.clone());
            moved |= self.consider_live(&place, standing, now_ms);
            moved |= self.consider_climbing(&place, standing, now_ms);
            self.propose(place, standing, now_ms);
        }
        moved
    }

    fn consider_live(
        &mut self,
        place: &(TenantId, ShapeKey),
        standing: &Standing,
        now_ms: u64,
    ) -> bool {
        let live = self.slots.get(place).and_then(|slot| slot.live.as_ref());
        let Some(reason) = live.and_then(|live| held_back(&standing.of(&live.candidate)?)) else {
            return false;
        };
        self.end_live(place, (reason, LEARNER), now_ms);
        true
    }

    fn consider_climbing(
        &mut self,
        place: &(TenantId, ShapeKey),
        standing: &Standing,
        now_ms: u64,
    ) -> bool {
        let slot = self.slots.get_mut(place);
        let Some(climbing) = slot.and_then(|slot| slot.climbing.as_mut()) else {
            return false;
        };
        let Some(shares) = standing.of(&climbing.candidate) else {
            // Nobody offers it any more.
            self.end_climbing(place, Stage::Withdrawn, ("gone", LEARNER), now_ms);
            return true;
        };
        let in_shadow = climbing.stage == Stage::Shadow;
        let reason = held_back(&shares);
        if let Some(reason) = reason.filter(|_| !in_shadow) {
            self.end_climbing(place, Stage::RolledBack, (reason, LEARNER), now_ms);
            return true;
        }
        if !in_shadow {
            return false;
        }
        let is_sure = shares.p_floor >= ASSURANCE && reason.is_none();
        if is_sure && climbing.guards.step_scores() >= SHADOW_SCORES {
            climbing.step(Stage::Canary, ("qualified", LEARNER), now_ms);
            self.touched.insert(place.clone());
            return true;
        }
        let other = standing.wish.as_ref().filter(|w| **w != climbing.candidate);
        let is_late = now_ms.saturating_sub(climbing.began_ms) > SHADOW_MS;
        if (other.is_some() && !is_sure) || is_late || climbing.replaces != standing.incumbent {
            self.end_climbing(place, Stage::Withdrawn, ("not_sought", LEARNER), now_ms);
        }
        false
    }

    fn propose(&mut self, place: (TenantId, ShapeKey), standing: &Standing, now_ms: u64) {
        let Some(wish) = &standing.wish else { return };
        let slot = self.slots.entry(place.clone()).or_default();
        let serves = slot.live.as_ref().is_some_and(|p| p.candidate == *wish);
        if slot.climbing.is_some() || serves {
            return;
        }
        let (tenant, shape) = place.clone();
        let mut promotion = Promotion {
            id: id(&place, wish, now_ms),
            tenant,
            shape,
            candidate: wish.clone(),
            replaces: standing.incumbent.clone(),
            stage: Stage::Shadow,
            began_ms: now_ms,
            changed_ms: now_ms,
            guards: Guards::default(),
            trace: Vec::new(),
            told: 0,
        };
        promotion.step(Stage::Shadow, ("proposed", LEARNER), now_ms);
        slot.climbing = Some(promotion);
        self.touched.insert(place);
    }
}

/// Follows from what it names, so that what is done again after a crash has the same name.
fn id((tenant, shape): &(TenantId, ShapeKey), candidate: &CandidateKey, now_ms: u64) -> Uuid {
    let named = format!("{tenant}\n{shape}\n{candidate}\n{now_ms}");
    let digest: [u8; 32] = Sha256::digest(named).into();
    let (bytes, _) = digest.split_first_chunk().unwrap_or((&[0; 16], &[]));
    Builder::from_random_bytes(*bytes).into_uuid()
}

/// Why a candidate may not serve, whoever asks.
fn held_back(shares: &Shares) -> Option<&'static str> {
    let gate = shares.gate.map(|gate| gate.reason());
    gate.or((shares.role == Role::Masked).then_some("drift"))
}
