//! How much keys and tenants may ask in a window of time: told by the snapshot, counted here.
//!
//! Each proxy counts for itself, and where there is a Redis tells the others what it counted (`fleet`). Requests are
//! counted as they come, tokens as replies end, so that calls under way may carry a tenant past its tokens once. What a
//! month may cost is counted by the control plane, which sees every proxy's calls, and told as a tenant that is closed for
//! now.

mod exceeded;
mod fleet;
mod own;
mod window;
mod windows;

use std::{net::IpAddr, sync::Arc};

use floopy_shared::domain::{
    ids::TenantId,
    money::Usage,
    snapshot::{Closed, Tenant},
};

use http::HeaderMap;

pub(crate) use self::{
    exceeded::{Exceeded, Remaining},
    fleet::Fleet,
    own::Charged,
};
use self::{
    exceeded::{Left, REQUESTS, TOKENS, nearest},
    own::{Held, held, named},
    window::Window,
    windows::{Counted, Windows},
};
use crate::{admit::Admitted, http::respond::Refusal};

/// Requests are limited by the minute.
const MINUTE_MS: u64 = 60_000;

/// What is used of every limit.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    keys: Windows<String>,
    tokens: Windows<TenantId>,
    addresses: Windows<IpAddr>,
    /// By the names of tenants' own limits.
    own: Windows<String>,
}

/// A call that is within its limits.
#[derive(Debug, Default)]
pub(crate) struct Admission {
    pub left: Remaining,
    pub charged: Charged,
}

impl Rates {
    /// The name of the limit that a call asks to be held to, if it names one.
    pub(crate) fn named<'a>(
        admitted: &'a Admitted,
        headers: &HeaderMap,
    ) -> Result<Option<&'a str>, Refusal> {
        named(admitted, headers)
    }

    /// Lets a call in and counts it, or says which limit it would exceed; then nothing is counted.
    pub(crate) fn admit(
        &self,
        admitted: &Admitted,
        (headers, named): (&HeaderMap, Option<&str>),
        now_ms: u64,
    ) -> Result<Admission, Exceeded> {
        let tenant = &*admitted.tenant;
        is_open(tenant, now_ms)?;
        let mut tokens = self.check_tokens(tenant, now_ms)?;
        let own: Vec<Held<'_>> = held(admitted, headers, named).collect();
        let charged = self.check_own_tokens(tenant, &own, (&mut tokens, now_ms))?;
        let mut taken = Taken::default();
        self.take_of_key(admitted, now_ms, &mut taken)?;
        for held in &own {
            self.take_own(tenant, held, now_ms, &mut taken)?;
        }
        Ok(Admission {
            left: Remaining {
                requests: taken.keep(),
                tokens,
            },
            charged,
        })
    }

    fn take_of_key(
        &self,
        admitted: &Admitted,
        now_ms: u64,
        taken: &mut Taken,
    ) -> Result<(), Exceeded> {
        let tenant = &*admitted.tenant;
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
            return Ok(());
        };
        let limit = u64::from(limit);
        let window = self.keys.of(&admitted.key_id, MINUTE_MS, || {
            format!("requests:{}:{}", tenant.id, admitted.key_id)
        });
        let exceeded = |wait_s| Exceeded::Requests { limit, by, wait_s };
        taken.take(window, limit, now_ms).map_err(exceeded)
    }

    fn take_own(
        &self,
        tenant: &Tenant,
        held: &Held<'_>,
        now_ms: u64,
        taken: &mut Taken,
    ) -> Result<(), Exceeded> {
        let Some(limit) = held.limit.requests else {
            return Ok(());
        };
        let window = self.of_own(tenant, held, REQUESTS);
        let exceeded = |wait_s| exceeded_own(held, (REQUESTS, limit), wait_s);
        taken.take(window, limit, now_ms).map_err(exceeded)
    }

    fn of_own(&self, tenant: &Tenant, held: &Held<'_>, of: &'static str) -> Arc<Counted> {
        let name = held.name(tenant.id.as_str(), of);
        let span_ms = u64::from(held.limit.window_s) * 1_000;
        self.own.of(&name, span_ms, || name.clone())
    }

    /// Where what the call uses is to be counted; `left`: of the limit of tokens that is nearest.
    fn check_own_tokens(
        &self,
        tenant: &Tenant,
        own: &[Held<'_>],
        (left, now_ms): (&mut Option<Left>, u64),
    ) -> Result<Charged, Exceeded> {
        let mut charged = Charged::default();
        for held in own {
            let Some(limit) = held.limit.tokens else {
                continue;
            };
            let window = self.of_own(tenant, held, TOKENS);
            let exceeded = |wait_s| exceeded_own(held, (TOKENS, limit), wait_s);
            let of_this = look(&window, limit, now_ms).map_err(exceeded)?;
            *left = Some(nearest(*left, of_this));
            charged.0.push(window);
        }
        Ok(charged)
    }

    /// Lets a request of an address in and counts it, whoever it is of.
    pub(crate) fn admit_address(
        &self,
        address: IpAddr,
        limit: u64,
        now_ms: u64,
    ) -> Result<(), Exceeded> {
        let name = || format!("address:{address}");
        let window = self.addresses.of(&address, MINUTE_MS, name);
        let exceeded = |wait_s| Exceeded::Address { limit, wait_s };
        take(&window, limit, now_ms).map(drop).map_err(exceeded)
    }

    /// Counts what a call used.
    pub(crate) fn spend(&self, tenant: &Tenant, usage: Usage, now_ms: u64) {
        if tenant.limits.token_window().is_some() {
            let tokens = usage.input.saturating_add(usage.output);
            // Whatever its length is by now: a call that began under another one must not begin a new window.
            let Some(window) = self.tokens.known(&tenant.id) else {
                return;
            };
            window.lock().add(tokens, now_ms);
        }
    }

    /// Every window that others are to know of, by its name.
    fn known(&self, now_ms: u64) -> Vec<(Arc<Counted>, window::Own)> {
        let mut known = self.keys.own(now_ms);
        known.extend(self.tokens.own(now_ms));
        known.extend(self.addresses.own(now_ms));
        known.extend(self.own.own(now_ms));
        known
    }

    fn check_tokens(&self, tenant: &Tenant, now_ms: u64) -> Result<Option<Left>, Exceeded> {
        let Some((window_s, limit)) = tenant.limits.token_window() else {
            return Ok(None);
        };
        let span_ms = u64::from(window_s) * 1_000;
        let name = || format!("tokens:{}", tenant.id);
        let window = self.tokens.of(&tenant.id, span_ms, name);
        let exceeded = |wait_s| Exceeded::Tokens {
            limit,
            window_s,
            wait_s,
        };
        look(&window, limit, now_ms).map(Some).map_err(exceeded)
    }
}

