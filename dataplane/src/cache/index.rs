//! The questions whose replies are stored, found by what they mean.
//!
//! Each tenant has its own, and each of its scopes a list of vectors. What there is no room for goes by the scope that was
//! used longest ago, of the tenant that holds most. A question is looked through without holding up anybody else's.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use floopy_semantic::{rows::Rows, verify::Difference};
use floopy_shared::domain::{
    cache::{CacheKey, Similar},
    ids::TenantId,
};
use lru::LruCache;

use super::meaning::{Meaning, Words};

/// Questions of one scope; of more, the oldest go.
const MAX_QUESTIONS: usize = 100_000;
/// How many of the nearest are looked at word by word.
pub(super) const CANDIDATES: usize = 8;

#[derive(Debug)]
pub(super) struct Index {
    max_bytes: usize,
    shelves: Mutex<Shelves>,
}

#[derive(Debug, Default)]
struct Shelves {
    bytes: usize,
    of: HashMap<TenantId, Shelf>,
}

#[derive(Debug)]
struct Shelf {
    bytes: usize,
    scopes: LruCache<CacheKey, Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    bytes: usize,
    scope: Arc<RwLock<Scope>>,
}

/// The questions of calls that are alike in all else.
#[derive(Debug, Default)]
struct Scope {
    rows: Rows,
    /// In the order of the rows.
    asked: Vec<Question>,
    keys: HashSet<CacheKey>,
}

#[derive(Debug, Clone)]
struct Question {
    /// Of the call whose reply is stored.
    key: CacheKey,
    texts: Arc<[String]>,
    weight: usize,
}

/// A question that is near another one.
#[derive(Debug)]
pub(super) struct Near {
    pub similar: Similar,
    /// Before it was rounded.
    pub similarity: f32,
    /// `None`: both ask the same.
    pub differs: Option<Difference>,
}

impl Index {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            shelves: Mutex::default(),
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.max_bytes > 0
    }

    /// The calls that asked the same in other words, the nearest first.
    pub(super) fn find(&self, tenant: &TenantId, meaning: &Meaning, least: f32) -> Vec<Similar> {
        let Some(scope) = self.scope(tenant, &meaning.scope) else {
            return Vec::new();
        };
        let near = compare(&scope, meaning, least).into_iter();
        let same = near.filter(|near| near.differs.is_none());
        same.map(|near| near.similar).collect()
    }

    /// The calls that asked something near, the nearest first, whatever sets them apart. Looking is no use of them.
    pub(super) fn near(&self, tenant: &TenantId, meaning: &Meaning, least: f32) -> Vec<Near> {
        let scope = {
            let shelves = self.lock();
            let slot = shelves
                .of
                .get(tenant)
                .map(|shelf| shelf.scopes.peek(&meaning.scope));
            slot.flatten().map(|slot| Arc::clone(&slot.scope))
        };
        scope.map_or_else(Vec::new, |scope| compare(&scope, meaning, least))
    }

    /// Remembers what a call asked whose reply is stored under this key.
    pub(super) fn add(&self, tenant: &TenantId, meaning: &Meaning, key: CacheKey) {
        let question = Question {
            key,
            texts: Arc::clone(&meaning.questions),
            weight: meaning.weight(),
        };
        if question.weight > self.max_bytes {
            return;
        }
        let scope = {
            let mut shelves = self.lock();
            let shelf = shelves.of.entry(tenant.clone()).or_insert_with(|| Shelf {
                bytes: 0,
                scopes: LruCache::unbounded(),
            });
            let slot = shelf.scopes.get_or_insert_mut(meaning.scope, Slot::default);
            Arc::clone(&slot.scope)
        };
        let change = {
            let mut scope = scope.write().unwrap_or_else(PoisonError::into_inner);
            scope.add(question, meaning)
        };
        self.account(tenant, &meaning.scope, change);
    }

    /// Forgets a question whose reply is gone.
    pub(super) fn forget(&self, tenant: &TenantId, meaning: &Meaning, key: &CacheKey) {
        let Some(scope) = self.scope(tenant, &meaning.scope) else {
            return;
        };
        let freed = {
            let mut scope = scope.write().unwrap_or_else(PoisonError::into_inner);
            scope.retain(|question| question.key != *key)
        };
        self.account(tenant, &meaning.scope, (0, freed));
    }

    /// Forgets a tenant's questions whose replies are gone.
    pub(super) fn retain(&self, tenant: &TenantId, is_there: impl Fn(&CacheKey) -> bool) {
        let scopes: Vec<(CacheKey, Arc<RwLock<Scope>>)> = {
            let shelves = self.lock();
            let shelf = shelves.of.get(tenant).into_iter();
            let slots = shelf.flat_map(|shelf| shelf.scopes.iter());
            slots
                .map(|(key, slot)| (*key, Arc::clone(&slot.scope)))
                .collect()
        };
        for (key, scope) in scopes {
            let freed = {
                let mut scope = scope.write().unwrap_or_else(PoisonError::into_inner);
                scope.retain(|question| is_there(&question.key))
            };
            self.account(tenant, &key, (0, freed));
        }
    }

    /// Forgets all of those who may keep nothing.
    pub(super) fn keep_only(&self, may_keep: impl Fn(&TenantId) -> bool) {
        let mut shelves = self.lock();
        shelves.of.retain(|tenant, _| may_keep(tenant));
        shelves.bytes = shelves.of.values().map(|shelf| shelf.bytes).sum();
    }

    /// What is held: its bytes, and how many questions.
    pub(super) fn census(&self) -> (u64, u64) {
        let shelves = self.lock();
        let slots = shelves.of.values().flat_map(|shelf| shelf.scopes.iter());
        let scopes: Vec<_> = slots.map(|(_, slot)| Arc::clone(&slot.scope)).collect();
        let bytes = shelves.bytes as u64;
        drop(shelves);
        let count = |scope: Arc<RwLock<Scope>>| {
            let scope = scope.read().unwrap_or_else(PoisonError::into_inner);
            scope.asked.len() as u64
        };
        (bytes, scopes.into_iter().map(count).sum())
    }

    fn scope(&self, tenant: &TenantId, scope: &CacheKey) -> Option<Arc<RwLock<Scope>>> {
        let mut shelves = self.lock();
        let slot = shelves.of.get_mut(tenant)?.scopes.get(scope)?;
        Some(Arc::clone(&slot.scope))
    }

    /// Books what a scope took and gave back, unless it is gone by now, and makes room.
    fn account(&self, tenant: &TenantId, scope: &CacheKey, (taken, freed): (usize, usize)) {
        let mut shelves = self.lock();
        let Some(shelf) = shelves.of.get_mut(tenant) else {
            return;
        };
        let Some(slot) = shelf.scopes.peek_mut(scope) else {
            return;
        };
        let add = |sum: &mut usize| *sum = (*sum + taken).saturating_sub(freed);
        add(&mut slot.bytes);
        add(&mut shelf.bytes);
        add(&mut shelves.bytes);
        while shelves.bytes > self.max_bytes && shelves.evict() {}
    }

    fn lock(&self) -> MutexGuard<'_, Shelves> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelves {
    /// Takes away the scope that was used longest ago of whoever holds most; `false`: there is none.
    fn evict(&mut self) -> bool {
        let Some((tenant, shelf)) = self.of.iter_mut().max_by_key(|(_, shelf)| shelf.bytes) else {
            return false;
        };
        let freed = shelf.scopes.pop_lru().map_or(0, |(_, slot)| slot.bytes);
        shelf.bytes = shelf.bytes.saturating_sub(freed);
        if shelf.scopes.is_empty() {
            let tenant = tenant.clone();
            self.of.remove(&tenant);
        }
        self.bytes = self.bytes.saturating_sub(freed);
        true
    }
}

