//! What one proxy lacks: the protocol of its stream as a state, without the stream.
//!
//! One update is outstanding at a time, so changes that come meanwhile are merged into the next one. A table
//! that was refused is not sent again until it has a newer version; nothing is ever sent in an older one.
//! What does not fit into one message goes with the next, after the answer: the catalog before the tenants
//! before the rankings, which is the order of the tables' names.

use std::collections::BTreeMap;

use floopy_shared::{
    domain::snapshot::{Rejection, TableBody, TableName},
    wire::snapshot::table_to_wire,
};
use prost::Message;

use super::tables::Tables;

/// Encoded bytes of tables after which an update is closed: a proxy keeps a buffer of the largest message it
/// ever got.
const MAX_BYTES: usize = 512 * 1024;

/// What a proxy holds and what it was sent.
#[derive(Debug)]
pub(crate) struct Subscription {
    known: BTreeMap<String, u64>,
    refused: BTreeMap<String, u64>,
    outstanding: Option<Sent>,
}

#[derive(Debug)]
struct Sent {
    tables: Vec<(String, u64)>,
    removed: Vec<String>,
}

/// One update to send.
#[derive(Debug)]
pub(crate) struct Delta {
    pub(crate) version: u64,
    pub(crate) tables: Vec<(TableName, u64, TableBody)>,
    pub(crate) removed: Vec<String>,
}

/// An acknowledgement of nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("an acknowledgement came while no update was outstanding")]
pub(crate) struct Unexpected;

impl Subscription {
    /// Starts from what the proxy says it holds.
    pub(crate) fn new(known: impl IntoIterator<Item = (String, u64)>) -> Self {
        Self {
            known: known.into_iter().collect(),
            refused: BTreeMap::new(),
            outstanding: None,
        }
    }

    /// Whether an acknowledgement is awaited.
    pub(crate) fn is_waiting(&self) -> bool {
        self.outstanding.is_some()
    }

    /// The next update, if there is anything to say and nothing outstanding.
    pub(crate) fn next(&mut self, tables: &Tables) -> Option<Delta> {
        // Nothing was computed yet: what the proxy holds is better than nothing.
        if self.outstanding.is_some() || tables.version() == 0 {
            return None;
        }
        let newer = |name: &str, version: u64| {
            let above =
                |held: &BTreeMap<String, u64>| held.get(name).is_none_or(|held| version > *held);
            above(&self.known) && above(&self.refused)
        };
        let lacking = tables
            .iter()
            .filter(|(name, entry)| newer(&name.to_string(), entry.version))
            .map(|(name, entry)| (name.clone(), entry.version, entry.body.clone()));
        let lacking = that_fit(lacking);
        let removed: Vec<String> = self
            .known
            .keys()
            .filter(|name| !stands(tables, name))
            .cloned()
            .collect();
        if lacking.is_empty() && removed.is_empty() {
            return None;
        }
        let sent = lacking
            .iter()
            .map(|(name, version, _)| (name.to_string(), *version))
            .collect();
        self.outstanding = Some(Sent {
            tables: sent,
            removed: removed.clone(),
        });
        Some(Delta {
            version: tables.version(),
            tables: lacking,
            removed,
        })
    }

    /// Every table that the proxy does not have as it stands, refused ones included, and those that it has and should
    /// have dropped: of these the newest version is the one without them.
    pub(crate) fn behind(&self, tables: &Tables) -> Vec<Behind> {
        let lacking = tables.iter().filter_map(|(name, entry)| {
            let table = name.to_string();
            let held = self.known.get(&table).copied();
            let is_behind = held.is_none_or(|held| held < entry.version);
            is_behind.then_some(Behind {
                table,
                held,
                newest: entry.version,
            })
        });
        let kept = self.known.iter().filter(|(name, _)| !stands(tables, name));
        let kept = kept.map(|(name, held)| Behind {
            table: name.clone(),
            held: Some(*held),
            newest: tables.version(),
        });
        lacking.chain(kept).collect()
    }

    /// Whether a table was refused in this version and nothing newer of it was taken.
    pub(crate) fn refuses(&self, table: &str, version: u64) -> bool {
        let held = self.known.get(table);
        self.refused.get(table) == Some(&version) && held.is_none_or(|held| *held < version)
    }

