//! A simulated upstream: eight models behind a real HTTP server that speaks the OpenAI API.
//!
//! It is an upstream like any other: the proxy reaches it by its base URL and its models are listed in the
//! configuration. What it knows of its models' quality stays in [`world`] and reaches nobody but the
//! simulated users of the demo, who look up how their reply turned out in [`ledger`].

pub mod draw;
pub mod kind;
pub mod ledger;
pub mod world;

mod chat;
mod embeddings;
mod reply;
mod request;
mod respond;
mod server;
mod stream;
mod tools;

use std::{net::SocketAddr, sync::Arc};

use floopy_shared::process::clock::Clock;

use kind::Kind;
use ledger::Ledger;
use world::{MODELS, World};

pub use server::{Simulator, SimulatorError};

/// How a simulator behaves.
#[derive(Debug, Clone)]
pub struct Options {
    pub listen: SocketAddr,
    /// Makes the world; see [`World`].
    pub seed: u64,
    /// Factor on every latency: 1 for real time, 0 for none.
    pub latency_scale: f64,
    /// Whether models fail now and then.
    pub failures: bool,
    /// Share of streams that break off in the middle.
    pub breaks: f64,
}

/// What all calls share.
#[derive(Debug)]
struct Shared {
    options: Options,
    world: World,
    ledger: Arc<Ledger>,
    clock: Clock,
}

/// The text that a model answers a prompt with, and how long prompt and text are in tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct Written {
    pub text: String,
    pub input_tokens: u64,
    pub output_tokens: u64,
}

/// What this model answers; a function of world, prompt and model, so that it can be asked "what if".
pub fn answer(world: &World, model: usize, kind: Kind, prompt: &Prompt<'_>) -> Written {
    let model = &MODELS[model];
    let nonce = prompt.nonce();
    let assignment = reply::Assignment {
        kind,
        user_text: prompt.user,
        json: prompt.json,
        reads_well: world.outcome(kind, nonce, model).reads_well,
    };
    let mut draw = draw::Draw::new(world.seed() ^ nonce, &["reply", model.name]);
    let text = reply::write(&assignment, &mut draw);
    let output_tokens = tokens(&text);
    Written {
        text,
        input_tokens: tokens(prompt.system) + tokens(prompt.user),
        output_tokens,
    }
}

/// A prompt as a model reads it.
#[derive(Debug, Clone, Copy)]
pub struct Prompt<'a> {
    pub system: &'a str,
    /// The last message of the user.
    pub user: &'a str,
    pub json: bool,
}

impl Prompt<'_> {
    /// Stands for the content: the same request has the same luck, whoever sends it.
    pub fn nonce(&self) -> u64 {
        draw::Draw::new(0, &["prompt", self.system, self.user]).bits()
    }
}

/// About four bytes a token, as with English text and current tokenizers.
fn tokens(text: &str) -> u64 {
    (text.len() as u64).div_ceil(4)
}
