//! `floopy rule`: a tenant's routing rules.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    ClientError,
    asked::Asked,
    tables::{self, Column},
};
use crate::{catalog::table::Side, console::Console};

/// What can be done with routing rules.
#[derive(Debug, Subcommand)]
pub(crate) enum Rules {
    /// Lists the rules, those of the configuration included
    List(Asked),
    /// Makes a rule
    Create(Box<NewRule>),
    /// Deletes a rule
    Delete {
        id: String,
        #[command(flatten)]
        asked: Asked,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewRule {
    #[arg(long)]
    name: String,
    /// feedback_driven, smart_cost, fallback, round_robin, weighted, latency_based or legacy_model
    #[arg(long)]
    strategy: String,
    /// Models as provider/model, in their order, separated by commas
    #[arg(long, value_delimiter = ',')]
    models: Vec<String>,
    /// Shares of the models, for `weighted`
    #[arg(long, value_delimiter = ',')]
    weights: Vec<f64>,
    /// Share of the baseline's quality to keep, for `smart_cost`
    #[arg(long)]
    floor: Option<f64>,
    /// Probability with which it is kept, for `smart_cost`
    #[arg(long)]
    assurance: Option<f64>,
    /// The rule for calls that name none
    #[arg(long)]
    default: bool,
    #[command(flatten)]
    asked: Asked,
}

const RULES: &[Column] = &[
    ("ID", "/id", Side::Left),
    ("NAME", "/name", Side::Left),
    ("STRATEGY", "/strategy", Side::Left),
    ("DEFAULT", "/default", Side::Left),
    ("SOURCE", "/source", Side::Left),
    ("MODELS", "/models", Side::Left),
];

impl Rules {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        match self {
            Self::List(asked) => asked.list("/v1/routing/rules", RULES, console).await,
            Self::Create(rule) => {
                let asked = &rule.asked;
                let client = asked.remote.client()?;
                let body = rule.body();
                let made = client
                    .ask(Method::POST, "/v1/routing/rules", Some(&body))
                    .await?;
                asked.show(console, &made, |made| {
                    tables::of(std::slice::from_ref(made), RULES)
                });
                Ok(())
            }
            Self::Delete { id, asked } => asked.delete("/v1/routing/rules", id, console).await,
        }
    }
}

impl NewRule {
    /// What was not given is left to the server's own defaults and checks.
    fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("name".to_owned(), json!(self.name));
        body.insert("strategy".to_owned(), json!(self.strategy));
        body.insert("default".to_owned(), json!(self.default));
        let given = [
            ("models", json!(self.models), !self.models.is_empty()),
            ("weights", json!(self.weights), !self.weights.is_empty()),
            ("floor", json!(self.floor), self.floor.is_some()),
            ("assurance", json!(self.assurance), self.assurance.is_some()),
        ];
        for (name, value, _) in given.into_iter().filter(|(.., is_given)| *is_given) {
            body.insert(name.to_owned(), value);
        }
        Value::Object(body)
    }
}
