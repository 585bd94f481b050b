//! What proxies spent, told to each other by Redis, sooner than the control plane can.
//!
//! Each writes what it spent of a span as a whole, in a field of its own that it overwrites, and reads what the others
//! wrote. What a call spent is known everywhere after two intervals at most. So of a budget, each proxy may let pass what
//! the others let pass within two intervals, and what they have under way, more than it should.

use std::{collections::HashMap, convert::Infallible, sync::Arc};

use floopy_shared::domain::budget::{Spend, Spent};
use redis::pipe;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::shared_name;
use crate::{
    gateway::Gateway,
    metrics::RedisLabel,
    redis::{PATIENCE, Redis},
};

/// Spans that are told and heard of at once.
const AT_ONCE: usize = 128;
/// Accounts that no call used lately need not be told of again.
const ACTIVE_MS: u64 = 60_000;
/// A span is there for this long after it was last told of: by then the control plane has told it.
const LIVES_MS: u64 = 24 * 3_600_000;

/// Tells and hears.
pub(crate) struct Fleet {
    gateway: Arc<Gateway>,
    redis: Arc<Redis>,
}

impl Fleet {
    pub(crate) fn new(gateway: Arc<Gateway>, redis: Arc<Redis>) -> Self {
        Self { gateway, redis }
    }

    /// Until it is stopped.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), Infallible> {
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = sleep(self.redis.sync()) => {}
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = self.exchange() => {}
            }
        }
    }

    /// `None`: Redis is gone.
    async fn exchange(&self) -> Option<()> {
        let budgets = &self.gateway.budgets;
        let now_ms = self.gateway.clock.now_ms();
        let since_ms = now_ms.saturating_sub(ACTIVE_MS);
        let active = budgets.lock().active(since_ms, now_ms);
        for some in active.chunks(AT_ONCE) {
            let mut questions = pipe();
            for own in some {
                let (account, bucket) = (&own.charge.account, own.charge.bucket);
                let whose = (account.scope(), &account.subject);
                let name = shared_name(&own.tenant, (&whose.0, whose.1));
                let at = format!("{}:spent:{name}:{bucket}", self.redis.prefix());
                if own.spend != Spend::default() {
                    let (field, value) = (own.proxy.simple().to_string(), write(own));
                    questions
                        .cmd("HSET")
                        .arg(&at)
                        .arg(field)
                        .arg(value)
                        .ignore();
                    questions.cmd("PEXPIRE").arg(&at).arg(LIVES_MS).ignore();
                }
                questions.cmd("HGETALL").arg(&at);
            }
            let answer = self
                .redis
                .ask_all(RedisLabel::Budgets, &questions, PATIENCE);
            let heard: Vec<HashMap<String, String>> = answer.await?;
            let rows = some.iter().zip(&heard).flat_map(|(own, heard)| {
                heard
                    .iter()
                    .filter_map(move |(proxy, text)| read(own, (proxy, text)))
            });
            let rows: Vec<Spent> = rows.collect();
            budgets.hear(rows, now_ms);
        }
        Some(())
    }
}

/// Numbers with blanks between them.
fn write(own: &Spent) -> String {
    let Spend {
        micro_usd,
        tokens,
        calls,
    } = own.spend;
    format!("{micro_usd} {tokens} {calls} {}", own.began_ms)
}

/// What another proxy wrote of the same span; `None`: it cannot be read, or is what this one wrote.
fn read(own: &Spent, (proxy, text): (&str, &str)) -> Option<Spent> {
    let proxy = Uuid::try_parse(proxy).ok()?;
    let mut numbers = text.split(' ').map(str::parse::<u64>);
    let mut next = || numbers.next()?.ok();
    let spend = Spend {
        micro_usd: next()?,
        tokens: next()?,
        calls: next()?,
    };
    let began_ms = next()?;
    (proxy != own.proxy).then(|| Spent {
        proxy,
        spend,
        began_ms,
        ..own.clone()
    })
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::{
        budget::{Account, BudgetBy, Charge, Grain},
        ids::TenantId,
    };

    use super::*;

    #[test]
    fn what_is_told_is_read_as_it_was_and_nonsense_is_passed_over() {
        let account = Account {
            by: BudgetBy::User,
            grain: Grain::Day,
            subject: "u".to_owned(),
        };
        let spent = |proxy, micro_usd| Spent {
            tenant: TenantId::new("t").expect("valid"),
            charge: Charge {
                account: account.clone(),
                bucket: 4,
            },
            proxy: Uuid::from_u128(proxy),
            spend: Spend {
                micro_usd,
                tokens: 2,
                calls: 3,
            },
            began_ms: 9,
        };
        let (one, other) = (spent(1, 0), spent(2, 5));
        let field = other.proxy.simple().to_string();
        assert_eq!(read(&one, (&field, &write(&other))), Some(other.clone()));
        assert_eq!(read(&other, (&field, &write(&other))), None, "its own");
        for text in ["", "1 2 3", "1 2 x 4", "-1 2 3 4"] {
            assert_eq!(read(&one, (&field, text)), None, "{text:?}");
        }
        assert_eq!(read(&one, ("nobody", "1 2 3 4")), None);
        let name = shared_name(&one.tenant, ("user-day", "alice"));
        assert!(name.starts_with("t:user-day:") && !name.contains("alice"));
    }
}
