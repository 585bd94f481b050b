//! Call sites that were seen lately: an application sends the same system prompt with every call, and reading its
//! template costs more than everything else that is read of a short call.

use std::{
    cell::RefCell,
    hash::{BuildHasher, RandomState},
    num::NonZeroUsize,
    sync::LazyLock,
};

use floopy_shared::domain::shape::{ShapeKey, Signals, call_site};
use lru::LruCache;
use xxhash_rust::xxh3::Xxh3;

/// Call sites that each thread remembers, about 150 bytes each.
const REMEMBERED: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1_023);

/// Not known outside, so that nobody can make up a prompt that is taken for somebody else's.
static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(REMEMBERED));

thread_local! {
    static SEEN: RefCell<LruCache<u128, Option<ShapeKey>>> = RefCell::new(LruCache::new(REMEMBERED));
}

/// The call site, read or remembered.
pub(super) fn of(signals: &Signals<'_>) -> Option<ShapeKey> {
    let hash = hash(signals);
    let known = SEEN.with_borrow_mut(|seen| seen.get(&hash).cloned());
    known.unwrap_or_else(|| {
        let site = call_site(signals);
        SEEN.with_borrow_mut(|seen| seen.put(hash, site.clone()));
        site
    })
}

/// Of everything that a call site is read from.
fn hash(signals: &Signals<'_>) -> u128 {
    let mut hasher = Xxh3::with_seed(*SEED);
    let named = [signals.task, signals.system_prompt, signals.schema_name];
    let names = signals.tool_names.iter().copied().map(Some);
    for text in named.into_iter().chain(names) {
        // The length before each text keeps neighbours apart; no text is as long as what stands for none.
        let length = text.map_or(u64::MAX, |text| text.len() as u64);
        hasher.update(&length.to_le_bytes());
        hasher.update(text.unwrap_or_default().as_bytes());
    }
    hasher.digest128()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_what_is_read() {
        let prompts = [
            "You answer questions about trains.",
            "You write short poems.",
        ];
        let tools: [&[&str]; 3] = [&[], &["search"], &["sea", "rch"]];
        for _ in 0..2 {
            for (task, prompt, tool_names) in prompts
                .iter()
                .flat_map(|prompt| tools.map(|tools| (None, *prompt, tools)))
                .chain([(Some("triage"), prompts[0], tools[0])])
            {
                let signals = Signals {
                    task,
                    system_prompt: Some(prompt),
                    tool_names,
                    ..Signals::default()
                };
                assert_eq!(
                    of(&signals),
                    call_site(&signals),
                    "{task:?} {prompt} {tool_names:?}"
                );
            }
        }
    }
}
