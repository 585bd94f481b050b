//! Keeping the buckets equal to what the facts add up to, over one transaction.

use std::collections::BTreeSet;

use floopy_shared::domain::{
    decision::Decision,
    ids::{RequestId, SessionId, TenantId},
};

use super::subject;
use crate::{
    learn::credit::{self, Credit, Turn, Verdicts},
    store::{
        StoreError, Tx,
        buckets::{self, Deltas},
        calls::{self, Unit},
        ratings, scores, sessions,
    },
};

/// What a batch has touched so far.
pub(super) struct Fold {
    pub(super) tx: Tx,
    pub(super) now_ms: u64,
    calls: BTreeSet<RequestId>,
    units: BTreeSet<(TenantId, Unit)>,
    /// Rated names whose meaning may have changed.
    subjects: BTreeSet<(TenantId, String)>,
    deltas: Deltas,
}

impl Fold {
    /// Nothing touched yet.
    pub(super) fn new(tx: Tx, now_ms: u64) -> Self {
        Self {
            tx,
            now_ms,
            calls: BTreeSet::new(),
            units: BTreeSet::new(),
            subjects: BTreeSet::new(),
            deltas: Deltas::new(),
        }
    }

    /// A call's record, score or rating changed.
    pub(super) fn touch_call(&mut self, request: RequestId) {
        self.calls.insert(request);
    }

    /// A rating of this name came or changed.
    pub(super) fn touch_subject(&mut self, tenant: &TenantId, subject: String) {
        self.subjects.insert((tenant.clone(), subject));
    }

    /// A decision came or went: its session's shares change if it is rated, and so may the meaning of the
    /// names it bears.
    pub(super) async fn touch_decision(&mut self, decision: &Decision) -> Result<(), StoreError> {
        self.touch_call(decision.request_id);
        if decision.shadow_of.is_some() {
            return Ok(());
        }
        let tenant = &decision.tenant;
        let unit = Unit::of(decision);
        if sessions::credit(&mut self.tx, tenant, &unit)
            .await?
            .is_some()
        {
            self.units.insert((tenant.clone(), unit));
        }
        let request = decision.request_id.to_string();
        // An empty name is nobody's.
        let session = decision.session_id.as_ref().map_or("", SessionId::as_str);
        let completion = decision.completion_id.as_deref().unwrap_or_default();
        let names = [request.as_str(), session, completion];
        for name in ratings::rated_names(&mut self.tx, tenant, names).await? {
            self.touch_subject(tenant, name);
        }
        Ok(())
    }

    /// Brings the buckets up to date and commits. The tenants whose buckets changed.
    pub(super) async fn commit(mut self) -> Result<Vec<TenantId>, StoreError> {
        for request in std::mem::take(&mut self.calls) {
            self.credit_call(request).await?;
        }
        for (tenant, name) in std::mem::take(&mut self.subjects) {
            let units = calls::units_named(&mut self.tx, &tenant, &name).await?;
            self.units
                .extend(units.into_iter().map(|unit| (tenant.clone(), unit)));
        }
        for (tenant, unit) in std::mem::take(&mut self.units) {
            self.credit_unit(&tenant, &unit).await?;
        }
        buckets::apply(&mut self.tx, &self.deltas).await?;
        self.tx.commit().await?;
        Ok(self.deltas.into_keys().collect())
    }

    async fn credit_call(&mut self, request: RequestId) -> Result<(), StoreError> {
        let Some(stored) = calls::get(&mut self.tx, request).await? else {
            return Ok(());
        };
        let tenant = &stored.decision.tenant;
        let verdicts = Verdicts {
            judged: scores::get(&mut self.tx, request)
                .await?
                .map(|score| score.composite),
            manual: ratings::of_request(&mut self.tx, tenant, request).await?,
        };
        let credit = credit::of_call(&stored.decision, verdicts);
        if credit != stored.credit {
            self.replace(tenant, &stored.credit, &credit);
            calls::put_credit(&mut self.tx, request, &credit).await?;
        }
        Ok(())
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
