//! How often sign-in may be tried: by an address on the network, for an account, and by both together.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

/// For how long tries are counted together.
const WINDOW_MS: u64 = 15 * 60_000;
/// Tries of one address for one account.
const FOR_ACCOUNT: u32 = 10;
/// Tries of one address for all accounts, and of all addresses for one: a guesser has many of either.
const ALTOGETHER: u32 = 100;
/// Counts that are kept; those that ended go first.
const KEPT: usize = 20_000;

/// What tries are counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum By {
    Both(IpAddr, String),
    Address(IpAddr),
    Account(String),
}

#[derive(Debug, Clone, Copy)]
struct Count {
    since_ms: u64,
    tries: u32,
}

/// Tries so far.
#[derive(Debug, Default)]
pub(super) struct Attempts(Mutex<HashMap<By, Count>>);

impl Attempts {
    /// Counts a try before it is made; in how many seconds it may be made, where it may not now.
    pub(super) fn begin(&self, from: IpAddr, email: &str, now_ms: u64) -> Result<(), u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |count: &Count| now_ms.saturating_sub(count.since_ms) >= WINDOW_MS;
        if counts.len() >= KEPT {
            counts.retain(|_, count| !is_over(count));
        }
        if counts.len() >= KEPT {
            return Err(WINDOW_MS / 1_000);
        }
        let limits = [
            (By::Both(from, email.to_owned()), FOR_ACCOUNT),
            (By::Address(from), ALTOGETHER),
            (By::Account(email.to_owned()), ALTOGETHER),
        ];
        let begun = Count {
            since_ms: now_ms,
            tries: 0,
        };
        for (by, most) in &limits {
            let count = counts.get(by).copied().filter(|count| !is_over(count));
            let count = count.unwrap_or(begun);
            if count.tries >= *most {
                let left_ms = (count.since_ms + WINDOW_MS).saturating_sub(now_ms);
                return Err(left_ms.div_ceil(1_000).max(1));
            }
        }
        for (by, _) in limits {
            let count = counts.entry(by).or_insert(begun);
            if is_over(count) {
                *count = begun;
            }
            count.tries += 1;
        }
        Ok(())
    }

    /// Whoever got in may err again.
    pub(super) fn succeeded(&self, from: IpAddr, email: &str) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.remove(&By::Both(from, email.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn tries_are_counted_for_a_while_and_forgotten_by_success() {
        let attempts = Attempts::default();
        for _ in 0..FOR_ACCOUNT {
            assert_eq!(attempts.begin(HERE, "a@b", 0), Ok(()));
        }
        assert_eq!(attempts.begin(HERE, "a@b", 60_000), Err(840));
        assert_eq!(attempts.begin(HERE, "c@d", 60_000), Ok(()));
        attempts.succeeded(HERE, "a@b");
        assert_eq!(attempts.begin(HERE, "a@b", 60_000), Ok(()));
        for _ in 0..ALTOGETHER {
            let _ = attempts.begin(HERE, "e@f", WINDOW_MS * 2);
        }
        assert_eq!(attempts.begin(HERE, "a@b", WINDOW_MS * 3), Ok(()));
    }

    #[test]
    fn many_addresses_do_not_help_against_one_account() {
        let attempts = Attempts::default();
        let tried = (0..=u8::MAX).filter(|n| {
            let from = IpAddr::from([10, 0, 0, *n]);
            attempts.begin(from, "a@b", 0).is_ok()
        });
        assert_eq!(tried.count(), ALTOGETHER as usize);
    }
}
