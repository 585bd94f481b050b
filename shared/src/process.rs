//! What every process needs, whichever plane it runs.

pub mod backoff;
pub mod breaker;
pub mod causes;
pub mod certificates;
pub mod clock;
pub mod config;
pub mod credentials;
pub mod json;
pub mod patient;
pub mod reload;
pub mod rpc;
pub mod stop;
pub mod supervise;
pub mod telemetry;
pub mod tls;
