//! Updates turn one snapshot into the next; a bad table rejects only itself.
#![expect(clippy::expect_used, reason = "a broken fixture is a failed test")]

use std::sync::Arc;

use floopy_shared::domain::{
    catalog::{Catalog, CatalogModel, ModelKind},
    ids::{CandidateKey, KeyHash, TenantId},
    snapshot::{ApiKey, KeyScope, Snapshot, TableBody, TableUpdate, Tenant, Update},
};

fn catalog(name: &str) -> TableBody {
    let key = CandidateKey::parse(name).expect("valid");
    let model = CatalogModel::unlisted(key, ModelKind::Chat);
    TableBody::Catalog(Arc::new(Catalog::new(vec![model]).expect("valid")))
}

fn tenant(id: &str, key: &str) -> TableBody {
    let api_key = ApiKey {
        id: "k".into(),
        hash: KeyHash::of(key),
        read: true,
        write: true,
        scope: KeyScope::default(),
        default_project: None,
    };
    TableBody::Tenant(Arc::new(Tenant {
        keys: vec![api_key],
        ..Tenant::new(TenantId::new(id).expect("valid"))
    }))
}

fn table(name: &str, version: u64, body: TableBody) -> TableUpdate {
    TableUpdate {
        name: name.into(),
        version,
        body: Ok(body),
    }
}

fn update(version: u64, tables: Vec<TableUpdate>) -> Update {
    Update {
        version,
        tables,
        removed: vec![],
    }
}

#[test]
fn a_bad_table_rejects_only_itself() {
    let unreadable = TableUpdate {
        name: "tenant/b".into(),
        version: 2,
        body: Err("torn".into()),
    };
    let tables = vec![
        unreadable,
        table("catalog", 2, catalog("p/m")),
        table("odd", 2, catalog("p/m")),
    ];
    let (next, rejected) = Snapshot::default().apply(update(2, tables));
    assert_eq!(next.catalog().models().len(), 1);
    let names: Vec<&str> = rejected.iter().map(|r| r.table.as_str()).collect();
    assert_eq!(names, ["tenant/b", "odd"]);
    assert_eq!(rejected[0].reason, "torn");
}

#[test]
fn older_versions_are_refused_and_versions_never_shrink() {
    let (held, _) =
        Snapshot::default().apply(update(9, vec![table("catalog", 9, catalog("p/new"))]));
    let (next, rejected) = held.apply(update(4, vec![table("catalog", 4, catalog("p/old"))]));
    assert_eq!(next.version(), 9);
    assert_eq!(next.catalog().models()[0].key.model(), "new");
    assert!(
        rejected[0].reason.contains("older than 9"),
        "{}",
        rejected[0].reason
    );
}

#[test]
fn a_key_belongs_to_one_tenant_only() {
    let (held, _) =
        Snapshot::default().apply(update(1, vec![table("tenant/a", 1, tenant("a", "s"))]));
    let (next, rejected) = held.apply(update(2, vec![table("tenant/b", 2, tenant("b", "s"))]));
    assert!(
        rejected[0].reason.contains("another tenant"),
        "{}",
        rejected[0].reason
    );
    let (owner, _) = next.tenant_of_key(&KeyHash::of("s")).expect("known");
    assert_eq!(owner.id.as_str(), "a");
}

#[test]
fn a_removed_tenant_is_no_longer_known() {
    let (held, _) =
        Snapshot::default().apply(update(1, vec![table("tenant/a", 1, tenant("a", "s"))]));
    let gone = Update {
        version: 2,
        tables: vec![],
        removed: vec!["tenant/a".into()],
    };
    let (next, _) = held.apply(gone);
    assert!(next.tenant_of_key(&KeyHash::of("s")).is_none());
    assert_eq!(next.table_versions().count(), 0);
}

#[test]
fn a_tenants_own_models_are_seen_by_it_alone_whatever_comes_first() {
    let id = |id: &str| TenantId::new(id).expect("valid");
    let key = |key: &str| CandidateKey::parse(key).expect("valid");
    let own = CatalogModel::unlisted(key("p/own"), ModelKind::Chat);
    let with_own = |models: Vec<CatalogModel>| {
        TableBody::Tenant(Arc::new(Tenant {
            models: models.into_iter().map(Arc::new).collect(),
            ..Tenant::new(id("a"))
        }))
    };
    let tables = vec![
        table("tenant/b", 1, tenant("b", "key-b")),
        table("tenant/a", 1, with_own(vec![own.clone()])),
        table("catalog", 1, catalog("p/m")),
    ];
    let (first, rejected) = Snapshot::default().apply(update(1, tables));
    assert!(rejected.is_empty(), "{rejected:?}");
    let sees = |snapshot: &Snapshot, tenant: &str, model: &str| {
        snapshot.catalog_of(&id(tenant)).get(&key(model)).is_some()
    };
    assert!(sees(&first, "a", "p/own") && sees(&first, "a", "p/m"));
    assert!(!sees(&first, "b", "p/own") && sees(&first, "b", "p/m"));

    let (second, _) = first.apply(update(2, vec![table("catalog", 2, catalog("p/n"))]));
    assert!(sees(&second, "a", "p/own") && sees(&second, "a", "p/n"));
    let without = vec![table("tenant/a", 3, with_own(vec![]))];
    let (third, _) = second.apply(update(3, without));
    assert!(!sees(&third, "a", "p/own") && sees(&third, "a", "p/n"));
    let twice = vec![table("tenant/a", 4, with_own(vec![own.clone(), own]))];
    let (_, rejected) = third.apply(update(4, twice));
    assert_eq!(rejected[0].table, "tenant/a");
}
