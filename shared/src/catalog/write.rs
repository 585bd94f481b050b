//! The format as it is written: a line for each thing that is known, in always the same order.

use std::fmt::{self, Write};

use super::{
    entry::{Entry, Figure, Modality, Source},
    file::File,
};

impl File {
    /// The text of this file; it reads back as the same.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _infallible = self.write(&mut text);
        text
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        for (name, written) in &self.sources {
            source(text, name, written)?;
        }
        for written in &self.models {
            entry(text, written)?;
        }
        // A file ends with one line end.
        text.truncate(text.trim_end().len());
        if !text.is_empty() {
            text.push('\n');
        }
        Ok(())
    }
}

fn source(text: &mut String, name: &str, source: &Source) -> fmt::Result {
    writeln!(text, "[sources.{}]", key(name))?;
    writeln!(text, "title = {}", quoted(&source.title))?;
    optional(text, "url", source.url.as_deref())?;
    writeln!(text, "date = {}", quoted(source.date.as_str()))?;
    optional(text, "licence", source.licence.as_deref())?;
    optional(text, "series", source.series.as_deref())?;
    writeln!(text)
}

fn entry(text: &mut String, entry: &Entry) -> fmt::Result {
    writeln!(text, "[[models]]")?;
    writeln!(text, "provider = {}", quoted(&entry.provider))?;
    writeln!(text, "model = {}", quoted(&entry.model))?;
    writeln!(text, "kind = \"{}\"", entry.kind.as_str())?;
    for (name, limit) in [
        ("context_tokens", entry.context_tokens),
        ("max_output_tokens", entry.max_output_tokens),
    ] {
        if let Some(limit) = limit {
            writeln!(text, "{name} = {limit}")?;
        }
    }
    modalities(text, "input", &entry.input)?;
    modalities(text, "output", &entry.output)?;
    if entry.vision {
        writeln!(text, "vision = true")?;
    }
    writeln!(text, "tools = {}", entry.tools)?;
    writeln!(text, "json_schema = {}", entry.json_schema)?;
    if entry.reasoning {
        writeln!(text, "reasoning = true")?;
    }
    let deprecated_on = entry.deprecated_on.as_ref();
    optional(text, "deprecated_on", deprecated_on.map(|d| d.as_str()))?;
    for (name, price) in entry.prices() {
        if let Some(price) = price {
            writeln!(text, "{name} = {price}")?;
        }
    }
    optional(text, "source", entry.source.as_deref())?;
    optional(text, "prices_source", entry.prices_source.as_deref())?;
    if let Some(benchmark) = entry.benchmark {
        writeln!(text, "benchmark = {benchmark:?}")?;
    }
    figures(text, &entry.benchmarks)?;
    writeln!(text)
}

fn optional(text: &mut String, key: &str, value: Option<&str>) -> fmt::Result {
    match value {
        Some(value) => writeln!(text, "{key} = {}", quoted(value)),
        None => Ok(()),
    }
}

fn modalities(text: &mut String, key: &str, listed: &[Modality]) -> fmt::Result {
    if listed.is_empty() {
        return Ok(());
    }
    let listed = listed
        .iter()
        .map(|modality| format!("\"{}\"", modality.as_str()));
    writeln!(text, "{key} = [{}]", listed.collect::<Vec<_>>().join(", "))
}

fn figures(text: &mut String, figures: &[Figure]) -> fmt::Result {
    if figures.is_empty() {
        return Ok(());
    }
    writeln!(text, "benchmarks = [")?;
    for figure in figures {
        write!(text, "  {{ shape = {}", quoted(&figure.shape))?;
        if let Some(test) = &figure.test {
            write!(text, ", test = {}", quoted(test))?;
        }
        write!(text, ", score = {:?}", figure.score)?;
        if let Some(source) = &figure.source {
            write!(text, ", source = {}", quoted(source))?;
        }
        if figure.estimated {
            write!(text, ", estimated = true")?;
        }
        writeln!(text, " }},")?;
    }
    writeln!(text, "]")
}

/// A key, quoted where it must be.
fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(is_bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// A basic string of TOML: on one line, whatever is in it.
fn quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            c if c.is_control() => text.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => text.push(c),
        }
    }
    text.push('"');
    text
}
