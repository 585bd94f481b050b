//! `floopy decision`: what was decided, and why.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::Value;

use super::{
    ClientError,
    asked::{Asked, escaped, items, query},
    tables::{self, Column},
};
use crate::{catalog::table::Side, console::Console};

/// Candidates shown of a decision.
const MAX_CANDIDATES: usize = 10;

/// What can be asked about decisions.
#[derive(Debug, Subcommand)]
pub(crate) enum Decisions {
    /// Lists the newest decisions
    List(Box<Listing>),
    /// Shows one decision and explains it
    Show {
        /// As the reply's x-request-id has it
        request_id: String,
        #[command(flatten)]
        asked: Asked,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Listing {
    /// Only those of this session
    #[arg(long)]
    session: Option<String>,
    /// Only those that this model served
    #[arg(long)]
    model: Option<String>,
    /// Only those of this end user
    #[arg(long)]
    user: Option<String>,
    /// Only those with this property, as in plan=pro
    #[arg(long, value_name = "NAME=VALUE")]
    property: Option<String>,
    /// Only from this time on, as in 2026-11-01T00:00:00Z
    #[arg(long)]
    from: Option<String>,
    /// Only up to this time
    #[arg(long)]
    to: Option<String>,
    /// How many, 1 to 200
    #[arg(long, default_value_t = 20)]
    limit: u32,
    #[command(flatten)]
    asked: Asked,
}

const DECISIONS: &[Column] = &[
    ("TIME", "/request_created_at", Side::Left),
    ("REQUEST", "/request_id", Side::Left),
    ("STATUS", "/status", Side::Left),
    ("PROVIDER", "/provider", Side::Left),
    ("MODEL", "/model", Side::Left),
    ("REASON", "/decision_trace/reason", Side::Left),
    ("MS", "/latency_ms", Side::Right),
    ("µUSD", "/cost_micro_usd", Side::Right),
    ("CONFIDENCE", "/confidence", Side::Right),
];

const CANDIDATES: &[Column] = &[
    ("PROVIDER", "/provider", Side::Left),
    ("MODEL", "/model", Side::Left),
    ("SCORE", "/score", Side::Right),
    ("PROBABILITY", "/propensity", Side::Right),
    ("µUSD", "/expected_cost_micro_usd", Side::Right),
    ("LEFT OUT", "/filtered_reason", Side::Left),
];

impl Decisions {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        match self {
            Self::List(listing) => {
                let path = format!("/v1/decisions?{}", listing.query());
                listing.asked.list(&path, DECISIONS, console).await
            }
            Self::Show { request_id, asked } => {
                let client = asked.remote.client()?;
                let path = format!("/v1/decisions/{}", escaped(request_id));
                let found = client.ask(Method::GET, &path, None).await?;
                asked.show(console, &found, decision);
                Ok(())
            }
        }
    }
}

impl Listing {
    fn query(&self) -> String {
        let limit = Some(self.limit.to_string());
        query(&[
            ("session_id", &self.session),
            ("model", &self.model),
            ("user_id", &self.user),
            ("property", &self.property),
            ("from", &self.from),
            ("to", &self.to),
            ("limit", &limit),
        ])
    }
}

/// A decision in words, and who else could have served.
fn decision(found: &Value) -> String {
    let explained = found["explanation"].as_str().unwrap_or("no explanation");
    let head = tables::of(std::slice::from_ref(found), DECISIONS);
    let mut candidates = items(found, "/decision_trace/candidates");
    candidates.truncate(MAX_CANDIDATES);
    let candidates = tables::of(&candidates, CANDIDATES);
    format!("{head}\n\n{explained}\n\n{candidates}")
}
