//! Keeping the buckets equal to what the facts add up to, over one transaction.
//!
//! A batch is gathered in memory first; then everything it touches is read, credited and written many rows at a
//! time, so that the number of statements does not grow with the number of events.

use std::collections::{BTreeSet, HashMap};

use floopy_shared::domain::{
    decision::Decision,
    ids::{RequestId, TenantId},
};
use uuid::Uuid;

use super::{Intake, book::Book, observe, subject::Meanings, usage};
use crate::{
    budgets,
    learn::{
        credit::{self, Credit, Judged, Verdicts},
        monitor::Observation,
    },
    security::Attacks,
    store::{
        StoreError, Tx, buckets,
        calls::{self, StoredCall},
        deltas::Deltas,
        drift, loops,
        outbox::Outbox,
        packed,
        ratings::{self, Kind, StoredRating, Subject},
        scores,
        spend::Spending,
        units::{Name, TenantUnit, Unit, names_of},
        usage::Used,
    },
};

/// What a batch has touched so far.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) tx: Tx,
    /// The transaction's.
    number: u64,
    outbox: Option<Outbox>,
    pub(super) now_ms: u64,
    pub(super) book: Book,
    pub(super) meanings: Meanings,
    /// Calls as this batch left them; `None` where there is none.
    held: HashMap<RequestId, Option<StoredCall>>,
    /// Those of them that the store does not have yet.
    unwritten: BTreeSet<RequestId>,
    /// Calls whose record, score or rating changed.
    calls: BTreeSet<RequestId>,
    /// Scores that came in this very batch.
    pub(super) scored: HashMap<RequestId, Judged>,
    /// Whose scores are new.
    judged: BTreeSet<RequestId>,
    /// Units a decision came to or went from.
    pub(super) touched: BTreeSet<TenantUnit>,
    /// Names such a decision bears.
    pub(super) borne: BTreeSet<Name>,
    /// Names a rating came for.
    pub(super) rated: BTreeSet<Name>,
    /// A new rating came, which must move routing soon.
    urgent: bool,
    /// Outcomes for the drift monitors.
    news: Vec<Observation>,
    pub(super) deltas: Deltas,
    used: Used,
    spending: Spending,
    attacks: Attacks,
}

/// What came of a batch.
#[derive(Debug)]
pub(super) struct Folded {
    book: Book,
    meanings: Meanings,
}

impl Folded {
    /// The rating that stands for what a subject of this batch means; for the subject itself while it means
    /// nothing.
    pub(super) fn standing(&self, subject: &Subject) -> Option<Uuid> {
        let meant = match subject.0 {
            Kind::Session => self.meanings.standing(&subject.1),
            Kind::Request => None,
        };
        let own = || ratings::standing(self.book.of(subject)).map(|rating| rating.event_id);
        meant.unwrap_or_else(own)
    }
}

impl Fold {
    /// Starts the transaction; nothing is touched yet.
    pub(super) async fn begin(intake: &Intake) -> Result<Self, StoreError> {
        let tx = intake.store.write().await?;
        Ok(Self {
            tx,
            number: intake.store.write_number(),
            outbox: intake.outbox,
            now_ms: intake.clock.now_ms(),
            book: Book::default(),
            meanings: Meanings::default(),
            held: HashMap::new(),
            unwritten: BTreeSet::new(),
            calls: BTreeSet::new(),
            scored: HashMap::new(),
            judged: BTreeSet::new(),
            touched: BTreeSet::new(),
            borne: BTreeSet::new(),
            rated: BTreeSet::new(),
            urgent: false,
            news: Vec::new(),
            deltas: Deltas::default(),
            used: Used::default(),
            spending: Spending::default(),
            attacks: Attacks::default(),
        })
    }

    /// Reads those of the calls that were not read yet.
    pub(super) async fn load(
        &mut self,
        requests: impl IntoIterator<Item = RequestId>,
    ) -> Result<(), StoreError> {
        let missing = self.missing(requests);
        let found = calls::get_many(&mut self.tx, &missing).await?.calls()?;
        self.hold(missing, found);
        Ok(())
    }

    fn missing(&self, requests: impl IntoIterator<Item = RequestId>) -> Vec<RequestId> {
        let missing = requests.into_iter().filter(|r| !self.held.contains_key(r));
        let missing: BTreeSet<RequestId> = missing.collect();
        missing.into_iter().collect()
    }

