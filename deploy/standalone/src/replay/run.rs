//! Runs a policy through a world, all tenants side by side.

use std::{
    num::NonZero,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use super::{
    policy::{Policy, Seen},
    world::World,
};

/// Requests between two reports of progress.
const PROGRESS_STEP: usize = 500;

/// What a policy did for one tenant, request by request.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Trace {
    pub(super) models: Vec<usize>,
    pub(super) shadows: Vec<Option<usize>>,
    /// Where it claimed a probability of being right.
    pub(super) claims: Vec<Option<f64>>,
}

/// Replays every tenant; `progress` hears of served requests, from several threads.
pub(super) fn run(
    world: &World<'_>,
    policy: impl Fn(usize) -> Box<dyn Policy> + Sync,
    progress: impl Fn(usize) + Sync,
) -> Vec<Trace> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let next = AtomicUsize::new(0);
    // Tenants never meet, so that who runs which does not show in the result.
    let work = || {
        let mut done = Vec::new();
        loop {
            let tenant = next.fetch_add(1, Ordering::Relaxed);
            if tenant >= world.tenants.len() {
                return done;
            }
            done.push((tenant, replay(world, tenant, policy(tenant), &progress)));
        }
    };
    let mut traces = vec![Trace::default(); world.tenants.len()];
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(done) => done
                    .into_iter()
                    .for_each(|(tenant, trace)| traces[tenant] = trace),
                Err(panicked) => std::panic::resume_unwind(panicked),
            }
        }
    });
    traces
}

/// One tenant from the first request to the last.
fn replay(
    world: &World<'_>,
    tenant: usize,
    mut policy: Box<dyn Policy>,
    progress: &(impl Fn(usize) + Sync),
) -> Trace {
    let mut trace = Trace::default();
    let mut session = Vec::new();
    let (customer, feedback) = (&world.tenants[tenant], &world.feedback);
    for (at, request) in customer.requests.iter().enumerate() {
        let served = policy.serve(at, request);
        let outcome = world.outcome(at, request, served.model);
        let shadow = served.shadow.map(|model| {
            let score = world.outcome(at, request, model).score;
            (
                model,
                customer.judge_shadow(feedback, request, (model, score)),
            )
        });
        let seen = Seen {
            model: served.model,
            judged: customer.judge(feedback, request, (served.model, outcome.score)),
            manual: request.manual(outcome.score),
            shadow,
            latency_s: outcome.latency_s,
        };
        policy.learn(at, request, &seen);
        session.push(outcome.score);
        if request.is_last {
            policy.end_session(customer.rating(feedback, &session, request));
            session.clear();
        }
        trace.models.push(served.model);
        trace.shadows.push(served.shadow);
        trace.claims.push(served.claim);
        if (at + 1).is_multiple_of(PROGRESS_STEP) {
            progress(PROGRESS_STEP);
        }
    }
    progress(customer.requests.len() % PROGRESS_STEP);
    trace
}
