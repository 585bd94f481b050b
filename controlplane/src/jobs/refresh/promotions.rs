//! Promotions: what is wanted of them, what follows from what was seen and ranked, and how that is kept and told.

use std::collections::{BTreeMap, BTreeSet};

use floopy_shared::domain::{
    gates::DEFAULT_GATES,
    ids::{CandidateKey, TenantId},
    shape::ShapeKey,
    snapshot::Tenant,
};
use serde_json::json;
use uuid::Uuid;

use super::Refresh;
use crate::{
    learn::{
        agreement::Calibration,
        monitor::Observation,
        promotion::{Ladder, Limits, Mode, Promotion, Promotions, Stage, Step},
        rank::Standing,
    },
    settings::promotions::{self as wanted, Wanted},
    store::{
        StoreError, Tx,
        audit::{self, Action, Change},
        promotions as written,
        settings::{self, Kind},
    },
    webhooks::{self, Event},
};

/// The job's own part of promotions.
#[derive(Debug, Default)]
pub(super) struct Promoted {
    pub(super) promotions: Promotions,
    wanted: BTreeMap<TenantId, Wanted>,
    /// Asked for, done and not yet written down as done.
    done: BTreeSet<(TenantId, Uuid)>,
    /// Whether something is to be written before anything is published.
    is_urgent: bool,
}

impl Promoted {
    pub(super) fn new(written: Vec<Promotion>) -> Self {
        Self {
            promotions: Promotions::new(written),
            ..Self::default()
        }
    }

    /// Whether steps wait to be written down.
    pub(super) fn is_urgent(&self) -> bool {
        self.is_urgent
    }

    fn wants(&self, tenant: &TenantId) -> (Option<Mode>, BTreeMap<ShapeKey, CandidateKey>) {
        let wanted = self.wanted.get(tenant);
        wanted.map_or_else(Default::default, |wanted| {
            (wanted.mode, wanted.pins.clone())
        })
    }
}

/// How much worse than whom it replaces a tenant's candidates may be. Scores are the judge's, limits are on the scale
/// of people: `slope` is what one of them is on the other.
fn limits(tenant: Option<&Tenant>, slope: f64) -> Limits {
    let gates = tenant.and_then(|tenant| tenant.gates);
    let drop = gates.and_then(|gates| gates.max_regression);
    let drop = drop.or(DEFAULT_GATES.max_regression);
    let cost = gates.and_then(|gates| gates.max_cost_increase);
    Limits {
        quality_drop: drop.map_or(0.0, |max| max.value) / slope,
        cost_ratio: cost.map(|max| 1.0 + max.value),
    }
}

impl Refresh {
    /// Reads what tenants want, and does what they ask for.
    pub(super) async fn read_wanted(&mut self) -> Result<(), StoreError> {
        let found = wanted::all(&self.parts.store).await?;
        let held = std::mem::replace(&mut self.promoted.wanted, found);
        let now_ms = self.parts.clock.now_ms();
        for (tenant, wanted) in &self.promoted.wanted {
            for (id, by) in &wanted.rollbacks {
                let place = (tenant.clone(), *id);
                if !self.promoted.done.insert(place) {
                    continue;
                }
                self.promoted
                    .promotions
                    .roll_back((tenant, *id), by, now_ms);
                self.promoted.is_urgent = true;
            }
        }
        let ids = held.keys().chain(self.promoted.wanted.keys());
        let changed = ids.filter(|id| held.get(*id) != self.promoted.wanted.get(*id));
        self.parts.dirty.mark(changed.cloned(), false);
        Ok(())
    }

    /// What ranking is told of a tenant.
    pub(super) fn ladder(&self, tenant: &TenantId) -> Ladder {
        let (mode, pins) = self.promoted.wants(tenant);
        let policy = &self.terms.policy;
        let is_staged = mode.unwrap_or(policy.promotions) == Mode::Staged;
        let now_ms = self.parts.clock.now_ms();
        self.promoted
            .promotions
            .ladder(tenant, (is_staged, pins), (policy.canary_rate, now_ms))
    }

