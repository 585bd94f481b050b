//! An open-loop load generator: calls start when they are due, whether or not earlier ones have ended.
//!
//! Latency counts from the moment a call was due (no coordinated omission): a server that stalls is
//! charged for every call that had to wait meanwhile.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    sync::{Semaphore, mpsc},
};

/// The shortest wait that is left to the kernel; what is shorter is spun away.
const SPIN: Duration = Duration::from_micros(80);

/// What is sent, and where to.
#[derive(Debug, Clone)]
pub struct Target {
    pub name: &'static str,
    pub addr: SocketAddr,
    pub key: String,
    pub body: Bytes,
}

/// How much and for how long.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub per_second: u32,
    pub duration: Duration,
    pub connections: usize,
}

/// Latencies of the calls that were answered with 200, and how many were not.
#[derive(Debug, Default, Clone)]
pub struct Sample {
    pub latencies: Vec<Duration>,
    pub failed: usize,
}

impl Sample {
    /// Adds another sample of the same thing.
    pub fn merge(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.failed += other.failed;
    }
}

/// Runs one round.
pub async fn run(target: &Target, plan: Plan) -> Sample {
    let mut idle = Vec::with_capacity(plan.connections);
    for _ in 0..plan.connections {
        idle.push(connect(target).await);
    }
    let calls = u64::from(plan.per_second) * plan.duration.as_secs();
    let (due, mut starts) = mpsc::channel(4_096);
    let clock = std::thread::spawn(move || tick(plan.per_second, calls, &due));
    let pool = Arc::new(Pool::new(idle));
    let (done, mut results) = mpsc::channel::<Option<Duration>>(4_096);
    let collector = tokio::spawn(async move {
        let mut sample = Sample::default();
        while let Some(result) = results.recv().await {
            match result {
                Some(latency) => sample.latencies.push(latency),
                None => sample.failed += 1,
            }
        }
        sample
    });
    while let Some(due) = starts.recv().await {
        let (pool, target, done) = (Arc::clone(&pool), target.clone(), done.clone());
        tokio::spawn(async move {
            let ok = pool.call(&target).await;
            let _ = done.send(ok.then(|| due.elapsed())).await;
        });
    }
    drop(done);
    clock.join().expect("the clock ends");
    collector.await.expect("the collector ends")
}

/// Says when each call is due, at that moment. The operating system's timers alone are too coarse.
fn tick(per_second: u32, calls: u64, due: &mpsc::Sender<Instant>) {
    let start = Instant::now();
    for call in 0..calls {
        let at = start + Duration::from_nanos(call * 1_000_000_000 / u64::from(per_second));
        loop {
            let left = at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            if left > SPIN {
                std::thread::park_timeout(left - SPIN);
            } else {
                std::hint::spin_loop();
            }
        }
        // The receiver only forwards; if it fell this far behind, waiting is charged to the calls.
        if due.blocking_send(at).is_err() {
            return;
        }
    }
}

type Connection = SendRequest<Full<Bytes>>;

/// Connections that are kept open and lent out one call at a time.
struct Pool {
    idle: std::sync::Mutex<Vec<Connection>>,
    free: Semaphore,
}

impl Pool {
    fn new(idle: Vec<Connection>) -> Self {
        let free = Semaphore::new(idle.len());
        Self {
            idle: std::sync::Mutex::new(idle),
            free,
        }
    }

    /// Whether the call was answered with 200.
    async fn call(&self, target: &Target) -> bool {
        let _permit = self.free.acquire().await.expect("never closed");
        let lent = self.idle.lock().expect("not poisoned").pop();
        let mut connection = match lent {
            Some(connection) if !connection.is_closed() => connection,
            _ => connect(target).await,
        };
        let ok = call(&mut connection, target).await;
        self.idle.lock().expect("not poisoned").push(connection);
        ok
    }
}

async fn connect(target: &Target) -> Connection {
    let socket = TcpStream::connect(target.addr)
        .await
        .expect("the target listens");
    socket.set_nodelay(true).expect("a TCP socket");
    let (connection, driver) = handshake(TokioIo::new(socket)).await.expect("HTTP");
    tokio::spawn(driver);
    connection
}

async fn call(connection: &mut Connection, target: &Target) -> bool {
    if connection.ready().await.is_err() {
        return false;
    }
    let request = Request::post("/v1/chat/completions")
        .header("host", target.addr.to_string())
        .header("authorization", format!("Bearer {}", target.key))
        .header("content-type", "application/json")
        .body(Full::new(target.body.clone()))
        .expect("a valid request");
    let Ok(response) = connection.send_request(request).await else {
        return false;
    };
    let ok = response.status() == 200;
    response.into_body().collect().await.is_ok() && ok
}
