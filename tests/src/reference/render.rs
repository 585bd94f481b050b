//! The page: a table of keys for each table of a file.

use std::fmt::Write as _;

use toml::Value;

use super::{
    File,
    source::{Field, Found, Kind, Sources},
};

/// A table of a file.
#[derive(Debug)]
pub(super) struct Section<'a> {
    found: &'a Found,
    /// As it is written in the file; empty for the file itself.
    path: String,
    is_list: bool,
    defaults: Option<Value>,
}

impl<'a> Section<'a> {
    /// All tables of a file, each before those within it.
    pub(super) fn of_file(sources: &'a Sources, root: &'a Found, defaults: &Value) -> Vec<Self> {
        let mut sections = Vec::new();
        let file = Self {
            found: root,
            path: String::new(),
            is_list: false,
            defaults: Some(defaults.clone()),
        };
        file.add_to(sources, &mut sections);
        sections
    }

    fn add_to(self, sources: &'a Sources, sections: &mut Vec<Self>) {
        let (found, path, defaults) = (self.found, self.path.clone(), self.defaults.clone());
        sections.push(self);
        let Kind::Table(fields) = &found.kind else {
            return;
        };
        for field in fields {
            let Some(inner) = table_of(sources, found, field) else {
                continue;
            };
            let path = if path.is_empty() {
                field.name.clone()
            } else {
                format!("{path}.{}", field.name)
            };
            let defaults = defaults.as_ref().and_then(|all| all.get(&field.name));
            let section = Self {
                found: inner,
                path,
                is_list: field.is_list,
                defaults: defaults.filter(|_| !field.is_list).cloned(),
            };
            section.add_to(sources, sections);
        }
    }

    /// What it is, whatever file it is in.
    pub(super) fn place(&self) -> (&'static str, String) {
        (self.found.krate, self.found.name.clone())
    }

    pub(super) fn title(&self) -> String {
        if self.is_list {
            format!("[[{}]]", self.path)
        } else {
            format!("[{}]", self.path)
        }
    }
}

/// The table that a key holds, if it holds one.
fn table_of<'a>(sources: &'a Sources, of: &Found, field: &Field) -> Option<&'a Found> {
    let found = sources.get(field.of.unwrap_or(of.krate), &field.inner)?;
    let is_table = matches!(found.kind, Kind::Table(_)) && found.name != of.name;
    is_table.then_some(found)
}

/// The text under way.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub text: String,
}

impl Page {
    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{line}");
    }

    pub(super) fn head(&mut self) {
        self.line(include_str!("head.md").trim_end());
    }

    pub(super) fn environment(&mut self) {
        self.line("");
        self.line(include_str!("environment.md").trim_end());
        self.line("");
        self.line("| provider | variable of its key | must also be set |");
        self.line("|---|---|---|");
        for provider in floopy_dataplane::known_providers() {
            let needs: Vec<String> = provider
                .needs
                .iter()
                .map(|key| format!("`{key}`"))
                .collect();
            let row = format!(
                "| `{}` | `{}` | {} |",
                provider.name,
                provider.env_var,
                needs.join(", ")
            );
            self.line(&row);
        }
    }

    pub(super) fn file(&mut self, file: &File) {
        self.line("");
        self.line(&format!("## {}", file.name));
        self.line("");
        self.line(file.about);
    }

    /// A table. Of what was told already only its title `there` is.
    pub(super) fn section(
        &mut self,
        sources: &Sources,
        section: &Section<'_>,
        there: Option<&str>,
    ) {
        let found = section.found;
        self.line("");
        if !section.path.is_empty() {
            self.line(&format!("### `{}`", section.title()));
            self.line("");
            if let Some(there) = there {
                self.line(&format!("As `{there}` above."));
                return;
            }
            if !found.doc.is_empty() {
                self.line(&cell(&found.doc));
                self.line("");
            }
        }
        let Kind::Table(fields) = &found.kind else {
            return;
        };
        let mut keys = fields
            .iter()
            .filter(|field| table_of(sources, found, field).is_none())
            .peekable();
        if keys.peek().is_none() {
            return;
        }
        self.line("| key | default | |");
        self.line("|---|---|---|");
        for field in keys {
            let row = format!(
                "| `{}` | {} | {} |",
                field.name,
                default(section, field),
                words(sources, found, field)
            );
            self.line(&row);
        }
    }
}

/// What a key is when it is not set.
fn default(section: &Section<'_>, field: &Field) -> String {
    if let Some(defaults) = &section.defaults {
        let value = defaults.get(&field.name);
        // What depends on the machine is not a default of ours.
        let is_of_machine = field.name == "workers";
        return match value {
            Some(_) if is_of_machine => "one for each core".to_owned(),
            Some(Value::Array(list)) if list.is_empty() => "none".to_owned(),
            Some(value) => number(value),
            None => "not set".to_owned(),
        };
    }
    match field.inner.as_str() {
        _ if !(field.is_optional || field.has_default || field.is_list) => "required",
        _ if field.is_list => "none",
        "bool" if !field.is_optional => "`false`",
        _ => "not set",
    }
    .to_owned()
}

/// A value as it would be written; sizes stay readable.
fn number(value: &Value) -> String {
    match value {
        Value::Integer(bytes) if *bytes >= 1 << 20 && bytes % (1 << 20) == 0 => {
            format!("`{bytes}` ({} MiB)", bytes >> 20)
        }
        Value::Integer(bytes) if *bytes >= 1 << 16 && bytes % (1 << 10) == 0 => {
            format!("`{bytes}` ({} KiB)", bytes >> 10)
        }
        Value::String(_)
        | Value::Integer(_)
        | Value::Float(_)
        | Value::Boolean(_)
        | Value::Datetime(_)
        | Value::Array(_)
        | Value::Table(_) => format!("`{value}`"),
    }
}

/// What is said of a key, and what it may be where there are few words to choose from.
fn words(sources: &Sources, of: &Found, field: &Field) -> String {
    let mut text = cell(&field.doc);
    let choices = sources.get(field.of.unwrap_or(of.krate), &field.inner);
    if let Some(Kind::Choice(variants)) = choices.map(|found| &found.kind) {
        let names: Vec<String> = variants
            .iter()
            .map(|(name, _)| format!("`{name}`"))
            .collect();
        let _ = write!(text, " One of {}.", names.join(", "));
    }
    text.trim().to_owned()
}

/// Text for a cell of a table: links to code lead nowhere there.
fn cell(text: &str) -> String {
    text.replace("[`", "`")
        .replace("`]", "`")
        .replace('|', "\\|")
}
