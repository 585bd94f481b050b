//! `model_list`: deployments, each a model at a provider, under the names that callers use.

use floopy_shared::{
    catalog::{builtin, litellm::provider as known_as},
    domain::ids::CandidateKey,
};
use toml::{Table, Value as Toml};

use super::{Conversion, Node, place::Place};

/// One entry of the list.
#[derive(Debug, Clone)]
pub(super) struct Deployment {
    /// What callers say.
    pub(super) alias: String,
    /// `provider/model`
    pub(super) model: String,
    pub(super) weight: Option<f64>,
    pub(super) line: usize,
}

/// Servers without a kind here: what LiteLLM calls them, and where they are if nothing is said.
const COMPATIBLE: [(&str, Option<&str>); 11] = [
    ("openrouter", Some("https://openrouter.ai/api/v1")),
    ("ollama", Some("http://localhost:11434/v1")),
    ("ollama_chat", Some("http://localhost:11434/v1")),
    ("lm_studio", None),
    ("hosted_vllm", None),
    ("vllm", None),
    ("openai_like", None),
    ("custom_openai", None),
    ("litellm_proxy", None),
    ("nvidia_nim", Some("https://integrate.api.nvidia.com/v1")),
    ("moonshot", Some("https://api.moonshot.ai/v1")),
];

/// Settings of a provider: what LiteLLM calls them, ours, and whether they are secret.
const SETTINGS: [(&str, &str, bool); 9] = [
    ("api_key", "api_key", true),
    ("api_version", "api_version", false),
    ("vertex_project", "project", false),
    ("vertex_location", "region", false),
    ("aws_region_name", "region", false),
    ("aws_access_key_id", "access_key_id", false),
    ("aws_secret_access_key", "secret_access_key", true),
    ("aws_session_token", "session_token", true),
    ("vertex_credentials", "service_account_file", false),
];

impl Conversion {
    pub(super) fn model_list(&mut self, list: &Node) {
        for (index, entry) in list.items().iter().enumerate() {
            let at = format!("model_list[{index}]");
            for (key, node) in entry.entries() {
                if !["model_name", "litellm_params", "model_info"].contains(&key.as_str()) {
                    self.nothing_like(&format!("{at}.{key}"), node);
                }
            }
            if let Some(deployment) = self.deployment(&at, entry) {
                self.deployments.push(deployment);
            }
        }
    }

    fn deployment(&mut self, at: &str, entry: &Node) -> Option<Deployment> {
        let named = entry.get("litellm_params").and_then(|it| it.get("model"));
        let alias = entry.get("model_name").and_then(Node::shown);
        let (Some(params), Some(named), Some(alias)) = (entry.get("litellm_params"), named, alias)
        else {
            let reason = "needs model_name and litellm_params.model, and was left out";
            self.note(entry, at, reason);
            return None;
        };
        let spelt = self.plain(&format!("{at}.litellm_params.model"), named)?;
        let (kind, model) = split(&spelt, params);
        let place = self.place(at, &kind, (named, params))?;
        let provider = self.places.name(place);
        self.rest(at, params);
        let alias_or_any = alias.contains('*') || model.contains('*');
        if alias_or_any {
            let reason = format!(
                "stands for all models of {provider}: callers say {provider}/MODEL, or a name of the catalog"
            );
            self.note(entry, format!("{at}.model_name"), reason);
            return None;
        }
        if let Err(error) = CandidateKey::new(&provider, &model) {
            self.note(
                named,
                format!("{at}.litellm_params.model"),
                format!("{error}; it was left out"),
            );
            return None;
        }
        self.model(at, (&provider, &model), entry);
        Some(Deployment {
            alias,
            model: format!("{provider}/{model}"),
            weight: params.get("weight").and_then(Node::number),
            line: entry.line,
        })
    }

