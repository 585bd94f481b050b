//! `floopy catalog update`: what is newer, merged into the operator's own file.

use std::path::{Path, PathBuf};

use clap::Args;
use floopy_shared::catalog::{
    File,
    update::{Changes, Options, merge},
};

use super::{CatalogError, files, import::Edition};
use crate::console::Console;

#[derive(Debug, Args)]
#[command(
    after_help = "An entry changes where its source is an older edition of the newer file's source: \
where both have the same `series`. Entries written by hand, prices with a `prices_source` of their own and \
all benchmark figures stay as they are. Comments in the file are not kept."
)]
pub struct UpdateArgs {
    /// Your catalog file
    #[arg(value_name = "CATALOG")]
    catalog: PathBuf,
    /// A newer catalog file, or a price map of LiteLLM; `-` for standard input. Nothing is downloaded
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Only models of this provider; may be given several times
    #[arg(long = "provider", value_name = "NAME")]
    providers: Vec<String>,
    /// Take in models that are new
    #[arg(long)]
    add: bool,
    /// Drop models that the newer file no longer has
    #[arg(long)]
    remove: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    edition: Edition,
}

/// Names that are listed before only their number is told.
const LISTED: usize = 8;

pub(super) fn run(args: &UpdateArgs, console: &mut Console) -> Result<(), CatalogError> {
    let own = files::catalog(&args.catalog)?;
    let (newer, skipped) = newer(args)?;
    let options = Options {
        add: args.add,
        remove: args.remove,
    };
    let (merged, changes) = merge(&own, &newer, options)?;
    for line in diff(&changes).into_iter().chain(skipped) {
        console.say(&line);
    }
    let is_same = merged == own;
    if !is_same && !args.dry_run {
        let text = merged.to_toml();
        // What would not be read again is not written.
        files::parse(&text, &args.catalog)?;
        files::replace(&args.catalog, &text)?;
    }
    console.say(&summary(&changes, &args.catalog, (is_same, args.dry_run)));
    Ok(())
}

/// The newer file, of the wanted providers, and what an import left out.
fn newer(args: &UpdateArgs) -> Result<(File, Vec<String>), CatalogError> {
    let text = files::text(&args.from)?;
    // A catalog cannot begin with a brace, and a price map must.
    if text.trim_start().starts_with('{') {
        let edition = (args.edition.source.as_deref(), args.edition.date.as_ref());
        let (file, import) = files::price_map((&text, &args.from), edition, &args.providers)?;
        files::check_providers(&args.providers, &file.models)?;
        return Ok((file, files::skipped(&import)));
    }
    let mut file = files::parse(&text, &args.from)?;
    files::check_providers(&args.providers, &file.models)?;
    if !args.providers.is_empty() {
        let wanted = |name: &String| args.providers.contains(name);
        file.models.retain(|model| wanted(&model.provider));
    }
    Ok((file, Vec::new()))
}

fn diff(changes: &Changes) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, facts) in &changes.changed {
        lines.push(format!("  {name}"));
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "unknown".to_owned());
        lines.extend(facts.iter().map(|fact| {
            let (from, to) = (shown(&fact.from), shown(&fact.to));
            format!("    {:<26} {from} -> {to}", fact.key)
        }));
    }
    lines.extend(changes.added.iter().map(|name| format!("+ {name}")));
    lines.extend(changes.removed.iter().map(|name| format!("- {name}")));
    let left = [
        (&changes.offered, "new there; --add takes them in"),
        (&changes.gone, "no longer there; --remove drops them"),
        (
            &changes.kept,
            "kept as they are: by hand, newer, or of another source",
        ),
    ];
    for (names, what) in left {
        if !names.is_empty() {
            lines.push(format!("  {} {what}: {}", names.len(), some(names)));
        }
    }
    lines
}

fn some(names: &[String]) -> String {
    let mut shown = names[..names.len().min(LISTED)].join(", ");
    if names.len() > LISTED {
        shown.push_str(", …");
    }
    shown
}

fn summary(changes: &Changes, path: &Path, (is_same, dry_run): (bool, bool)) -> String {
    let what = match (is_same, dry_run) {
        (true, _) => format!("{} is up to date", path.display()),
        (false, true) => format!("{} was not changed (--dry-run)", path.display()),
        (false, false) => format!("written to {}", path.display()),
    };
    format!(
        "{} changed, {} added, {} removed; {what}",
        changes.changed.len(),
        changes.added.len(),
        changes.removed.len()
    )
}
