//! Drives a running proxy with the real crate `floopy-sdk`: floopy-rust-client BASE_URL KEY CHECK [ARGUMENT...].
//! A check that finds something else than it expects panics, which is what the test that started it sees.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken assumption must end the check"
)]

mod delegate;
mod experiments;
mod resources;
mod work;

use std::{
    future::Future,
    time::{Duration, Instant},
};

use floopy::{
    Floopy, RequestOptions,
    async_openai::types::chat::{
        ChatCompletionRequestMessage, ChatCompletionRequestUserMessage,
        CreateChatCompletionRequest, CreateChatCompletionRequestArgs,
    },
};

/// What is recorded is there a moment after a call.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(20);

struct Asked {
    base: String,
    key: String,
    arguments: Vec<String>,
}

impl Asked {
    fn client(&self) -> Floopy {
        self.with_key(&self.key)
    }

    fn with_key(&self, key: &str) -> Floopy {
        Floopy::builder(key)
            .base_url(&self.base)
            .timeout(Duration::from_secs(20))
            .max_retries(0)
            .build()
            .expect("a client")
    }

    /// One whose chat calls belong to a session, which the wrapped client sends as it sends all headers: with every call.
    fn in_session(&self, session: &str) -> Floopy {
        Floopy::builder(&self.key)
            .base_url(&self.base)
            .timeout(Duration::from_secs(20))
            .max_retries(0)
            .default_header("floopy-session-id", session)
            .build()
            .expect("a client")
    }

    fn argument(&self, at: usize) -> &str {
        self.arguments.get(at).expect("another argument")
    }
}

fn hello() -> Vec<ChatCompletionRequestMessage> {
    vec![ChatCompletionRequestUserMessage::from("Good morning").into()]
}

fn chat() -> CreateChatCompletionRequest {
    CreateChatCompletionRequestArgs::default()
        .model("auto")
        .messages(hello())
        .build()
        .expect("a request")
}

/// Says something in a session; the completion's id.
async fn talk(asked: &Asked, session: &str) -> String {
    let client = asked.in_session(session);
    let reply = client
        .openai()
        .chat()
        .create(chat())
        .await
        .expect("a reply");
    reply.id
}

/// No options of this one call.
fn plain() -> Option<RequestOptions> {
    None
}

/// The result of `probe` once there is one.
async fn eventually<T, F, P>(what: &str, probe: P) -> T
where
    P: Fn() -> F,
    F: Future<Output = Option<T>>,
{
    let begin = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(
            begin.elapsed() < PATIENCE,
            "{what}: not within {PATIENCE:?}"
        );
        tokio::time::sleep(PAUSE).await;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().expect("BASE_URL KEY CHECK [ARGUMENT...]");
    let (base, key, check) = (next(), next(), next());
    let asked = Asked {
        base,
        key,
        arguments: arguments.collect(),
    };
    match check.as_str() {
        "feedback" => resources::feedback(&asked).await,
        "decisions" => resources::decisions(&asked).await,
        "session" => resources::session(&asked).await,
        "explain" => resources::explain(&asked).await,
        "constraints" => resources::constraints(&asked).await,
        "errors" => resources::errors(&asked).await,
        "export" => resources::export(&asked).await,
        "experiments" => experiments::run(&asked).await,
        "evaluations" => work::evaluations(&asked).await,
        "batches" => work::batches(&asked).await,
        "cancelled" => work::cancelled(&asked).await,
        "prompt" => delegate::prompt(&asked).await,
        "refused" => resources::refused(&asked).await,
        "delegate" => delegate::all(&asked).await,
        other => panic!("no check is called {other}"),
    }
}