    /// The provider of a deployment.
    fn place(&mut self, at: &str, kind: &str, (named, params): (&Node, &Node)) -> Option<Place> {
        let known = known_as(kind);
        let compatible = COMPATIBLE.iter().find(|(name, _)| *name == kind);
        if known.is_none() && compatible.is_none() {
            let reason =
                format!("provider {kind:?} has no counterpart: this deployment was left out");
            self.note(named, format!("{at}.litellm_params.model"), reason);
            return None;
        }
        let mut settings = Table::new();
        let base = ["api_base", "base_url"]
            .into_iter()
            .find_map(|key| Some((key, params.get(key)?)));
        if let Some((key, node)) = base {
            let key = format!("{at}.litellm_params.{key}");
            let base = self.plain(&key, node);
            let base = base.map(|base| address(kind, &base));
            settings.extend(base.map(|base| ("base_url".to_owned(), base.into())));
        }
        let usual = compatible.and_then(|(_, usual)| *usual);
        if known.is_none() && !settings.contains_key("base_url") {
            let Some(usual) = usual else {
                let reason = "needs api_base written out: this deployment was left out";
                self.note(named, format!("{at}.litellm_params.model"), reason);
                return None;
            };
            settings.insert("base_url".to_owned(), usual.into());
        }
        for (theirs, ours, is_secret) in SETTINGS {
            let Some(node) = params.get(theirs) else {
                continue;
            };
            let key = format!("{at}.litellm_params.{theirs}");
            let value = match is_secret {
                true => self.secret(&key, node),
                false => self.plain(&key, node),
            };
            settings.extend(value.map(|value| (ours.to_owned(), value.into())));
        }
        Some(Place {
            kind: known.map_or_else(|| kind.replace('_', "-"), str::to_owned),
            is_known: known.is_some(),
            settings,
        })
    }

    /// What is said of a deployment besides.
    fn rest(&mut self, at: &str, params: &Node) {
        for (key, node) in params.entries() {
            let is_taken = SETTINGS.iter().any(|(theirs, ..)| theirs == key)
                || [
                    "model",
                    "api_base",
                    "base_url",
                    "custom_llm_provider",
                    "weight",
                ]
                .contains(&key.as_str())
                || PRICES.iter().any(|(theirs, _)| theirs == key);
            if is_taken {
                continue;
            }
            let key_at = format!("{at}.litellm_params.{key}");
            let reason = match key.as_str() {
                "rpm" | "tpm" => {
                    "limits are of tenants and keys and not of deployments: see [[plans]] and /v1/operator/tenants"
                }
                "timeout" | "stream_timeout" => {
                    "deadlines are of all providers: see [proxy.timeouts]"
                }
                "max_retries" => "retries are of all providers: see [proxy.retry]",
                "order" => "the order of the file counts",
                "temperature" | "max_tokens" | "top_p" | "seed" | "stop" => {
                    "callers say it themselves, or a stored prompt does"
                }
                _ => "has no counterpart, and was left out",
            };
            self.note(node, key_at, reason);
        }
    }

    /// An entry of the catalog, for a model that it does not have.
    fn model(&mut self, at: &str, (provider, model): (&str, &str), entry: &Node) {
        let nothing = Node::empty(entry.line);
        let info = entry.get("model_info").unwrap_or(&nothing);
        let params = entry.get("litellm_params").unwrap_or(&nothing);
        let mut table = Table::new();
        for source in [(params, "litellm_params"), (info, "model_info")] {
            self.figures((at, source.1), source.0, &mut table);
        }
        let is_known = builtin()
            .models
            .iter()
            .any(|it| it.provider == provider && it.model == model);
        if is_known {
            if !table.is_empty() {
                let reason = "what it says of the model is in the catalog already: write [[models]] to say otherwise";
                self.note(entry, format!("{at}.model_info"), reason);
            }
            return;
        }
        let has = |key: &str| table.contains_key(key);
        if has("input_usd_per_mtok") != has("output_usd_per_mtok") {
            table.retain(|key, _| PRICES.iter().all(|(_, ours)| *ours != key));
            let reason =
                "has a price of input or of output alone: a model has both or none, so it has none";
            self.note(params, format!("{at}.litellm_params"), reason);
        }
        table.insert("provider".to_owned(), provider.into());
        table.insert("model".to_owned(), model.into());
        let is_told =
            |it: &Table| it["provider"] == table["provider"] && it["model"] == table["model"];
        if !self.models.iter().any(is_told) {
            self.models.push(table);
        }
    }

