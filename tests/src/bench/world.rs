//! What a proxy under load knows: a catalog, a thousand tenants, and rankings for each.

use floopy_proto::v1::WatchResponse;
use floopy_shared::{
    domain::{
        catalog::{Catalog, CatalogModel, ModelKind},
        confidence::ConfidenceReason,
        ids::{CandidateKey, KeyHash, TenantId},
        money::Prices,
        ranking::{Evidence, Objective, Posterior, RankedCandidate, Rankings, Role, ShapeRanking},
        shape::ShapeKey,
        snapshot::{ApiKey, KeyScope, TableBody, TableName, Tenant},
        weights::{Phase, phase_weights},
    },
    wire::snapshot::table_to_wire,
};

/// The provider that every model is at.
pub const PROVIDER: &str = "up";

/// Models in the catalog, and candidates of each ranking.
const MODELS: usize = 20;

/// What most tenants have: the root, some classes, some call sites.
const SHAPES: [&str; 6] = [
    "all",
    "class:chat",
    "class:code",
    "class:extraction",
    "site:00f1e2d3c4b5a697",
    "site:97a6b5c4d3e2f100",
];

/// The key of a tenant.
pub fn key_of(tenant: usize) -> String {
    format!("fl_bench_{tenant:06}")
}

/// A snapshot with this many tenants, as the control plane sends it.
pub fn snapshot(tenants: usize) -> WatchResponse {
    let catalog = Catalog::new((0..MODELS).map(model).collect()).expect("a valid catalog");
    let mut tables = vec![table_to_wire(
        &TableName::Catalog,
        1,
        &TableBody::Catalog(catalog.into()),
    )];
    for n in 0..tenants {
        let id = TenantId::new(&format!("bench-{n}")).expect("valid");
        let (tenant, rankings) = (tenant(id.clone(), n), rankings(id.clone()));
        let name = TableName::Tenant(id.clone());
        tables.push(table_to_wire(&name, 1, &TableBody::Tenant(tenant.into())));
        let name = TableName::Ranking(id);
        tables.push(table_to_wire(
            &name,
            1,
            &TableBody::Rankings(rankings.into()),
        ));
    }
    WatchResponse {
        snapshot_version: 1,
        tables,
        removed: Vec::new(),
    }
}

fn candidate(n: usize) -> CandidateKey {
    CandidateKey::new(PROVIDER, &format!("model-{n}")).expect("valid")
}

fn model(n: usize) -> CatalogModel {
    let prices = Prices {
        input_micro_usd_per_mtok: 250_000,
        output_micro_usd_per_mtok: 1_000_000,
        cached_input_micro_usd_per_mtok: Some(25_000),
    };
    CatalogModel {
        prices: Some(prices),
        ..CatalogModel::unlisted(candidate(n), ModelKind::Chat)
    }
}

fn tenant(id: TenantId, n: usize) -> Tenant {
    let key = ApiKey {
        id: format!("key-{n}"),
        hash: KeyHash::of(&key_of(n)),
        read: true,
        write: true,
        scope: KeyScope::default(),
        default_project: None,
    };
    Tenant {
        keys: vec![key],
        ..Tenant::new(id)
    }
}

fn rankings(tenant: TenantId) -> Rankings {
    let rankings = Rankings {
        tenant,
        shapes: SHAPES.into_iter().map(ranking).collect(),
        // What the shadow costs is another call, not part of this one.
        shadow_rate: 0.0,
        objective: Objective::Quality,
        quality_per_usd: 1.0,
    };
    rankings.validate().expect("valid rankings");
    rankings
}

fn ranking(shape: &str) -> ShapeRanking {
    ShapeRanking {
        shape: ShapeKey::named(shape).expect("valid"),
        phase: Phase::Nps,
        weights: phase_weights(100.0, 100.0),
        candidates: (0..MODELS).map(ranked).collect(),
        confidence: Some(0.7),
        confidence_reason: ConfidenceReason::Ok,
        evidence: Evidence::default(),
        baseline: Some(candidate(1)),
        calibrated: Some(0.8),
    }
}

/// An incumbent, a canary, then fallbacks.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn ranked(n: usize) -> RankedCandidate {
    RankedCandidate {
        key: candidate(n),
        score: 0.9 - 0.02 * n as f64,
        posterior: Posterior {
            mean: 0.9 - 0.02 * n as f64,
            lower: 0.4,
            upper: 0.95,
            n: 40.0,
        },
        probability: match n {
            0 => 0.95,
            1 => 0.05,
            _ => 0.0,
        },
        shadow_probability: 0.0,
        latency_p95_ms: Some(400),
        p_floor: None,
        p_best: Some(0.05),
        gate: None,
        role: match n {
            0 => Role::Incumbent,
            1 => Role::Canary,
            _ => Role::Fallback,
        },
    }
}
