//! Reads LiteLLM's price map, `model_prices_and_context_window.json`: an object with an entry per model, prices in
//! USD per token.
//!
//! Of what it has, the catalog takes what the providers that are known here serve, and what a chat or an
//! embeddings call can ask for. The rest is skipped, and counted by reason.

mod providers;
mod read;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use self::read::Fields;
use super::entry::{Entry, Kind, Modality};

pub use self::providers::known as provider;

/// What an import gave.
#[derive(Debug, Default, PartialEq)]
pub struct Import {
    pub models: Vec<Entry>,
    pub skipped: BTreeMap<Skip, usize>,
}

/// Why an entry is none for the catalog.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skip {
    /// The example that explains the format.
    Sample,
    /// Its provider is not known here.
    Provider,
    /// Its provider was not asked for.
    NotAsked,
    /// It is for something else than chat or embeddings.
    Mode(String),
    /// A price of one region, of reserved capacity, or of a way of calling.
    Variant,
    /// Its API at this provider is not spoken here.
    Protocol,
    /// It has no price, or costs nothing, which says that the price is not known.
    Unpriced,
    /// Another entry is for the same model.
    Duplicate,
}

impl Skip {
    /// For people.
    pub fn why(&self) -> String {
        match self {
            Self::Sample => "the sample entry".to_owned(),
            Self::Provider => "of providers that are not known here".to_owned(),
            Self::NotAsked => "of providers that were not asked for".to_owned(),
            Self::Mode(mode) => format!("for {mode}, not chat or embeddings"),
            Self::Variant => "prices of one region or of reserved capacity".to_owned(),
            Self::Protocol => "served through an API that is not spoken here".to_owned(),
            Self::Unpriced => "without a price".to_owned(),
            Self::Duplicate => "listed twice".to_owned(),
        }
    }
}

/// Why a price map cannot be imported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPriceMap {
    #[error("line {line}: {message}")]
    Json { line: usize, message: String },
    #[error("is {0}, it must be an object with an entry per model")]
    NotAnObject(&'static str),
    #[error("{model}: {key}: {message}")]
    Entry {
        model: String,
        key: &'static str,
        message: String,
    },
}

/// Reads a price map. `source`: the name of the source that the entries refer to; `only`: the providers that are
/// wanted, all where it is empty. Every problem is told.
pub fn import(text: &str, source: &str, only: &[String]) -> Result<Import, Vec<InvalidPriceMap>> {
    let map = parse(text).map_err(|error| vec![error])?;
    let mut import = Import::default();
    let mut problems = Vec::new();
    let mut seen = BTreeMap::new();
    for (name, value) in &map {
        match entry((name, value), source, only) {
            Ok(Ok(entry)) if seen.insert(entry.name(), ()).is_none() => import.models.push(entry),
            Ok(Ok(_)) => *import.skipped.entry(Skip::Duplicate).or_default() += 1,
            Ok(Err(skip)) => *import.skipped.entry(skip).or_default() += 1,
            Err(found) => problems.extend(found),
        }
    }
    import.models.sort_by(|a, b| a.provider.cmp(&b.provider));
    if problems.is_empty() {
        Ok(import)
    } else {
        Err(problems)
    }
}

fn parse(text: &str) -> Result<Map<String, Value>, InvalidPriceMap> {
    let value: Value = serde_json::from_str(text).map_err(|error| InvalidPriceMap::Json {
        line: error.line(),
        message: error.to_string(),
    })?;
    let found = read::type_of(&value);
    match value {
        Value::Object(map) => Ok(map),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(InvalidPriceMap::NotAnObject(found))
        }
    }
}

/// One entry: a model, a reason to skip it, or what is wrong with it.
fn entry(
    (name, value): (&str, &Value),
    source: &str,
    only: &[String],
) -> Result<Result<Entry, Skip>, Vec<InvalidPriceMap>> {
    if name == "sample_spec" {
        return Ok(Err(Skip::Sample));
    }
    let Value::Object(map) = value else {
        let message = format!("is {}, it must be an object", read::type_of(value));
        return Err(vec![InvalidPriceMap::Entry {
            model: name.to_owned(),
            key: "entry",
            message,
        }]);
    };
    let mut fields = Fields::of(name, map);
    let made = made(&mut fields, source, only);
    fields.finish().map(|()| made)
}

fn made(fields: &mut Fields<'_>, source: &str, only: &[String]) -> Result<Entry, Skip> {
    let provider = fields.text("litellm_provider").unwrap_or_default();
    let provider = providers::known(provider).ok_or(Skip::Provider)?;
    if !only.is_empty() && !only.iter().any(|name| name == provider) {
        return Err(Skip::NotAsked);
    }
    let kind = match fields.text("mode") {
        Some("chat") => Kind::Chat,
        Some("embedding") => Kind::Embedding,
        Some(other) => return Err(Skip::Mode(other.to_owned())),
        None => return Err(Skip::Mode("nothing that it says".to_owned())),
    };
    let model = providers::model(provider, fields.name()).map_err(|why| match why {
        providers::Not::Variant => Skip::Variant,
        providers::Not::Spoken => Skip::Protocol,
    })?;
    let input = fields.price("input_cost_per_token");
    let output = fields.price("output_cost_per_token");
    // Vectors are paid for by what they are made of.
    let output = output.or(input
        .filter(|_| kind == Kind::Embedding)
        .and(super::Usd::from_micro(0)));
    let costs = input.zip(output).filter(|(i, o)| i.micro() + o.micro() > 0);
    let (input, output) = costs.ok_or(Skip::Unpriced)?;
    let mut entry = Entry {
        kind,
        context_tokens: fields
            .tokens("max_input_tokens")
            .or(fields.tokens("max_tokens")),
        max_output_tokens: fields.tokens("max_output_tokens"),
        tools: fields.flag("supports_function_calling"),
        json_schema: fields.flag("supports_response_schema"),
        reasoning: fields.flag("supports_reasoning"),
        deprecated_on: fields.date("deprecation_date"),
        input_usd_per_mtok: Some(input),
        output_usd_per_mtok: Some(output),
        cached_input_usd_per_mtok: fields.price("cache_read_input_token_cost"),
        cache_write_usd_per_mtok: fields.price("cache_creation_input_token_cost"),
        source: Some(source.to_owned()),
        ..Entry::named(provider, model)
    };
    modalities(&mut entry, fields);
    if let Err(error) = entry.key() {
        fields.wrong("entry", error.to_string());
    }
    Ok(entry)
}

/// Flags and lists say the same thing in two ways; either is believed.
fn modalities(entry: &mut Entry, fields: &mut Fields<'_>) {
    let mut input = vec![Modality::Text];
    for (flag, modality) in [
        ("supports_vision", Modality::Image),
        ("supports_audio_input", Modality::Audio),
        ("supports_video_input", Modality::Video),
        ("supports_pdf_input", Modality::Document),
    ] {
        if fields.flag(flag) {
            input.push(modality);
        }
    }
    let mut output = match entry.kind {
        Kind::Chat => vec![Modality::Text],
        Kind::Embedding => vec![Modality::Embedding],
    };
    if fields.flag("supports_audio_output") {
        output.push(Modality::Audio);
    }
    input.extend(fields.modalities("supported_modalities"));
    if entry.kind == Kind::Chat {
        output.extend(fields.modalities("supported_output_modalities"));
    }
    for list in [&mut input, &mut output] {
        list.sort_unstable();
        list.dedup();
    }
    (entry.input, entry.output) = (input, output);
}

#[cfg(test)]
mod tests;
