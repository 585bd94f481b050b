//! Limits that hold for all proxies together: each tells the others by Redis what it used, and hears what they did.
//!
//! No call waits for that. A proxy writes what it used in a window as a whole, in a field of its own, so that writing it
//! again changes nothing and whatever is lost is told the next time. What a call used is known everywhere after two
//! intervals at most, one until it is told and one until it is heard. So of a limit, each proxy may let pass what the
//! others let pass within two intervals more than it should; while Redis is gone, each counts for itself on top of what it
//! last heard.

use std::{convert::Infallible, sync::Arc};

use redis::{Pipeline, pipe};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Counted, window::Own};
use crate::{
    gateway::Gateway,
    metrics::RedisLabel,
    redis::{PATIENCE, Redis},
};

/// Windows that are told and heard of at once.
const AT_ONCE: usize = 128;

/// Tells and hears.
pub(crate) struct Fleet {
    gateway: Arc<Gateway>,
    redis: Arc<Redis>,
    /// Names this run of this proxy: what an earlier one used stays told.
    run: String,
}

impl Fleet {
    pub(crate) fn new(gateway: Arc<Gateway>, redis: Arc<Redis>) -> Self {
        Self {
            gateway,
            redis,
            run: Uuid::new_v4().simple().to_string(),
        }
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
        let known = self.gateway.rates.known(self.gateway.clock.now_ms());
        for some in known.chunks(AT_ONCE) {
            let mut questions = pipe();
            for (counted, own) in some {
                self.tell(&mut questions, counted, *own);
            }
            let answer = self.redis.ask_all(RedisLabel::Rates, &questions, PATIENCE);
            let heard: Vec<Vec<u64>> = answer.await?;
            for ((counted, own), heard) in some.iter().zip(heard.chunks_exact(2)) {
                let others = |all: &[u64], own: u64| {
                    let all = all
                        .iter()
                        .fold(0, |sum: u64, used| sum.saturating_add(*used));
                    all.saturating_sub(own)
                };
                let used = (others(&heard[0], own.now), others(&heard[1], own.before));
                counted.lock().hear(own.number, used);
            }
        }
        Some(())
    }

    /// Asks for what all used in a window and in the one before, once this proxy said what it did.
    fn tell(&self, questions: &mut Pipeline, counted: &Counted, own: Own) {
        let before = own.number.saturating_sub(1);
        for (number, used) in [(own.number, own.now), (before, own.before)] {
            let (prefix, name) = (self.redis.prefix(), counted.name());
            let at = format!("{prefix}:rate:{name}:{}:{number}", own.span_ms);
            if used > 0 {
                let told = questions.cmd("HSET").arg(&at).arg(&self.run).arg(used);
                told.ignore();
                let lives_ms = own.span_ms.saturating_mul(3);
                questions.cmd("PEXPIRE").arg(&at).arg(lives_ms).ignore();
            }
            questions.cmd("HVALS").arg(&at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::super::windows::Windows;

    const SPAN_MS: u64 = 10_000;

    /// Stands for Redis: what each proxy used in each fixed window.
    type Told = HashMap<(usize, u64), u64>;

    /// What `exchange` does, without Redis.
    fn exchange(told: &mut Told, windows: &Windows<u8>, (proxy, now_ms): (usize, u64)) {
        for (counted, own) in windows.own(now_ms) {
            let before = own.number.wrapping_sub(1);
            told.insert((proxy, own.number), own.now);
            told.insert((proxy, before), own.before);
            let others = |number| {
                let of = told
                    .iter()
                    .filter(|((by, at), _)| *at == number && *by != proxy);
                of.map(|(_, used)| used).sum()
            };
            let used = (others(own.number), others(before));
            counted.lock().hear(own.number, used);
        }
    }

    proptest! {
        /// Each proxy is asked once in a step, as fast as it can be.
        #[test]
        fn a_limit_is_exceeded_by_what_the_others_let_pass_in_two_intervals_at_most(
            proxies in 1usize..6,
            limit in 1u64..400,
            interval in 1u64..40,
            offsets in prop::collection::vec(0u64..40, 6),
        ) {
            let fleet: Vec<Windows<u8>> = (0..proxies).map(|_| Windows::default()).collect();
            let mut told = Told::new();
            let (step_ms, begin, mut admitted) = (10, 100 * SPAN_MS, 0);
            for step in 0..SPAN_MS / step_ms {
                let now_ms = begin + step * step_ms;
                for (proxy, windows) in fleet.iter().enumerate() {
                    if (step + offsets[proxy]).is_multiple_of(interval) {
                        exchange(&mut told, windows, (proxy, now_ms));
                    }
                    let counted = windows.of(&0, SPAN_MS, String::new);
                    let mut window = counted.lock();
                    if window.wait_ms(limit, now_ms) == 0 {
                        window.add(1, now_ms);
                        admitted += 1;
                    }
                }
            }
            let unheard = (proxies as u64 - 1) * (2 * interval + 1);
            prop_assert!(admitted <= limit + unheard, "{admitted}");
            prop_assert!(admitted >= u64::min(limit, SPAN_MS / step_ms));
        }
    }
}
