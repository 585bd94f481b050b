//! Changes of a tenant's settings: made, written down and told to the proxies together.

use std::sync::Arc;

use axum::{Json, http::HeaderMap};
use floopy_shared::domain::{
    catalog::Catalog,
    ids::TenantId,
    plan::Plan,
    snapshot::{ApiKey, Tenant},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Api, REQUEST_ID, error::ApiError, once, view::moment, writer};
use crate::{
    allowed::{self, Refused},
    settings as written,
    store::{
        StoreError, Tx,
        answers::{self, Question},
        audit::{self, Action, Change},
        keys::{self, Holder},
        settings::{self, Document, Kind},
    },
};

/// A change that is being made; dropped before its commit it never was.
pub(super) struct Editing<'a> {
    pub(super) api: &'a Api,
    pub(super) holder: Holder,
    pub(super) tx: Tx,
    pub(super) now_ms: u64,
    request_id: String,
    /// What it answers, where that is answered once.
    question: Option<Question>,
}

impl<'a> Editing<'a> {
    /// Begins a change for the whole tenant, which a key that is held to anything may not make.
    pub(super) async fn begin(api: &'a Api, headers: &HeaderMap) -> Result<Self, ApiError> {
        // Asked once nobody else can change it: a key that waited here may have been ended meanwhile.
        let mut tx = api.store.write().await?;
        let holder = writer(&mut tx, headers).await?;
        if holder.is_scoped {
            return Err(ApiError::scoped_key());
        }
        let request_id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
        Ok(Self {
            question: once::question(&holder.tenant, headers),
            holder,
            tx,
            now_ms: api.clock.now_ms(),
            request_id: request_id.unwrap_or_default().to_owned(),
            api,
        })
    }

    pub(super) fn tenant(&self) -> TenantId {
        self.holder.tenant.clone()
    }

    /// What the tenant may use.
    pub(super) fn catalog(&self) -> Arc<Catalog> {
        self.api.in_force.now().models.of(&self.holder.tenant)
    }

