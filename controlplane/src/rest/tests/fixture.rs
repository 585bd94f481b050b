//! A store with two tenants, and the routes over it.

use axum::body::{Body, to_bytes};
use floopy_shared::{catalog::builtin_catalog, domain::credential::KeyRing};
use serde_json::Value;
use tower::ServiceExt;

use super::super::*;
use crate::{
    fixture::*,
    in_force::{Terms, policy},
    index::KnownModels,
    ingest::Intake,
    store::{
        keys::{self, Wanted},
        tenants,
    },
    webhooks::Signing,
};

/// The operator's key.
pub(in super::super) const OPERATOR: &str = "fl_operator_of_the_tests";

pub(in super::super) struct Fixture {
    pub(in super::super) router: Router,
    pub(in super::super) intake: Intake,
    pub(in super::super) index: Arc<Index>,
    pub(in super::super) key: String,
    pub(in super::super) stranger: String,
}

impl Fixture {
    pub(in super::super) async fn new() -> Self {
        Self::with_exports(crate::Export::default()).await
    }

    /// With models that settings can name.
    pub(in super::super) async fn with_models() -> Self {
        let models = KnownModels {
            catalog: Arc::new(builtin_catalog()),
            own: Arc::default(),
        };
        Self::with(crate::Export::default(), models).await
    }

    pub(in super::super) async fn with_exports(exports: crate::Export) -> Self {
        Self::with(exports, KnownModels::default()).await
    }

    async fn with(exports: crate::Export, models: KnownModels) -> Self {
        let intake = intake().await;
        let mut tx = intake.store.write().await.expect("writes");
        let other = TenantId::new("other").expect("valid");
        let mut minted = Vec::new();
        for id in [tenant(), other] {
            tenants::ensure(&mut tx, &id, NOW).await.expect("made");
            let key = keys::mint(&mut tx, &id, &Wanted::default(), NOW).await;
            minted.push(key.expect("minted"));
        }
        tx.commit().await.expect("commits");
        let stranger = minted.pop().expect("two");
        let key = minted.pop().expect("two");
        let mut fixture = Self {
            router: Router::new(),
            intake,
            index: Arc::default(),
            key,
            stranger,
        };
        fixture.router = router(fixture.api_with(exports, models));
        fixture
    }

    /// Over the same store, with other models.
    pub(in super::super) fn api(&self, models: KnownModels) -> Api {
        self.api_with(crate::Export::default(), models)
    }

    fn api_with(&self, exports: crate::Export, models: KnownModels) -> Api {
        Api {
            store: self.intake.store.clone(),
            log: DecisionLog::Store(self.intake.store.clone()),
            queue: self.intake.queue.clone(),
            index: Arc::clone(&self.index),
            totals: Arc::clone(&self.intake.totals),
            clock: self.intake.clock.clone(),
            registry: Arc::default(),
            cursor_key: CursorKey::new(vec![1; 32]),
            retention_ms: 90 * 86_400_000,
            in_force: InForce::new(Terms {
                models,
                plans: crate::plans::Plans::of(&[]).expect("valid"),
                policy: policy(&crate::Learning::default()),
                privacy: crate::Learning::default().pool.privacy(),
            }),
            reloads: Arc::default(),
            dirty: Arc::default(),
            webhooks: Arc::new(Webhooks {
                signing: Signing::new(&[5; 32]),
                networks: Vec::new(),
            }),
            exports: Arc::new(Exports::new(exports, &[3; 32]).expect("a key")),
            savings_rate_ppm: 150_000,
            asking: Arc::default(),
            evaluations: Arc::default(),
            operator: Some(KeyHash::of(OPERATOR)),
            keys: KeyRing::read(&"ab".repeat(32)).expect("a key"),
            fleet: Arc::default(),
            people: Arc::default(),
            asker: Arc::new(crate::evaluations::Asker::new()),
            started_ms: NOW,
        }
    }

    pub(in super::super) async fn raw(
        &self,
        path: &str,
        key: Option<&str>,
    ) -> (StatusCode, http::HeaderMap, Vec<u8>) {
        self.worded(path, key, "").await
    }

    /// The same in a language.
    pub(in super::super) async fn worded(
        &self,
        path: &str,
        key: Option<&str>,
        language: &str,
    ) -> (StatusCode, http::HeaderMap, Vec<u8>) {
        let mut request = http::Request::get(path).header("accept-language", language);
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.body(Body::empty()).expect("valid");
        let response = self.router.clone().oneshot(request).await.expect("answers");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 1 << 22).await.expect("whole").to_vec();
        assert!(parts.headers.contains_key("x-request-id"));
        (parts.status, parts.headers, body)
    }

    /// The same under the operator's.
    pub(in super::super) async fn operate(&self, call: &str, body: Value) -> (u16, Value) {
        let (status, body) = self.send(OPERATOR, call, body).await;
        (status.as_u16(), body)
    }

    /// A request with a JSON body, under a key.
    pub(in super::super) async fn send(
        &self,
        key: &str,
        call: &str,
        body: Value,
    ) -> (StatusCode, Value) {
        let (method, path) = call.split_once(' ').expect("METHOD path");
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {key}"))
            .body(Body::from(body.to_string()))
            .expect("valid");
        let response = self.router.clone().oneshot(request).await.expect("answers");
        let status = response.status();
        let body = to_bytes(response.into_body(), 1 << 22)
            .await
            .expect("whole");
        (status, serde_json::from_slice(&body).expect("JSON"))
    }

    pub(in super::super) async fn get(&self, path: &str) -> (StatusCode, Value) {
        let (status, _, body) = self.raw(path, Some(&self.key)).await;
        (status, serde_json::from_slice(&body).expect("JSON"))
    }
}
