//! Serves `Admin`: each call is answered by what answers REST, under the operator's key.
//!
//! The messages have the fields of REST's JSON, so each is read from what the handler says and nothing is written
//! twice.

#[cfg(test)]
mod tests;

use axum::{
    Json,
    extract::{Path, State},
};
use floopy_proto::admin::v1 as wire;
use http::{HeaderMap, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use tonic::{Request, Response, Status, metadata::MetadataValue};

use crate::rest::{
    Api, ApiError, JsonObject, Pairs,
    operator::{self, audit, keys, pool, providers, proxies, queue, tenants},
};

/// Serves `Admin`.
pub(super) struct AdminService {
    pub(super) api: Api,
}

type Answer<T> = Result<Response<T>, Status>;

impl AdminService {
    /// The headers and the message of a call of the operator's.
    async fn admit<T>(&self, request: Request<T>) -> Result<(HeaderMap, T), Status> {
        let (metadata, _, message) = request.into_parts();
        let headers = metadata.into_headers();
        let admitted = operator::admit(&self.api, &headers).await;
        admitted.map_err(refused)?;
        Ok((headers, message))
    }

    fn state(&self) -> State<Api> {
        State(self.api.clone())
    }
}

#[tonic::async_trait]
impl wire::admin_server::Admin for AdminService {
    async fn list_tenants(
        &self,
        request: Request<wire::ListTenantsRequest>,
    ) -> Answer<wire::ListTenantsResponse> {
        let (_, message) = self.admit(request).await?;
        told(tenants::list(self.state(), Pairs::of(pairs(&message)?)).await)
    }

    async fn get_tenant(&self, request: Request<wire::GetTenantRequest>) -> Answer<wire::Tenant> {
        let (_, message) = self.admit(request).await?;
        told(tenants::get(self.state(), Path(message.id)).await)
    }

    async fn create_tenant(
        &self,
        request: Request<wire::CreateTenantRequest>,
    ) -> Answer<wire::CreateTenantResponse> {
        let (headers, message) = self.admit(request).await?;
        are_numbers(message.shadow_budget_usd_per_day, message.limits.as_ref())?;
        let fields = JsonObject(given(&message)?);
        let made = tenants::create(self.state(), headers, fields).await;
        let made = made.map_err(refused)?.1.0;
        Ok(Response::new(wire::CreateTenantResponse {
            key_id: text(&made, "key_id"),
            key: text(&made, "key"),
            tenant: Some(read(made)?),
        }))
    }

    async fn update_tenant(
        &self,
        request: Request<wire::UpdateTenantRequest>,
    ) -> Answer<wire::Tenant> {
        let (headers, mut message) = self.admit(request).await?;
        are_numbers(message.shadow_budget_usd_per_day, message.limits.as_ref())?;
        let id = Path(std::mem::take(&mut message.id));
        let cleared = std::mem::take(&mut message.clear);
        let mut fields = given(&message)?;
        fields.remove("id");
        fields.remove("clear");
        for name in cleared {
            if fields.insert(name.clone(), Value::Null).is_some() {
                let message = format!("clear has {name:?}, which is given a value, too");
                return Err(refused(ApiError::invalid_body("clear", message)));
            }
        }
        told(tenants::change(self.state(), id, headers, JsonObject(fields)).await)
    }

    async fn delete_tenant(
        &self,
        request: Request<wire::DeleteTenantRequest>,
    ) -> Answer<wire::DeleteTenantResponse> {
        let (headers, message) = self.admit(request).await?;
        told(tenants::delete(self.state(), Path(message.id), headers).await)
    }

    async fn list_keys(
        &self,
        request: Request<wire::ListKeysRequest>,
    ) -> Answer<wire::ListKeysResponse> {
        let (_, message) = self.admit(request).await?;
        told(keys::list(self.state(), Path(message.tenant)).await)
    }

    async fn create_key(
        &self,
        request: Request<wire::CreateKeyRequest>,
    ) -> Answer<wire::CreateKeyResponse> {
        let (headers, mut message) = self.admit(request).await?;
        let tenant = Path(std::mem::take(&mut message.tenant));
        let mut fields = given(&message)?;
        fields.remove("tenant");
        let made = keys::create(self.state(), tenant, headers, JsonObject(fields)).await;
        let made = made.map_err(refused)?.1.0;
        Ok(Response::new(wire::CreateKeyResponse {
            key: text(&made, "key"),
            api_key: Some(read(made)?),
        }))
    }

    async fn revoke_key(
        &self,
        request: Request<wire::RevokeKeyRequest>,
    ) -> Answer<wire::RevokeKeyResponse> {
        let (headers, message) = self.admit(request).await?;
        let place = Path((message.tenant, message.id));
        told(keys::revoke(self.state(), place, headers).await)
    }

    async fn list_credentials(
        &self,
        request: Request<wire::ListCredentialsRequest>,
    ) -> Answer<wire::ListCredentialsResponse> {
        let (_, message) = self.admit(request).await?;
        told(match message.tenant {
            None => providers::list(self.state()).await,
            Some(tenant) => providers::list_of(self.state(), Path(tenant)).await,
        })
    }

    async fn set_credential(
        &self,
        request: Request<wire::SetCredentialRequest>,
    ) -> Answer<wire::ProviderCredential> {
        let (headers, mut message) = self.admit(request).await?;
        let (id, tenant) = (std::mem::take(&mut message.id), message.tenant.take());
        let mut fields = given(&message)?;
        fields.remove("id");
        let fields = JsonObject(fields);
        let set = match tenant {
            None => providers::put(self.state(), Path(id), headers, fields).await,
            Some(tenant) => {
                providers::put_of(self.state(), Path((tenant, id)), headers, fields).await
            }
        };
        // REST has it in the path, as `name`.
        told(set.map_err(|refused| refused.renamed("name", "id")))
    }

    async fn delete_credential(
        &self,
        request: Request<wire::DeleteCredentialRequest>,
    ) -> Answer<wire::DeleteCredentialResponse> {
        let (headers, message) = self.admit(request).await?;
        told(match message.tenant {
            None => providers::delete(self.state(), Path(message.id), headers).await,
            Some(tenant) => {
                let place = Path((tenant, message.id));
                providers::delete_of(self.state(), place, headers).await
            }
        })
    }

    async fn list_credentials_keys(
        &self,
        request: Request<wire::ListCredentialsKeysRequest>,
    ) -> Answer<wire::ListCredentialsKeysResponse> {
        self.admit(request).await?;
        told(providers::keys(self.state()).await)
    }

    async fn rotate_credentials(
        &self,
        request: Request<wire::RotateCredentialsRequest>,
    ) -> Answer<wire::RotateCredentialsResponse> {
        let (headers, _) = self.admit(request).await?;
        told(providers::rotate(self.state(), headers).await)
    }

    async fn list_plans(
        &self,
        request: Request<wire::ListPlansRequest>,
    ) -> Answer<wire::ListPlansResponse> {
        self.admit(request).await?;
        told(operator::plans(self.state()).await)
    }

    async fn list_proxies(
        &self,
        request: Request<wire::ListProxiesRequest>,
    ) -> Answer<wire::ListProxiesResponse> {
        self.admit(request).await?;
        told(proxies::list(self.state()).await)
    }

    async fn get_pool(
        &self,
        request: Request<wire::GetPoolRequest>,
    ) -> Answer<wire::GetPoolResponse> {
        self.admit(request).await?;
        told(Ok(pool::get(self.state()).await))
    }

    async fn list_pool_releases(
        &self,
        request: Request<wire::ListPoolReleasesRequest>,
    ) -> Answer<wire::ListPoolReleasesResponse> {
        self.admit(request).await?;
        told(pool::releases(self.state()).await)
    }

    async fn release_pool(
        &self,
        request: Request<wire::ReleasePoolRequest>,
    ) -> Answer<wire::ReleasePoolResponse> {
        let (headers, _) = self.admit(request).await?;
        let told_of = pool::release(self.state(), headers).await;
        told(told_of.map(|(_, said)| said))
    }

    async fn list_audit(
        &self,
        request: Request<wire::ListAuditRequest>,
    ) -> Answer<wire::ListAuditResponse> {
        let (_, message) = self.admit(request).await?;
        told(audit::list(self.state(), Pairs::of(pairs(&message)?)).await)
    }

    async fn get_queue(
        &self,
        request: Request<wire::GetQueueRequest>,
    ) -> Answer<wire::GetQueueResponse> {
        self.admit(request).await?;
        told(queue::status(self.state()).await)
    }

    async fn list_dead_replies(
        &self,
        request: Request<wire::ListDeadRepliesRequest>,
    ) -> Answer<wire::ListDeadRepliesResponse> {
        let (_, message) = self.admit(request).await?;
        told(queue::dead(self.state(), Pairs::of(pairs(&message)?)).await)
    }

    async fn get_dead_reply(
        &self,
        request: Request<wire::GetDeadReplyRequest>,
    ) -> Answer<wire::DeadReply> {
        let (_, message) = self.admit(request).await?;
        told(queue::get(self.state(), Path(message.id)).await)
    }

    async fn retry_dead_replies(
        &self,
        request: Request<wire::RetryDeadRepliesRequest>,
    ) -> Answer<wire::RetryDeadRepliesResponse> {
        let (headers, message) = self.admit(request).await?;
        let which = JsonObject(given(&message)?);
        told(queue::retry(self.state(), headers, which).await)
    }

    async fn drop_dead_replies(
        &self,
        request: Request<wire::DropDeadRepliesRequest>,
    ) -> Answer<wire::DropDeadRepliesResponse> {
        let (headers, message) = self.admit(request).await?;
        let which = JsonObject(given(&message)?);
        told(queue::drop_dead(self.state(), headers, which).await)
    }

    async fn get_status(
        &self,
        request: Request<wire::GetStatusRequest>,
    ) -> Answer<wire::GetStatusResponse> {
        self.admit(request).await?;
        told(operator::status(self.state()).await)
    }
}

/// What a handler said, as the message of the same fields.
fn told<T: DeserializeOwned>(said: Result<Json<Value>, ApiError>) -> Answer<T> {
    let Json(said) = said.map_err(refused)?;
    read(said).map(Response::new)
}

/// What is null in JSON is not there in a message.
fn read<T: DeserializeOwned>(said: Value) -> Result<T, Status> {
    serde_json::from_value(present(said)).map_err(|error| unreadable(&error))
}

/// Contract and handlers have grown apart.
fn unreadable(error: &serde_json::Error) -> Status {
    tracing::error!(%error, "what was answered is not what the contract says");
    Status::internal("something failed here")
}

/// The fields of a message that are there.
fn given<T: Serialize>(message: &T) -> Result<Map<String, Value>, Status> {
    match serde_json::to_value(message).map_err(|error| unreadable(&error))? {
        Value::Object(fields) => Ok(present_of(fields)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Ok(Map::new())
        }
    }
}

/// Refuses amounts that JSON has no form for, and that would be taken for missing.
fn are_numbers(budget: Option<f64>, limits: Option<&wire::Limits>) -> Result<(), Status> {
    let cost = limits.and_then(|limits| limits.cost_limit_monthly_usd);
    let amounts = [
        ("shadow_budget_usd_per_day", budget),
        ("limits.cost_limit_monthly_usd", cost),
    ];
    let strange = amounts
        .into_iter()
        .find_map(|(field, amount)| Some((field, amount.filter(|amount| !amount.is_finite())?)));
    match strange {
        Some((field, amount)) => {
            let message = format!("{field} is {amount}, it must be an amount in US dollars");
            Err(refused(ApiError::invalid_body(field, message)))
        }
        None => Ok(()),
    }
}

/// Without fields that are null, at any depth.
fn present(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(present_of(fields)),
        Value::Array(items) => Value::Array(items.into_iter().map(present).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

fn present_of(mut fields: Map<String, Value>) -> Map<String, Value> {
    fields.retain(|_, value| !value.is_null());
    let named = fields.into_iter();
    named.map(|(name, value)| (name, present(value))).collect()
}

/// The same as the pairs of a query.
fn pairs<T: Serialize>(message: &T) -> Result<Vec<(String, String)>, Status> {
    let pair = |(name, value): (String, Value)| {
        let text = value.as_str().map(str::to_owned);
        (name, text.unwrap_or_else(|| value.to_string()))
    };
    Ok(given(message)?.into_iter().map(pair).collect())
}

fn text(said: &Value, name: &str) -> String {
    said[name].as_str().unwrap_or_default().to_owned()
}

/// REST's error in gRPC's words.
fn refused(error: ApiError) -> Status {
    let (status, code, param, message) = error.into_parts();
    let mut refusal = match status {
        StatusCode::UNAUTHORIZED => Status::unauthenticated(message),
        StatusCode::FORBIDDEN => Status::permission_denied(message),
        StatusCode::NOT_FOUND => Status::not_found(message),
        // What the operator has not set up stays so, however often it is asked for.
        StatusCode::NOT_IMPLEMENTED => Status::failed_precondition(message),
        StatusCode::TOO_MANY_REQUESTS => Status::resource_exhausted(message),
        StatusCode::SERVICE_UNAVAILABLE => Status::unavailable(message),
        status if status.is_client_error() => Status::invalid_argument(message),
        _ => Status::internal(message),
    };
    let metadata = refusal.metadata_mut();
    metadata.insert("floopy-error-code", MetadataValue::from_static(code));
    // A field's name that cannot be a header is in the message.
    if let Some(param) = param.and_then(|param| param.parse().ok()) {
        metadata.insert("floopy-error-param", param);
    }
    refusal
}