    /// Prices and sizes.
    fn figures(&mut self, (at, section): (&str, &str), node: &Node, table: &mut Table) {
        for (key, value) in node.entries() {
            let at = format!("{at}.{section}.{key}");
            let ours = PRICES.iter().find(|(theirs, _)| theirs == key);
            let figure: Option<(&str, Toml)> = match (ours, key.as_str()) {
                (Some((_, ours)), _) => self.price(&at, value).map(|price| (*ours, price.into())),
                (None, "max_input_tokens") => self
                    .count(&at, value, 1e12)
                    .map(|it| ("context_tokens", it.into())),
                (None, "max_output_tokens") => self
                    .count(&at, value, 1e12)
                    .map(|it| ("max_output_tokens", it.into())),
                (None, "supports_vision") => Some(("vision", value.is_true().into())),
                (None, "supports_function_calling") => Some(("tools", value.is_true().into())),
                (None, "supports_response_schema") => Some(("json_schema", value.is_true().into())),
                (None, "supports_reasoning") => Some(("reasoning", value.is_true().into())),
                (None, "mode") => self.mode(&at, value).map(|kind| ("kind", kind.into())),
                (None, _) if section == "model_info" => {
                    self.nothing_like(&at, value);
                    None
                }
                (None, _) => None,
            };
            table.extend(figure.map(|(key, value)| (key.to_owned(), value)));
        }
    }

    /// USD for each token as USD for a million.
    fn price(&mut self, at: &str, node: &Node) -> Option<f64> {
        let price = node.number().filter(|it| (0.0..=1.0).contains(it));
        if price.is_none() {
            self.note(node, at, "is no price in USD, and was left out");
        }
        // As many digits as prices have.
        price.map(|it| (it * 1e12).round() / 1e6)
    }

    fn mode(&mut self, at: &str, node: &Node) -> Option<&'static str> {
        match node.text() {
            Some("chat" | "completion" | "responses") => Some("chat"),
            Some("embedding") => Some("embedding"),
            Some(_) | None => {
                self.note(
                    node,
                    at,
                    "is neither chat nor embedding: such calls are not served",
                );
                None
            }
        }
    }
}

/// Prices: what LiteLLM calls them, and ours.
const PRICES: [(&str, &str); 4] = [
    ("input_cost_per_token", "input_usd_per_mtok"),
    ("output_cost_per_token", "output_usd_per_mtok"),
    ("cache_read_input_token_cost", "cached_input_usd_per_mtok"),
    (
        "cache_creation_input_token_cost",
        "cache_write_usd_per_mtok",
    ),
];

/// The provider as LiteLLM calls it, and the model as the provider does.
fn split(spelt: &str, params: &Node) -> (String, String) {
    let is_kind =
        |kind: &str| known_as(kind).is_some() || COMPATIBLE.iter().any(|(name, _)| *name == kind);
    if let Some(kind) = params.get("custom_llm_provider").and_then(Node::text) {
        let own = spelt.strip_prefix(kind).and_then(|it| it.strip_prefix('/'));
        return (kind.to_owned(), own.unwrap_or(spelt).to_owned());
    }
    match spelt.split_once('/') {
        Some((kind, model)) if kind == "bedrock" => {
            let plain = ["converse/", "invoke/"]
                .into_iter()
                .find_map(|it| model.strip_prefix(it));
            (kind.to_owned(), plain.unwrap_or(model).to_owned())
        }
        Some((kind, model))
            if is_kind(kind) || !params.entries().iter().any(|(key, _)| key == "api_base") =>
        {
            (kind.to_owned(), model.to_owned())
        }
        // A name with a slash, at a server of one's own.
        Some(_) => ("openai".to_owned(), spelt.to_owned()),
        None => {
            let known = builtin().models.iter().find(|it| it.model == spelt);
            let kind = known.map_or("openai", |it| it.provider.as_str());
            (kind.to_owned(), spelt.to_owned())
        }
    }
}

/// Ollama's own API is beside the one that is spoken here.
fn address(kind: &str, base: &str) -> String {
    let base = base.trim_end_matches('/');
    match kind.starts_with("ollama") && !base.ends_with("/v1") {
        true => format!("{base}/v1"),
        false => base.to_owned(),
    }
}
