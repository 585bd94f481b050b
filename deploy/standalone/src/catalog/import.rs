//! `floopy catalog import`: price lists of others as catalog files.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use floopy_shared::catalog::Date;

use super::{CatalogError, files};
use crate::console::Console;

/// Whose price list it is.
#[derive(Debug, Subcommand)]
pub enum Import {
    /// LiteLLM's model_prices_and_context_window.json, as it is in its repository and its wheel
    Litellm(LitellmArgs),
}

#[derive(Debug, Args)]
pub struct LitellmArgs {
    /// The price map; `-` for standard input. Nothing is downloaded
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where to write the catalog; must not exist yet [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Only models of this provider, as Floopy calls it; may be given several times
    #[arg(long = "provider", value_name = "NAME")]
    providers: Vec<String>,
    #[command(flatten)]
    edition: Edition,
}

/// Which edition of a price map it is.
#[derive(Debug, Args)]
pub(super) struct Edition {
    /// When the price map was published [default: today]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    pub(super) date: Option<Date>,
    /// What the entries call their source [default: litellm-DATE]
    #[arg(long, value_name = "NAME")]
    pub(super) source: Option<String>,
}

fn date(text: &str) -> Result<Date, String> {
    Date::parse(text).ok_or_else(|| format!("{text:?} is no date"))
}

pub(super) fn run(import: &Import, console: &mut Console) -> Result<(), CatalogError> {
    let Import::Litellm(args) = import;
    if let Some(output) = args.output.as_ref().filter(|output| output.exists()) {
        return Err(CatalogError::Usage(format!(
            "{} exists; `floopy catalog update {0} --from {}` merges into it",
            output.display(),
            args.file.display()
        )));
    }
    let text = files::text(&args.file)?;
    let edition = (args.edition.source.as_deref(), args.edition.date.as_ref());
    let (file, import) = files::price_map((&text, &args.file), edition, &args.providers)?;
    files::check_providers(&args.providers, &file.models)?;
    match &args.output {
        Some(output) => files::replace(output, &file.to_toml())?,
        None => console.say(file.to_toml().trim_end()),
    }
    let written = args
        .output
        .as_ref()
        .map(|path| format!(" written to {}", path.display()));
    console.complain(&format!(
        "{} models{}",
        file.models.len(),
        written.unwrap_or_default()
    ));
    for line in files::skipped(&import) {
        console.complain(&line);
    }
    Ok(())
}
