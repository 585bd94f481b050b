//! What differs between two texts of one configuration, key by key.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::{super::reload::Reloaded, ConfigError, parse};

/// A configuration as it is written: when the process started, and when it was read last.
#[derive(Debug, Clone, Default)]
pub struct Written {
    at_start: Table,
    last: Table,
}

impl Written {
    /// What a process starts with; `origin` stands for the file in errors.
    pub fn new((text, origin): (&str, &str)) -> Result<Self, ConfigError> {
        let table: Table = parse(text, origin)?;
        Ok(Self {
            at_start: table.clone(),
            last: table,
        })
    }

    /// What is written now, with what it changes: keys that begin with one of `live` are in force from then on, others
    /// wait for a start.
    pub fn next(
        &self,
        (text, origin): (&str, &str),
        live: &[&str],
    ) -> Result<(Self, Reloaded), ConfigError> {
        let next = Self {
            at_start: self.at_start.clone(),
            last: parse(text, origin)?,
        };
        let mut applied = changed(&self.last, &next.last);
        applied.retain(|key| is_live(key, live));
        let reloaded = Reloaded {
            applied,
            needs_restart: next.waiting(live),
        };
        Ok((next, reloaded))
    }

    /// The keys that are written.
    pub fn keys(&self) -> Vec<String> {
        changed(&Table::new(), &self.last)
    }

    /// The keys that wait for a start, where those that begin with one of `live` do not.
    pub fn waiting(&self, live: &[&str]) -> Vec<String> {
        let mut waiting = changed(&self.at_start, &self.last);
        waiting.retain(|key| !is_live(key, live));
        waiting
    }
}

fn is_live(key: &str, live: &[&str]) -> bool {
    live.iter().any(|live| {
        let rest = key.strip_prefix(live);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    })
}

/// The keys that differ, as in `proxy.timeouts.total_ms` or `tenants[acme].plan`. Values are compared as they are written,
/// so that none has to be shown.
fn changed(before: &Table, after: &Table) -> Vec<String> {
    let mut found = BTreeSet::new();
    tables("", (before, after), &mut found);
    found.into_iter().collect()
}

fn tables(at: &str, (before, after): (&Table, &Table), found: &mut BTreeSet<String>) {
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for key in keys {
        let at = match at {
            "" => key.clone(),
            at => format!("{at}.{key}"),
        };
        values(at, (before.get(key), after.get(key)), found);
    }
}

fn values(at: String, pair: (Option<&Value>, Option<&Value>), found: &mut BTreeSet<String>) {
    match pair {
        (before, after) if before == after => {}
        (Some(Value::Table(before)), Some(Value::Table(after))) => {
            tables(&at, (before, after), found);
        }
        (Some(Value::Table(one)), None) | (None, Some(Value::Table(one))) => {
            tables(&at, (one, &Table::new()), found);
        }
        (before, after) => match (entries(before), entries(after)) {
            (Some(before), Some(after)) => lists(&at, (&before, &after), found),
            (Some(_), None) | (None, Some(_)) | (None, None) => {
                found.insert(at);
            }
        },
    }
}

/// Entries by name; `None`: it is no list of tables.
type Entries<'a> = Vec<(String, &'a Table)>;

fn entries(value: Option<&Value>) -> Option<Entries<'_>> {
    let Some(value) = value else {
        return Some(Vec::new());
    };
    let list = value.as_array().filter(|list| !list.is_empty())?;
    let named = list.iter().enumerate();
    named
        .map(|(index, entry)| entry.as_table().map(|table| (name(index, table), table)))
        .collect()
}

/// What an entry is known by, whatever its place.
fn name(index: usize, entry: &Table) -> String {
    let text = |key: &str| entry.get(key).and_then(Value::as_str);
    match (text("id"), text("name"), text("provider"), text("model")) {
        (Some(id), ..) => id.to_owned(),
        (None, Some(name), ..) => name.to_owned(),
        (None, None, Some(provider), Some(model)) => format!("{provider}/{model}"),
        (None, None, ..) => index.to_string(),
    }
}

fn lists(at: &str, (before, after): (&Entries<'_>, &Entries<'_>), found: &mut BTreeSet<String>) {
    let of = |entries: &Entries<'_>, name: &str| {
        let entry = entries.iter().find(|(known, _)| known == name);
        entry.map(|(_, table)| (*table).clone())
    };
    let names = before.iter().chain(after).map(|(name, _)| name);
    let mut any = false;
    for name in names.collect::<BTreeSet<_>>() {
        let at = format!("{at}[{name}]");
        let pair = (of(before, name), of(after, name));
        match pair {
            (Some(before), Some(after)) if before == after => continue,
            (Some(before), Some(after)) => tables(&at, (&before, &after), found),
            (Some(_), None) | (None, Some(_)) | (None, None) => drop(found.insert(at)),
        }
        any = true;
    }
    // The same entries in another order, which counts where the first that fits is taken.
    if !any {
        found.insert(at.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, after: &str, expected: &[&str]) {
        let read = |text: &str| text.parse::<Table>().expect(text);
        assert_eq!(changed(&read(before), &read(after)), expected, "{after}");
    }

    #[test]
    fn what_waits_for_a_start_is_told_until_then_and_what_is_in_force_once() {
        let started = Written::new(("a = 1\n[tenants]\nb = 1", "x")).expect("valid");
        let changed = ("a = 2\n[tenants]\nb = 2", "x");
        let (next, told) = started.next(changed, &["tenants"]).expect("valid");
        assert_eq!(
            (told.applied, told.needs_restart),
            (vec!["tenants.b".into()], vec!["a".into()])
        );
        let (_, told) = next.next(changed, &["tenants"]).expect("valid");
        assert_eq!(
            (told.applied, told.needs_restart),
            (vec![], vec!["a".to_owned()])
        );
        assert!(!is_live("tenants_more", &["tenants"]) && is_live("tenants[a].b", &["tenants"]));
    }

    #[test]
    fn keys_are_told_as_they_are_written_and_entries_by_name() {
        check("a = 1\n[b]\nc = 2", "a = 1\n[b]\nc = 2", &[]);
        check("a = 1", "a = 2\n[b.c]\nd = 3", &["a", "b.c.d"]);
        let acme = "[[tenants]]\nid = \"acme\"\nplan = \"free\"\n";
        let other = "[[tenants]]\nid = \"other\"\n";
        check(acme, &format!("{other}{acme}"), &["tenants[other]"]);
        check(acme, &acme.replace("free", "pro"), &["tenants[acme].plan"]);
        check("", acme, &["tenants[acme]"]);
        check(
            &format!("{acme}{other}"),
            &format!("{other}{acme}"),
            &["tenants"],
        );
        let model = "[[models]]\nprovider = \"p\"\nmodel = \"m\"\n";
        check(model, "", &["models[p/m]"]);
        check("list = [1]", "list = [2]", &["list"]);
    }
}
