//! Files and batches.

use floopy_proto::v1::{self, batch_file};

use super::{InvalidWire, id_bytes, non_empty, optional_uuid, ranking, required, snapshot};
use crate::domain::{
    batch::{Batch, BatchFile, BatchLine, Part, Place},
    tenant::Environment,
};

impl From<&BatchLine> for v1::BatchLine {
    fn from(line: &BatchLine) -> Self {
        Self {
            batch: line.batch.clone(),
            custom_id: line.custom_id.clone(),
        }
    }
}

impl From<v1::BatchLine> for BatchLine {
    fn from(line: v1::BatchLine) -> Self {
        Self {
            batch: line.batch,
            custom_id: line.custom_id,
        }
    }
}

impl From<&BatchFile> for v1::BatchFile {
    fn from(file: &BatchFile) -> Self {
        let place = match &file.place {
            Place::Provider(id) => batch_file::Place::ProviderId(id.clone()),
            Place::Kept => batch_file::Place::Kept(true),
            Place::Results { batch, part } => batch_file::Place::Results(v1::BatchResults {
                batch: batch.clone(),
                errors: *part == Part::Failed,
            }),
        };
        Self {
            id: file.id.clone(),
            tenant: file.tenant.to_string(),
            provider: file.provider.clone(),
            purpose: file.purpose.clone(),
            filename: file.filename.clone(),
            bytes: file.bytes,
            created_at_ms: file.created_at_ms,
            models: file.models.clone(),
            place: Some(place),
            question: file.question.clone(),
            digest: file.digest.clone(),
        }
    }
}

impl TryFrom<v1::BatchFile> for BatchFile {
    type Error = InvalidWire;

    fn try_from(file: v1::BatchFile) -> Result<Self, InvalidWire> {
        let place = match required(file.place, "place")? {
            batch_file::Place::ProviderId(id) => Place::Provider(id),
            batch_file::Place::Kept(_) => Place::Kept,
            batch_file::Place::Results(results) => Place::Results {
                batch: results.batch,
                part: if results.errors {
                    Part::Failed
                } else {
                    Part::Succeeded
                },
            },
        };
        Ok(Self {
            tenant: ranking::tenant(&file.tenant)?,
            id: file.id,
            provider: file.provider,
            purpose: file.purpose,
            filename: file.filename,
            bytes: file.bytes,
            created_at_ms: file.created_at_ms,
            models: file.models,
            place,
            question: file.question,
            digest: file.digest,
        })
    }
}

impl From<&Batch> for v1::Batch {
    fn from(batch: &Batch) -> Self {
        Self {
            id: batch.id.clone(),
            tenant: batch.tenant.to_string(),
            key_id: batch.key_id.clone(),
            project: batch.project.map(id_bytes).unwrap_or_default(),
            environment: batch.environment.map_or("", Environment::as_str).to_owned(),
            provider: batch.provider.clone(),
            provider_id: batch.provider_id.clone().unwrap_or_default(),
            input_file: batch.input_file.clone(),
            models: batch.models.clone(),
            object: batch.object.clone(),
            created_at_ms: batch.created_at_ms,
            is_open: batch.is_open,
            version: batch.version,
            question: batch.question.clone(),
            digest: batch.digest.clone(),
        }
    }
}

impl TryFrom<v1::Batch> for Batch {
    type Error = InvalidWire;

    fn try_from(batch: v1::Batch) -> Result<Self, InvalidWire> {
        Ok(Self {
            tenant: ranking::tenant(&batch.tenant)?,
            project: optional_uuid(&batch.project, "project")?,
            environment: snapshot::environment(batch.environment)?,
            provider_id: non_empty(batch.provider_id),
            id: batch.id,
            key_id: batch.key_id,
            provider: batch.provider,
            input_file: batch.input_file,
            models: batch.models,
            object: batch.object,
            created_at_ms: batch.created_at_ms,
            is_open: batch.is_open,
            version: batch.version,
            question: batch.question,
            digest: batch.digest,
        })
    }
}
