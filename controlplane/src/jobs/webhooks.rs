//! Sends what is to be told to webhooks, and again where it was not taken.

mod busy;

use std::{convert::Infallible, sync::Arc, time::Duration};

use floopy_shared::process::clock::Clock;
use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use http::StatusCode;
use rand::Rng;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use self::busy::Busy;
use crate::{
    settings::webhooks::WrittenWebhook,
    store::{
        Store, StoreError, Tx,
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
/// The same for all webhooks of a tenant: whose receivers are all slow leaves room for the other tenants.
const AT_ONCE_PER_TENANT: usize = 4;
/// Longer than an attempt may take: what was under way when this process died is tried again after it.
const LEASE_MS: u64 = 60_000;
/// Attempts before a delivery has failed. Between them at most 1, 2, 4, … seconds pass, an hour at the end: in all two
/// hours and eight minutes at the longest, and 70 minutes in the mean.
const MAX_ATTEMPTS: u32 = 14;
/// Why nothing is sent where nobody is to be told any more.
const SWITCHED_OFF: &str = "the webhook was taken away or switched off";
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

/// A delivery that was due, and what came of it.
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

/// A webhook as it is now; an error: why it cannot be told.
type Ready = (Due, Result<WrittenWebhook, Refusal>);

type UnderWay = FuturesUnordered<BoxFuture<'static, Tried>>;

impl Deliveries {
    /// Runs until stopped. What is under way then is tried again after the next start.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut forget = tokio::time::interval(FORGET_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        forget.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut under_way = UnderWay::new();
        let mut busy = Busy::default();
        loop {
            let done = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = look.tick() => Ok(()),
                _ = forget.tick() => self.forget().await,
                Some(tried) = under_way.next() => {
                    busy.release(&tried.due);
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

    /// Starts as many as there is room for. What is not written down has not begun, so nothing is counted before that.
    async fn begin(&self, under_way: &mut UnderWay, busy: &mut Busy) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        let room = AT_ONCE.saturating_sub(under_way.len());
        if room == 0 || !webhooks::is_any_due(&self.store, now_ms).await? {
            return Ok(());
        }
        let mut tx = self.store.write().await?;
        let mut then = busy.clone();
        let ready = take(&mut tx, &mut then, room, now_ms).await?;
        tx.commit().await?;
        *busy = then;
        for (due, webhook) in ready {
            under_way.push(Box::pin(self.clone().attempt(due, webhook)));
        }
        Ok(())
    }

    async fn attempt(self, due: Due, webhook: Result<WrittenWebhook, Refusal>) -> Tried {
        let webhook = match webhook {
            Ok(webhook) => webhook,
            Err(refusal) => {
                let answer = Err(refusal);
                return Tried { due, answer };
            }
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
        let seq = tried.due.seq;
        let mut tx = self.store.write().await?;
        let has_failed = match judge(tried, now_ms + delay_ms) {
            Some(attempted) => {
                webhooks::settle(&mut tx, seq, &attempted, now_ms).await?;
                attempted.state == State::Failed
            }
            None => {
                webhooks::give_up(&mut tx, seq, SWITCHED_OFF, now_ms).await?;
                true
            }
        };
        if has_failed {
            webhooks::trim(&mut tx, (&tried.due.tenant, &tried.due.webhook)).await?;
        }
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

/// Takes what is due the longest, as much as there is room for in all, by webhook and by tenant: whoever has as much
/// under way as it may is left out, so that its backlog hides nobody else's.
async fn take(
    tx: &mut Tx,
    busy: &mut Busy,
    room: usize,
    now_ms: u64,
) -> Result<Vec<Ready>, StoreError> {
    let mut ready = Vec::new();
    while ready.len() < room {
        let found = webhooks::due(tx, &busy.full(), room - ready.len(), now_ms).await?;
        let before = ready.len();
        for due in found {
            if busy.take(&due) {
                webhooks::lease(tx, due.seq, now_ms + LEASE_MS).await?;
                let webhook = find(tx, &due).await?;
                ready.push((due, webhook));
            }
        }
        if ready.len() == before {
            break;
        }
    }
    Ok(ready)
}

/// One that cannot be read is tried again like one that does not answer, and holds nobody else up.
async fn find(tx: &mut Tx, due: &Due) -> Result<Result<WrittenWebhook, Refusal>, StoreError> {
    let place = (&due.tenant, Kind::Webhook);
    let Some(document) = settings::get(tx, place, &due.webhook).await? else {
        return Ok(Err(Refusal::Gone));
    };
    Ok(match WrittenWebhook::read(&document) {
        Ok(webhook) if webhook.is_active => Ok(webhook),
        Ok(_) => Err(Refusal::Gone),
        Err(error) => {
            tracing::error!(%error, tenant = %due.tenant, webhook = due.webhook, "a webhook cannot be read");
            let why = "what is stored of the webhook cannot be read";
            Err(Refusal::Unreached(why.to_owned()))
        }
    })
}

/// Only an answer of success is one: redirects are not followed, and `410 Gone` is the receiver's last word. `None`: no
/// attempt was made.
fn judge(tried: &Tried, next_ms: u64) -> Option<Attempted> {
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
        Err(Refusal::Gone) => return None,
    };
    Some(Attempted {
        state,
        next_ms,
        status: status.map(|status| status.as_u16()),
        error,
    })
}

/// Full jitter ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015) above a tenth of the bound, so that a
/// failing receiver is never asked in a loop.
fn delay_ms(attempts: u32) -> u64 {
    let bound = bound_ms(attempts);
    rand::rng().random_range(bound / 10..=bound)
}

fn bound_ms(attempts: u32) -> u64 {
    let doubled = FIRST_DELAY_MS.saturating_mul(1 << attempts.min(20));
    doubled.min(LONGEST_DELAY_MS)
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::ids::TenantId;

    use super::*;

    fn due(attempts: u32) -> Due {
        Due {
            seq: 1,
            tenant: TenantId::new("t").expect("valid"),
            webhook: "w".into(),
            delivery: "d".into(),
            event: "alert_triggered".into(),
            body: "{}".into(),
            attempts,
        }
    }

    fn tried(attempts: u32, answer: Result<u16, &str>) -> Attempted {
        let due = due(attempts);
        let status = |code| StatusCode::from_u16(code).expect("valid");
        let answer = answer
            .map(status)
            .map_err(|why| Refusal::Unreached(why.into()));
        judge(&Tried { due, answer }, 9).expect("tried")
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
    fn where_nobody_is_to_be_told_any_more_there_was_no_attempt() {
        let answer = Err(Refusal::Gone);
        let due = due(3);
        assert_eq!(judge(&Tried { due, answer }, 9), None);
    }

    #[test]
    fn a_delivery_is_tried_for_two_hours_at_the_longest() {
        let between = 0..MAX_ATTEMPTS - 1;
        let longest: u64 = between.map(|attempts| bound_ms(attempts) / 1_000).sum();
        assert_eq!(longest, 7_695);
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

    #[tokio::test]
    async fn the_backlog_of_one_tenant_hides_nobody_else() {
        let intake = crate::fixture::intake().await;
        let mut tx = intake.store.write().await.expect("writes");
        let all = (0..40u64).map(|n| ("many", n)).chain([("one", 40)]);
        for (tenant, n) in all {
            let tenant = TenantId::new(tenant).expect("valid");
            let (webhook, delivery) = (format!("{tenant}-{}", n % 10), n.to_string());
            let new = webhooks::New {
                tenant: &tenant,
                webhook: &webhook,
                delivery: &delivery,
                event: "test",
                body: "{}",
            };
            webhooks::add(&mut tx, &new, n).await.expect("added");
        }
        let mut busy = Busy::default();
        let ready = take(&mut tx, &mut busy, AT_ONCE, 100).await.expect("taken");
        let is_one = |(due, _): &&Ready| due.tenant.as_str() == "one";
        assert_eq!((ready.len(), ready.iter().filter(is_one).count()), (5, 1));
        // Nobody knows these webhooks, which is no error of the store.
        assert!(
            ready
                .iter()
                .all(|(_, found)| matches!(found, Err(Refusal::Gone)))
        );
        let more = take(&mut tx, &mut busy, AT_ONCE, 100).await;
        assert!(
            more.expect("taken").is_empty(),
            "all have as many as they may"
        );
    }
}
