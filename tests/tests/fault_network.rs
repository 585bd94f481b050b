//! The snapshot protocol on a simulated network: partitions, delays, restarts of either side.
//!
//! No request goes undecided, versions only grow, and once the network heals every proxy has what the
//! control plane concluded. Seeds are fixed, so a failure is repeated by its seed.

#![expect(clippy::expect_used, reason = "a broken fixture is a failed test")]

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use floopy_controlplane::Storage;
use floopy_tests::network::{Seen, control, feed, pace, proxy};

/// What is done to the network and to the hosts, at which tick of a second.
#[derive(Clone, Copy)]
enum Fault {
    Partition,
    Repair,
    Hold,
    Release,
    RestartControl,
    RestartProxy,
}

fn apply(sim: &mut turmoil::Sim<'_>, fault: Fault) {
    match fault {
        Fault::Partition => sim.partition("proxy", "control"),
        Fault::Repair => sim.repair("proxy", "control"),
        Fault::Hold => sim.hold("proxy", "control"),
        Fault::Release => sim.release("proxy", "control"),
        Fault::RestartControl => {
            sim.crash("control");
            sim.bounce("control");
        }
        Fault::RestartProxy => {
            sim.crash("proxy");
            sim.bounce("proxy");
        }
    }
}

/// Runs one world and returns what the proxy saw.
fn check(seed: u64, storage: Storage, faults: &[(u64, Fault)]) -> Arc<Seen> {
    let dir = tempfile::tempdir().expect("dir");
    let seen = Arc::new(Seen::default());
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .simulation_duration(Duration::from_secs(120))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(80))
        .tick_duration(Duration::from_millis(5))
        .enable_tokio_io()
        .build();
    let at = |name: &str| -> PathBuf { Path::new(dir.path()).join(name) };
    let control_dir = at("control");
    sim.host("control", move || control(control_dir.clone(), storage));
    let (proxy_dir, proxy_seen) = (at("proxy"), Arc::clone(&seen));
    sim.host("proxy", move || {
        proxy(proxy_dir.clone(), Arc::clone(&proxy_seen))
    });
    sim.client("feeder", feed(Arc::clone(&seen)));
    for second in 0..100 {
        for (_, fault) in faults.iter().filter(|(when, _)| *when == second) {
            apply(&mut sim, *fault);
        }
        let until = sim.elapsed() + Duration::from_secs(1);
        while sim.elapsed() < until {
            sim.step().expect("the simulation goes on");
            pace();
        }
    }
    seen
}

fn assert_lived(seen: &Seen, starts: usize) {
    let (held, concluded) = (
        seen.version.load(Ordering::SeqCst),
        seen.concluded.load(Ordering::SeqCst),
    );
    assert!(
        concluded > 1,
        "the control plane concluded something: version {concluded}"
    );
    assert!(
        held >= concluded,
        "the proxy caught up: it holds {held} of {concluded}"
    );
    assert!(seen.decided.load(Ordering::SeqCst) > 5_000);
    let starts_seen = seen.starts.lock().expect("not poisoned").clone();
    assert_eq!(starts_seen.len(), starts, "{starts_seen:?}");
    assert!(
        starts_seen.is_sorted(),
        "a restart went back: {starts_seen:?}"
    );
}

#[test]
fn partitions_and_delays_never_stop_decisions_and_versions_only_grow() {
    for seed in 1..=3 {
        let faults = [
            (3, Fault::Partition),
            (12, Fault::Repair),
            (16, Fault::Hold),
            (19, Fault::Release),
            (24, Fault::Partition),
            (55, Fault::Repair),
        ];
        assert_lived(&check(seed, Storage::Directory, &faults), 1);
    }
}

#[test]
fn restarts_of_the_control_plane_do_not_take_versions_back() {
    let faults = [
        (5, Fault::RestartControl),
        (11, Fault::RestartControl),
        (18, Fault::RestartControl),
    ];
    assert_lived(&check(11, Storage::Directory, &faults), 1);
}

#[test]
fn a_control_plane_that_lost_everything_continues_above_what_proxies_hold() {
    let faults = [(8, Fault::RestartControl), (20, Fault::RestartControl)];
    assert_lived(&check(12, Storage::Memory, &faults), 1);
}

#[test]
fn a_proxy_restarted_while_cut_off_serves_on_its_last_good_snapshot() {
    let faults = [
        (15, Fault::Partition),
        (18, Fault::RestartProxy),
        (40, Fault::Repair),
    ];
    let seen = check(13, Storage::Directory, &faults);
    assert_lived(&seen, 2);
    let starts = seen.starts.lock().expect("not poisoned").clone();
    assert!(
        starts[1] > 0,
        "the second start found the saved snapshot: {starts:?}"
    );
}