    fn hold(&mut self, missing: Vec<RequestId>, found: Vec<StoredCall>) {
        let nothing = missing.into_iter().map(|request| (request, None));
        self.held.extend(nothing);
        let found = found.into_iter();
        let found = found.map(|call| (call.decision.request_id, Some(call)));
        self.held.extend(found);
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
            usage::take_decision(&mut self.used, &held.decision);
            self.spending.take(&held.decision);
        }
        usage::add_decision(&mut self.used, &decision);
        self.spending.add(&decision);
        self.attacks.add(&decision);
        let call = StoredCall {
            id: held.as_ref().and_then(|held| held.id),
            decision,
            event_id,
            credit: held.map(|held| held.credit).unwrap_or_default(),
        };
        self.held.insert(request, Some(call));
        self.unwritten.insert(request);
    }

    /// A decision came or went: its session's shares change if it is rated, and so may the meaning of the
    /// names it bears.
    fn touch_decision(&mut self, decision: &Decision) {
        self.touch_call(decision.request_id);
        if decision.shadow_of.is_some() {
            return;
        }
        let unit = (decision.tenant.clone(), Unit::of(decision));
        self.touched.insert(unit);
        self.borne.extend(names_of(decision));
    }

    /// A call's record, score or rating changed.
    pub(super) fn touch_call(&mut self, request: RequestId) {
        self.calls.insert(request);
    }

    /// A reply was judged, for the first time or by what stands instead of the verdict before.
    pub(super) fn score(&mut self, request: RequestId, judged: Judged) {
        self.scored.insert(request, judged);
        self.judged.insert(request);
        self.touch_call(request);
    }

    /// A rating came, new or not; whether it was new. Its subject must have been loaded.
    pub(super) fn rate(&mut self, subject: &Subject, rating: StoredRating) -> bool {
        let before = usage::first_rated(self.book.of(subject));
        let new = self.book.offer(subject, rating);
        let after = usage::first_rated(self.book.of(subject));
        usage::replace_rating(&mut self.used, &subject.1.0, (before, after));
        self.urgent |= new;
        match subject {
            // Looked at even if it is not new, to know what stands.
            (Kind::Session, name) => {
                self.rated.insert(name.clone());
            }
            (Kind::Request, (_, name)) if new => {
                let request = Uuid::try_parse(name).ok().map(RequestId);
                self.calls.extend(request);
            }
            (Kind::Request, _) => {}
        }
        new
    }

    /// Whether the store still lacks decisions of this batch.
    pub(super) fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// Writes the decisions and ratings put so far, for statements that look for them.
    pub(super) async fn write_facts(&mut self) -> Result<(), StoreError> {
        let unwritten = std::mem::take(&mut self.unwritten);
        let calls: Vec<&StoredCall> = unwritten
            .iter()
            .filter_map(|request| self.held.get(request)?.as_ref())
            .collect();
        let rows = calls::put_many(&mut self.tx, &calls).await?;
        let decisions = calls.iter().map(|call| &call.decision);
        loops::note(&mut self.tx, (decisions, self.now_ms)).await?;
        if let Some(outbox) = self.outbox.filter(|_| !rows.is_empty()) {
            outbox.note(&mut self.tx, &rows).await?;
        }
        self.book.write(&mut self.tx).await?;
        self.book.written();
        Ok(())
    }

    /// Brings the buckets up to date, commits, and tells whoever ranks.
    pub(super) async fn commit(mut self, intake: &Intake) -> Result<Folded, StoreError> {
        // What calls add is written with them, so it comes first.
        self.credit_calls().await?;
        let units = self.write_and_find_units().await?;
        self.credit_units(&units).await?;
        buckets::apply(&mut self.tx, &mut self.deltas).await?;
        self.used.apply(&mut self.tx).await?;
        let stops = self.spending.apply(&mut self.tx, self.now_ms).await?;
        budgets::tell_stops(&mut self.tx, &stops, self.now_ms).await?;
        self.attacks.tell(&mut self.tx, self.now_ms).await?;
        let dropped = drift::append(&mut self.tx, &self.news).await?;
        let changed: Vec<TenantId> = self.deltas.tenants().to_vec();
        // Added while the store commits: where that fails, what was added is forgotten and read anew.
        let added = async { intake.totals.add(&self.deltas, self.number) };
        let (committed, ()) = futures::join!(self.tx.commit(), added);
        if let Err(error) = committed {
            // It may have been committed all the same.
            intake.totals.forget(&changed);
            intake.dirty.mark(changed, false);
            return Err(error.into());
        }
        intake.dirty.mark(changed, self.urgent);
        intake.metrics.observations_dropped(dropped);
        Ok(Folded {
            book: self.book,
            meanings: self.meanings,
        })
    }

    async fn credit_calls(&mut self) -> Result<(), StoreError> {
        let requests: Vec<RequestId> = std::mem::take(&mut self.calls).into_iter().collect();
        if requests.is_empty() {
            return Ok(());
        }
        self.load_judged(&requests).await?;
        self.touch_judged();
        let of_tenant = |request: &RequestId| {
            let tenant = self.held.get(request)?.as_ref()?.decision.tenant.clone();
            Some((tenant, request.to_string()))
        };
        let names: Vec<Name> = requests.iter().filter_map(of_tenant).collect();
        self.book.load(&mut self.tx, Kind::Request, names).await?;
        let mut credits = Credits {
            book: &self.book,
            scored: &self.scored,
            held: &mut self.held,
            news: &mut self.news,
            deltas: &mut self.deltas,
        };
        // Ratings are not looked for by what comes before the other facts are written.
        let (written, changed) = futures::join!(self.book.write(&mut self.tx), async {
            credits.renew(requests)
        });
        written?;
        self.book.written();
        let written = changed.iter().filter(|r| !self.unwritten.contains(r));
        let written: Vec<&StoredCall> = written
            .filter_map(|request| self.held.get(request)?.as_ref())
            .collect();
        calls::put_credits(&mut self.tx, &written).await
    }

    /// A session's rating is compared with the scores of its replies, too.
    fn touch_judged(&mut self) {
        for request in std::mem::take(&mut self.judged) {
            let decision = self.held(request).map(|call| &call.decision);
            let served = decision.filter(|decision| decision.shadow_of.is_none());
            if let Some(unit) = served.map(|d| (d.tenant.clone(), Unit::of(d))) {
                self.touched.insert(unit);
            }
        }
    }

    /// Reads those of the calls that were not read yet, and what judges said of them.
    async fn load_judged(&mut self, requests: &[RequestId]) -> Result<(), StoreError> {
        let missing = self.missing(requests.iter().copied());
        let rows = calls::get_many(&mut self.tx, &missing).await?;
        let unknown = requests.iter().filter(|r| !self.scored.contains_key(r));
        let unknown: Vec<RequestId> = unknown.copied().collect();
        let judged = scores::judged(&mut self.tx, &unknown);
        let (judged, found) = futures::join!(judged, async { rows.calls() });
        self.scored.extend(judged?);
        self.hold(missing, found?);
        Ok(())
    }
}