    /// Shows the guards what happened; the tenants for whom that changes something.
    pub(super) fn guard(&mut self, observations: &[Observation]) -> BTreeSet<TenantId> {
        let tenants = &self.tenants;
        let (totals, shared) = (&self.parts.totals, &self.platform.agreement);
        let limits = |id: &TenantId| {
            let stats = totals.stats(id);
            let own = stats.as_ref().map(|stats| stats.agreement);
            let calibration = Calibration::of(&own.unwrap_or_default(), shared);
            limits(tenants.get(id).map(AsRef::as_ref), calibration.slope)
        };
        let now_ms = self.parts.clock.now_ms();
        let promotions = &mut self.promoted.promotions;
        let changed = promotions.observe(observations, limits, now_ms);
        self.promoted.is_urgent |= !changed.is_empty();
        changed
    }

    /// Looks at a new ranking; whether that moves traffic, so that it is to be ranked again.
    pub(super) fn consider(
        &mut self,
        tenant: &TenantId,
        standings: &BTreeMap<ShapeKey, Standing>,
        ladder: &Ladder,
    ) -> bool {
        let now_ms = self.parts.clock.now_ms();
        let promotions = &mut self.promoted.promotions;
        let moved = promotions.consider((tenant, standings), ladder, now_ms);
        self.promoted.is_urgent |= promotions.moved().next().is_some();
        moved
    }

    /// Writes down how far promotions are, and tells their steps.
    pub(super) async fn settle_promotions(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let promotions = &self.promoted.promotions;
        for promotion in promotions.unsaved() {
            written::put(tx, promotion).await?;
        }
        for promotion in promotions.moved() {
            for step in promotion.untold() {
                tell(tx, promotion, step).await?;
            }
        }
        for (tenant, id) in &self.promoted.done {
            settings::delete(tx, (tenant, Kind::Rollback), &id.to_string()).await?;
        }
        if self.promoted.is_urgent {
            written::forget(tx, self.parts.clock.now_ms()).await?;
        }
        Ok(())
    }

    /// That was committed.
    pub(super) fn promotions_saved(&mut self) {
        self.promoted.promotions.saved();
        self.promoted.done.clear();
        self.promoted.is_urgent = false;
    }
}

/// Writes a step of a promotion into the log of changes and tells webhooks of it.
async fn tell(tx: &mut Tx, promotion: &Promotion, step: &Step) -> Result<(), StoreError> {
    let resource = format!("promotions/{}", promotion.id);
    let serves = |stage: Option<Stage>| {
        let stage = stage.map(Stage::as_str);
        json!({"stage": stage, "candidate": promotion.candidate.as_str(),
            "replaces": promotion.replaces.as_str(), "shape": promotion.shape.as_str()})
        .to_string()
    };
    let before = step.from.map(|from| serves(Some(from)));
    let change = Change {
        tenant: Some(&promotion.tenant),
        at_ms: step.at_ms,
        actor: &step.by,
        role: "system",
        action: if before.is_some() {
            Action::Update
        } else {
            Action::Create
        },
        resource: &resource,
        before: before.as_deref(),
        after: Some(&serves(Some(step.to))),
        request_id: "",
    };
    audit::add(tx, &change).await?;
    let event = match step.to {
        Stage::Canary | Stage::WideCanary | Stage::Live => Event::ModelPromoted,
        Stage::RolledBack => Event::ModelRolledBack,
        Stage::Shadow | Stage::Superseded | Stage::Withdrawn => return Ok(()),
    };
    let data = json!({
        "promotion_id": promotion.id.to_string(),
        "task_shape": promotion.shape.as_str(),
        "candidate": promotion.candidate.as_str(),
        "replaces": promotion.replaces.as_str(),
        "from": step.from.map(Stage::as_str),
        "to": step.to.as_str(),
        "reason": step.reason,
        "by": step.by,
        "guards": step.readings,
    });
    webhooks::emit(tx, &promotion.tenant, event, &data, step.at_ms).await?;
    Ok(())
}
