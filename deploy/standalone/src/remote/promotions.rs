//! `floopy promotion`: how candidates come to serve, taking them back, and pinning models.

use clap::{Args, Subcommand, ValueEnum};
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    ClientError,
    asked::{Asked, escaped, items},
    tables::{self, Column},
};
use crate::{catalog::table::Side, console::Console};

/// What can be done with promotions.
#[derive(Debug, Subcommand)]
pub(crate) enum Promotions {
    /// Lists the promotions, the newest first
    List {
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        asked: Asked,
    },
    /// Shows one with every step, and what its guards say
    Show(One),
    /// Takes a candidate back; who served before it serves about a second later
    Rollback(One),
    /// Lists the pins
    Pins(Asked),
    /// Has a model serve whatever is learned
    Pin(Box<Pin>),
    /// Takes a pin away
    Unpin {
        /// The kind of task, as class:code
        #[arg(default_value = "all")]
        shape: String,
        #[command(flatten)]
        asked: Asked,
    },
    /// Sets whether candidates come to serve step by step
    Mode {
        mode: Mode,
        #[command(flatten)]
        asked: Asked,
    },
}

#[derive(Debug, Args)]
pub(crate) struct One {
    id: String,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Debug, Args)]
pub(crate) struct Pin {
    /// The model, as provider/model; without one the tenant's default model
    model: Option<String>,
    /// The kind of task, as class:code; without one all that have no pin of their own
    #[arg(long)]
    shape: Option<String>,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Mode {
    Immediate,
    Staged,
}

const AT: &str = "/v1/promotions";
const PINS: &str = "/v1/promotions/pins";

const PROMOTIONS: &[Column] = &[
    ("ID", "/id", Side::Left),
    ("TASK", "/task_shape", Side::Left),
    ("CANDIDATE", "/candidate/model", Side::Left),
    ("REPLACES", "/replaces/model", Side::Left),
    ("STAGE", "/stage", Side::Left),
    ("REASON", "/reason", Side::Left),
    ("SCORES", "/next_step/scores", Side::Right),
    ("EVIDENCE", "/next_step/capital", Side::Right),
    ("CHANGED", "/changed_at", Side::Left),
];

const STEPS: &[Column] = &[
    ("AT", "/at", Side::Left),
    ("FROM", "/from", Side::Left),
    ("TO", "/to", Side::Left),
    ("REASON", "/reason", Side::Left),
    ("BY", "/by", Side::Left),
    ("EVIDENCE", "/capital", Side::Right),
];

const GUARDS: &[Column] = &[
    ("GUARD", "/channel", Side::Left),
    ("EVIDENCE", "/capital", Side::Right),
    ("BOUND", "/bound", Side::Right),
    ("CANDIDATE", "/mean", Side::Right),
    ("OF", "/observations", Side::Right),
    ("REPLACED", "/replaced_mean", Side::Right),
    ("OF", "/replaced_observations", Side::Right),
];

const PINNED: &[Column] = &[
    ("TASK", "/task_shape", Side::Left),
    ("PROVIDER", "/model/provider", Side::Left),
    ("MODEL", "/model/model", Side::Left),
    ("BY", "/by", Side::Left),
    ("SINCE", "/updated_at", Side::Left),
];

impl Promotions {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        match self {
            Self::List { limit, asked } => {
                let path = format!("{AT}?limit={limit}");
                asked.list(&path, PROMOTIONS, console).await
            }
            Self::Show(one) => {
                let path = format!("{AT}/{}", escaped(&one.id));
                ask(&one.asked, (Method::GET, &path, None), whole, console).await
            }
            Self::Rollback(one) => {
                let path = format!("{AT}/{}/rollback", escaped(&one.id));
                ask(&one.asked, (Method::POST, &path, None), whole, console).await
            }
            Self::Pins(asked) => asked.list(PINS, PINNED, console).await,
            Self::Pin(pin) => {
                let body = Some(pin.body());
                let table = |pinned: &Value| tables::of(std::slice::from_ref(pinned), PINNED);
                ask(&pin.asked, (Method::POST, PINS, body), table, console).await
            }
            Self::Unpin { shape, asked } => asked.delete(PINS, shape, console).await,
            Self::Mode { mode, asked } => {
                let mode = match mode {
                    Mode::Immediate => "immediate",
                    Mode::Staged => "staged",
                };
                let path = format!("{AT}/settings");
                let asks = (Method::PUT, path.as_str(), Some(json!({"mode": mode})));
                ask(asked, asks, |_| format!("promotions are {mode}"), console).await
            }
        }
    }
}

async fn ask(
    asked: &Asked,
    (method, path, body): (Method, &str, Option<Value>),
    table: impl FnOnce(&Value) -> String,
    console: &mut Console,
) -> Result<(), ClientError> {
    let client = asked.remote.client()?;
    let answer = client.ask(method, path, body.as_ref()).await?;
    asked.show(console, &answer, table);
    Ok(())
}

/// A promotion, its steps and its guards, one table after the other.
fn whole(promotion: &Value) -> String {
    [
        tables::of(std::slice::from_ref(promotion), PROMOTIONS),
        tables::of(&items(promotion, "/trace"), STEPS),
        tables::of(&items(promotion, "/guards"), GUARDS),
    ]
    .join("\n")
}

impl Pin {
    fn body(&self) -> Value {
        let mut body = Map::new();
        let given = [("model", &self.model), ("task_shape", &self.shape)];
        for (name, value) in given {
            body.extend(value.as_ref().map(|value| (name.to_owned(), json!(value))));
        }
        Value::Object(body)
    }
}
