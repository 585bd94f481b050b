//! `floopy catalog show`: one model, and where each figure comes from.

use clap::Args;
use floopy_shared::{
    catalog::{Entry, Modality, Source},
    domain::catalog::CatalogModel,
};

use super::{CatalogError, Known, Which, list::is_estimated};
use crate::console::Console;

#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The model, as provider/model
    #[arg(value_name = "PROVIDER/MODEL")]
    model: String,
    #[command(flatten)]
    which: Which,
}

/// Names that are offered where one is not found.
const OFFERED: usize = 5;

pub(super) fn run(args: &ShowArgs, console: &mut Console) -> Result<(), CatalogError> {
    let known = args.which.read()?;
    let mut all = known.file.models.iter().zip(&known.models);
    let Some((entry, model)) = all.find(|(entry, _)| entry.name() == args.model) else {
        return Err(CatalogError::Usage(unknown(&args.model, &known)));
    };
    console.say(&text(entry, model, &known).join("\n"));
    Ok(())
}

fn unknown(name: &str, known: &Known) -> String {
    let wanted = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    let names = known.file.models.iter().map(Entry::name);
    let near = names.filter(|name| !wanted.is_empty() && name.to_lowercase().contains(&wanted));
    let near: Vec<String> = near.take(OFFERED).collect();
    if near.is_empty() {
        format!("there is no model {name:?}; `floopy catalog list` has them all")
    } else {
        format!("there is no model {name:?}; there is {}", near.join(", "))
    }
}

fn text(entry: &Entry, model: &CatalogModel, known: &Known) -> Vec<String> {
    let mut lines = vec![format!("{} ({})", entry.name(), entry.kind.as_str())];
    let limit = |tokens: Option<u64>| {
        tokens.map_or_else(|| "unknown".to_owned(), |tokens| format!("{tokens} tokens"))
    };
    lines.push(format!(
        "  context {}, output at most {}",
        limit(entry.context_tokens),
        limit(entry.max_output_tokens)
    ));
    lines.push(format!(
        "  reads {}; gives {}",
        names(&entry.inputs()),
        names(&entry.outputs())
    ));
    lines.push(format!("  {}", abilities(entry)));
    if let Some(date) = &entry.deprecated_on {
        lines.push(format!("  no longer served from {date} on"));
    }
    lines.extend(prices(entry));
    let source = |name: &Option<String>| name.as_ref().and_then(|n| known.file.sources.get(n));
    lines.push(format!("  source: {}", cited(source(&entry.source))));
    if entry.prices_source.is_some() {
        let prices = cited(source(&entry.prices_source));
        lines.push(format!("  source of the prices: {prices}"));
    }
    lines.push(format!(
        "  prior before any feedback: {:.4}{}\n    {}",
        model.benchmark,
        if is_estimated(entry) {
            ", which nobody measured"
        } else {
            ""
        },
        model.benchmark_source
    ));
    for prior in model.shape_priors.iter() {
        lines.push(format!(
            "  prior for {}: {:.4}\n    {}",
            prior.shape, prior.value, prior.source
        ));
    }
    let unused = entry.benchmarks.iter().filter(|figure| {
        let shape = format!("class:{}", figure.shape);
        figure.shape != "all" && model.shape_prior(&shape).is_none()
    });
    lines.extend(unused.map(|figure| {
        format!(
            "  {:?} of {} for {} makes no prior: too few models have a result of it",
            figure.score,
            figure.test.as_deref().unwrap_or_default(),
            figure.shape
        )
    }));
    lines
}

fn names(listed: &[Modality]) -> String {
    let names: Vec<&str> = listed.iter().map(|modality| modality.as_str()).collect();
    names.join(", ")
}

fn abilities(entry: &Entry) -> String {
    let abilities = [
        ("tools", entry.tools),
        ("JSON schema", entry.json_schema),
        ("reasoning", entry.reasoning),
    ];
    let shown = abilities.map(|(name, able)| {
        if able {
            name.to_owned()
        } else {
            format!("no {name}")
        }
    });
    shown.join(", ")
}

fn prices(entry: &Entry) -> Vec<String> {
    let shown = entry.prices().into_iter();
    let shown = shown.filter_map(|(key, price)| Some(format!("  {key:<26} {}", price?)));
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() {
        vec!["  no prices: its cost is not counted".to_owned()]
    } else {
        shown
    }
}

fn cited(source: Option<&Source>) -> String {
    let Some(source) = source else {
        return "configured".to_owned();
    };
    let url = source.url.as_ref().map(|url| format!(", {url}"));
    let licence = source
        .licence
        .as_ref()
        .map(|licence| format!(" ({licence})"));
    format!(
        "{}, {}{}{}",
        source.title,
        source.date,
        url.unwrap_or_default(),
        licence.unwrap_or_default()
    )
}
