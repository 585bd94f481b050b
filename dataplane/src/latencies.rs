//! How quickly each candidate begins its replies, as this proxy sees it: what rules by latency decide on.

use std::{
    collections::HashMap,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Instant,
};

use floopy_shared::domain::{decision::Load, ids::CandidateKey};
use xxhash_rust::xxh3::xxh3_64;

/// How long an observation counts. Finagle takes 10 s for calls of milliseconds; here calls take seconds and
/// are rarer, and whoever tries a slow candidate again is a person who waits.
const DECAY_MS: f64 = 60_000.0;

/// So that calls to different candidates seldom meet.
const SHARDS: usize = 16;

/// Candidates measured per shard: callers may invent names, and about 200 bytes are kept of each.
const MAX_PER_SHARD: usize = 256;

type Shard = RwLock<HashMap<CandidateKey, Arc<Meter>>>;

/// All candidates that were called.
#[derive(Debug)]
pub struct Latencies {
    shards: [Shard; SHARDS],
    began: Instant,
}

impl Default for Latencies {
    fn default() -> Self {
        Self {
            shards: std::array::from_fn(|_| Shard::default()),
            began: Instant::now(),
        }
    }
}

/// One candidate.
#[derive(Debug, Default)]
struct Meter {
    /// An [`Average`].
    average: AtomicU64,
    waiting: AtomicU32,
}

/// A moving average that jumps up to every peak and decays from there (Finagle's `PeakEwma`). In one word, so
/// that both parts change together.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Average {
    /// Milliseconds; 0: nothing was observed yet.
    value_ms: f32,
    /// When, in milliseconds since the proxy began; wraps after 49 days.
    at_ms: u32,
}

impl Average {
    fn unpack(word: u64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the lower half of the word"
        )]
        let at_ms = word as u32;
        Self {
            value_ms: f32::from_bits((word >> 32) as u32),
            at_ms,
        }
    }

    fn pack(self) -> u64 {
        u64::from(self.value_ms.to_bits()) << 32 | u64::from(self.at_ms)
    }

    /// How much of an observation is left.
    fn weight(self, now_ms: u32) -> f64 {
        (-f64::from(now_ms.wrapping_sub(self.at_ms)) / DECAY_MS).exp()
    }

    /// As it is now; `None`: nothing was observed yet.
    fn read(self, now_ms: u32) -> Option<f64> {
        (self.value_ms > 0.0).then(|| f64::from(self.value_ms) * self.weight(now_ms))
    }

    /// With another reply, whose first byte came after `took_ms`.
    fn observe(self, took_ms: f64, now_ms: u32) -> Self {
        let weight = self.weight(now_ms);
        let before = f64::from(self.value_ms);
        let value = if self.value_ms <= 0.0 || took_ms > before * weight {
            took_ms
        } else {
            before * weight + took_ms * (1.0 - weight)
        };
        #[expect(clippy::cast_possible_truncation, reason = "seven digits are plenty")]
        let value_ms = (value as f32).max(f32::MIN_POSITIVE);
        Self {
            value_ms,
            at_ms: now_ms,
        }
    }
}

impl Latencies {
    /// How busy and how slow the candidate is.
    pub fn load(&self, key: &CandidateKey) -> Load {
        let Some(meter) = self.find(key) else {
            return Load::default();
        };
        let average = Average::unpack(meter.average.load(Ordering::Relaxed));
        Load {
            first_byte_ms: average.read(self.now_ms()),
            waiting: meter.waiting.load(Ordering::Relaxed),
        }
    }

    /// A call goes out.
    pub(crate) fn wait(&self, key: &CandidateKey) -> Wait<'_> {
        let meter = self.find(key).unwrap_or_else(|| self.insert(key));
        meter.waiting.fetch_add(1, Ordering::Relaxed);
        Wait {
            latencies: self,
            meter,
            since: Instant::now(),
            is_answered: false,
        }
    }

    fn shard(&self, key: &CandidateKey) -> &Shard {
        #[expect(clippy::cast_possible_truncation, reason = "less than the shards")]
        let index = (xxh3_64(key.as_str().as_bytes()) % SHARDS as u64) as usize;
        &self.shards[index]
    }

    fn find(&self, key: &CandidateKey) -> Option<Arc<Meter>> {
        let shard = self.shard(key).read();
        let shard = shard.unwrap_or_else(PoisonError::into_inner);
        shard.get(key).map(Arc::clone)
    }

    fn insert(&self, key: &CandidateKey) -> Arc<Meter> {
        let now_ms = self.now_ms();
        let shard = self.shard(key).write();
        let mut shard = shard.unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= MAX_PER_SHARD && !shard.contains_key(key) {
            forget_one(&mut shard, now_ms);
        }
        Arc::clone(shard.entry(key.clone()).or_default())
    }

    fn now_ms(&self) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "it may wrap")]
        let now_ms = self.began.elapsed().as_millis() as u32;
        now_ms
    }
}

