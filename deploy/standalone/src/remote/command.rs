//! Everything that is asked of a running Floopy from the command line.

use clap::Subcommand;

use super::{
    Cached, ClientError, Decisions, Fleet, Judge, Log, Plans, Pool, Promotions, Providers, Proxies,
    Queue, Reload, Rules, Tenants, Usage,
};
use crate::console::Console;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Manages tenants, as whoever runs Floopy
    #[command(subcommand)]
    Tenant(Tenants),
    /// Lists what tenants can be sold
    #[command(subcommand)]
    Plan(Plans),
    /// Sets what providers are shown, for everybody and for tenants
    #[command(subcommand)]
    Provider(Providers),
    /// Lists the proxies, and how far each is behind
    #[command(subcommand)]
    Proxy(Proxies),
    /// Tells which version of the snapshot each proxy decides on
    Fleet(Fleet),
    /// Shows what left your tenant for what all of them know together
    #[command(subcommand)]
    Pool(Pool),
    /// Has the configuration read again while everything runs
    Reload(Reload),
    /// Tells what is logged, or has it changed while everything runs
    Log(Log),
    /// Tells what waits to be judged, and what to do with what no judge could score
    #[command(subcommand)]
    Queue(Queue),
    /// Tells whether the judge agrees with people
    #[command(subcommand)]
    Judge(Judge),
    /// Shows how candidates come to serve, takes them back, pins models
    #[command(subcommand)]
    Promotion(Promotions),
    /// Lists, makes and deletes routing rules
    #[command(subcommand)]
    Rule(Rules),
    /// Explains what the cache would do with a call, and takes stored replies away
    #[command(subcommand)]
    Cache(Cached),
    /// Lists decisions, and explains one
    #[command(subcommand)]
    Decision(Decisions),
    /// Tells what calls used
    Usage(Usage),
}

impl Command {
    pub(crate) async fn run(&self, console: &mut Console) -> Result<(), ClientError> {
        match self {
            Self::Tenant(tenants) => tenants.run(console).await,
            Self::Plan(plans) => plans.run(console).await,
            Self::Provider(providers) => providers.run(console).await,
            Self::Proxy(proxies) => proxies.run(console).await,
            Self::Fleet(fleet) => fleet.run(console).await,
            Self::Pool(pool) => pool.run(console).await,
            Self::Reload(reload) => reload.run(console).await,
            Self::Log(log) => log.run(console).await,
            Self::Queue(queue) => queue.run(console).await,
            Self::Judge(judge) => judge.run(console).await,
            Self::Promotion(promotions) => promotions.run(console).await,
            Self::Rule(rules) => rules.run(console).await,
            Self::Cache(cached) => cached.run(console).await,
            Self::Decision(decisions) => decisions.run(console).await,
            Self::Usage(usage) => usage.run(console).await,
        }
    }
}
