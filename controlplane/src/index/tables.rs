//! Tables and their versions.

use std::{collections::BTreeMap, sync::Arc};

use floopy_shared::domain::snapshot::{TableBody, TableName};

/// One table as it stands.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) version: u64,
    pub(crate) body: TableBody,
}

/// All tables, and the version of the newest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tables {
    version: u64,
    entries: BTreeMap<TableName, Entry>,
}

/// What differs from what is published.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    put: Vec<(TableName, TableBody)>,
    removed: Vec<TableName>,
}

impl Changes {
    /// Whether there is nothing to publish.
    pub(crate) fn is_empty(&self) -> bool {
        self.put.is_empty() && self.removed.is_empty()
    }
}

impl Tables {
    /// Grows with every publication.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// One table.
    pub(crate) fn get(&self, name: &TableName) -> Option<&Entry> {
        self.entries.get(name)
    }

    /// Every table.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&TableName, &Entry)> {
        self.entries.iter()
    }

    /// What has to change so that exactly `wanted` stands.
    pub(crate) fn changes_to(&self, wanted: BTreeMap<TableName, TableBody>) -> Changes {
        let removed = self
            .entries
            .keys()
            .filter(|name| !wanted.contains_key(*name))
            .cloned()
            .collect();
        let differs = |(name, body): &(TableName, TableBody)| {
            self.entries
                .get(name)
                .is_none_or(|entry| !same(&entry.body, body))
        };
        Changes {
            put: wanted.into_iter().filter(differs).collect(),
            removed,
        }
    }

    /// The same content anew, for the tables that a proxy knows in a version newer than ours: it would refuse
    /// ours as old.
    pub(crate) fn restamp(&self, known: &[(String, u64)]) -> Changes {
        let behind = |(name, version): &(String, u64)| {
            let name = TableName::parse(name)?;
            let entry = self
                .entries
                .get(&name)
                .filter(|entry| entry.version < *version)?;
            Some((name, entry.body.clone()))
        };
        Changes {
            put: known.iter().filter_map(behind).collect(),
            removed: Vec::new(),
        }
    }

    /// The tables after a change, all changed ones under `version`.
    pub(crate) fn with(&self, changes: Changes, version: u64) -> Self {
        if changes.is_empty() || version <= self.version {
            return self.clone();
        }
        let mut entries = self.entries.clone();
        for name in &changes.removed {
            entries.remove(name);
        }
        for (name, body) in changes.put {
            entries.insert(name, Entry { version, body });
        }
        Self { version, entries }
    }
}

fn same(a: &TableBody, b: &TableBody) -> bool {
    match (a, b) {
        (TableBody::Catalog(a), TableBody::Catalog(b)) => {
            Arc::ptr_eq(a, b) || a.models() == b.models()
        }
        (TableBody::Tenant(a), TableBody::Tenant(b)) => Arc::ptr_eq(a, b) || a == b,
        (TableBody::Rankings(a), TableBody::Rankings(b)) => Arc::ptr_eq(a, b) || a == b,
        (TableBody::Prompts(a), TableBody::Prompts(b)) => Arc::ptr_eq(a, b) || a == b,
        (TableBody::Credential(a), TableBody::Credential(b)) => Arc::ptr_eq(a, b) || a == b,
        (
            TableBody::Catalog(_)
            | TableBody::Tenant(_)
            | TableBody::Rankings(_)
            | TableBody::Prompts(_)
            | TableBody::Credential(_),
            _,
        ) => false,
    }
}

/// Hands out versions that are reserved in the store before they are used, so that none ever repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counter {
    last: u64,
    reserved: u64,
}

/// Versions reserved at a time.
pub(crate) const BLOCK: u64 = 1_024;

impl Counter {
    /// Goes on above everything that may have been used.
    pub(crate) fn above(last: u64) -> Self {
        Self {
            last,
            reserved: last,
        }
    }

    /// The next version, or `None` where a reservation is needed first.
    pub(crate) fn next(&mut self) -> Option<u64> {
        if self.last >= self.reserved {
            return None;
        }
        self.last += 1;
        Some(self.last)
    }

    /// From where a reservation has to be made.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    /// Versions up to `reserved` may be used now.
    pub(crate) fn extend(&mut self, reserved: u64) {
        self.reserved = self.reserved.max(reserved);
    }

    /// Leaves out everything up to `version`.
    pub(crate) fn skip_to(&mut self, version: u64) {
        self.last = self.last.max(version);
    }
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::{ids::TenantId, snapshot::Tenant};

    use super::*;

    fn tenant(id: &str, zero_retention: bool) -> (TableName, TableBody) {
        let id = TenantId::new(id).expect("valid");
        let tenant = Tenant {
            zero_retention,
            ..Tenant::new(id.clone())
        };
        (TableName::Tenant(id), TableBody::Tenant(Arc::new(tenant)))
    }

    #[test]
    fn only_changed_tables_get_a_new_version() {
        let first = Tables::default();
        let first = first.with(
            first.changes_to([tenant("a", false), tenant("b", false)].into()),
            5,
        );
        let again = first.changes_to([tenant("a", false), tenant("b", false)].into());
        assert!(again.is_empty());
        let second = first.with(first.changes_to([tenant("a", true)].into()), 6);
        let versions: Vec<(String, u64)> = second
            .iter()
            .map(|(n, e)| (n.to_string(), e.version))
            .collect();
        assert_eq!(
            (versions, second.version()),
            (vec![("tenant/a".to_owned(), 6)], 6)
        );
    }

    #[test]
    fn a_version_that_does_not_grow_changes_nothing() {
        let first = Tables::default();
        let first = first.with(first.changes_to([tenant("a", false)].into()), 5);
        let same = first.with(first.changes_to([tenant("a", true)].into()), 5);
        assert_eq!(same.get(&tenant("a", true).0).map(|e| e.version), Some(5));
        assert_eq!(same.version(), 5);
    }

    #[test]
    fn tables_that_a_proxy_knows_newer_are_stamped_anew() {
        let tables = Tables::default();
        let tables = tables.with(
            tables.changes_to([tenant("a", false), tenant("b", false)].into()),
            5,
        );
        assert!(
            tables
                .restamp(&[("tenant/a".into(), 5), ("tenant/gone".into(), 99)])
                .is_empty()
        );
        let newer = tables.with(tables.restamp(&[("tenant/a".into(), 90)]), 91);
        let versions: Vec<u64> = newer.iter().map(|(_, e)| e.version).collect();
        assert_eq!(versions, [91, 5]);
    }

    #[test]
    fn versions_are_handed_out_only_when_reserved() {
        let mut counter = Counter::above(7);
        assert_eq!(counter.next(), None);
        counter.extend(9);
        assert_eq!(
            (counter.next(), counter.next(), counter.next()),
            (Some(8), Some(9), None)
        );
        counter.skip_to(40);
        assert_eq!((counter.next(), counter.last()), (None, 40));
    }
}
