//! Questions that proxies share by Qdrant, with the replies to them, behind each proxy's own index.
//!
//! What is looked for is near, of the same tenant and alike in all else; what is found is compared word by word and checked
//! as a proxy's own, whatever Qdrant says of it. The reply is fetched only then.

mod keeper;
mod point;

use std::{sync::Arc, time::Duration};

use floopy_shared::domain::{cache::Similar, ids::TenantId};
use serde::Deserialize;
use tokio::{
    sync::{Mutex, mpsc},
    time::Instant,
};

pub(crate) use self::keeper::QuestionsKeeper;
use self::point::{Asked, Replied};
use super::{Looked, Meaning, entry::Entry, index::thousandths, meaning::Words};
use crate::{
    metrics::{Metrics, QdrantLabel},
    qdrant::Qdrant,
};

/// Questions that wait to be shared; further ones are not. The replies to them are the proxy's own, so they take no room
/// of their own.
const WAITING: usize = 256;

/// The questions that proxies share.
pub(crate) struct Questions {
    qdrant: Arc<Qdrant>,
    metrics: Arc<Metrics>,
    waiting: mpsc::Sender<Waiting>,
    /// For the task that shares them, of which there is one.
    taken: Mutex<mpsc::Receiver<Waiting>>,
}

/// A question that waits to be shared, and the reply to it.
#[derive(Debug)]
struct Waiting {
    tenant: TenantId,
    flushed: u64,
    meaning: Meaning,
    entry: Arc<Entry>,
}

/// A question that another proxy shared, and the reply to it.
#[derive(Debug)]
pub(super) struct Known {
    pub meaning: Meaning,
    pub entry: Entry,
    pub similar: Similar,
}

/// What a search answers.
#[derive(Deserialize)]
struct Near {
    points: Vec<Point<Asked>>,
}

#[derive(Deserialize)]
struct Point<T> {
    id: String,
    payload: T,
}

impl Questions {
    pub(crate) fn new(qdrant: Arc<Qdrant>, metrics: &Arc<Metrics>) -> Self {
        let (waiting, taken) = mpsc::channel(WAITING);
        Self {
            qdrant,
            metrics: Arc::clone(metrics),
            waiting,
            taken: Mutex::new(taken),
        }
    }

    /// What asked the same in other words, the nearest of those that Qdrant has the reply to, whether it may be given or
    /// not; nothing, where that takes too long.
    pub(super) async fn find(
        &self,
        looked: &Looked<'_>,
        meaning: &Meaning,
        max_bytes: usize,
    ) -> Option<Known> {
        let until = Instant::now() + self.qdrant.lookup();
        let left = || until.saturating_duration_since(Instant::now());
        let (id, meaning, similar) = self.search(looked, meaning, left()).await?;
        let question = point::fetch(&id);
        let replied: Vec<Point<Replied>> = self
            .qdrant
            .ask(QdrantLabel::Fetch, question, left())
            .await?;
        let replied = replied.into_iter().find(|point| point.id == id)?.payload;
        let entry = replied.entry(looked.tenant, &similar.matched)?;
        (entry.body.len() <= max_bytes).then_some(Known {
            meaning,
            entry,
            similar,
        })
    }

    async fn search(
        &self,
        looked: &Looked<'_>,
        meaning: &Meaning,
        deadline: Duration,
    ) -> Option<(String, Meaning, Similar)> {
        let least = looked.wish.semantic.least_similarity();
        let question = point::search(looked, meaning, least);
        let asked = self.qdrant.ask(QdrantLabel::Search, question, deadline);
        let near: Near = asked.await?;
        let words = Words::of(&meaning.questions);
        let mut same: Vec<(String, Meaning, Similar)> = near
            .points
            .into_iter()
            .filter_map(|point| {
                let key = point.payload.key_of((looked.tenant, &meaning.scope))?;
                let theirs = meaning.in_words(point.payload.questions)?;
                let similarity = meaning.vector.similarity(&theirs.vector);
                let is_same = similarity >= least && words.compare(&theirs.questions).is_ok();
                let similar = Similar {
                    similarity: thousandths(similarity),
                    advanced: meaning.is_advanced,
                    matched: key,
                };
                is_same.then_some((point.id, theirs, similar))
            })
            .collect();
        same.sort_by_key(|(_, _, similar)| std::cmp::Reverse(similar.similarity));
        same.into_iter().next()
    }

    /// It was given.
    pub(super) fn given(&self) {
        self.metrics.qdrant.shared_hit();
    }

    /// Shares it soon, if there is room to wait.
    pub(super) fn offer(
        &self,
        (tenant, flushed): (&TenantId, u64),
        meaning: &Meaning,
        entry: &Arc<Entry>,
    ) {
        let waiting = Waiting {
            tenant: tenant.clone(),
            flushed,
            meaning: meaning.clone(),
            entry: Arc::clone(entry),
        };
        if self.waiting.try_send(waiting).is_err() {
            self.metrics.qdrant.dropped();
        }
    }
}

impl std::fmt::Debug for Questions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Questions")
    }
}