/// What renewing the credit of calls needs.
struct Credits<'a> {
    book: &'a Book,
    scored: &'a HashMap<RequestId, Judged>,
    held: &'a mut HashMap<RequestId, Option<StoredCall>>,
    news: &'a mut Vec<Observation>,
    deltas: &'a mut Deltas,
}

impl Credits<'_> {
    /// Brings the credit of these calls up to date; whose changed.
    fn renew(&mut self, requests: Vec<RequestId>) -> Vec<RequestId> {
        let mut changed = Vec::new();
        for request in requests {
            let Some(mut call) = self.held.remove(&request).flatten() else {
                continue;
            };
            let credit = self.credit_of(&call.decision);
            let after = packed::pack_credit(&credit);
            if after != call.credit {
                let before = std::mem::replace(&mut call.credit, after);
                let news = observe::news(&call.decision, &before, &credit);
                self.news.extend(news);
                self.deltas
                    .replace(&call.decision.tenant, &before, &call.credit);
                changed.push(request);
            }
            self.held.insert(request, Some(call));
        }
        changed
    }

    /// What a call says by itself now. A rating counts if it was given by the tenant whose call it was.
    fn credit_of(&self, decision: &Decision) -> Credit {
        let name = (decision.tenant.clone(), decision.request_id.to_string());
        let manual = ratings::standing(self.book.of(&(Kind::Request, name)));
        let verdicts = Verdicts {
            judged: self.scored.get(&decision.request_id).copied(),
            manual: manual.and_then(|rating| rating.score),
        };
        credit::of_call(decision, verdicts)
    }
}
