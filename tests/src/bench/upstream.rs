//! The fastest upstream there can be, on a thread of its own: it answers every call with the same reply, or
//! with the same stream.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    time::{Instant, MissedTickBehavior, interval_at},
};

use super::wire::read_message;

const REPLY: &str = r#"{"id":"chatcmpl-bench","object":"chat.completion","created":1790000000,"model":"fast","choices":[{"index":0,"message":{"role":"assistant","content":"Lisbon is sunny today, with a light breeze from the river and 21 degrees in the afternoon."},"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":21,"total_tokens":40}}"#;

/// One event of a stream: about as long as those of real providers.
const EVENT: &str = r#"data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1790000000,"model":"fast","system_fingerprint":"fp_0123456789","choices":[{"index":0,"delta":{"content":" sunny"},"logprobs":null,"finish_reason":null}]}"#;

const LAST: &str = r#"data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1790000000,"model":"fast","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":21,"total_tokens":40}}"#;

/// How an upstream streams, where a call asks for a stream.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    pub events: usize,
    pub every: Duration,
}

/// Listens and answers until the process ends.
pub fn start(pace: Pace) -> SocketAddr {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let addr = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(accept(listener, pace));
    });
    addr
}

async fn accept(listener: std::net::TcpListener, pace: Pace) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    loop {
        let (socket, _) = listener.accept().await.expect("a connection");
        let _ = socket.set_nodelay(true);
        // A client that leaves ends its connection, and nothing else.
        tokio::spawn(serve(socket, pace));
    }
}

async fn serve(mut socket: TcpStream, pace: Pace) -> io::Result<()> {
    let reply = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{REPLY}",
        REPLY.len()
    );
    let mut buffer = Vec::with_capacity(4 << 10);
    loop {
        let message = read_message(&mut socket, &mut buffer).await?;
        let body = &buffer[message.head..];
        let marker = b"\"stream\":true";
        if body.windows(marker.len()).any(|part| part == marker) {
            stream(&mut socket, pace).await?;
        } else {
            socket.write_all(reply.as_bytes()).await?;
        }
    }
}

async fn stream(socket: &mut TcpStream, pace: Pace) -> io::Result<()> {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    let event = chunk(&format!("{EVENT}\n\n"));
    socket
        .write_all(format!("{head}{event}").as_bytes())
        .await?;
    let mut due = interval_at(Instant::now() + pace.every, pace.every);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 1..pace.events {
        due.tick().await;
        socket.write_all(event.as_bytes()).await?;
    }
    let last = chunk(&format!("{LAST}\n\ndata: [DONE]\n\n"));
    socket
        .write_all(format!("{last}0\r\n\r\n").as_bytes())
        .await
}

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}