    /// Refuses another one of what the tenant's plan has no more of.
    pub(super) async fn check_plan(
        &mut self,
        (feature, count): (&'static str, usize),
        most: impl Fn(&Plan) -> Option<u32>,
    ) -> Result<(), ApiError> {
        let plan = written::plan(
            &mut self.tx,
            &self.holder.tenant,
            &self.api.in_force.now().plans,
        )
        .await?;
        let most = plan.as_deref().and_then(|plan| Some((plan, most(plan)?)));
        match most.filter(|(_, most)| u32::try_from(count).is_ok_and(|count| count >= *most)) {
            Some((plan, most)) => Err(ApiError::plan_is_full(&plan.name, feature, most)),
            None => Ok(()),
        }
    }

    /// The tenant as it is by now, its own settings on top of the configuration.
    pub(super) async fn current(&mut self) -> Result<Tenant, StoreError> {
        written::tenant(&mut self.tx, &self.holder.tenant).await
    }

    /// Writes a new document.
    pub(super) async fn create(&mut self, kind: Kind, body: &Value) -> Result<Document, ApiError> {
        let document = Document {
            id: Uuid::new_v4().to_string(),
            body: body.to_string(),
            created_ms: self.now_ms,
            changed_ms: self.now_ms,
        };
        settings::put(&mut self.tx, (&self.holder.tenant, kind), &document).await?;
        let resource = format!("{}/{}", kind.as_str(), document.id);
        self.audit((Action::Create, &resource), None, Some(&document.body))
            .await?;
        Ok(document)
    }

    /// Writes a document in place of another, or of none.
    pub(super) async fn replace(
        &mut self,
        kind: Kind,
        (id, before): (&str, Option<&Document>),
        body: &Value,
    ) -> Result<Document, ApiError> {
        let document = Document {
            id: id.to_owned(),
            body: body.to_string(),
            created_ms: before.map_or(self.now_ms, |before| before.created_ms),
            changed_ms: self.now_ms,
        };
        if let Some(before) = before.filter(|before| before.body == document.body) {
            return Ok(before.clone());
        }
        settings::put(&mut self.tx, (&self.holder.tenant, kind), &document).await?;
        let action = if before.is_some() {
            Action::Update
        } else {
            Action::Create
        };
        let resource = format!("{}/{id}", kind.as_str());
        let before = before.map(|before| before.body.as_str());
        self.audit((action, &resource), before, Some(&document.body))
            .await?;
        Ok(document)
    }

    /// Takes a document away.
    pub(super) async fn delete(&mut self, kind: Kind, document: &Document) -> Result<(), ApiError> {
        settings::delete(&mut self.tx, (&self.holder.tenant, kind), &document.id).await?;
        let resource = format!("{}/{}", kind.as_str(), document.id);
        self.audit((Action::Delete, &resource), Some(&document.body), None)
            .await
    }

    /// Takes away a document that no key names, and says so.
    pub(super) async fn delete_unnamed(
        mut self,
        (kind, object): (Kind, &str),
        document: &Document,
        names: impl Fn(&ApiKey) -> bool,
    ) -> Result<Json<Value>, ApiError> {
        let id = &document.id;
        let listed = keys::list(&mut self.tx, &self.holder.tenant).await?;
        if let Some(naming) = listed.iter().find(|listed| names(&listed.key)) {
            let message = format!("id {id} is the {object} that {} names", naming.key.id);
            return Err(ApiError::invalid_body("id", message));
        }
        self.delete(kind, document).await?;
        self.commit().await?;
        Ok(Json(json!({"id": id, "object": object, "deleted": true})))
    }

    /// Writes down what was done.
    pub(super) async fn audit(
        &mut self,
        (action, resource): (Action, &str),
        before: Option<&str>,
        after: Option<&str>,
    ) -> Result<(), ApiError> {
        let change = Change {
            tenant: Some(&self.holder.tenant),
            at_ms: self.now_ms,
            actor: &self.holder.actor(),
            role: self.holder.role.as_str(),
            action,
            resource,
            before,
            after,
            request_id: &self.request_id,
        };
        Ok(audit::add(&mut self.tx, &change).await?)
    }

    /// What is wrong with the tenant's names as they are by now, if anything is.
    pub(super) async fn problem(&mut self) -> Result<Option<ApiError>, StoreError> {
        let tenant = self.current().await?;
        Ok(check(self.api, &tenant).err())
    }

    /// Makes the change, unless it is what makes a name mean nothing or leaves nobody to serve. `before`: what was
    /// wrong already, as after a model left the catalog: that must not keep a tenant from mending it.
    pub(super) async fn commit_checked(
        mut self,
        before: Option<ApiError>,
    ) -> Result<Tenant, ApiError> {
        match self.problem().await? {
            Some(problem) if before.is_none() => Err(problem),
            Some(_) | None => self.commit().await,
        }
    }

    /// Makes a change of stored prompts.
    pub(super) async fn commit_prompts(self) -> Result<(), ApiError> {
        let (api, tenant) = self.finish().await?;
        api.dirty.mark_prompts(tenant);
        Ok(())
    }

    /// Makes a change of credentials.
    pub(super) async fn commit_credentials(self) -> Result<(), ApiError> {
        let (api, _) = self.finish().await?;
        api.dirty.mark_credentials();
        Ok(())
    }

    /// Makes a change that no proxy needs to know of.
    pub(super) async fn commit_content(self) -> Result<(), ApiError> {
        self.finish().await.map(drop)
    }

    /// Makes the change.
    pub(super) async fn commit(mut self) -> Result<Tenant, ApiError> {
        let tenant = self.current().await?;
        let (api, id) = self.finish().await?;
        api.dirty.mark_settings(id);
        Ok(tenant)
    }

    /// How every change ends: that its question is answered is written with it, or a lost answer would have it made
    /// again.
    async fn finish(mut self) -> Result<(&'a Api, TenantId), ApiError> {
        if let Some(question) = &self.question {
            answers::done(&mut self.tx, question, self.now_ms).await?;
        }
        self.tx.commit().await.map_err(StoreError::from)?;
        Ok((self.api, self.holder.tenant))
    }
}

/// Whether the names mean anything, and whether somebody is left to serve.
pub(super) fn check(api: &Api, tenant: &Tenant) -> Result<(), ApiError> {
    let catalog = api.in_force.now().models.of(&tenant.id);
    let default_model = tenant.default_model.as_ref();
    let refused = |Refused { field, message }: Refused| {
        // The group of the API that holds what the configuration calls constraints.
        let param = field.replacen("constraints", "routing", 1);
        ApiError::invalid_body(&param, format!("{param}: {message}"))
    };
    allowed::constraints(&catalog, &tenant.constraints, default_model).map_err(refused)?;
    allowed::routing(&catalog, &tenant.routing, &tenant.constraints).map_err(refused)
}

/// Whether a tenant's constraints let its default model serve. Whatever else is wrong with its settings does not matter.
pub(super) fn check_default_model(tenant: &Tenant) -> Result<(), ApiError> {
    let Some(model) = &tenant.default_model else {
        return Ok(());
    };
    let refused = |refused: Refused| ApiError::invalid_body("default_model", refused.message);
    allowed::default_model(&tenant.constraints, model).map_err(refused)
}

/// What tells one state of a resource from another, as `etag` has it.
pub(super) fn etag(body: &Value) -> String {
    let digest = Sha256::digest(body.to_string());
    format!("\"{}\"", hex::encode(&digest[..8]))
}

/// What every resource of its own document has, and what it is.
pub(super) fn with_times(mut resource: Value, document: &Document) -> Value {
    resource["id"] = json!(document.id);
    resource["created_at"] = json!(moment(document.created_ms));
    resource["updated_at"] = json!(moment(document.changed_ms));
    resource
}

/// A list that fits one page.
pub(super) fn whole_list(items: Vec<Value>) -> Value {
    json!({"items": items, "next_cursor": null, "has_more": false})
}
