//! What the end-to-end tests share: the real binaries as processes, a scriptable upstream, a client.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption of a test must end it, with its place"
)]

pub mod admin;
pub mod authority;
pub mod batches;
pub mod bench;
pub mod browser;
pub mod budgets;
pub mod chart;
pub mod checks;
pub mod clickhouse;
pub mod client;
pub mod clients;
pub mod collector;
pub mod evaluations;
pub mod firewall;
pub mod floopy;
pub mod foreign;
pub mod history;
pub mod issuer;
pub mod judge;
pub mod load;
pub mod manifests;
pub mod neighbour;
pub mod network;
pub mod operator;
pub mod poll;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod python;
pub mod qdrant;
pub mod redis;
pub mod reference;
pub mod replay;
pub mod settings;
pub mod simulator;
pub mod soak;
pub mod tls;
pub mod upstream;

pub use client::{Answer, Api, BodyExt};
pub use floopy::{Floopy, Shape};
pub use neighbour::Neighbour;
pub use poll::{eventually, eventually_within};
pub use redis::Redis;
pub use settings::Settings;
pub use upstream::{Ending, Reply, Stream, Upstream};

/// Runs an async function of a `Shape` as two tests, `standalone` and `split`, in a module of its name.
#[macro_export]
macro_rules! in_both_shapes {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn standalone() {
                super::$name($crate::Shape::Standalone).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn split() {
                super::$name($crate::Shape::Split).await;
            }
        }
    )+};
}
