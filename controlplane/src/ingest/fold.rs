//! Keeping the buckets equal to what the facts add up to, over one transaction.

use std::collections::{BTreeMap, BTreeSet};

use floopy_shared::domain::{
    decision::Decision,
    event::RatingScore,
    ids::{RequestId, TenantId},
};
use uuid::Uuid;

use super::subject;
use crate::{
    learn::credit::{self, Credit, Turn, Verdicts},
    store::{
        StoreError, Tx,
        buckets::{self, Deltas},
        calls::{self, StoredCall, Unit},
        ratings::{self, Kind, StoredRating},
        scores, sessions,
    },
};

/// What of a tenant changed, to be looked at once per batch.
#[derive(Debug, Default)]
struct Touched {
    /// Units a decision came to or went from, by their stored names.
    units: BTreeMap<String, Unit>,
    /// Names such a decision bears.
    names: BTreeSet<String>,
    /// Names a rating came for.
    rated: BTreeSet<String>,
}

/// What a batch has touched so far.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) tx: Tx,
    pub(super) now_ms: u64,
    /// Calls as this batch left them; `None` where there is none.
    held: BTreeMap<RequestId, Option<StoredCall>>,
    /// Those of them that the store does not have yet.
    unwritten: BTreeSet<RequestId>,
    /// Calls whose record, score or rating changed.
    calls: BTreeSet<RequestId>,
    touched: BTreeMap<TenantId, Touched>,
    units: BTreeSet<(TenantId, Unit)>,
    deltas: Deltas,
}

impl Fold {
    /// Nothing touched yet.
    pub(super) fn new(tx: Tx, now_ms: u64) -> Self {
        Self {
            tx,
            now_ms,
            held: BTreeMap::new(),
            unwritten: BTreeSet::new(),
            calls: BTreeSet::new(),
            touched: BTreeMap::new(),
            units: BTreeSet::new(),
            deltas: Deltas::new(),
        }
    }

    /// Reads those of the calls that were not read yet.
    pub(super) async fn load(
        &mut self,
        requests: impl IntoIterator<Item = RequestId>,
    ) -> Result<(), StoreError> {
        let missing: BTreeSet<RequestId> = requests
            .into_iter()
            .filter(|request| !self.held.contains_key(request))
            .collect();
        let missing: Vec<RequestId> = missing.into_iter().collect();
        let found = calls::get_many(&mut self.tx, &missing).await?;
        self.held
            .extend(missing.into_iter().map(|request| (request, None)));
        self.held.extend(
            found
                .into_iter()
                .map(|call| (call.decision.request_id, Some(call))),
        );
        Ok(())
    }

    /// A call that was loaded.
    pub(super) fn held(&self, request: RequestId) -> Option<&StoredCall> {
        self.held.get(&request)?.as_ref()
    }

    /// Puts a decision over the one that was loaded, if any.
    pub(super) fn put_decision(&mut self, decision: Decision, event_id: Uuid) {
        let request = decision.request_id;
        self.touch_decision(&decision);
        let held = self.held.remove(&request).flatten();
        if let Some(held) = &held {
            self.touch_decision(&held.decision);
        }
        let call = StoredCall {
            decision,
            event_id,
            credit: held.map(|held| held.credit).unwrap_or_default(),
        };
        self.held.insert(request, Some(call));
        self.unwritten.insert(request);
    }

    /// A call's record, score or rating changed.
    pub(super) fn touch_call(&mut self, request: RequestId) {
        self.calls.insert(request);
    }

    /// A rating of this name came or changed.
    pub(super) fn touch_subject(&mut self, tenant: &TenantId, subject: String) {
        let touched = self.touched.entry(tenant.clone()).or_default();
        touched.rated.insert(subject);
    }

    /// A decision came or went: its session's shares change if it is rated, and so may the meaning of the
    /// names it bears.
    fn touch_decision(&mut self, decision: &Decision) {
        self.touch_call(decision.request_id);
        if decision.shadow_of.is_some() {
            return;
        }
        let touched = self.touched.entry(decision.tenant.clone()).or_default();
        let unit = Unit::of(decision);
        touched.units.insert(unit.key(), unit);
        touched.names.extend(subject::names_of(decision));
    }

    /// Writes the decisions put so far, for statements that look for them.
    pub(super) async fn write_decisions(&mut self) -> Result<(), StoreError> {
        let unwritten = std::mem::take(&mut self.unwritten);
        let calls: Vec<&StoredCall> = unwritten
            .iter()
            .filter_map(|request| self.held.get(request)?.as_ref())
            .collect();
        calls::put_many(&mut self.tx, &calls).await
    }

