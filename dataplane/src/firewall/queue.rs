//! Calls that wait to be scored: bounded, and shared by tenants.

use std::{
    collections::VecDeque,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use floopy_shared::domain::{
    firewall::{Finding, Role, Skip},
    ids::TenantId,
};
use tokio::sync::oneshot;

/// Calls that are scored together at most, and bytes of their bodies: what is scored cannot be left for something shorter.
const BATCH: usize = 16;
const BATCH_BYTES: usize = 64 << 10;
/// Bodies from which on a call lets shorter ones go first, until it has waited for half of its time.
const LONG_BYTES: usize = 32 << 10;
/// Of all bodies that wait: their callers may have left, and then nobody else counts them.
const WAITING_BYTES: usize = 64 << 20;

/// A call that waits.
pub(super) struct Job {
    pub tenant: TenantId,
    pub body: Bytes,
    pub roles: Vec<Role>,
    pub allow: Arc<[String]>,
    /// In thousandths; `None`: the model's own.
    pub threshold: Option<u16>,
    /// When shorter calls no longer go first, and when it is too late.
    pub due: Instant,
    pub late: Instant,
    pub answer: oneshot::Sender<Result<Finding, Skip>>,
}

/// What threads take calls from.
pub(super) struct Queue {
    places: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// That take from it.
    threads: usize,
    /// Some tenant wants calls to be looked at.
    wanted: bool,
    closed: bool,
}

impl Queue {
    pub(super) fn new(places: usize) -> Self {
        Self {
            places,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Takes a call in, if there is room for another one of its tenant.
    pub(super) fn push(&self, job: Job) -> Result<(), Skip> {
        let mut state = self.lock();
        if state.closed {
            return Err(Skip::Unavailable);
        }
        if !self.fits(&state.jobs, &job) {
            state.jobs.retain(|waiting| !waiting.answer.is_closed());
            if !self.fits(&state.jobs, &job) {
                return Err(Skip::Full);
            }
        }
        state.jobs.push_back(job);
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    fn fits(&self, jobs: &VecDeque<Job>, job: &Job) -> bool {
        let bytes: usize = jobs.iter().map(|waiting| waiting.body.len()).sum();
        let own = jobs.iter().filter(|waiting| waiting.tenant == job.tenant);
        jobs.len() < self.places
            && own.count() < self.places.div_ceil(2)
            && (jobs.is_empty() || bytes.saturating_add(job.body.len()) <= WAITING_BYTES)
    }

    /// How many more threads there should be, which are taken to be there from now on.
    pub(super) fn enlist(&self, most: usize) -> usize {
        let mut state = self.lock();
        let missing = most.saturating_sub(state.threads);
        state.threads += missing;
        missing
    }

    /// A thread that was to be there could not be started.
    pub(super) fn dismiss(&self) {
        let mut state = self.lock();
        state.threads = state.threads.saturating_sub(1);
    }

    /// Says whether threads wait for calls as long as there are none.
    pub(super) fn want(&self, wanted: bool) {
        self.lock().wanted = wanted;
    }

    /// Nothing is taken in or waited for any more.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.jobs.clear();
        drop(state);
        self.changed.notify_all();
    }

    /// The next calls, which are scored together; waits for them. `None`: nobody wants any looked at, and for this long
    /// there was none.
    pub(super) fn take(&self, idle: Duration) -> Option<Vec<Job>> {
        let mut state = self.lock();
        loop {
            if state.closed {
                return None;
            }
            if !state.jobs.is_empty() {
                return Some(batch(&mut state.jobs, Instant::now()));
            }
            let waited = self.changed.wait_timeout(state, idle);
            let (held, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = held;
            if timeout.timed_out() && !state.wanted && state.jobs.is_empty() {
                // Under the lock: whoever comes next must not take it to be there still.
                state.threads = state.threads.saturating_sub(1);
                return None;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Calls in their order, but for short ones that go before long ones.
fn batch(jobs: &mut VecDeque<Job>, now: Instant) -> Vec<Job> {
    let mut taken = Vec::new();
    let mut bytes = 0;
    while taken.len() < BATCH {
        let is_next = |job: &Job| job.body.len() < LONG_BYTES || job.due <= now;
        let at = jobs.iter().position(is_next).unwrap_or(0);
        let fits = |job: &Job| taken.is_empty() || bytes + job.body.len() <= BATCH_BYTES;
        if !jobs.get(at).is_some_and(fits) {
            break;
        }
        let Some(job) = jobs.remove(at) else { break };
        bytes += job.body.len();
        taken.push(job);
    }
    taken
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    type Answered = oneshot::Receiver<Result<Finding, Skip>>;

    fn job(tenant: &str, bytes: usize, due_ms: u64) -> (Job, Answered) {
        let (answer, answered) = oneshot::channel();
        let due = Instant::now() + Duration::from_millis(due_ms);
        let job = Job {
            tenant: TenantId::new(tenant).expect("valid"),
            body: vec![b' '; bytes].into(),
            roles: Role::USUAL.to_vec(),
            allow: Arc::default(),
            threshold: None,
            due,
            late: due,
            answer,
        };
        (job, answered)
    }

    fn lengths(queue: &Queue) -> Vec<usize> {
        let taken = queue.take(Duration::from_secs(60)).expect("there are some");
        taken.iter().map(|job| job.body.len()).collect()
    }

    #[test]
    fn a_tenant_has_half_of_the_places_and_all_have_no_more_than_there_are() {
        let queue = Queue::new(4);
        let mut waiting = Vec::new();
        let mut push = |tenant: &str, bytes: usize| {
            let (job, answered) = job(tenant, bytes, 60_000);
            waiting.push(answered);
            queue.push(job)
        };
        assert_eq!((push("a", 1), push("a", 1)), (Ok(()), Ok(())));
        assert_eq!(push("a", 1), Err(Skip::Full));
        assert_eq!((push("b", 1), push("c", 1)), (Ok(()), Ok(())));
        assert_eq!(push("d", 1), Err(Skip::Full));
        assert_eq!(lengths(&queue).len(), 4);
        assert_eq!(
            (push("a", WAITING_BYTES), push("b", 1)),
            (Ok(()), Err(Skip::Full))
        );
        // Those whose callers left make room.
        waiting.clear();
        assert_eq!(queue.push(job("a", 1, 60_000).0), Ok(()));
        assert_eq!(lengths(&queue), [1]);
    }

    #[test]
    fn short_calls_are_scored_together_and_before_long_ones_that_can_wait() {
        let queue = Queue::new(64);
        for (bytes, due_ms) in [(90_000, 60_000), (3, 60_000), (50_000, 0), (4, 60_000)] {
            queue.push(job("a", bytes, due_ms).0).expect("fits");
        }
        assert_eq!(lengths(&queue), [3, 50_000, 4]);
        assert_eq!(lengths(&queue), [90_000]);
        let (jobs, _waiting): (Vec<_>, Vec<_>) = (0..20).map(|_| job("a", 1, 60_000)).unzip();
        for job in jobs {
            queue.push(job).expect("fits");
        }
        assert_eq!((lengths(&queue).len(), lengths(&queue).len()), (16, 4));
    }

    #[test]
    fn threads_leave_when_nobody_wants_them_and_stay_while_somebody_does() {
        let queue = Queue::new(4);
        let moment = Duration::from_millis(5);
        assert_eq!((queue.enlist(2), queue.enlist(2)), (2, 0));
        assert!(queue.take(moment).is_none());
        assert_eq!(queue.enlist(2), 1);
        queue.dismiss();
        assert_eq!(queue.enlist(2), 1);
        queue.want(true);
        std::thread::scope(|scope| {
            let (left, leaves) = mpsc::sync_channel(1);
            let queue = &queue;
            let waiting = scope.spawn(move || {
                let taken = queue.take(moment);
                left.send(()).expect("heard");
                taken
            });
            let is_gone = leaves.recv_timeout(Duration::from_millis(50));
            assert_eq!(is_gone, Err(mpsc::RecvTimeoutError::Timeout));
            queue.close();
            assert!(waiting.join().expect("ends").is_none());
        });
        assert_eq!(queue.push(job("a", 1, 0).0), Err(Skip::Unavailable));
    }
}
