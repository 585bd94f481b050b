//! The `config.yaml` of a LiteLLM proxy. Whatever has no counterpart is told with its line: nothing is left out silently.

mod deployment;
mod place;
mod routing;
mod settings;
#[cfg(test)]
mod tests;

use toml::{Table, Value as Toml};

use self::{deployment::Deployment, place::Places};
use super::{
    Note,
    yaml::{Node, Value},
};

/// What was made of it.
#[derive(Debug)]
pub(super) struct Converted {
    pub(super) config: Table,
    /// By line.
    pub(super) notes: Vec<Note>,
}

/// What is gathered on the way.
#[derive(Debug, Default)]
struct Conversion {
    notes: Vec<Note>,
    places: Places,
    deployments: Vec<Deployment>,
    models: Vec<Table>,
    /// `[proxy]`
    proxy: Table,
    tenant: Table,
    /// Of the rules so far.
    names: Vec<String>,
}

pub(super) fn convert(document: &Node) -> Converted {
    let mut conversion = Conversion::default();
    conversion.tenant.insert("id".to_owned(), "default".into());
    for (key, node) in document.entries() {
        match key.as_str() {
            "model_list" => conversion.model_list(node),
            // Aliases and fallbacks speak of models that may come later in the file.
            "router_settings" | "litellm_settings" => {}
            "general_settings" => conversion.general_settings(node),
            "environment_variables" => conversion.environment(node),
            _ => conversion.nothing_like(key, node),
        }
    }
    conversion.route(document);
    if !document
        .entries()
        .iter()
        .any(|(key, _)| key == "model_list")
    {
        conversion.note(
            document,
            "model_list",
            "is missing: no model was brought over",
        );
    }
    conversion.into_converted()
}

impl Conversion {
    fn note(&mut self, node: &Node, key: impl Into<String>, reason: impl Into<String>) {
        self.notes.push(Note {
            line: node.line,
            key: key.into(),
            reason: reason.into(),
        });
    }

    fn nothing_like(&mut self, key: &str, node: &Node) {
        self.note(node, key, "has no counterpart, and was left out");
    }

    /// A text that is not secret: what the environment has cannot be read there.
    fn plain(&mut self, key: &str, node: &Node) -> Option<String> {
        let Some(text) = node.shown() else {
            self.note(node, key, "is no plain value, and was left out");
            return None;
        };
        match text.strip_prefix("os.environ/") {
            Some(variable) => {
                let reason = format!(
                    "only secrets can be read from variables: write the value of {variable} yourself"
                );
                self.note(node, key, reason);
                None
            }
            None => Some(text),
        }
    }

    /// A secret, by its variable where it is in one.
    fn secret(&mut self, key: &str, node: &Node) -> Option<String> {
        let text = node.text()?;
        if let Some(variable) = text.strip_prefix("os.environ/") {
            return Some(format!("env:{variable}"));
        }
        let reason = "is written out, and is now in floopy.toml as well: put it into a variable and write \"env:NAME\"";
        self.note(node, key, reason);
        Some(text.to_owned())
    }

    /// Seconds as milliseconds.
    fn milliseconds(&mut self, key: &str, node: &Node) -> Option<i64> {
        let seconds = node.number().filter(|it| (0.001..=86_400.0).contains(it));
        if seconds.is_none() {
            self.note(
                node,
                key,
                "is no number of seconds from 0.001 to 86400, and was left out",
            );
        }
        #[expect(clippy::cast_possible_truncation, reason = "in this range it is whole")]
        seconds.map(|it| (it * 1_000.0).round() as i64)
    }

    fn count(&mut self, key: &str, node: &Node, most: f64) -> Option<i64> {
        let count = node.number();
        let count = count.filter(|it| (0.0..=most).contains(it) && it.fract() == 0.0);
        if count.is_none() {
            let reason = format!("is no whole number from 0 to {most}, and was left out");
            self.note(node, key, reason);
        }
        #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
        count.map(|it| it as i64)
    }

    /// A key of `[proxy.SECTION]`.
    fn set_proxy(&mut self, section: &str, key: &str, value: impl Into<Toml>) {
        let section = self
            .proxy
            .entry(section)
            .or_insert_with(|| Table::new().into());
        if let Some(section) = section.as_table_mut() {
            section.insert(key.to_owned(), value.into());
        }
    }

    /// Whether a section is one, or there is none.
    fn is_map(&mut self, key: &str, node: &Node) -> bool {
        let is_map = matches!(node.value, Value::Map(_) | Value::Null);
        if !is_map {
            self.note(node, key, "is not a mapping, and was left out");
        }
        is_map
    }

    fn into_converted(mut self) -> Converted {
        let mut config = Table::new();
        let tables = |all: Vec<Table>| Toml::Array(all.into_iter().map(Toml::Table).collect());
        let providers = self.places.into_tables();
        if !providers.is_empty() {
            config.insert("providers".to_owned(), tables(providers));
        }
        if !self.models.is_empty() {
            config.insert("models".to_owned(), tables(self.models));
        }
        if !self.proxy.is_empty() {
            config.insert("proxy".to_owned(), self.proxy.into());
        }
        config.insert("tenants".to_owned(), tables(vec![self.tenant]));
        self.notes.sort();
        self.notes.dedup();
        Converted {
            config,
            notes: self.notes,
        }
    }
}