/// Forgets who was not called for the longest time.
fn forget_one(shard: &mut HashMap<CandidateKey, Arc<Meter>>, now_ms: u32) {
    let age_ms = |meter: &Meter| {
        let average = Average::unpack(meter.average.load(Ordering::Relaxed));
        now_ms.wrapping_sub(average.at_ms)
    };
    let oldest = shard.iter().max_by_key(|(_, meter)| age_ms(meter));
    if let Some(key) = oldest.map(|(key, _)| key.clone()) {
        shard.remove(&key);
    }
}

/// A call that waits for its first byte, until it is dropped.
#[derive(Debug)]
pub(crate) struct Wait<'a> {
    latencies: &'a Latencies,
    meter: Arc<Meter>,
    since: Instant,
    is_answered: bool,
}

impl Wait<'_> {
    /// Its reply began.
    pub(crate) fn began(mut self) {
        self.is_answered = true;
    }
}

impl Drop for Wait<'_> {
    /// A failure says how quick a reply is only where it took longer than replies do.
    fn drop(&mut self) {
        self.meter.waiting.fetch_sub(1, Ordering::Relaxed);
        let took_ms = self.since.elapsed().as_secs_f64() * 1_000.0;
        let now_ms = self.latencies.now_ms();
        let next = |word: u64| {
            let average = Average::unpack(word);
            let is_peak = average.read(now_ms).is_some_and(|known| took_ms > known);
            (self.is_answered || is_peak).then(|| average.observe(took_ms, now_ms).pack())
        };
        // Nothing changes where a failure says nothing.
        let _ = self
            .meter
            .average
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> CandidateKey {
        CandidateKey::parse(name).expect("valid")
    }

    const NOTHING: Average = Average {
        value_ms: 0.0,
        at_ms: 0,
    };

    #[test]
    fn the_average_jumps_to_a_peak_and_comes_down_slowly() {
        assert_eq!(NOTHING.read(5), None);
        let calm = NOTHING.observe(100.0, 0);
        assert_eq!(calm.read(0), Some(100.0));
        let peak = calm.observe(900.0, 1_000);
        assert_eq!(peak.read(1_000), Some(900.0));
        let after = peak.observe(100.0, 2_000).read(2_000).expect("measured");
        assert!(after > 880.0 && after < 900.0, "{after}");
        let later = peak.read(61_000).expect("measured");
        assert!((later - 900.0 / std::f64::consts::E).abs() < 0.1, "{later}");
    }

    #[test]
    fn an_average_survives_being_packed_and_the_clock_wrapping() {
        let average = NOTHING.observe(123.5, u32::MAX - 10);
        assert_eq!(Average::unpack(average.pack()), average);
        let wrapped = average.read(20).expect("measured");
        assert!(wrapped > 123.0 && wrapped <= 123.5, "{wrapped}");
    }

    #[test]
    fn calls_are_counted_while_they_wait_and_measured_when_they_are_answered() {
        let latencies = Latencies::default();
        let (a, b) = (key("p/a"), key("p/b"));
        let (one, two) = (latencies.wait(&a), latencies.wait(&a));
        assert_eq!(latencies.load(&a).waiting, 2);
        assert_eq!(latencies.load(&b), Load::default());
        drop(one);
        let failed = latencies.load(&a);
        assert_eq!((failed.waiting, failed.first_byte_ms), (1, None));
        two.began();
        let answered = latencies.load(&a);
        assert_eq!(answered.waiting, 0);
        assert!(answered.first_byte_ms.is_some_and(|ms| ms > 0.0));
    }

    #[test]
    fn invented_names_do_not_grow_the_memory() {
        let latencies = Latencies::default();
        for n in 0..2 * SHARDS * MAX_PER_SHARD {
            latencies.wait(&key(&format!("p/m-{n}"))).began();
        }
        let held = |shard: &Shard| shard.read().expect("readable").len();
        assert!(latencies.shards.iter().all(|s| held(s) <= MAX_PER_SHARD));
    }
}
