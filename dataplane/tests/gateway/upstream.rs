//! An upstream that answers with exactly the bytes a test wants, when it wants them.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// One request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Request line and headers, lower case.
    pub head: String,
    pub body: Vec<u8>,
}

/// Bytes after waiting; the connection is closed after the last of them.
pub type Script = Vec<(Duration, Vec<u8>)>;

type Answer = dyn Fn(&Seen, usize) -> Script + Send + Sync;

pub struct Upstream {
    pub addr: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    /// `answer` gets the request and how many came before it.
    pub async fn start(answer: impl Fn(&Seen, usize) -> Script + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0", answer).await
    }

    pub async fn start_at(
        addr: &str,
        answer: impl Fn(&Seen, usize) -> Script + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(addr).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, answer): (_, Arc<Answer>) = (Arc::clone(&seen), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&log), Arc::clone(&answer)));
            }
        });
        Self { addr, seen }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, log: Arc<Mutex<Vec<Seen>>>, answer: Arc<Answer>) {
    let Some(seen) = read_request(&mut stream).await else {
        return;
    };
    let script = {
        let mut log = log.lock().unwrap();
        log.push(seen.clone());
        answer(&seen, log.len() - 1)
    };
    for (wait, bytes) in script {
        tokio::time::sleep(wait).await;
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
    let _ = stream.shutdown().await;
}

async fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_end = loop {
        let mut chunk = [0; 4096];
        let read = stream
            .read(&mut chunk)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        bytes.extend_from_slice(&chunk[..read]);
        if let Some(at) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).to_lowercase();
    let length = head
        .split("content-length: ")
        .nth(1)
        .and_then(|rest| rest.split("\r\n").next());
    let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = bytes.split_off(head_end);
    while body.len() < length {
        let mut chunk = [0; 4096];
        let read = stream
            .read(&mut chunk)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        body.extend_from_slice(&chunk[..read]);
    }
    Some(Seen { head, body })
}

pub const NOW: Duration = Duration::ZERO;

/// A whole JSON answer.
pub fn json(status: u16, body: &str) -> Script {
    json_with(
        status,
        body,
        "x-request-id: up-1\r\nx-ratelimit-remaining: 7\r\n",
    )
}

pub fn json_with(status: u16, body: &str, headers: &str) -> Script {
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}connection: close\r\n\r\n",
        body.len()
    );
    vec![(NOW, [head.as_bytes(), body.as_bytes()].concat())]
}

/// A completion that says `text`.
pub fn completion(text: &str) -> Script {
    let body = format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","choices":[{{"index":0,"message":{{"role":"assistant","content":"{text}"}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}}}"#
    );
    json(200, &body)
}

/// Server-sent events, each after its wait; no chunked coding, so the end is the connection's.
pub fn events(parts: &[(u64, &str)]) -> Script {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
    let mut script = vec![(NOW, head.as_bytes().to_vec())];
    for (wait_ms, text) in parts {
        script.push((Duration::from_millis(*wait_ms), text.as_bytes().to_vec()));
    }
    script
}

/// One event of a streamed completion.
pub fn delta(text: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-s\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
    )
}
