//! Sends what is to be told to webhooks, and again where it was not taken.

use std::{collections::HashMap, convert::Infallible, sync::Arc, time::Duration};

use floopy_shared::process::clock::Clock;
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use http::StatusCode;
use rand::Rng;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::{
    settings::webhooks::WrittenWebhook,
    store::{
        Store, StoreError,
        settings::{self, Kind},
        webhooks::{self, Attempted, Due, KEPT_MS, State},
    },
    webhooks::{Sender, Webhooks},
};

/// How often deliveries that are due are looked for: an alert is told within a second.
const LOOK_EVERY: Duration = Duration::from_millis(500);
const FORGET_EVERY: Duration = Duration::from_secs(3_600);
/// Deliveries under way, and of one webhook: one that is slow leaves room for the others.
const AT_ONCE: usize = 16;
const AT_ONCE_PER_WEBHOOK: usize = 2;
/// Longer than an attempt may take: what was under way when this process died is tried again after it.
const LEASE_MS: u64 = 60_000;
/// Attempts before a delivery has failed. Between them at most 1, 2, 4, … seconds pass, an hour at the end: about one and
/// a half hours in all at the longest.
const MAX_ATTEMPTS: u32 = 12;
const FIRST_DELAY_MS: u64 = 1_000;
const LONGEST_DELAY_MS: u64 = 3_600_000;

/// What the job works with.
#[derive(Clone)]
pub(crate) struct Deliveries {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) webhooks: Arc<Webhooks>,
    pub(crate) sender: Sender,
}

/// A delivery that was tried.
struct Tried {
    due: Due,
    answer: Result<StatusCode, Refusal>,
}

/// Why there is no answer.
enum Refusal {
    Unreached(String),
    /// Nobody is to be told any more.
    Gone,
}

type UnderWay = FuturesUnordered<BoxFuture<'static, Tried>>;

impl Deliveries {
    /// Runs until stopped. What is under way then is tried again after the next start.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut forget = tokio::time::interval(FORGET_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        forget.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut under_way = UnderWay::new();
        let mut busy: HashMap<String, usize> = HashMap::new();
        loop {
            let done = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = look.tick() => Ok(()),
                _ = forget.tick() => self.forget().await,
                Some(tried) = under_way.next() => {
                    release(&mut busy, &tried.due.webhook);
                    self.settle(&tried).await
                }
            };
            let begun = match done {
                Ok(()) => self.begin(&mut under_way, &mut busy).await,
                Err(error) => Err(error),
            };
            if let Err(error) = begun {
                tracing::error!(%error, "webhooks could not be told; trying again later");
            }
        }
    }

    /// Starts as many as there is room for.
    async fn begin(
        &self,
        under_way: &mut UnderWay,
        busy: &mut HashMap<String, usize>,
    ) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        let room = AT_ONCE.saturating_sub(under_way.len());
        if room == 0 || !webhooks::is_any_due(&self.store, now_ms).await? {
            return Ok(());
        }
        let mut tx = self.store.write().await?;
        let full = busy.iter().filter(|(_, n)| **n >= AT_ONCE_PER_WEBHOOK);
        let full: Vec<&str> = full.map(|(webhook, _)| webhook.as_str()).collect();
        let found = webhooks::due(&mut tx, &full, room, now_ms).await?;
        let mut ready = Vec::new();
        for due in found {
            let taken = busy.entry(due.webhook.clone()).or_default();
            if *taken >= AT_ONCE_PER_WEBHOOK {
                continue;
            }
            *taken += 1;
            webhooks::lease(&mut tx, due.seq, now_ms + LEASE_MS).await?;
            let place = (&due.tenant, Kind::Webhook);
            let document = settings::get(&mut tx, place, &due.webhook).await?;
            let webhook = document.as_ref().map(WrittenWebhook::read).transpose()?;
            ready.push((due, webhook.filter(|webhook| webhook.is_active)));
        }
        tx.commit().await?;
        for (due, webhook) in ready {
            under_way.push(Box::pin(self.clone().attempt(due, webhook)));
        }
        Ok(())
    }

    async fn attempt(self, due: Due, webhook: Option<WrittenWebhook>) -> Tried {
        let Some(webhook) = webhook else {
            let answer = Err(Refusal::Gone);
            return Tried { due, answer };
        };
        let now_ms = self.clock.now_ms();
        let signature = self
            .webhooks
            .signing
            .header((&due.webhook, &webhook), &due.body, now_ms);
        let headers = [
            ("content-type", "application/json".to_owned()),
            (
                "user-agent",
                concat!("floopy-webhooks/", env!("CARGO_PKG_VERSION")).to_owned(),
            ),
            ("floopy-event", due.event.clone()),
            ("floopy-delivery-id", due.delivery.clone()),
            ("floopy-signature", signature),
        ];
        let answer = self.sender.send(&webhook.url, &headers, &due.body).await;
        let answer = answer.map_err(Refusal::Unreached);
        Tried { due, answer }
    }

    async fn settle(&self, tried: &Tried) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        let delay_ms = delay_ms(tried.due.attempts);
        let attempted = judge(tried, now_ms + delay_ms);
        let mut tx = self.store.write().await?;
        webhooks::settle(&mut tx, tried.due.seq, &attempted, now_ms).await?;
        Ok(tx.commit().await?)
    }

    async fn forget(&self) -> Result<(), StoreError> {
        let before_ms = self.clock.now_ms().saturating_sub(KEPT_MS);
        loop {
            let mut tx = self.store.write().await?;
            let gone = webhooks::forget(&mut tx, before_ms).await?;
            tx.commit().await?;
            if gone == 0 {
                return Ok(());
            }
        }
    }
}

