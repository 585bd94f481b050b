//! Where deployments are and what they are shown: each combination is a provider of its own.

use toml::Table;

/// A provider's entry, without its name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    /// The known provider, or what one without a kind is to be called.
    pub(super) kind: String,
    /// Whether there is such a kind; else it speaks chat completions at an address of its own.
    pub(super) is_known: bool,
    pub(super) settings: Table,
}

/// All of them, by name.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<(String, Place)>);

impl Places {
    /// The name of a provider, made where it is new.
    pub(super) fn name(&mut self, place: Place) -> String {
        if let Some((name, _)) = self.0.iter().find(|(_, known)| *known == place) {
            return name.clone();
        }
        let alike = self.0.iter().filter(|(_, known)| known.kind == place.kind);
        let name = match alike.count() {
            0 => place.kind.clone(),
            count => format!("{}-{}", place.kind, count + 1),
        };
        self.0.push((name.clone(), place));
        name
    }

    /// As they are written. One of which nothing is said has its key in the usual variable, and needs no entry.
    pub(super) fn into_tables(self) -> Vec<Table> {
        let said = self.0.into_iter().filter(|(_, it)| !it.settings.is_empty());
        said.map(|(name, place)| {
            let mut table = place.settings;
            if place.is_known && name != place.kind {
                table.insert("kind".to_owned(), place.kind.into());
            }
            table.insert("name".to_owned(), name.into());
            table
        })
        .collect()
    }
}
