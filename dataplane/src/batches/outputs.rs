//! The files that a batch leaves behind.

use std::sync::Arc;

use floopy_shared::domain::batch::{Batch, BatchFile, Part, Place};
use serde_json::{Map, Value};

use super::{content::part_name, names::file_id};
use crate::{gateway::Gateway, http::respond::Refusal};

/// Their purpose, in OpenAI's words.
const PURPOSE: &str = "batch_output";

/// Where a batch says which they are.
pub(super) const FIELDS: [(&str, Part); 2] = [
    ("output_file_id", Part::Succeeded),
    ("error_file_id", Part::Failed),
];

fn output(batch: &Batch, part: Part, (id, bytes, place): (String, u64, Place)) -> BatchFile {
    BatchFile {
        id,
        tenant: batch.tenant.clone(),
        provider: batch.provider.clone(),
        purpose: PURPOSE.to_owned(),
        filename: format!("{}_{}.jsonl", batch.id, part_name(part)),
        bytes,
        created_at_ms: batch.created_at_ms,
        models: Vec::new(),
        place,
        question: String::new(),
        digest: String::new(),
    }
}

/// The files that a provider made of a batch, by its own names.
pub(super) fn made<'a>(
    batch: &'a Batch,
    object: &'a Map<String, Value>,
) -> impl Iterator<Item = (Part, BatchFile)> + 'a {
    let named = |(field, part): (&str, Part)| Some((part, object.get(field)?.as_str()?.to_owned()));
    FIELDS.into_iter().filter_map(named).map(|(part, theirs)| {
        let id = file_id(&batch.provider, &theirs);
        (part, output(batch, part, (id, 0, Place::Provider(theirs))))
    })
}

/// Enters a file that a provider made as the tenant's of its batch.
pub(super) async fn enter_made(
    gateway: &Arc<Gateway>,
    (file, bytes): (BatchFile, u64),
) -> Result<String, Refusal> {
    let file = BatchFile { bytes, ..file };
    gateway.batches.books.put_file(&file, true).await?;
    Ok(file.id)
}

/// Enters a file that is made of results whenever it is read.
pub(super) async fn enter_results(
    gateway: &Arc<Gateway>,
    batch: &Batch,
    (part, bytes): (Part, u64),
) -> Result<String, Refusal> {
    let id = file_id(&batch.id, part_name(part));
    let place = Place::Results {
        batch: batch.id.clone(),
        part,
    };
    let file = output(batch, part, (id.clone(), bytes, place));
    gateway.batches.books.put_file(&file, true).await?;
    Ok(id)
}
