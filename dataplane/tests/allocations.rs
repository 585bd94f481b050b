//! Heap allocations of a whole call through the real proxy, which must not grow.
//!
//! Client and upstream are blocking sockets with fixed buffers and allocate nothing, so every allocation
//! counted is the proxy's, its delivery and its libraries included. What it does in the background only adds,
//! so the least of several rounds is what the calls themselves take.
#![allow(
    clippy::expect_used,
    reason = "helpers of a test, too, fail by panicking"
)]

use std::{
    alloc::System,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use floopy_dataplane::{Config, Deps, Resolver, bind, config};
use floopy_shared::process::{clock::Clock, config::Secret, rpc::Dialer};
use prometheus_client::registry::Registry;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Of a call that is answered whole. Lower it when you can; raise it only for what is worth it.
const WHOLE: usize = 71;
/// Of a stream's beginning and end.
const STREAM: usize = 81;
/// Of a hundred events of a stream.
const HUNDRED_EVENTS: usize = 114;

const CALLS: usize = 50;
const ROUNDS: usize = 8;

const KEY: &str = "fl_test";
const REPLY: &str = r#"{"id":"chatcmpl-1","choices":[{"index":0,"message":{"role":"assistant","content":"Lisbon is sunny today."},"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":21}}"#;
const EVENT: &str = r#"{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":" sunny"}}]}"#;

/// Reads until the buffer's message ends with one of these; how long it is.
fn read_until(socket: &mut TcpStream, buffer: &mut [u8], ends: &[&[u8]]) -> Option<usize> {
    let mut length = 0;
    loop {
        match socket.read(&mut buffer[length..]) {
            Ok(0) | Err(_) => return None,
            Ok(read) => length += read,
        }
        if ends.iter().any(|end| buffer[..length].ends_with(end)) {
            return Some(length);
        }
    }
}

/// Answers whole, or with as many events as `n` says in a body with `"n":…`.
fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for socket in listener.incoming() {
            let socket = socket.expect("a connection");
            thread::spawn(move || answer(socket));
        }
    });
    addr
}

fn answer(mut socket: TcpStream) {
    let whole = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{REPLY}",
        REPLY.len()
    );
    let streams = [0, 100].map(|events| {
        let event = format!("data: {EVENT}\n\n");
        let chunk = format!("{:x}\r\n{event}\r\n", event.len());
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n\
             {}e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n",
            chunk.repeat(events + 1)
        )
    });
    let mut buffer = [0; 8 << 10];
    while let Some(length) = read_until(&mut socket, &mut buffer, &[b"}]}"]) {
        let has = |part: &[u8]| buffer[..length].windows(part.len()).any(|w| w == part);
        let reply = match (has(b"\"n\":0"), has(b"\"n\":100")) {
            (true, _) => &streams[0],
            (_, true) => &streams[1],
            (false, false) => &whole,
        };
        socket.write_all(reply.as_bytes()).expect("written");
    }
}

struct Client {
    socket: TcpStream,
    buffer: Box<[u8]>,
}

impl Client {
    fn call(&mut self, request: &[u8]) {
        self.socket.write_all(request).expect("sent");
        let ends: [&[u8]; 2] = [b"}}", b"\r\n0\r\n\r\n"];
        let read = read_until(&mut self.socket, &mut self.buffer, &ends).expect("answered");
        assert!(self.buffer[..read].starts_with(b"HTTP/1.1 200"));
    }

    /// Allocations of one call.
    fn allocations(&mut self, options: &str) -> usize {
        let body = format!(
            r#"{{"model":"auto",{options}"messages":[{{"role":"system","content":"You are a helpful assistant for travellers."}},{{"role":"user","content":"What is the weather in Lisbon today?"}}]}}"#
        );
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        (0..CALLS).for_each(|_| self.call(request.as_bytes()));
        let round = |_| {
            let region = Region::new(ALLOCATOR);
            (0..CALLS).for_each(|_| self.call(request.as_bytes()));
            let counted = region.change();
            (counted.allocations + counted.reallocations).div_ceil(CALLS)
        };
        (0..ROUNDS).map(round).min().expect("rounds")
    }
}

fn config(upstream: SocketAddr, data_dir: &std::path::Path) -> Config {
    Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        data_dir: data_dir.to_owned(),
        limits: config::Limits {
            workers: 1,
            ..config::Limits::default()
        },
        providers: vec![config::Provider {
            base_url: Some(format!("http://{upstream}/v1")),
            api_key: Some(Secret::new("sk")),
            ..config::Provider::named("openai")
        }],
        tenants: vec![config::BootstrapTenant {
            id: "acme".to_owned(),
            key: Secret::new(KEY),
            zero_retention: false,
            constraints: Default::default(),
            rules: Vec::new(),
            rule: None,
            passthrough: false,
            cache: Default::default(),
            firewall: Default::default(),
        }],
        ..Config::default()
    }
}

#[test]
fn a_call_takes_no_more_allocations_than_it_did() {
    let dir = tempfile::tempdir().expect("dir");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let deps = Deps {
        dialer: Dialer::custom(|| async {
            Err::<tokio::io::DuplexStream, _>(std::io::ErrorKind::ConnectionRefused.into())
        }),
        clock: Clock::system(),
        resolver: Resolver::system(),
        registry: Arc::new(Mutex::new(Registry::default())),
        stop: CancellationToken::new(),
    };
    let bound = runtime
        .block_on(bind(config(upstream(), dir.path()), deps))
        .expect("bound");
    let socket = TcpStream::connect(bound.addr()).expect("it listens");
    runtime.spawn(bound.run());
    let mut client = Client {
        socket,
        buffer: vec![0; 64 << 10].into(),
    };
    let whole = client.allocations("");
    let short = client.allocations(r#""stream":true,"n":0,"#);
    let long = client.allocations(r#""stream":true,"n":100,"#);
    let events = long.saturating_sub(short);
    let shown = format!("{whole} whole, {short} for a stream, {events} for a hundred events");
    println!("allocations: {shown}");
    assert!(
        whole <= WHOLE && short <= STREAM && events <= HUNDRED_EVENTS,
        "{shown}; at most {WHOLE}, {STREAM}, {HUNDRED_EVENTS} were allowed"
    );
}