    /// Brings the buckets up to date and commits. The tenants whose buckets changed.
    pub(super) async fn commit(mut self) -> Result<Vec<TenantId>, StoreError> {
        self.write_decisions().await?;
        self.credit_calls().await?;
        for (tenant, touched) in std::mem::take(&mut self.touched) {
            self.find_units(&tenant, touched).await?;
        }
        for (tenant, unit) in std::mem::take(&mut self.units) {
            self.credit_unit(&tenant, &unit).await?;
        }
        buckets::apply(&mut self.tx, &self.deltas).await?;
        self.tx.commit().await?;
        Ok(self.deltas.into_keys().collect())
    }

    /// The units whose credit may have changed: the rated ones among those touched, and those that a rated
    /// name means.
    async fn find_units(&mut self, tenant: &TenantId, touched: Touched) -> Result<(), StoreError> {
        let Touched {
            mut units,
            names,
            mut rated,
        } = touched;
        if !units.is_empty() {
            let known = sessions::rated(&mut self.tx, tenant, units.keys()).await?;
            let known = known.iter().filter_map(|key| units.remove(key));
            self.units.extend(known.map(|unit| (tenant.clone(), unit)));
            let named = ratings::of_subjects(&mut self.tx, tenant, Kind::Session, &names).await?;
            rated.extend(named.into_keys());
        }
        for name in rated {
            let units = calls::units_named(&mut self.tx, tenant, &name).await?;
            self.units
                .extend(units.into_iter().map(|unit| (tenant.clone(), unit)));
        }
        Ok(())
    }

    async fn credit_calls(&mut self) -> Result<(), StoreError> {
        let requests: Vec<RequestId> = std::mem::take(&mut self.calls).into_iter().collect();
        if requests.is_empty() {
            return Ok(());
        }
        self.load(requests.iter().copied()).await?;
        let judged = scores::composites(&mut self.tx, &requests).await?;
        let manual = self.manual(&requests).await?;
        let mut credits = Vec::new();
        for request in requests {
            let Some(call) = self.held.remove(&request).flatten() else {
                continue;
            };
            let verdicts = Verdicts {
                judged: judged.get(&request).copied(),
                manual: manual.get(&request).copied(),
            };
            let credit = credit::of_call(&call.decision, verdicts);
            if credit != call.credit {
                self.replace(&call.decision.tenant, &call.credit, &credit);
                credits.push((request, credit));
            }
        }
        calls::put_credits(&mut self.tx, &credits).await
    }

    /// The ratings that stand of these replies, each given by the tenant whose call it was.
    async fn manual(
        &mut self,
        requests: &[RequestId],
    ) -> Result<BTreeMap<RequestId, RatingScore>, StoreError> {
        let mut subjects: BTreeMap<TenantId, BTreeMap<String, RequestId>> = BTreeMap::new();
        for call in requests.iter().filter_map(|request| self.held(*request)) {
            let decision = &call.decision;
            let names = subjects.entry(decision.tenant.clone()).or_default();
            names.insert(decision.request_id.to_string(), decision.request_id);
        }
        let mut standing = BTreeMap::new();
        for (tenant, names) in subjects {
            let rated =
                ratings::of_subjects(&mut self.tx, &tenant, Kind::Request, names.keys()).await?;
            let score = |(name, ratings): (String, Vec<StoredRating>)| {
                Some((*names.get(&name)?, ratings::standing(&ratings)?.score))
            };
            standing.extend(rated.into_iter().filter_map(score));
        }
        Ok(standing)
    }

    async fn credit_unit(&mut self, tenant: &TenantId, unit: &Unit) -> Result<(), StoreError> {
        let before = sessions::credit(&mut self.tx, tenant, unit).await?;
        let calls = calls::of_unit(&mut self.tx, tenant, unit).await?;
        let standing = subject::standing_rating(&mut self.tx, tenant, unit, &calls).await?;
        let Some(rating) = standing else {
            if let Some(before) = before {
                self.replace(tenant, &before, &Credit::new());
                sessions::remove(&mut self.tx, tenant, unit).await?;
            }
            return Ok(());
        };
        let turns: Vec<Turn> = calls.iter().filter_map(Turn::of).collect();
        let credit = credit::of_session(&turns, rating.score);
        self.replace(tenant, &before.unwrap_or_default(), &credit);
        sessions::put(
            &mut self.tx,
            (tenant, unit),
            (rating.score, &credit),
            self.now_ms,
        )
        .await
    }

    fn replace(&mut self, tenant: &TenantId, before: &Credit, after: &Credit) {
        let deltas = self.deltas.entry(tenant.clone()).or_default();
        for (cell, sums) in before {
            *deltas.entry(cell.clone()).or_default() += -*sums;
        }
        for (cell, sums) in after {
            *deltas.entry(cell.clone()).or_default() += *sums;
        }
    }
}
