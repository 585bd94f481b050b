//! A window for each of many.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use super::window::{Own, Window};

/// Windows remembered at most; the ones that nobody used lately go first.
const MAX_WINDOWS: usize = 65_536;

/// What one of them used.
#[derive(Debug)]
pub(super) struct Counted {
    /// By which all proxies know it.
    name: String,
    window: Mutex<Window>,
}

impl Counted {
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
pub(super) struct Windows<K>(RwLock<HashMap<K, Arc<Counted>>>);

impl<K> Default for Windows<K> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Hash + Eq + Clone> Windows<K> {
    /// Its window; a new one where it had none, or one of another length.
    pub(super) fn of(&self, who: &K, span_ms: u64, name: impl FnOnce() -> String) -> Arc<Counted> {
        let is_right = |counted: &Counted| counted.lock().span_ms() == span_ms;
        if let Some(known) = self.known(who).filter(|known| is_right(known)) {
            return known;
        }
        let mut windows = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have been here first.
        if let Some(known) = windows.get(who).filter(|known| is_right(known)) {
            return Arc::clone(known);
        }
        if windows.len() >= MAX_WINDOWS {
            forget_half(&mut windows);
        }
        let counted = Arc::new(Counted {
            name: name(),
            window: Mutex::new(Window::new(span_ms)),
        });
        windows.insert(who.clone(), Arc::clone(&counted));
        counted
    }

    /// Its window, if it has one.
    pub(super) fn known(&self, who: &K) -> Option<Arc<Counted>> {
        let windows = self.0.read().unwrap_or_else(PoisonError::into_inner);
        windows.get(who).cloned()
    }

    /// Those that are not over, and what this proxy used of them.
    pub(super) fn own(&self, now_ms: u64) -> Vec<(Arc<Counted>, Own)> {
        let windows = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let own = windows.values().filter_map(|counted| {
            let own = counted.lock().own(now_ms)?;
            Some((Arc::clone(counted), own))
        });
        own.collect()
    }
}

/// Forgets those that were used longest ago: most of them are over.
fn forget_half<K: Hash + Eq + Clone>(windows: &mut HashMap<K, Arc<Counted>>) {
    let mut ages: Vec<(u64, K)> = windows
        .iter()
        .map(|(who, counted)| (counted.lock().touched_ms(), who.clone()))
        .collect();
    ages.sort_unstable_by_key(|(touched, _)| *touched);
    for (_, who) in ages.into_iter().take(windows.len() / 2) {
        windows.remove(&who);
    }
}
