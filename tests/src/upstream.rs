//! A fake provider with the OpenAI wire format: replies as scripted, keeps what it received byte for byte.

mod batches;
mod normal;
mod serve;

use std::{
    collections::{HashMap, VecDeque},
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

pub use self::batches::FAILING_MODEL;
use self::batches::Jobs;

/// What to do with a call.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A proper completion, streamed if asked for.
    Normal,
    /// A proper completion, this late.
    Late(Duration),
    /// These bytes.
    Raw {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Bytes,
    },
    /// A stream, frame by frame.
    Stream(Stream),
    /// The connection breaks before any answer.
    Reset,
    /// No answer ever comes.
    Hang,
}

impl Reply {
    /// A JSON body with a status.
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self::Raw {
            status,
            headers,
            body: body.to_string().into(),
        }
    }

    /// Any body with a status.
    pub fn raw(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type", content_type.to_owned())];
        Self::Raw {
            status,
            headers,
            body: body.into(),
        }
    }
}

/// A scripted stream.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Sent as they are, `data: ` and blank lines included.
    pub frames: Vec<String>,
    /// Pause before each frame but the first.
    pub gap: Duration,
    pub ending: Ending,
}

/// How a scripted stream ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Complete,
    /// The connection breaks after the last frame.
    Reset,
    /// Nothing more comes, but the connection stays.
    Hang,
}

impl Stream {
    /// A proper chat stream of these words, with usage at its end.
    pub fn of_words(words: &[&str]) -> Self {
        let frames = normal::chat_frames("chatcmpl-stream", "scripted", words);
        Self {
            frames,
            gap: Duration::ZERO,
            ending: Ending::Complete,
        }
    }
}

/// One call as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Received {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The model it asked for.
    pub fn model(&self) -> String {
        self.json()["model"].as_str().unwrap_or_default().to_owned()
    }
}

/// What the server and the test share.
#[derive(Debug, Default)]
struct Shared {
    replies: Mutex<HashMap<String, Reply>>,
    /// Given before those, each once.
    first: Mutex<HashMap<String, VecDeque<Reply>>>,
    received: Mutex<Vec<Received>>,
    served: AtomicU64,
    open_streams: AtomicU64,
    jobs: Mutex<Jobs>,
}

impl Shared {
    fn scripted(&self, model: &str) -> Option<Reply> {
        let mut first = self.first.lock().expect("not poisoned");
        let next = first.get_mut(model).and_then(VecDeque::pop_front);
        let replies = self.replies.lock().expect("not poisoned");
        next.or_else(|| replies.get(model).cloned())
    }
}

/// A running fake provider; stops when dropped.
#[derive(Debug)]
pub struct Upstream {
    addr: SocketAddr,
    shared: Arc<Shared>,
    _server: AbortOnDropHandle<()>,
}

impl Upstream {
    /// Listens on a free port and replies properly to everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let addr = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared::default());
        let server = tokio::spawn(serve::accept(listener, Arc::clone(&shared)));
        Self {
            addr,
            shared,
            _server: AbortOnDropHandle::new(server),
        }
    }

    /// What a provider's `base_url` is set to.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// From now on, calls for `model` are answered so.
    pub fn script(&self, model: &str, reply: Reply) {
        self.shared
            .replies
            .lock()
            .expect("not poisoned")
            .insert(model.to_owned(), reply);
    }

    /// The next calls for `model` are answered so, one after the other.
    pub fn script_first(&self, model: &str, replies: impl IntoIterator<Item = Reply>) {
        let mut first = self.shared.first.lock().expect("not poisoned");
        first.entry(model.to_owned()).or_default().extend(replies);
    }

    /// Every call so far, in order of arrival.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().expect("not poisoned").clone()
    }

    /// The only call so far for `model`.
    #[track_caller]
    pub fn only(&self, model: &str) -> Received {
        let mut calls: Vec<_> = self
            .received()
            .into_iter()
            .filter(|r| r.model() == model)
            .collect();
        assert_eq!(calls.len(), 1, "calls for {model}");
        calls.remove(0)
    }

    /// From now on batches go on, or end when they are looked at.
    pub fn hold_batches(&self, is_held: bool) {
        self.shared.jobs.lock().expect("not poisoned").is_held = is_held;
    }

    /// What was asked of files and batches that no client may ask.
    pub fn refused(&self) -> Vec<String> {
        let jobs = self.shared.jobs.lock().expect("not poisoned");
        jobs.refused.clone()
    }

    /// How many calls came for `model`.
    pub fn count(&self, model: &str) -> usize {
        self.received()
            .iter()
            .filter(|r| r.model() == model)
            .count()
    }

    /// Replies whose bodies are still being sent.
    pub fn open_streams(&self) -> u64 {
        self.shared.open_streams.load(Ordering::SeqCst)
    }
}
