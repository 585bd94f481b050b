//! What is written to the log: batches of decisions, and what is taken out before its time.

use clickhouse::error::Error;
use floopy_shared::domain::ids::TenantId;

use super::{ClickHouse, LogError, Logged, WRITE};

impl ClickHouse {
    /// Takes a batch, all of it or, as far as anybody knows, nothing; taking it again changes nothing.
    pub(crate) async fn put(&self, rows: &[Logged]) -> Result<(), LogError> {
        self.within(WRITE, self.insert(rows)).await
    }

    async fn insert(&self, rows: &[Logged]) -> Result<(), Error> {
        let mut insert = self.client.insert::<Logged>("decisions").await?;
        for row in rows {
            insert.write(row).await?;
        }
        insert.end().await
    }

    /// Takes out what was made before a moment, of everybody or of one tenant, where its time to go by itself has not
    /// come: less is kept now than when it was written.
    pub(crate) async fn forget(
        &self,
        whose: Option<&TenantId>,
        before_ms: u64,
    ) -> Result<(), LogError> {
        // Letters, digits, dashes and underscores.
        let whose = whose.map_or_else(String::new, |tenant| format!("tenant = '{tenant}' AND "));
        let which = format!("{whose}created_ms < {before_ms} AND expires_at > now()");
        let any = format!("SELECT count() FROM decisions WHERE {which}");
        let any = self.client.query(&any);
        if self.within(WRITE, any.fetch_one::<u64>()).await? == 0 {
            return Ok(());
        }
        let gone = format!("ALTER TABLE decisions DELETE WHERE {which}");
        let gone = self.client.query(&gone);
        self.within(WRITE, gone.execute()).await
    }
}
