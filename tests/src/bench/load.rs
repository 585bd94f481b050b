//! Load: open loop (calls start when they are due, whether or not earlier ones have ended) for latency, closed
//! loop (the next call starts when the last one ends) for what can be had at most.
//!
//! Open-loop latency counts from the moment a call was due (no coordinated omission): a server that stalls
//! is charged for every call that had to wait meanwhile.

use std::{
    cell::RefCell,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    sync::{Semaphore, mpsc},
    task::{JoinSet, LocalSet},
};

use super::wire::{is_ok, read_message};

/// The shortest wait that is left to the kernel; what is shorter is spun away.
const SPIN: Duration = Duration::from_micros(80);

/// What is sent, and where to.
#[derive(Debug, Clone)]
pub struct Target {
    pub addr: SocketAddr,
    /// The whole request.
    pub request: Bytes,
}

impl Target {
    /// A chat completion with this body.
    pub fn new(addr: SocketAddr, key: &str, body: &str) -> Self {
        Self::of(addr, key, "", body)
    }

    /// The same, with a header more.
    pub fn with_header(
        addr: SocketAddr,
        key: &str,
        (name, value): (&str, &str),
        body: &str,
    ) -> Self {
        Self::of(addr, key, &format!("{name}: {value}\r\n"), body)
    }

    fn of(addr: SocketAddr, key: &str, more: &str, body: &str) -> Self {
        let length = body.len();
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: {addr}\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\n{more}content-length: {length}\r\n\r\n{body}"
        );
        Self {
            addr,
            request: request.into(),
        }
    }

    /// A new connection to it.
    pub async fn connect(&self) -> TcpStream {
        let socket = TcpStream::connect(self.addr)
            .await
            .expect("the target listens");
        socket.set_nodelay(true).expect("a TCP socket");
        socket
    }
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

    fn note(&mut self, result: Option<Duration>) {
        match result {
            Some(latency) => self.latencies.push(latency),
            None => self.failed += 1,
        }
    }
}

/// Runs one round of calls that start when they are due.
pub async fn open_loop(target: &Target, plan: Plan) -> Sample {
    let mut idle = Vec::with_capacity(plan.connections);
    for _ in 0..plan.connections {
        idle.push(Connection::open(target).await);
    }
    let calls = u64::from(plan.per_second) * plan.duration.as_secs();
    let (due, mut starts) = mpsc::channel(4_096);
    let clock = std::thread::spawn(move || tick(plan.per_second, calls, &due));
    let pool = Rc::new(Pool {
        free: Semaphore::new(idle.len()),
        idle: RefCell::new(idle),
        sample: RefCell::default(),
    });
    let tasks = LocalSet::new();
    let forward = async {
        let mut running = JoinSet::new();
        while let Some(due) = starts.recv().await {
            let (pool, target) = (Rc::clone(&pool), target.clone());
            running.spawn_local(async move { pool.call(&target, due).await });
            while running.try_join_next().is_some() {}
        }
        running.join_all().await;
    };
    tasks.run_until(forward).await;
    clock.join().expect("the clock ends");
    pool.sample.take()
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

/// Runs one round in which every connection always has a call under way.
pub async fn closed_loop(target: &Target, duration: Duration, connections: usize) -> Sample {
    let until = Instant::now() + duration;
    let tasks = LocalSet::new();
    let all = async {
        let mut running = JoinSet::new();
        for _ in 0..connections {
            let target = target.clone();
            running.spawn_local(async move {
                let mut sample = Sample::default();
                let mut connection = Connection::open(&target).await;
                while Instant::now() < until {
                    let begun = Instant::now();
                    let ok = connection.call(&target).await;
                    sample.note(ok.then(|| begun.elapsed()));
                }
                sample
            });
        }
        running.join_all().await
    };
    let mut whole = Sample::default();
    for sample in tasks.run_until(all).await {
        whole.merge(sample);
    }
    whole
}

struct Connection {
    socket: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(target: &Target) -> Self {
        Self {
            socket: target.connect().await,
            buffer: Vec::with_capacity(4 << 10),
        }
    }

    /// Whether a call was answered with 200. A connection that broke is replaced.
    async fn call(&mut self, target: &Target) -> bool {
        let sent = self.socket.write_all(&target.request).await;
        let read = match sent {
            Ok(()) => read_message(&mut self.socket, &mut self.buffer).await,
            Err(error) => Err(error),
        };
        match read {
            Ok(_) => is_ok(&self.buffer),
            Err(_) => {
                self.socket = target.connect().await;
                false
            }
        }
    }
}

/// Connections that are kept open and lent out one call at a time.
struct Pool {
    idle: RefCell<Vec<Connection>>,
    free: Semaphore,
    sample: RefCell<Sample>,
}

impl Pool {
    async fn call(&self, target: &Target, due: Instant) {
        let _permit = self.free.acquire().await.expect("never closed");
        let lent = self.idle.borrow_mut().pop();
        let mut connection = lent.expect("one for each permit");
        let ok = connection.call(target).await;
        self.sample.borrow_mut().note(ok.then(|| due.elapsed()));
        self.idle.borrow_mut().push(connection);
    }
}
