//! Updates as they lie in their message: tables are decoded a few at a time, so that a thousand of them are never
//! in memory twice.

use bytes::Bytes;
use floopy_proto::v1;
use floopy_shared::{
    domain::{
        credential::Sealed,
        snapshot::{Rejection, Snapshot, TableBody, TableName, TableUpdate, Update, order},
    },
    wire::snapshot::table_from_wire,
};
use prost::{DecodeError, Message};

/// Tables that are decoded together.
const TOGETHER: usize = 16;

/// `floopy.v1.WatchResponse` with its tables as bytes: on the wire the two are the same.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RawUpdate {
    #[prost(uint64, tag = "1")]
    pub(super) snapshot_version: u64,
    #[prost(bytes = "bytes", repeated, tag = "2")]
    tables: Vec<Bytes>,
    #[prost(string, repeated, tag = "3")]
    removed: Vec<String>,
}

/// The beginning of `floopy.v1.Table`.
#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

impl RawUpdate {
    /// The next snapshot, and the tables that were refused: credentials among them that `check` refuses.
    pub(crate) fn apply_to(
        self,
        snapshot: &Snapshot,
        check: impl Fn(&Sealed) -> Result<(), String>,
    ) -> Result<(Snapshot, Vec<Rejection>), DecodeError> {
        let mut update = Update {
            version: self.snapshot_version,
            removed: self.removed,
            ..Update::default()
        };
        let (mut next, mut rejections) = (snapshot.clone(), Vec::new());
        for tables in rankings_last(self.tables)?.chunks(TOGETHER) {
            for table in tables {
                let table = v1::Table::decode(table.clone()).map(table_from_wire)?;
                let (table, unusable) = checked(table, &next, &check);
                update.tables.push(table);
                rejections.extend(unusable);
            }
            let (applied, refused) = next.apply(std::mem::take(&mut update));
            (next, update.version) = (applied, self.snapshot_version);
            rejections.extend(refused);
        }
        // What is left is an update without tables, or nothing.
        let (next, refused) = next.apply(update);
        rejections.extend(refused);
        Ok((next, rejections))
    }
}

/// The same, refused where it is a credential that cannot be used. One that replaces nothing is kept, for what it
/// closes: its tenant's calls must not go out under another's credential.
fn checked(
    mut table: TableUpdate,
    held: &Snapshot,
    check: impl Fn(&Sealed) -> Result<(), String>,
) -> (TableUpdate, Option<Rejection>) {
    let Ok(TableBody::Credential(sealed)) = &table.body else {
        return (table, None);
    };
    let Err(reason) = check(sealed) else {
        return (table, None);
    };
    let name = TableName::Credential(sealed.id.clone());
    if held.table(&name).is_some() {
        table.body = Err(reason);
        return (table, None);
    }
    let unusable = Rejection {
        table: table.name.clone(),
        version: table.version,
        reason,
    };
    (table, Some(unusable))
}

/// Rankings may name models of the catalog, or of the tenant, that came with them.
fn rankings_last(tables: Vec<Bytes>) -> Result<Vec<Bytes>, DecodeError> {
    let mut ordered: [Vec<Bytes>; 3] = Default::default();
    for table in tables {
        let name = Named::decode(table.clone())?.name;
        ordered[usize::from(order(&name))].push(table);
    }
    Ok(ordered.concat())
}
