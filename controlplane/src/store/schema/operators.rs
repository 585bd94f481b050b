//! The step that lets operators manage tenants, and gives API keys roles.

/// What an operator says of a tenant beside what it is sold; a deleted tenant's row stays, so that nobody gets its id
/// and with it what is kept under it. Keys that are there already get the role of what they could do: a key held to
/// anything changed nothing for the whole tenant.
pub(super) const OPERATORS: &[&str] = &[
    "ALTER TABLE tenants ADD COLUMN configured INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE tenants ADD COLUMN name TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE tenants ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE tenants ADD COLUMN deleted_ms INTEGER",
    "ALTER TABLE tenants ADD COLUMN most_requests_per_minute INTEGER",
    "ALTER TABLE tenants ADD COLUMN most_micro_usd_per_month INTEGER",
    "ALTER TABLE api_keys ADD COLUMN role TEXT NOT NULL DEFAULT 'owner'",
    "UPDATE api_keys SET role = CASE WHEN can_write = 0 THEN 'read_only'
        WHEN COALESCE(project, environment, requests_per_minute, rule) IS NOT NULL THEN 'member' ELSE 'owner' END",
    "ALTER TABLE audit ADD COLUMN role TEXT",
];

#[cfg(test)]
mod tests {
    use super::{
        super::{STEPS, migrate, run},
        OPERATORS,
    };
    use crate::{
        fixture::tenant,
        role::Role,
        store::{self, keys, sql},
    };

    #[tokio::test]
    async fn keys_that_are_older_than_roles_get_them_by_what_they_could_do() {
        let store = store::sqlite::open_memory().await.expect("opens");
        let step = STEPS.iter().position(|step| *step == OPERATORS);
        run(&store, &STEPS[..step.expect("a step")])
            .await
            .expect("made");
        let mut tx = store.write().await.expect("writes");
        let tenant_row =
            "INSERT INTO tenants (id, zero_retention, created_ms) VALUES ('acme', 0, 1)";
        sql::query(tenant_row)
            .execute(&mut *tx)
            .await
            .expect("written");
        for (id, write, rule) in [("a", 1, None), ("b", 0, None), ("c", 1, Some("r"))] {
            sql::query(
                "INSERT INTO api_keys (id, tenant, sha256, can_read, can_write, created_ms, rule)
                 VALUES (?, 'acme', ?, 1, ?, 1, ?)",
            )
            .bind(id)
            .bind(vec![id.as_bytes()[0]; 32])
            .bind(write)
            .bind(rule)
            .execute(&mut *tx)
            .await
            .expect("written");
        }
        tx.commit().await.expect("commits");
        migrate(&store).await.expect("migrates");
        let mut conn = store.read().acquire().await.expect("reads");
        let listed = keys::list(&mut conn, &tenant()).await.expect("listed");
        let roles: Vec<Role> = listed.iter().map(|listed| listed.role).collect();
        assert_eq!(roles, [Role::Owner, Role::ReadOnly, Role::Member]);
    }
}
