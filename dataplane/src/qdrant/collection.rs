//! The collection: made where it is missing, and refused where it is another one's.

use floopy_semantic::embed::DIMENSIONS;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{PATIENCE, Qdrant, Question, Unanswered};

/// The fields that are looked for, with their kinds; whose a point is comes first, so that Qdrant keeps what is of one
/// tenant together.
const FIELDS: [(&str, &str); 9] = [
    ("tenant", "tenant"),
    ("scope", "keyword"),
    ("form", "keyword"),
    ("key", "keyword"),
    ("model", "keyword"),
    ("rule", "keyword"),
    ("generation", "integer"),
    ("flushed", "integer"),
    ("expires_ms", "integer"),
];

/// Why it cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    #[error(
        "its collection has vectors of {0}, not of {DIMENSIONS} numbers compared by Cosine: name another one in qdrant.collection"
    )]
    Foreign(String),
}

#[derive(Deserialize)]
struct Described {
    config: Config,
}

#[derive(Deserialize)]
struct Config {
    params: Params,
}

#[derive(Deserialize)]
struct Params {
    vectors: Value,
}

impl Qdrant {
    /// Makes the collection and what it is looked through by, where they are missing.
    pub(super) async fn prepare(&self) -> Result<(), Unusable> {
        match self.look().await {
            Err(Unusable::Unanswered(Unanswered::Refused { status, .. }))
                if status == StatusCode::NOT_FOUND =>
            {
                self.make().await?;
                self.look().await?;
            }
            looked => looked?,
        }
        // Those that are there stay as they are: whoever made the collection may have been stopped before them.
        for (name, kind) in FIELDS {
            let schema = match kind {
                "tenant" => json!({"type": "keyword", "is_tenant": true}),
                kind => json!(kind),
            };
            let field = json!({"field_name": name, "field_schema": schema});
            let question = Question::new(Method::PUT, "/index?wait=true", &field);
            let _: Value = self.send(question, PATIENCE).await?;
        }
        Ok(())
    }

    /// Whether it answers, and what is there is ours.
    pub(super) async fn look(&self) -> Result<(), Unusable> {
        let described: Described = self.send(Question::get(), PATIENCE).await?;
        let vectors = &described.config.params.vectors;
        if vectors["size"] == json!(DIMENSIONS) && vectors["distance"] == json!("Cosine") {
            return Ok(());
        }
        let known = vectors["size"].as_u64().zip(vectors["distance"].as_str());
        let shown = known.map_or_else(
            || "another kind".to_owned(),
            |(size, distance)| format!("{size} numbers compared by {distance}"),
        );
        Err(Unusable::Foreign(shown))
    }

    /// Of one tenant's points each has neighbours, and not of all: no search goes beyond a tenant.
    async fn make(&self) -> Result<(), Unanswered> {
        let config = json!({
            "vectors": {"size": DIMENSIONS, "distance": "Cosine"},
            "hnsw_config": {"m": 0, "payload_m": 16},
            "on_disk_payload": true,
        });
        let question = Question::new(Method::PUT, "", &config);
        match self.send::<Value>(question, PATIENCE).await {
            Ok(_) => Ok(()),
            // Another proxy was faster; what it made is looked at.
            Err(Unanswered::Refused { status, .. })
                if [StatusCode::CONFLICT, StatusCode::BAD_REQUEST].contains(&status) =>
            {
                Ok(())
            }
            Err(other) => Err(other),
        }
    }
}
