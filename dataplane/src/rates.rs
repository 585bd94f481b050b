//! How much keys and tenants may ask in a window of time: told by the snapshot, counted here.
//!
//! Each proxy counts for itself. Requests are counted as they come, tokens as replies end, so that calls under way
//! may carry a tenant past its tokens once. What a month may cost is counted by the control plane, which sees
//! every proxy's calls, and told as a tenant that is closed for now.

mod window;

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use floopy_shared::domain::{
    ids::TenantId,
    money::Usage,
    snapshot::{Closed, Tenant},
};

use http::{HeaderMap, HeaderName, HeaderValue};

use self::window::Window;
use crate::admit::Admitted;

static RATE_LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
static RATE_REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
/// Heeded by the packages of OpenAI and Anthropic.
static SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
static RATE_RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Requests are limited by the minute.
const MINUTE_MS: u64 = 60_000;
/// Windows remembered at most; the ones that nobody used lately go first.
const MAX_WINDOWS: usize = 65_536;

/// What is used of every limit.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    keys: Windows<String>,
    tokens: Windows<TenantId>,
}

/// A limit that a call would exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Exceeded {
    /// `by`: the setting that says so.
    #[error("this API key may make {limit} requests a minute ({by})")]
    Requests {
        limit: u64,
        by: &'static str,
        wait_s: u64,
    },
    #[error("this tenant may use {limit} tokens in {window_s} s (max_tokens_per_window)")]
    Tokens {
        limit: u64,
        window_s: u32,
        wait_s: u64,
    },
    #[error("this tenant has spent what it may in a month (cost_limit_monthly_usd)")]
    MonthlyCost,
    #[error("this tenant has made the requests that its plan has in a month")]
    MonthlyRequests,
    #[error("this tenant has given the ratings that its plan has in a month")]
    MonthlyRatings,
}

impl Exceeded {
    /// Says what is left of a limit of requests, which is nothing, and that what a month has is no reason to ask again.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        match self {
            Self::Requests { limit, wait_s, .. } => Left {
                limit,
                remaining: 0,
                reset_s: wait_s,
            }
            .tell(headers),
            Self::Tokens { .. } => {}
            Self::MonthlyCost | Self::MonthlyRequests | Self::MonthlyRatings => {
                headers.insert(&SHOULD_RETRY, HeaderValue::from_static("false"));
            }
        }
    }
}

/// How much is left of the limit that is nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// Until a whole window has passed.
    pub(crate) reset_s: u64,
}

impl Left {
    /// Says it in the headers of a reply.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        headers.insert(&RATE_LIMIT, HeaderValue::from(self.limit));
        headers.insert(&RATE_REMAINING, HeaderValue::from(self.remaining));
        headers.insert(&RATE_RESET, HeaderValue::from(self.reset_s));
    }
}

impl Rates {
    /// Lets a call in and counts it, or says which limit it would exceed. `None`: nothing limits its requests.
    pub(crate) fn admit(&self, admitted: &Admitted, now_ms: u64) -> Result<Option<Left>, Exceeded> {
        let tenant = &*admitted.tenant;
        is_open(tenant, now_ms)?;
        self.check_tokens(tenant, now_ms)?;
        let own = admitted.scope.requests_per_minute;
        let everybodys = tenant.limits.requests_per_minute;
        let plan = tenant.plan.as_deref();
        let limit = [
            (own, "requests_per_minute"),
            (everybodys, "max_requests_per_minute"),
            (plan.and_then(|plan| plan.requests_per_minute), "plan"),
        ];
        let limit = limit
            .into_iter()
            .filter_map(|(limit, by)| Some((limit?, by)));
        let Some((limit, by)) = limit.min() else {
            return Ok(None);
        };
        let limit = u64::from(limit);
        let taken = self.keys.take(&admitted.key_id, limit, now_ms);
        let exceeded = |wait_s| Exceeded::Requests { limit, by, wait_s };
        taken.map(Some).map_err(exceeded)
    }

