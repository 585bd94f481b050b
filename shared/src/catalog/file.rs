//! A catalog file: sources once, and an entry for each model.

use serde::de::DeserializeOwned;
use toml::{
    Spanned,
    de::{DeTable, DeValue, ValueDeserializer},
};

use super::{
    check::{Strictness, problems},
    entry::{Entry, Source, Sources},
};
use crate::process::config::{ConfigError, located, unreadable};

/// What a catalog file says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct File {
    pub sources: Sources,
    pub models: Vec<Entry>,
}

impl File {
    /// Reads and checks a text; `origin` stands for the file in errors. Every problem is told, by line.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Vec<ConfigError>> {
        let root = DeTable::parse(text)
            .map_err(|error| vec![unreadable((text, origin), &error)])?
            .into_inner();
        let mut reader = Reader {
            place: (text, origin),
            file: Self::default(),
            errors: Vec::new(),
        };
        for (key, value) in root {
            match key.get_ref().as_ref() {
                "sources" => reader.sources(value),
                "models" => reader.models(value),
                other => {
                    let message = "unknown key, expected `sources` or `models`".to_owned();
                    reader.errors.push(located((text, origin), other, message));
                }
            }
        }
        reader.finish()
    }
}

struct Reader<'a> {
    place: (&'a str, &'a str),
    file: File,
    errors: Vec<ConfigError>,
}

impl Reader<'_> {
    fn sources(&mut self, value: Spanned<DeValue<'_>>) {
        let DeValue::Table(table) = value.into_inner() else {
            return self.wrong("sources", "must be tables, as in [sources.NAME]");
        };
        for (name, value) in table {
            if let Some(source) = self.read::<Source>(value) {
                let name = name.into_inner().into_owned();
                self.file.sources.insert(name, source);
            }
        }
    }

    fn models(&mut self, value: Spanned<DeValue<'_>>) {
        let DeValue::Array(models) = value.into_inner() else {
            return self.wrong("models", "must be a list of tables, as in [[models]]");
        };
        for value in models {
            if let Some(entry) = self.read::<Entry>(value) {
                self.file.models.push(entry);
            }
        }
    }

    fn read<T: DeserializeOwned>(&mut self, value: Spanned<DeValue<'_>>) -> Option<T> {
        match T::deserialize(ValueDeserializer::from(value)) {
            Ok(read) => Some(read),
            Err(error) => {
                self.errors.push(unreadable(self.place, &error));
                None
            }
        }
    }

    fn wrong(&mut self, key: &str, message: &str) {
        let error = located(self.place, key, message.to_owned());
        self.errors.push(error);
    }

    /// Entries that cannot be read have no place among the others, so only readable files are checked further.
    fn finish(mut self) -> Result<File, Vec<ConfigError>> {
        if self.errors.is_empty() {
            let known = |name: &str| self.file.sources.contains_key(name);
            let found = problems(("models", &self.file.models), known, Strictness::File);
            let place = self.place;
            let locate = |p: super::Problem| located(place, &p.key, p.message);
            self.errors.extend(found.into_iter().map(locate));
        }
        if self.errors.is_empty() {
            Ok(self.file)
        } else {
            Err(self.errors)
        }
    }
}
