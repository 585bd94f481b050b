//! `floopy plan`: what tenants can be sold.

use clap::Subcommand;

use super::{ClientError, operator::AskedByOperator, tables::Column};
use crate::{catalog::table::Side, console::Console};

/// What can be asked about plans.
#[derive(Debug, Subcommand)]
pub(crate) enum Plans {
    /// Lists the plans in force, and how many tenants have each
    List(AskedByOperator),
}

const PLANS: &[Column] = &[
    ("NAME", "/name", Side::Left),
    ("SOURCE", "/source", Side::Left),
    ("TENANTS", "/tenants", Side::Right),
    ("REQUESTS/MONTH", "/requests_per_month", Side::Right),
    ("RATINGS/MONTH", "/ratings_per_month", Side::Right),
    ("REQUESTS/MINUTE", "/requests_per_minute", Side::Right),
    ("PROJECTS", "/projects", Side::Right),
    ("LOG DAYS", "/log_retention_days", Side::Right),
    ("FEATURES", "/features", Side::Left),
];

impl Plans {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        match self {
            Self::List(asked) => asked.list("/v1/operator/plans", PLANS, console).await,
        }
    }
}