fn exceeded_own(held: &Held<'_>, (of, limit): (&'static str, u64), wait_s: u64) -> Exceeded {
    Exceeded::Own {
        name: held.limit.name.clone(),
        of,
        limit,
        window_s: held.limit.window_s,
        wait_s,
    }
}

/// What was taken of limits of requests, given back unless it is kept.
#[derive(Debug, Default)]
struct Taken {
    of: Vec<Arc<Counted>>,
    left: Option<Left>,
}

impl Taken {
    fn take(&mut self, window: Arc<Counted>, limit: u64, now_ms: u64) -> Result<(), u64> {
        let left = take(&window, limit, now_ms)?;
        self.of.push(window);
        self.left = Some(nearest(self.left, left));
        Ok(())
    }

    fn keep(mut self) -> Option<Left> {
        self.of.clear();
        self.left
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        for window in &self.of {
            window.lock().give_back(1);
        }
    }
}

/// Takes one of a limit of requests; `Err`: seconds until there is one.
fn take(window: &Counted, limit: u64, now_ms: u64) -> Result<Left, u64> {
    let mut window = window.lock();
    let left = left(&mut window, limit, now_ms)?;
    window.add(1, now_ms);
    Ok(Left {
        remaining: left.remaining - 1,
        ..left
    })
}

/// What is left of a limit; `Err`: seconds until there is something.
fn look(window: &Counted, limit: u64, now_ms: u64) -> Result<Left, u64> {
    left(&mut window.lock(), limit, now_ms)
}

fn left(window: &mut Window, limit: u64, now_ms: u64) -> Result<Left, u64> {
    match window.wait_ms(limit, now_ms) {
        0 => Ok(Left {
            limit,
            remaining: limit.saturating_sub(window.used(now_ms)),
            reset_s: window.span_ms() / 1_000,
        }),
        wait_ms => Err(wait_ms.div_ceil(1_000)),
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
    let wait_s = |until_ms: u64| until_ms.saturating_sub(now_ms).div_ceil(1_000);
    match tenant.closed {
        Some(Closed::MonthlyCost { until_ms }) if now_ms < until_ms => {
            let wait_s = wait_s(until_ms);
            Err(Exceeded::MonthlyCost { wait_s })
        }
        Some(Closed::MonthlyRequests { until_ms }) if now_ms < until_ms => {
            let wait_s = wait_s(until_ms);
            Err(Exceeded::MonthlyRequests { wait_s })
        }
        Some(Closed::MonthlyCost { .. } | Closed::MonthlyRequests { .. }) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