    /// Takes the answer to the outstanding update.
    pub(crate) fn acknowledge(&mut self, rejected: &[Rejection]) -> Result<(), Unexpected> {
        let sent = self.outstanding.take().ok_or(Unexpected)?;
        for name in &sent.removed {
            self.known.remove(name);
        }
        for (name, version) in sent.tables {
            let refused = rejected.iter().any(|rejection| rejection.table == name);
            let held = if refused {
                &mut self.refused
            } else {
                &mut self.known
            };
            held.insert(name, version);
        }
        Ok(())
    }
}

/// A table that a proxy lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Behind {
    pub(crate) table: String,
    /// `None`: it has none of it.
    pub(crate) held: Option<u64>,
    pub(crate) newest: u64,
}

/// The first tables that one message has room for; always one, since nothing smaller can be sent.
fn that_fit(
    lacking: impl Iterator<Item = (TableName, u64, TableBody)>,
) -> Vec<(TableName, u64, TableBody)> {
    let (mut fit, mut bytes) = (Vec::new(), 0);
    for (name, version, body) in lacking {
        bytes += table_to_wire(&name, version, &body).encoded_len();
        if bytes > MAX_BYTES && !fit.is_empty() {
            break;
        }
        fit.push((name, version, body));
    }
    fit
}