impl Scope {
    /// What it took and what it gave back.
    fn add(&mut self, question: Question, meaning: &Meaning) -> (usize, usize) {
        if !self.keys.insert(question.key) {
            return (0, 0);
        }
        let freed = if self.asked.len() < MAX_QUESTIONS {
            0
        } else {
            self.drop_oldest(MAX_QUESTIONS / 8)
        };
        let taken = question.weight;
        self.rows.push(&meaning.vector);
        self.asked.push(question);
        (taken, freed)
    }

    fn drop_oldest(&mut self, count: usize) -> usize {
        self.rows.remove_first(count);
        let gone = self.asked.drain(..count);
        let (keys, mut freed) = (&mut self.keys, 0);
        for question in gone {
            keys.remove(&question.key);
            freed += question.weight;
        }
        freed
    }

    /// What it gave back.
    fn retain(&mut self, stays: impl Fn(&Question) -> bool) -> usize {
        let (mut at, mut freed) = (0, 0);
        while let Some(question) = self.asked.get(at) {
            if stays(question) {
                at += 1;
                continue;
            }
            freed += question.weight;
            self.keys.remove(&question.key);
            self.asked.swap_remove(at);
            self.rows.swap_remove(at);
        }
        freed
    }
}

/// What was asked nearest to this, the nearest first.
fn compare(scope: &RwLock<Scope>, meaning: &Meaning, least: f32) -> Vec<Near> {
    let near: Vec<(f32, Question)> = {
        let scope = scope.read().unwrap_or_else(PoisonError::into_inner);
        let near = scope.rows.nearest(&meaning.vector, CANDIDATES, least);
        let asked = |at: usize| scope.asked[at].clone();
        near.into_iter()
            .map(|near| (near.similarity, asked(near.at)))
            .collect()
    };
    let words = Words::of(&meaning.questions);
    let compared = near.into_iter().map(|(similarity, question)| Near {
        similarity,
        similar: Similar {
            similarity: thousandths(similarity),
            advanced: meaning.is_advanced,
            matched: question.key,
        },
        differs: words.compare(&question.texts).err(),
    });
    compared.collect()
}

pub(super) fn thousandths(similarity: f32) -> u16 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "0 to 1000"
    )]
    let thousandths = (similarity.clamp(0.0, 1.0) * 1_000.0).round() as u16;
    thousandths
}

#[cfg(test)]
mod tests;
