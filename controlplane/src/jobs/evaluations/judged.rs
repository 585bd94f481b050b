//! What answers cost and how good they were found, from the records of their calls and the judges' scores.

use std::collections::HashMap;

use floopy_shared::domain::{
    decision::{Decision, Stage},
    event::Score,
    ids::{CandidateKey, RequestId},
};

use super::Evaluating;
use crate::store::{
    StoreError, Tx, calls,
    evaluations::{
        self, End,
        items::{self, Decided, Unjudged},
    },
    scores,
};

/// Why an answer has no score although it has text.
const NOT_IN_TIME: &str = "not_judged_in_time";

/// What became known of an item.
#[derive(Debug, Default)]
struct News<'a> {
    decided: Option<Decided>,
    ended: Option<Ended<'a>>,
}

/// The last that there is to know of it.
#[derive(Debug)]
enum Ended<'a> {
    Scored(&'a Score),
    Unscored(Option<&'static str>),
}

impl Evaluating {
    /// Looks for what became known of answers.
    pub(super) async fn judge(&self) -> Result<(), StoreError> {
        let waiting = items::unjudged(&self.store).await?;
        if waiting.is_empty() {
            return Ok(());
        }
        let requests: Vec<RequestId> = waiting.iter().filter_map(|item| item.request).collect();
        let mut conn = self.store.read().acquire().await?;
        let judged = scores::of_many(&mut conn, &requests).await?;
        let records = calls::get_many(&mut conn, &requests).await?.calls()?;
        drop(conn);
        let records = records.into_iter().map(|call| call.decision);
        let records = records.filter(|decision| decision.stage == Stage::Finished);
        let records: HashMap<RequestId, Decision> =
            records.map(|record| (record.request_id, record)).collect();
        let now_ms = self.clock.now_ms();
        let news = waiting.iter().map(|item| {
            let is_late = now_ms.saturating_sub(item.answered_ms) >= self.settings.score_wait_ms;
            (item.seq, news_of(item, (&judged, &records), is_late))
        });
        let news = news.filter(|(_, news)| news.decided.is_some() || news.ended.is_some());
        let news: Vec<(i64, News<'_>)> = news.collect();
        if news.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.write().await?;
        for (seq, news) in &news {
            write(&mut tx, *seq, news).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Ends the runs that have nothing left to wait for.
    pub(super) async fn finish(&self) -> Result<(), StoreError> {
        let over = items::finished_runs(&self.store).await?;
        if over.is_empty() {
            return Ok(());
        }
        let mut tx = self.store.write().await?;
        let now_ms = self.clock.now_ms();
        for run in over {
            evaluations::finish(&mut tx, run, End::Completed, now_ms).await?;
        }
        Ok(tx.commit().await?)
    }
}

type Known<'a> = (
    &'a HashMap<RequestId, Score>,
    &'a HashMap<RequestId, Decision>,
);

fn news_of<'a>(item: &Unjudged, (judged, records): Known<'a>, is_late: bool) -> News<'a> {
    let Some(request) = item.request else {
        // Nobody recorded what never reached a proxy.
        let ended = Some(Ended::Unscored(None));
        return News {
            decided: None,
            ended,
        };
    };
    let record = records.get(&request).filter(|_| !item.is_decided);
    let is_decided = item.is_decided || record.is_some();
    let score = judged.get(&request).filter(|_| item.is_to_be_scored);
    let ended = match score {
        Some(score) if is_decided || is_late => Some(Ended::Scored(score)),
        None if !item.is_to_be_scored && (is_decided || is_late) => Some(Ended::Unscored(None)),
        None if is_late => Some(Ended::Unscored(Some(NOT_IN_TIME))),
        Some(_) | None => None,
    };
    News {
        decided: record.map(decided),
        ended,
    }
}

fn decided(record: &Decision) -> Decided {
    let spent = record.spent_micro_usd();
    let is_known = record.outcome.cost_micro_usd.is_some() || record.served.is_none() || spent > 0;
    Decided {
        served: record.served.as_ref().map(CandidateKey::to_string),
        cost_micro_usd: is_known.then_some(spent),
        latency_ms: record.outcome.latency_ms,
    }
}

async fn write(tx: &mut Tx, seq: i64, news: &News<'_>) -> Result<(), StoreError> {
    if let Some(decided) = &news.decided {
        items::decide(tx, seq, decided).await?;
    }
    match &news.ended {
        Some(Ended::Scored(score)) => items::score(tx, seq, score).await,
        Some(Ended::Unscored(why)) => items::close(tx, seq, *why).await,
        None => Ok(()),
    }
}