/// Whether a table that a proxy holds may stay there. A ranking may as long as its tenant exists: where it
/// could not be computed, the last one is better than none.
fn stands(tables: &Tables, name: &str) -> bool {
    TableName::parse(name).is_some_and(|name| {
        let there = |name: &TableName| tables.get(name).is_some();
        match &name {
            TableName::Ranking(tenant) => there(&name) || there(&TableName::Tenant(tenant.clone())),
            TableName::Catalog
            | TableName::Tenant(_)
            | TableName::Prompts(_)
            | TableName::Credential(_) => there(&name),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use floopy_shared::domain::{
        ids::{KeyHash, TenantId},
        snapshot::{ApiKey, KeyScope, Tenant},
    };

    use super::*;

    fn tables(version: u64, tenants: &[(&str, bool)], before: &Tables) -> Tables {
        let table = |(id, zero_retention): &(&str, bool)| {
            let id = TenantId::new(id).expect("valid");
            let tenant = Tenant {
                zero_retention: *zero_retention,
                ..Tenant::new(id.clone())
            };
            (TableName::Tenant(id), TableBody::Tenant(Arc::new(tenant)))
        };
        before.with(
            before.changes_to(tenants.iter().map(table).collect()),
            version,
        )
    }

    fn names(delta: Option<Delta>) -> Vec<(String, u64)> {
        let tables = delta.map(|d| d.tables).unwrap_or_default();
        tables
            .iter()
            .map(|(name, version, _)| (name.to_string(), *version))
            .collect()
    }

    fn refusal(table: &str) -> Rejection {
        Rejection {
            table: table.into(),
            version: 0,
            reason: "bad".into(),
        }
    }

    #[test]
    fn only_what_differs_is_sent_and_one_update_at_a_time() {
        let first = tables(5, &[("a", false), ("b", false)], &Tables::default());
        let mut proxy = Subscription::new([("tenant/a".to_owned(), 5)]);
        assert_eq!(names(proxy.next(&first)), [("tenant/b".to_owned(), 5)]);
        let second = tables(6, &[("a", true), ("b", false)], &first);
        let third = tables(7, &[("a", true), ("b", true)], &second);
        assert!(proxy.next(&third).is_none(), "an update is outstanding");
        proxy.acknowledge(&[]).expect("outstanding");
        let merged = [("tenant/a".to_owned(), 6), ("tenant/b".to_owned(), 7)];
        assert_eq!(names(proxy.next(&third)), merged);
        proxy.acknowledge(&[]).expect("outstanding");
        assert!(proxy.next(&third).is_none());
        assert_eq!(proxy.acknowledge(&[]), Err(Unexpected));
    }

    #[test]
    fn a_refused_table_waits_for_a_newer_version() {
        let first = tables(5, &[("a", false), ("b", false)], &Tables::default());
        let mut proxy = Subscription::new([]);
        proxy.next(&first).expect("two tables");
        proxy
            .acknowledge(&[refusal("tenant/a")])
            .expect("outstanding");
        assert!(proxy.next(&first).is_none(), "held after the refusal");
        let second = tables(6, &[("a", false), ("b", true)], &first);
        assert_eq!(names(proxy.next(&second)), [("tenant/b".to_owned(), 6)]);
        proxy.acknowledge(&[]).expect("outstanding");
        let third = tables(7, &[("a", true), ("b", true)], &second);
        assert_eq!(names(proxy.next(&third)), [("tenant/a".to_owned(), 7)]);
    }

    fn many_keys(tenant: &str) -> (TableName, TableBody) {
        let id = TenantId::new(tenant).expect("valid");
        let key = |n: u8| ApiKey {
            id: "k".repeat(9_000),
            hash: KeyHash([n; 32]),
            read: true,
            write: true,
            scope: KeyScope::default(),
            default_project: None,
        };
        let tenant = Tenant {
            keys: (0..25).map(key).collect(),
            ..Tenant::new(id.clone())
        };
        (TableName::Tenant(id), TableBody::Tenant(Arc::new(tenant)))
    }

    #[test]
    fn what_one_message_has_no_room_for_follows_after_the_answer() {
        let ids: Vec<String> = (10..22).map(|n| format!("t{n}")).collect();
        let bodies = ids.iter().map(|id| many_keys(id)).collect();
        let empty = Tables::default();
        let tables = empty.with(empty.changes_to(bodies), 5);
        let mut proxy = Subscription::new([]);
        let (mut seen, mut updates) = (Vec::new(), 0);
        while let Some(delta) = proxy.next(&tables) {
            let wire = |(name, version, body): &(_, u64, _)| table_to_wire(name, *version, body);
            let bytes: usize = delta.tables.iter().map(|t| wire(t).encoded_len()).sum();
            assert!(bytes <= MAX_BYTES, "{bytes}");
            assert_eq!(delta.version, 5);
            seen.extend(delta.tables.iter().map(|(name, _, _)| name.to_string()));
            updates += 1;
            proxy.acknowledge(&[]).expect("outstanding");
        }
        let all: Vec<String> = ids.iter().map(|id| format!("tenant/{id}")).collect();
        assert_eq!((seen, updates), (all, 6));
    }

    #[test]
    fn a_table_larger_than_a_message_should_be_is_sent_alone() {
        let size = |n: u64| if n == 1 { MAX_BYTES + 1 } else { 1 };
        let table = |n: u64| {
            let (name, _) = many_keys(&format!("t{n}"));
            let tenant = Tenant {
                keys: vec![ApiKey {
                    id: "k".repeat(size(n)),
                    hash: KeyHash([1; 32]),
                    read: true,
                    write: true,
                    scope: KeyScope::default(),
                    default_project: None,
                }],
                ..Tenant::new(TenantId::new(&format!("t{n}")).expect("valid"))
            };
            (name, n, TableBody::Tenant(Arc::new(tenant)))
        };
        assert_eq!(that_fit((1..=3).map(table)).len(), 1);
        assert_eq!(that_fit((2..=3).map(table)).len(), 2);
    }

    #[test]
    fn a_ranking_is_kept_while_its_tenant_stands_and_goes_with_it() {
        let known = ["ranking/a", "ranking/b"].map(|name| (name.to_owned(), 3));
        let mut proxy = Subscription::new(known);
        let first = tables(5, &[("a", false)], &Tables::default());
        let delta = proxy.next(&first).expect("one table");
        assert_eq!(delta.removed, ["ranking/b"]);
    }

    #[test]
    fn removed_tables_are_named_and_nothing_is_said_before_the_first_publication() {
        let mut proxy = Subscription::new([("tenant/gone".to_owned(), 3)]);
        assert!(proxy.next(&Tables::default()).is_none());
        let first = tables(5, &[("a", false)], &Tables::default());
        let behind = |proxy: &Subscription| -> Vec<String> {
            let behind = proxy.behind(&first).into_iter();
            behind.map(|behind| behind.table).collect()
        };
        assert_eq!(behind(&proxy), ["tenant/a", "tenant/gone"]);
        let delta = proxy.next(&first).expect("one table");
        assert_eq!(
            (delta.version, delta.removed),
            (5, vec!["tenant/gone".to_owned()])
        );
        proxy.acknowledge(&[]).expect("outstanding");
        assert!(behind(&proxy).is_empty());
        assert!(proxy.next(&first).is_none());
    }

    #[test]
    fn nothing_is_sent_that_is_older_than_what_the_proxy_holds() {
        let first = tables(5, &[("a", false)], &Tables::default());
        let mut proxy = Subscription::new([("tenant/a".to_owned(), 80)]);
        assert!(proxy.next(&first).is_none());
        let stamped = first.with(first.restamp(&[("tenant/a".to_owned(), 80)]), 81);
        assert_eq!(names(proxy.next(&stamped)), [("tenant/a".to_owned(), 81)]);
    }
}
