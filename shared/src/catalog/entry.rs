//! One model as it is written down, and where what is said of it comes from.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, de::Error};

use super::{Date, Usd};
use crate::domain::{
    catalog::ModelKind,
    ids::{CandidateKey, InvalidId},
};

/// Sources by name.
pub type Sources = BTreeMap<String, Source>;

/// Where figures come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// When it was published, or read where that is not known.
    pub date: Date,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// What this is an edition of: a newer one replaces what an older one said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
}

/// What a model is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    #[default]
    Chat,
    Embedding,
}

impl Kind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embedding => "embedding",
        }
    }
}

impl From<Kind> for ModelKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Chat => Self::Chat,
            Kind::Embedding => Self::Embedding,
        }
    }
}

/// What goes into a model, or comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Modality {
    Text,
    Image,
    Audio,
    Video,
    /// Files such as PDF.
    Document,
    /// A vector.
    Embedding,
}

impl Modality {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Document => "document",
            Self::Embedding => "embedding",
        }
    }
}

/// One result of one public test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    /// The kind of task it speaks of, or `all`.
    pub shape: String,
    /// The test's name; figures of the same test are on one scale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// The share that was right, 0 to 1, on the test's own scale.
    pub score: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Nobody measured it: it stands in for a figure that nobody published.
    #[serde(default, skip_serializing_if = "is_false")]
    pub estimated: bool,
}

/// One model at one provider. Prices are USD per million tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    #[serde(deserialize_with = "provider")]
    pub provider: String,
    /// As the provider spells it.
    #[serde(deserialize_with = "model")]
    pub model: String,
    #[serde(default)]
    pub kind: Kind,
    /// Absent: unknown, so never the reason to leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_tokens: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// What it reads; text alone where absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input: Vec<Modality>,
    /// What it gives; what its kind gives where absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<Modality>,
    /// Short for an `input` with text and images.
    #[serde(default, skip_serializing_if = "is_false")]
    pub vision: bool,
    #[serde(default = "yes")]
    pub tools: bool,
    #[serde(default)]
    pub json_schema: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    pub reasoning: bool,
    /// From when on its provider no longer serves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deprecated_on: Option<Date>,
    /// Absent: unknown, so its cost is not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_usd_per_mtok: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_usd_per_mtok: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached_input_usd_per_mtok: Option<Usd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_usd_per_mtok: Option<Usd>,
    /// Where everything above comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Where the prices come from, if that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices_source: Option<String>,
    /// How good its owner believes it to be, 0 to 1, in place of a published figure.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "belief"
    )]
    pub benchmark: Option<f64>,
    /// What public tests say of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub benchmarks: Vec<Figure>,
}

impl Entry {
    /// A chat model of which nothing is known; the rest is set by struct update.
    pub fn named(provider: &str, model: &str) -> Self {
        Self {
            provider: provider.to_owned(),
            model: model.to_owned(),
            kind: Kind::Chat,
            context_tokens: None,
            max_output_tokens: None,
            input: Vec::new(),
            output: Vec::new(),
            vision: false,
            tools: true,
            json_schema: false,
            reasoning: false,
            deprecated_on: None,
            input_usd_per_mtok: None,
            output_usd_per_mtok: None,
            cached_input_usd_per_mtok: None,
            cache_write_usd_per_mtok: None,
            source: None,
            prices_source: None,
            benchmark: None,
            benchmarks: Vec::new(),
        }
    }

    /// `provider/model`, checked.
    pub fn key(&self) -> Result<CandidateKey, InvalidId> {
        CandidateKey::new(&self.provider, &self.model)
    }

    /// `provider/model`, as it is written.
    pub fn name(&self) -> String {
        format!("{}/{}", self.provider, self.model)
    }

    /// What it reads.
    pub fn inputs(&self) -> Vec<Modality> {
        let mut inputs = self.input.clone();
        if inputs.is_empty() {
            inputs.push(Modality::Text);
        }
        if self.vision && !inputs.contains(&Modality::Image) {
            inputs.push(Modality::Image);
        }
        inputs
    }

    /// What it gives.
    pub fn outputs(&self) -> Vec<Modality> {
        match (self.output.is_empty(), self.kind) {
            (false, _) => self.output.clone(),
            (true, Kind::Chat) => vec![Modality::Text],
            (true, Kind::Embedding) => vec![Modality::Embedding],
        }
    }

    /// Its four prices with the names of their keys.
    pub fn prices(&self) -> [(&'static str, Option<Usd>); 4] {
        [
            ("input_usd_per_mtok", self.input_usd_per_mtok),
            ("output_usd_per_mtok", self.output_usd_per_mtok),
            ("cached_input_usd_per_mtok", self.cached_input_usd_per_mtok),
            ("cache_write_usd_per_mtok", self.cache_write_usd_per_mtok),
        ]
    }
}

fn yes() -> bool {
    true
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes fields by reference"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

fn belief<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    crate::process::config::range::share(deserializer).map(Some)
}

fn provider<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let provider = String::deserialize(deserializer)?;
    CandidateKey::new(&provider, "m").map_err(|_| {
        D::Error::custom(format!(
            "{provider:?} is not allowed; it must be a name without slashes or spaces"
        ))
    })?;
    Ok(provider)
}

fn model<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let model = String::deserialize(deserializer)?;
    CandidateKey::new("p", &model).map_err(|_| {
        D::Error::custom(format!(
            "{model:?} is not allowed; it must be at most 250 bytes without spaces"
        ))
    })?;
    Ok(model)
}
