//! Asking a control plane as its operator.

use std::path::PathBuf;

use clap::Args;

use super::{Client, ClientError, Source, asked::Asked};

/// Which control plane is asked, and under which key.
#[derive(Debug, Args)]
pub(crate) struct Operator {
    /// The control plane's address
    #[arg(long, default_value = "http://127.0.0.1:8081")]
    url: String,
    /// The environment variable that has the operator's key
    #[arg(long, value_name = "NAME", default_value = "FLOOPY_OPERATOR_KEY")]
    key_env: String,
    /// The file that has it where the variable is not set
    #[arg(
        long,
        value_name = "FILE",
        default_value = "floopy-data/control/operator.key"
    )]
    key_file: PathBuf,
}

/// What is shown, and that the operator asks.
pub(super) type AskedByOperator = Asked<Operator>;

impl Source for Operator {
    fn client(&self) -> Result<Client, ClientError> {
        let set = std::env::var(&self.key_env).unwrap_or_default();
        let key = match set.trim() {
            "" => std::fs::read_to_string(&self.key_file).unwrap_or_default(),
            set => set.to_owned(),
        };
        match key.trim() {
            "" => Err(ClientError::NoOperatorKey {
                variable: self.key_env.clone(),
                file: self.key_file.clone(),
            }),
            key => Ok(Client::new(&self.url, key)),
        }
    }
}