    /// Counts what a call used.
    pub(crate) fn spend(&self, tenant: &Tenant, usage: Usage, now_ms: u64) {
        if tenant.limits.token_window().is_some() {
            let tokens = usage.input.saturating_add(usage.output);
            // Whatever its length is by now: a call that began under another one must not begin a new window.
            let Some(window) = self.tokens.known(&tenant.id) else {
                return;
            };
            window
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .add(tokens, now_ms);
        }
    }

    fn check_tokens(&self, tenant: &Tenant, now_ms: u64) -> Result<(), Exceeded> {
        let Some((window_s, limit)) = tenant.limits.token_window() else {
            return Ok(());
        };
        let window = self.tokens.of(&tenant.id, u64::from(window_s) * 1_000);
        let mut window = window.lock().unwrap_or_else(PoisonError::into_inner);
        match window.wait_ms(limit, now_ms) {
            0 => Ok(()),
            wait_ms => Err(Exceeded::Tokens {
                limit,
                window_s,
                wait_s: wait_ms.div_ceil(1_000),
            }),
        }
    }
}

/// Whether a tenant may still give ratings this month.
pub(crate) fn takes_ratings(tenant: &Tenant, now_ms: u64) -> Result<(), Exceeded> {
    match tenant.no_ratings_until_ms {
        Some(until_ms) if now_ms < until_ms => Err(Exceeded::MonthlyRatings),
        Some(_) | None => Ok(()),
    }
}

fn is_open(tenant: &Tenant, now_ms: u64) -> Result<(), Exceeded> {
    match tenant.closed {
        Some(Closed::MonthlyCost { until_ms }) if now_ms < until_ms => Err(Exceeded::MonthlyCost),
        Some(Closed::MonthlyRequests { until_ms }) if now_ms < until_ms => {
            Err(Exceeded::MonthlyRequests)
        }
        Some(Closed::MonthlyCost { .. } | Closed::MonthlyRequests { .. }) | None => Ok(()),
    }
}

/// A window for each of many.
#[derive(Debug)]
struct Windows<K>(RwLock<HashMap<K, Arc<Mutex<Window>>>>);

impl<K> Default for Windows<K> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<K: Hash + Eq + Clone> Windows<K> {
    /// Its window; a new one where it had none, or one of another length.
    fn of(&self, who: &K, span_ms: u64) -> Arc<Mutex<Window>> {
        let known = self.known(who);
        let is_right = |window: &Arc<Mutex<Window>>| {
            window
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .span_ms()
                == span_ms
        };
        if let Some(window) = known.filter(|window| is_right(window)) {
            return window;
        }
        let mut windows = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Somebody else may have been here first.
        if let Some(window) = windows.get(who).filter(|window| is_right(window)) {
            return Arc::clone(window);
        }
        if windows.len() >= MAX_WINDOWS {
            forget_half(&mut windows);
        }
        let window = Arc::new(Mutex::new(Window::new(span_ms)));
        windows.insert(who.clone(), Arc::clone(&window));
        window
    }

    /// Its window, if it has one.
    fn known(&self, who: &K) -> Option<Arc<Mutex<Window>>> {
        let windows = self.0.read().unwrap_or_else(PoisonError::into_inner);
        windows.get(who).cloned()
    }

    /// Takes one; `Err`: seconds until there is one.
    fn take(&self, who: &K, limit: u64, now_ms: u64) -> Result<Left, u64> {
        let window = self.of(who, MINUTE_MS);
        let mut window = window.lock().unwrap_or_else(PoisonError::into_inner);
        match window.wait_ms(limit, now_ms) {
            0 => {
                window.add(1, now_ms);
                let remaining = limit.saturating_sub(window.used(now_ms));
                Ok(Left {
                    limit,
                    remaining,
                    reset_s: MINUTE_MS / 1_000,
                })
            }
            wait_ms => Err(wait_ms.div_ceil(1_000)),
        }
    }
}

