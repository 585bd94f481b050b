//! `floopy catalog list`: a line per model.

use clap::{Args, ValueEnum};
use floopy_shared::{
    catalog::{Date, Entry, Kind, Modality, Sources, Usd},
    domain::catalog::CatalogModel,
};
use serde_json::{Value, json};

use super::{
    CatalogError, Which, files,
    table::{Side, table, tokens},
};
use crate::console::Console;

#[derive(Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    which: Which,
    /// Only models of this provider; may be given several times
    #[arg(long = "provider", value_name = "NAME")]
    providers: Vec<String>,
    /// Only models of this kind
    #[arg(long)]
    kind: Option<KindArg>,
    /// One JSON array with all that is known, instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum KindArg {
    Chat,
    Embedding,
}

impl From<KindArg> for Kind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Chat => Self::Chat,
            KindArg::Embedding => Self::Embedding,
        }
    }
}

/// The columns; a prior with `~` is estimated.
const COLUMNS: [(&str, Side); 10] = [
    ("MODEL", Side::Left),
    ("CONTEXT", Side::Right),
    ("READS", Side::Left),
    ("GIVES", Side::Left),
    ("$ IN", Side::Right),
    ("$ OUT", Side::Right),
    ("$ CACHED", Side::Right),
    ("PRIOR", Side::Right),
    ("SOURCE", Side::Left),
    ("DATE", Side::Left),
];

pub(super) fn run(args: &ListArgs, console: &mut Console) -> Result<(), CatalogError> {
    let known = args.which.read()?;
    files::check_providers(&args.providers, &known.file.models)?;
    let kind = args.kind.map(Kind::from);
    let wanted = |(entry, _): &(&Entry, &CatalogModel)| {
        let of_provider = args.providers.is_empty() || args.providers.contains(&entry.provider);
        of_provider && kind.is_none_or(|kind| kind == entry.kind)
    };
    let all = known.file.models.iter().zip(&known.models).filter(wanted);
    let sources = &known.file.sources;
    if args.json {
        let models = all.map(|(entry, model)| object(entry, model, sources));
        let models = models.collect::<Result<Vec<Value>, _>>()?;
        console.say(&serde_json::to_string_pretty(&models)?);
        return Ok(());
    }
    let rows: Vec<Vec<String>> = all.map(|(e, m)| row(e, m, sources)).collect();
    console.say(&table(&COLUMNS, &rows));
    console.say(&format!(
        "\n{} models; prices in USD per million tokens; ~ marks a prior that nobody measured",
        rows.len()
    ));
    Ok(())
}

fn row(entry: &Entry, model: &CatalogModel, sources: &Sources) -> Vec<String> {
    let prices = entry.prices_source.as_ref().or(entry.source.as_ref());
    let source = prices.and_then(|name| sources.get(name));
    vec![
        entry.name(),
        tokens(entry.context_tokens),
        names(&entry.inputs()),
        names(&entry.outputs()),
        price(entry.input_usd_per_mtok),
        price(entry.output_usd_per_mtok),
        price(entry.cached_input_usd_per_mtok),
        prior(entry, model),
        prices.cloned().unwrap_or_else(|| "-".to_owned()),
        source.map_or("-", |source| source.date.as_str()).to_owned(),
    ]
}

fn names(listed: &[Modality]) -> String {
    let names: Vec<&str> = listed.iter().map(|modality| modality.as_str()).collect();
    names.join("+")
}

fn price(price: Option<Usd>) -> String {
    price.map_or_else(|| "?".to_owned(), |usd| usd.to_string())
}

fn prior(entry: &Entry, model: &CatalogModel) -> String {
    match entry.kind {
        Kind::Embedding => "-".to_owned(),
        Kind::Chat if is_estimated(entry) => format!("~{:.3}", model.benchmark),
        Kind::Chat => format!("{:.3}", model.benchmark),
    }
}

/// Whether nobody measured how good it is.
pub(super) fn is_estimated(entry: &Entry) -> bool {
    let mut general = entry.benchmarks.iter().filter(|f| f.shape == "all");
    general
        .next()
        .map_or(entry.benchmark.is_none(), |figure| figure.estimated)
}

fn object(
    entry: &Entry,
    model: &CatalogModel,
    sources: &Sources,
) -> Result<Value, serde_json::Error> {
    let date = |name: Option<&String>| -> Option<&Date> { Some(&sources.get(name?)?.date) };
    let mut object = serde_json::to_value(entry)?;
    object["input"] = json!(entry.inputs());
    object["output"] = json!(entry.outputs());
    object["source_date"] = json!(date(entry.source.as_ref()));
    if let Some(figures) = object["benchmarks"].as_array_mut() {
        for (shown, figure) in figures.iter_mut().zip(&entry.benchmarks) {
            shown["source_date"] = json!(date(figure.source.as_ref()));
        }
    }
    let of_shapes = model.shape_priors.iter().map(|prior| {
        json!({"shape": prior.shape.as_str(), "value": prior.value, "source": &*prior.source})
    });
    object["prior"] = json!({
        "value": model.benchmark,
        "source": &*model.benchmark_source,
        "estimated": is_estimated(entry),
        "shapes": of_shapes.collect::<Vec<_>>(),
    });
    Ok(object)
}
