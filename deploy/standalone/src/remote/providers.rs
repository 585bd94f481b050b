//! `floopy provider`: what providers are shown, for whoever runs Floopy. Keys are read from the environment, from standard
//! input or from a file, and never stand in arguments, which everybody on the machine sees.

use std::{io::Read, path::PathBuf};

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    ClientError, Source,
    asked::escaped,
    operator::AskedByOperator,
    tables::{self, Column},
};
use crate::{catalog::table::Side, console::Console};

/// Of what is read from standard input.
const MAX_BYTES: u64 = 64 << 10;

/// What can be done with providers' credentials.
#[derive(Debug, Subcommand)]
pub(crate) enum Providers {
    /// Lists what providers are shown for everybody, or for a tenant
    List(Listing),
    /// Sets what a provider is shown, in place of what it was shown before
    Set(Box<Setting>),
    /// Takes it away: what is configured at the proxies counts again
    Delete {
        name: String,
        /// The tenant; unsaid, everybody
        #[arg(long)]
        tenant: Option<String>,
        #[command(flatten)]
        asked: AskedByOperator,
    },
    /// Lists the keys that credentials are sealed with, and how many each has sealed
    Keys(AskedByOperator),
    /// Seals everything with the newest key
    Rotate(AskedByOperator),
}

#[derive(Debug, Args)]
pub(crate) struct Listing {
    /// The tenant; unsaid, everybody
    #[arg(long)]
    tenant: Option<String>,
    #[command(flatten)]
    asked: AskedByOperator,
}

#[derive(Debug, Args)]
pub(crate) struct Setting {
    /// The provider, such as openai
    name: String,
    /// The tenant; unsaid, everybody
    #[arg(long)]
    tenant: Option<String>,
    /// The environment variable that has the API key; of AWS, that has the secret access key
    #[arg(long, value_name = "NAME", default_value = "PROVIDER_API_KEY")]
    secret_env: String,
    /// Read it from standard input instead
    #[arg(long, conflicts_with = "service_account_file")]
    stdin: bool,
    /// A Google service account
    #[arg(long, value_name = "FILE")]
    service_account_file: Option<PathBuf>,
    /// Of AWS: the secret goes with it
    #[arg(long, value_name = "ID", conflicts_with = "service_account_file")]
    access_key_id: Option<String>,
    /// The environment variable that has the session token of AWS
    #[arg(long, value_name = "NAME", requires = "access_key_id")]
    session_token_env: Option<String>,
    /// Of Bedrock and Vertex AI
    #[arg(long)]
    region: Option<String>,
    /// Of Vertex AI
    #[arg(long)]
    project: Option<String>,
    /// Where the key is good, if not where the proxies call the provider otherwise
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    #[command(flatten)]
    asked: AskedByOperator,
}

const CREDENTIALS: &[Column] = &[
    ("PROVIDER", "/id", Side::Left),
    ("TENANT", "/tenant", Side::Left),
    ("KIND", "/kind", Side::Left),
    ("ENDS WITH", "/hint", Side::Left),
    ("REGION", "/region", Side::Left),
    ("ADDRESS", "/base_url", Side::Left),
    ("SEALED WITH", "/key_id", Side::Left),
    ("UPDATED", "/updated_at", Side::Left),
];

const KEYS: &[Column] = &[
    ("KEY", "/id", Side::Left),
    ("CONFIGURED", "/configured", Side::Left),
    ("NEWEST", "/newest", Side::Left),
    ("CREDENTIALS", "/credentials", Side::Right),
];

const FAILED: &[Column] = &[
    ("PROVIDER", "/provider", Side::Left),
    ("TENANT", "/tenant", Side::Left),
    ("NOT SEALED ANEW", "/reason", Side::Left),
];

impl Providers {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        match self {
            Self::List(listing) => {
                let path = at(listing.tenant.as_deref());
                listing.asked.list(&path, CREDENTIALS, console).await
            }
            Self::Set(setting) => setting.run(console).await,
            Self::Delete {
                name,
                tenant,
                asked,
            } => asked.delete(&at(tenant.as_deref()), name, console).await,
            Self::Keys(asked) => asked.list("/v1/operator/credentials", KEYS, console).await,
            Self::Rotate(asked) => rotate(asked, console).await,
        }
    }
}

fn at(tenant: Option<&str>) -> String {
    match tenant {
        None => "/v1/operator/providers".to_owned(),
        Some(tenant) => format!("/v1/operator/tenants/{}/providers", escaped(tenant)),
    }
}

async fn rotate(asked: &AskedByOperator, console: &mut Console) -> Result<(), ClientError> {
    let client = asked.remote.client()?;
    let path = "/v1/operator/credentials/rotate";
    let done = client.ask(Method::POST, path, None).await?;
    asked.show(console, &done, |done| {
        let said = format!(
            "{} of {} sealed anew with key {}",
            done["resealed"],
            done["total"],
            done["key_id"].as_str().unwrap_or_default()
        );
        let failed = super::asked::items(done, "/failed");
        if failed.is_empty() {
            return said;
        }
        format!("{said}\n\n{}", tables::of(&failed, FAILED))
    });
    Ok(())
}

impl Setting {
    async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        let client = self.asked.remote.client()?;
        let body = Value::Object(self.body()?);
        let path = format!("{}/{}", at(self.tenant.as_deref()), escaped(&self.name));
        let set = client.ask(Method::PUT, &path, Some(&body)).await?;
        self.asked.show(console, &set, |set| {
            tables::of(std::slice::from_ref(set), CREDENTIALS)
        });
        Ok(())
    }

    /// What was not given is left to the server.
    fn body(&self) -> Result<Map<String, Value>, ClientError> {
        let mut body = Map::new();
        let plain = [
            ("access_key_id", &self.access_key_id),
            ("region", &self.region),
            ("project", &self.project),
            ("base_url", &self.base_url),
        ];
        for (name, value) in plain {
            if let Some(value) = value {
                body.insert(name.to_owned(), json!(value));
            }
        }
        if let Some(file) = &self.service_account_file {
            let unread = |e| ClientError::Unread(file.display().to_string(), e);
            let account = std::fs::read_to_string(file).map_err(unread)?;
            body.insert("service_account".to_owned(), json!(account));
            return Ok(body);
        }
        let name = match self.access_key_id {
            Some(_) => "secret_access_key",
            None => "api_key",
        };
        body.insert(name.to_owned(), json!(self.secret()?));
        if let Some(name) = &self.session_token_env {
            body.insert("session_token".to_owned(), json!(variable(name)?));
        }
        Ok(body)
    }

    fn secret(&self) -> Result<String, ClientError> {
        if !self.stdin {
            return variable(&self.secret_env);
        }
        let unread = |e| ClientError::Unread("standard input".to_owned(), e);
        let mut text = String::new();
        let mut input = std::io::stdin().take(MAX_BYTES);
        input.read_to_string(&mut text).map_err(unread)?;
        Ok(text.trim().to_owned())
    }
}

fn variable(name: &str) -> Result<String, ClientError> {
    let set = std::env::var(name).unwrap_or_default();
    match set.trim() {
        "" => Err(ClientError::NoCredential(name.to_owned())),
        set => Ok(set.to_owned()),
    }
}
