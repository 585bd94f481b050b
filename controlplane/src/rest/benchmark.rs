//! What the prior of the model that served rests on, as far as the catalog still knows it.

use std::sync::Arc;

use floopy_shared::domain::{
    catalog::CatalogModel,
    decision::Decision,
    ids::CandidateKey,
    snapshot::{TableBody, TableName},
};

use crate::index::tables::Tables;

/// The source of the figure that the model which served, or was to serve, was believed to be as good as before
/// any feedback: of the kind of task that it was ranked for, or of any. `None`: the model is not in the catalog.
pub(super) fn source(tables: &Tables, decision: &Decision) -> Option<Arc<str>> {
    let key = decision.served.as_ref().or(decision.chosen.as_ref())?;
    let model = own(tables, decision, key).or_else(|| listed(tables, key))?;
    let ranked = decision.ranked_shape.as_ref();
    let chain = match ranked {
        Some(shape) if shape.is_root() => &[],
        Some(_) | None => decision.shapes.as_slice(),
    };
    let mut of_shapes = chain.iter().filter_map(|s| model.shape_prior(s.as_str()));
    let of_shape = of_shapes.next().map(|prior| &prior.source);
    Some(Arc::clone(of_shape.unwrap_or(&model.benchmark_source)))
}

fn own(tables: &Tables, decision: &Decision, key: &CandidateKey) -> Option<Arc<CatalogModel>> {
    let entry = tables.get(&TableName::Tenant(decision.tenant.clone()))?;
    match &entry.body {
        TableBody::Tenant(tenant) => tenant.models.iter().find(|m| m.key == *key).cloned(),
        TableBody::Catalog(_)
        | TableBody::Rankings(_)
        | TableBody::Prompts(_)
        | TableBody::Credential(_) => None,
    }
}

fn listed(tables: &Tables, key: &CandidateKey) -> Option<Arc<CatalogModel>> {
    match &tables.get(&TableName::Catalog)?.body {
        TableBody::Catalog(catalog) => catalog.get(key).cloned(),
        TableBody::Tenant(_)
        | TableBody::Rankings(_)
        | TableBody::Prompts(_)
        | TableBody::Credential(_) => None,
    }
}
