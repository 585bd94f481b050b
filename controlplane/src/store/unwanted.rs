//! Content of tenants that keep none any more, or are no more: it goes within the hour, a slice at a time.

use std::collections::BTreeSet;

use super::{StoreError, Tx, to_i64};
use crate::store::sql::{self, Conn};

/// Whose content goes.
const WHOSE: &str = "(SELECT id FROM tenants WHERE zero_retention <> 0 OR deleted_ms IS NOT NULL)";

/// Each with the tenants in the place of `{}` and how many rows at most as `?`. What sessions said goes with
/// `contents`, and what is in an evaluation's result beside the text stays: figures are no content.
const STATEMENTS: [&str; 7] = [
    "DELETE FROM scoring_jobs WHERE request_id IN (SELECT request_id FROM scoring_jobs WHERE tenant IN {} LIMIT ?)",
    "DELETE FROM scoring_jobs WHERE request_id IN (SELECT j.request_id FROM scoring_jobs AS j
        CROSS JOIN decisions AS d ON d.request_id = j.request_id WHERE d.tenant IN {} LIMIT ?)",
    "DELETE FROM dataset_rows WHERE seq IN (SELECT r.seq FROM datasets AS d
        CROSS JOIN dataset_rows AS r ON r.dataset = d.id WHERE d.tenant IN {} LIMIT ?)",
    "DELETE FROM datasets WHERE id IN (SELECT d.id FROM datasets AS d WHERE d.tenant IN {}
        AND NOT EXISTS (SELECT 1 FROM dataset_rows AS r WHERE r.dataset = d.id) LIMIT ?)",
    "UPDATE evaluation_items SET output = '', about = '' WHERE seq IN (SELECT i.seq FROM evaluation_runs AS e
        CROSS JOIN evaluation_items AS i ON i.run = e.id WHERE e.tenant IN {}
        AND (i.output <> '' OR i.about <> '') LIMIT ?)",
    "DELETE FROM batch_pieces WHERE (file, number) IN (SELECT p.file, p.number FROM batch_files AS f
        CROSS JOIN batch_pieces AS p ON p.file = f.seq WHERE f.tenant IN {} LIMIT ?)",
    "DELETE FROM batch_files WHERE seq IN (SELECT f.seq FROM batch_files AS f WHERE f.tenant IN {}
        AND f.kept_bytes > 0 AND NOT EXISTS (SELECT 1 FROM batch_pieces AS p WHERE p.file = f.seq) LIMIT ?)",
];

/// Removes a slice of it; how many rows that were.
pub(super) async fn forget(tx: &mut Tx, slice: u32) -> Result<u64, StoreError> {
    let mut rows = 0;
    for statement in STATEMENTS {
        let text = statement.replace("{}", WHOSE);
        let done = sql::query(&text)
            .bind(to_i64(u64::from(slice)))
            .execute(&mut **tx)
            .await?;
        rows += done.rows_affected();
    }
    Ok(rows)
}

/// Those of these tenants that keep no content any more, or are no more.
pub(crate) async fn of(
    conn: &mut Conn,
    tenants: &BTreeSet<&str>,
) -> Result<BTreeSet<String>, StoreError> {
    let text = format!("SELECT value FROM json_each(?) WHERE value IN {WHOSE}");
    let gone: Vec<String> = sql::query_scalar(&text)
        // Strings always serialise.
        .bind(serde_json::to_string(tenants).unwrap_or_default())
        .fetch_all(conn)
        .await?;
    Ok(gone.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Location, Store};

    async fn count(tx: &mut Tx, text: &str) -> i64 {
        let count = sql::query_scalar(text).fetch_one(&mut **tx).await;
        count.expect("counts")
    }

    #[tokio::test]
    async fn content_goes_of_those_who_keep_none_or_are_gone_and_of_nobody_else() {
        let store = Store::open(&Location::Memory).await.expect("opens");
        let mut tx = store.write().await.expect("writes");
        for (tenant, retention, deleted) in
            [("kept", 0, None), ("zero", 1, None), ("gone", 0, Some(7))]
        {
            let made = sql::query(
                "INSERT INTO tenants (id, zero_retention, created_ms, deleted_ms) VALUES (?, ?, 1, ?)",
            );
            let made = made.bind(tenant).bind(retention).bind(deleted);
            made.execute(&mut *tx).await.expect("a tenant");
            for text in [
                "INSERT INTO datasets VALUES (?1 || '-d', ?1, 'n', NULL, 3, 9, 1, 1)",
                "INSERT INTO dataset_rows (dataset, row_id, body, created_ms)
                    SELECT ?1 || '-d', value, '{}', 1 FROM json_each('[1,2,3]')",
                "INSERT INTO evaluation_runs (id, tenant, dataset, model, status, created_ms)
                    VALUES (?1 || '-e', ?1, 'd', 'm', 1, 1)",
                "INSERT INTO evaluation_items (run, row, input_id, state, attempts, next_ms, output, about)
                    VALUES (?1 || '-e', 1, 'i', 3, 1, 1, 'said', '{}')",
                "INSERT INTO batch_files (id, tenant, purpose, created_ms, is_complete, kept_bytes, record)
                    VALUES (?1 || '-f', ?1, 'batch', 1, 1, 2, x'00')",
                "INSERT INTO batch_pieces SELECT seq, 0, x'00' FROM batch_files WHERE tenant = ?1",
            ] {
                let put = sql::query(text).bind(tenant).execute(&mut *tx).await;
                put.unwrap_or_else(|e| panic!("{text}: {e}"));
            }
        }
        // A slice at a time.
        while forget(&mut tx, 2).await.expect("forgets") > 0 {}
        for (text, left) in [
            ("SELECT COUNT(*) FROM dataset_rows", 3),
            ("SELECT COUNT(*) FROM datasets WHERE tenant = 'kept'", 1),
            ("SELECT COUNT(*) FROM datasets", 1),
            (
                "SELECT COUNT(*) FROM evaluation_items WHERE output = 'said'",
                1,
            ),
            ("SELECT COUNT(*) FROM evaluation_items", 3),
            ("SELECT COUNT(*) FROM batch_pieces", 1),
            ("SELECT COUNT(*) FROM batch_files", 1),
        ] {
            assert_eq!(count(&mut tx, text).await, left, "{text}");
        }
    }
}
