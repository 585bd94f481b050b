//! `floopy tenant`: all tenants, for whoever runs Floopy.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    ClientError,
    asked::{escaped, query},
    operator::AskedByOperator,
    tables::{self, Column},
};
use crate::{catalog::table::Side, console::Console};

const PATH: &str = "/v1/operator/tenants";

/// What can be done with tenants.
#[derive(Debug, Subcommand)]
pub(crate) enum Tenants {
    /// Lists the tenants, those of the configuration included
    List(Listing),
    /// Shows one tenant
    Show {
        id: String,
        #[command(flatten)]
        asked: AskedByOperator,
    },
    /// Makes a tenant and prints its first API key, once
    Create(Box<Written>),
    /// Changes what is given of a tenant
    Update(Box<Update>),
    /// Ends a tenant and all its keys at once
    Delete {
        id: String,
        #[command(flatten)]
        asked: AskedByOperator,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Listing {
    /// How many, 1 to 200
    #[arg(long, default_value_t = 200)]
    limit: u32,
    /// From there on: next_cursor of what was listed before
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    #[command(flatten)]
    asked: AskedByOperator,
}

#[derive(Debug, Args)]
pub(crate) struct Written {
    /// 1 to 64 of a-z A-Z 0-9 _ -
    id: String,
    /// For people
    #[arg(long)]
    name: Option<String>,
    /// As `floopy plan list` has it; "" takes it away
    #[arg(long)]
    plan: Option<String>,
    /// Serves where no candidate with traffic can, as provider/model; "" takes it away
    #[arg(long)]
    default_model: Option<String>,
    /// Whether nothing of its content may ever be kept
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    zero_retention: Option<bool>,
    /// Most that each of its API keys may send
    #[arg(long)]
    max_requests_per_minute: Option<u32>,
    /// Most that its replies may cost in a month
    #[arg(long)]
    cost_limit_monthly_usd: Option<f64>,
    #[command(flatten)]
    asked: AskedByOperator,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    #[command(flatten)]
    written: Written,
    /// Switches it on again
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    /// Switches it off at once: its keys are refused
    #[arg(long)]
    disable: bool,
    /// Takes all limits of the operator away
    #[arg(long, conflicts_with_all = ["max_requests_per_minute", "cost_limit_monthly_usd"])]
    no_limits: bool,
}

const TENANTS: &[Column] = &[
    ("ID", "/id", Side::Left),
    ("NAME", "/name", Side::Left),
    ("SOURCE", "/source", Side::Left),
    ("ENABLED", "/enabled", Side::Left),
    ("PLAN", "/plan", Side::Left),
    ("DEFAULT MODEL", "/default_model", Side::Left),
    ("PER MINUTE", "/limits/max_requests_per_minute", Side::Right),
    ("USD/MONTH", "/limits/cost_limit_monthly_usd", Side::Right),
    ("CREATED", "/created_at", Side::Left),
];

impl Tenants {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        match self {
            Self::List(listing) => {
                let limit = Some(listing.limit.to_string());
                let query = query(&[("limit", &limit), ("cursor", &listing.after)]);
                let path = format!("{PATH}?{query}");
                listing.asked.page(&path, TENANTS, console).await
            }
            Self::Show { id, asked } => ask(asked, (Method::GET, &at(id)), None, console).await,
            Self::Create(written) => {
                let mut body = written.body();
                body.insert("id".to_owned(), json!(written.id));
                let call = (Method::POST, PATH);
                ask(&written.asked, call, Some(body), console).await
            }
            Self::Update(update) => {
                let written = &update.written;
                let path = at(&written.id);
                let call = (Method::PATCH, path.as_str());
                ask(&written.asked, call, Some(update.body()), console).await
            }
            Self::Delete { id, asked } => asked.delete(PATH, id, console).await,
        }
    }
}

fn at(id: &str) -> String {
    format!("{PATH}/{}", escaped(id))
}

async fn ask(
    asked: &AskedByOperator,
    (method, path): (Method, &str),
    body: Option<Map<String, Value>>,
    console: &mut Console,
) -> Result<(), ClientError> {
    use super::Source;

    let body = body.map(Value::Object);
    let client = asked.remote.client()?;
    let found = client.ask(method, path, body.as_ref()).await?;
    asked.show(console, &found, |found| {
        let table = tables::of(std::slice::from_ref(found), TENANTS);
        match found["key"].as_str() {
            Some(key) => format!("{table}\n\nAPI key (shown once): {key}"),
            None => table,
        }
    });
    Ok(())
}

impl Written {
    /// What was not given is left to the server.
    fn body(&self) -> Map<String, Value> {
        let or_null = |text: &String| (!text.is_empty()).then(|| text.clone());
        let mut limits = Map::new();
        let most = self.max_requests_per_minute.map(|most| json!(most));
        limits.extend(most.map(|most| ("max_requests_per_minute".to_owned(), most)));
        let most = self.cost_limit_monthly_usd.map(|most| json!(most));
        limits.extend(most.map(|most| ("cost_limit_monthly_usd".to_owned(), most)));
        let given = [
            ("name", self.name.as_ref().map(|name| json!(name))),
            ("plan", self.plan.as_ref().map(|plan| json!(or_null(plan)))),
            (
                "default_model",
                self.default_model
                    .as_ref()
                    .map(|model| json!(or_null(model))),
            ),
            (
                "zero_retention",
                self.zero_retention.map(|zero| json!(zero)),
            ),
            (
                "limits",
                (!limits.is_empty()).then_some(Value::Object(limits)),
            ),
        ];
        let given = given.into_iter();
        given
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect()
    }
}

impl Update {
    fn body(&self) -> Map<String, Value> {
        let mut body = self.written.body();
        if self.enable || self.disable {
            body.insert("enabled".to_owned(), json!(self.enable));
        }
        if self.no_limits {
            body.insert("limits".to_owned(), Value::Null);
        }
        body
    }
}