/// Forgets those that were used longest ago: most of them are over.
fn forget_half<K: Hash + Eq + Clone>(windows: &mut HashMap<K, Arc<Mutex<Window>>>) {
    let last = |window: &Arc<Mutex<Window>>| {
        window
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .last_ms()
    };
    let mut ages: Vec<(u64, K)> = windows
        .iter()
        .map(|(who, w)| (last(w), who.clone()))
        .collect();
    ages.sort_unstable_by_key(|(last, _)| *last);
    for (_, who) in ages.into_iter().take(windows.len() / 2) {
        windows.remove(&who);
    }
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::{limits::Limits, snapshot::KeyScope};

    use super::*;

    fn admitted(limits: Limits, of_key: Option<u32>) -> Admitted {
        let id = TenantId::new("t").expect("valid");
        Admitted {
            snapshot: Arc::default(),
            tenant: Arc::new(Tenant {
                limits,
                ..Tenant::new(id)
            }),
            key_id: "k".to_owned(),
            scope: KeyScope {
                requests_per_minute: of_key,
                ..KeyScope::default()
            },
        }
    }

    #[test]
    fn the_narrower_of_the_keys_limit_and_everybodys_holds_for_each_key() {
        let rates = Rates::default();
        let limits = Limits {
            requests_per_minute: Some(2),
            ..Limits::default()
        };
        let caller = admitted(limits, Some(5));
        let left = rates.admit(&caller, 0).expect("one").expect("limited");
        assert_eq!((left.limit, left.remaining), (2, 1));
        rates.admit(&caller, 0).expect("two");
        let third = rates.admit(&caller, 1_000).expect_err("everybody's limit");
        let by = "max_requests_per_minute";
        assert!(matches!(third, Exceeded::Requests { limit: 2, by: b, wait_s: 1.. } if b == by));
        let other = Admitted {
            key_id: "l".to_owned(),
            ..admitted(limits, Some(1))
        };
        rates
            .admit(&other, 1_000)
            .expect("another key counts for itself");
        let second = rates.admit(&other, 1_000).expect_err("its own limit");
        assert!(matches!(
            second,
            Exceeded::Requests {
                limit: 1,
                by: "requests_per_minute",
                ..
            }
        ));
        rates.admit(&other, 125_000).expect("a new window");
    }

    #[test]
    fn tokens_close_the_door_once_they_are_spent() {
        let rates = Rates::default();
        let limits = Limits {
            tokens_per_window: Some(100),
            token_window_s: Some(10),
            ..Limits::default()
        };
        let caller = admitted(limits, None);
        assert_eq!(rates.admit(&caller, 0), Ok(None));
        let usage = Usage {
            input: 90,
            cached_input: 0,
            output: 30,
        };
        rates.spend(&caller.tenant, usage, 0);
        let error = rates.admit(&caller, 1).expect_err("spent");
        assert!(matches!(
            error,
            Exceeded::Tokens {
                limit: 100,
                window_s: 10,
                wait_s: 1..
            }
        ));
        assert_eq!(rates.admit(&caller, 20_000), Ok(None));
    }

    #[test]
    fn nothing_limits_who_has_no_limits_and_a_closed_tenant_opens_by_itself() {
        let rates = Rates::default();
        let mut caller = admitted(Limits::default(), None);
        assert_eq!(rates.admit(&caller, 0), Ok(None));
        let mut tenant = (*caller.tenant).clone();
        tenant.closed = Some(Closed::MonthlyCost { until_ms: 5 });
        caller.tenant = Arc::new(tenant);
        assert_eq!(rates.admit(&caller, 4), Err(Exceeded::MonthlyCost));
        assert_eq!(rates.admit(&caller, 5), Ok(None));
    }
}