fn release(busy: &mut HashMap<String, usize>, webhook: &str) {
    if let Some(taken) = busy.get_mut(webhook) {
        *taken = taken.saturating_sub(1);
        if *taken == 0 {
            busy.remove(webhook);
        }
    }
}

/// Only an answer of success is one: redirects are not followed, and `410 Gone` is the receiver's last word.
fn judge(tried: &Tried, next_ms: u64) -> Attempted {
    let is_last = tried.due.attempts + 1 >= MAX_ATTEMPTS;
    let not_taken = if is_last {
        State::Failed
    } else {
        State::Pending
    };
    let (state, status, error) = match &tried.answer {
        Ok(status) if status.is_success() => (State::Delivered, Some(*status), None),
        Ok(status) => {
            let is_gone = *status == StatusCode::GONE;
            let state = if is_gone { State::Failed } else { not_taken };
            (
                state,
                Some(*status),
                Some(format!("the receiver answered {status}")),
            )
        }
        Err(Refusal::Unreached(why)) => (not_taken, None, Some(why.clone())),
        Err(Refusal::Gone) => {
            let why = "the webhook was taken away or switched off".to_owned();
            (State::Failed, None, Some(why))
        }
    };
    Attempted {
        state,
        next_ms,
        status: status.map(|status| status.as_u16()),
        error,
    }
}

/// Full jitter ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015) above a tenth of the bound, so that a
/// failing receiver is never asked in a loop.
fn delay_ms(attempts: u32) -> u64 {
    let doubled = FIRST_DELAY_MS.saturating_mul(1 << attempts.min(20));
    let bound = doubled.min(LONGEST_DELAY_MS);
    rand::rng().random_range(bound / 10..=bound)
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::ids::TenantId;

    use super::*;

    fn tried(attempts: u32, answer: Result<u16, &str>) -> Attempted {
        let due = Due {
            seq: 1,
            tenant: TenantId::new("t").expect("valid"),
            webhook: "w".into(),
            delivery: "d".into(),
            event: "alert_triggered".into(),
            body: "{}".into(),
            attempts,
        };
        let status = |code| StatusCode::from_u16(code).expect("valid");
        let answer = answer
            .map(status)
            .map_err(|why| Refusal::Unreached(why.into()));
        judge(&Tried { due, answer }, 9)
    }

    #[test]
    fn only_success_is_a_delivery_and_what_is_not_taken_is_tried_again_a_bounded_number_of_times() {
        for (attempts, answer, state) in [
            (0, Ok(204), State::Delivered),
            (0, Ok(302), State::Pending),
            (0, Ok(500), State::Pending),
            (0, Ok(410), State::Failed),
            (0, Err("away"), State::Pending),
            (MAX_ATTEMPTS - 2, Ok(503), State::Pending),
            (MAX_ATTEMPTS - 1, Ok(503), State::Failed),
            (MAX_ATTEMPTS - 1, Err("away"), State::Failed),
            (MAX_ATTEMPTS - 1, Ok(200), State::Delivered),
        ] {
            let attempted = tried(attempts, answer);
            assert_eq!(attempted.state, state, "{attempts} {answer:?}");
            assert_eq!(attempted.status, answer.ok());
        }
    }

    #[test]
    fn delays_grow_and_stay_below_their_bound() {
        for attempts in 0..MAX_ATTEMPTS {
            let bound = (1_000 << attempts).min(LONGEST_DELAY_MS);
            let delay = delay_ms(attempts);
            assert!(
                (bound / 10..=bound).contains(&delay),
                "{delay} after {attempts}"
            );
        }
    }
}
