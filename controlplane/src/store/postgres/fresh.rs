//! Stores for tests on a real server. Making all tables takes longer than most tests, so schemas are used again: each is
//! held by a lock for as long as its test runs, and emptied for the next one.

use std::str::FromStr;

use sqlx::{Connection, Executor, PgConnection, Row, postgres::PgConnectOptions};

use super::{Purpose, open_with};
use crate::store::{Store, StoreError};

/// Schemas at most: more tests than that never run at once.
const SCHEMAS: u32 = 64;

/// Empties a schema whose tables are as they were made; whether they are.
const EMPTIED: &str = "DO $$ DECLARE name TEXT; BEGIN
    IF (SELECT string_agg(c.table_name || '.' || c.column_name, ' ' ORDER BY c.table_name, c.column_name)
            FROM information_schema.columns AS c WHERE c.table_schema = current_schema())
        IS DISTINCT FROM (SELECT columns FROM as_made) THEN
        RAISE EXCEPTION 'a test changed the tables';
    END IF;
    SET LOCAL session_replication_role = replica;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema()
            AND tablename NOT IN ('floopy_store', 'as_made') LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
    FOR name IN SELECT sequencename FROM pg_sequences WHERE schemaname = current_schema() LOOP
        EXECUTE format('ALTER SEQUENCE %I RESTART', name);
    END LOOP;
END $$";

/// Notes how the tables were made.
const AS_MADE: &str = "CREATE TABLE as_made (columns TEXT);
    INSERT INTO as_made SELECT string_agg(c.table_name || '.' || c.column_name, ' ' ORDER BY c.table_name, c.column_name)
        FROM information_schema.columns AS c WHERE c.table_schema = current_schema()";

/// An empty store that is nobody else's until this runtime ends.
pub(in crate::store) async fn fresh(url: &str) -> Result<Store, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(StoreError::Url)?;
    let mut holder = PgConnection::connect_with(&options).await?;
    for number in 0..SCHEMAS {
        let lock = format!("SELECT pg_try_advisory_lock(hashtextextended('test {number}', 0))");
        if !holder.fetch_one(lock.as_str()).await?.try_get(0)? {
            continue;
        }
        let schema = format!("test_{number}");
        let name = format!("SET search_path = {schema}");
        holder.execute(name.as_str()).await?;
        let store = match holder.execute(EMPTIED).await {
            Ok(_) => opened(&options, &schema).await?,
            Err(_) => made(&mut holder, (&options, &schema)).await?,
        };
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(holder);
        });
        return Ok(store);
    }
    Err(StoreError::corrupt("test server", "every schema is in use"))
}

async fn opened(options: &PgConnectOptions, schema: &str) -> Result<Store, StoreError> {
    let options = options.clone().options([("search_path", schema)]);
    open_with(options, Purpose::Serve).await
}

async fn made(
    holder: &mut PgConnection,
    (options, schema): (&PgConnectOptions, &str),
) -> Result<Store, StoreError> {
    let anew = format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}");
    holder.execute(anew.as_str()).await?;
    let store = opened(options, schema).await?;
    crate::store::schema::migrate(&store).await?;
    holder.execute(AS_MADE).await?;
    Ok(store)
}
