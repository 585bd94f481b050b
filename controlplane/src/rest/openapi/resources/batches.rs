//! `/v1/files` and `/v1/batches` in the document. They are OpenAI's, and answered by the proxy.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use std::collections::BTreeMap;

use serde_json::json;
use utoipa::ToSchema;

use super::super::{Routes, operation::Operation};

/// A file of requests, or of replies.
#[derive(ToSchema)]
struct File {
    id: String,
    object: String,
    bytes: u64,
    /// Seconds since 1970.
    created_at: u64,
    filename: String,
    purpose: String,
    status: String,
}

#[derive(ToSchema)]
struct FileList {
    object: String,
    data: Vec<File>,
    has_more: bool,
}

#[derive(ToSchema)]
struct FileDeleted {
    id: String,
    object: String,
    deleted: bool,
}

/// A batch of the requests in a file.
#[derive(ToSchema)]
struct BatchInput {
    #[schema(min_length = 1)]
    input_file_id: String,
    /// Anthropic's batches have chat completions only.
    #[schema(example = "/v1/chat/completions")]
    endpoint: String,
    completion_window: Window,
    /// At most 16 keys.
    metadata: Option<BTreeMap<String, String>>,
}

#[derive(ToSchema)]
enum Window {
    #[schema(rename = "24h")]
    Day,
}

/// Its state, in OpenAI's words.
#[derive(ToSchema)]
struct Batch {
    id: String,
    object: String,
    endpoint: String,
    input_file_id: String,
    completion_window: String,
    /// `validating`, `in_progress`, `finalizing`, `completed`, `failed`, `expired`, `cancelling` or `cancelled`.
    status: String,
    output_file_id: Option<String>,
    error_file_id: Option<String>,
    /// Seconds since 1970.
    created_at: u64,
}

#[derive(ToSchema)]
struct BatchList {
    object: String,
    data: Vec<Batch>,
    has_more: bool,
}

const OPENAI: &str = "https://platform.openai.com/docs/api-reference";

fn page(operation: Operation, most: u32, usual: u32) -> Operation {
    let limit = json!({"type": "integer", "minimum": 1, "maximum": most, "default": usual});
    let after = json!({"type": "string"});
    operation.query("limit", limit, "Items of a page.").query(
        "after",
        after,
        "The id of the last item of the page before.",
    )
}

/// What all of them say besides.
fn of_books(operation: Operation, at: &str) -> Operation {
    let provider = json!({"type": "string"});
    operation
        .links_to(&format!("{OPENAI}/{at}"))
        .header(
            "floopy-provider",
            provider,
            "Whose; the only configured provider that takes batches unless told.",
        )
        .refuses(502)
        .refuses(504)
        .passes_errors_on()
}

/// What is done once for each name that a caller gives it.
fn once(operation: Operation) -> Operation {
    let name = json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"});
    operation
        .header(
            "Idempotency-Key",
            name,
            "The same question again within a day gets what the first one made, with `floopy-idempotent-replay: true`.",
        )
        .refuses(422)
}

fn upload() -> Operation {
    let form = json!({
        "type": "object", "required": ["purpose", "file"],
        "properties": {
            "purpose": {"type": "string", "enum": ["batch"]},
            "file": {"type": "string", "format": "binary", "description": "JSON Lines, one request in each."},
        },
    });
    let operation = Operation::new("uploadFile", "Upload a file");
    once(of_books(operation, "files/create"))
        .says("Passed on while it comes, or kept here where the provider has no files.")
        .takes_forms(&[("multipart/form-data", form)])
        .answers_open::<File>(200, "The file.")
}

pub(super) fn routes() -> Routes {
    files().and(batches())
}

fn files() -> Routes {
    let purpose = json!({"type": "string"});
    let order = json!({"type": "string", "enum": ["asc", "desc"], "default": "desc"});
    let list = page(
        of_books(Operation::new("listFiles", "Files"), "files/list"),
        10_000,
        100,
    )
    .query("purpose", purpose, "Those of this purpose only.")
    .query("order", order, "By when they were made.")
    .answers_open::<FileList>(200, "Your own files.");
    let content = of_books(
        Operation::new("getContent", "What a file says"),
        "files/retrieve-contents",
    )
    .answers_with(
        (200, "The bytes."),
        &[("application/octet-stream", json!({}))],
    );
    Routes::of("Batches")
        .at_the_proxy("get", "/v1/files", list)
        .at_the_proxy("post", "/v1/files", upload())
        .at_the_proxy(
            "get",
            "/v1/files/{file_id}",
            of_books(Operation::new("getFile", "One file"), "files/retrieve")
                .answers_open::<File>(200, "The file."),
        )
        .at_the_proxy(
            "delete",
            "/v1/files/{file_id}",
            of_books(
                Operation::new("deleteFile", "Delete a file"),
                "files/delete",
            )
            .answers::<FileDeleted>(200, "It is gone."),
        )
        .at_the_proxy("get", "/v1/files/{file_id}/content", content)
}

fn batches() -> Routes {
    Routes::of("Batches")
        .at_the_proxy(
            "get",
            "/v1/batches",
            page(of_books(Operation::new("listBatches", "Batches"), "batch/list"), 100, 20)
                .answers_open::<BatchList>(200, "Your own batches, as they were when last looked at."),
        )
        .at_the_proxy(
            "post",
            "/v1/batches",
            once(of_books(Operation::new("createBatch", "Begin a batch"), "batch/create"))
                .says("Each of its requests becomes a decision once the batch has ended, at half the price of a call.")
                .takes::<BatchInput>()
                .answers_open::<Batch>(200, "The batch.")
                .refuses(404),
        )
        .at_the_proxy(
            "get",
            "/v1/batches/{batch_id}",
            of_books(Operation::new("getBatch", "One batch"), "batch/retrieve")
                .answers_open::<Batch>(200, "The batch, as its provider tells it now."),
        )
        .at_the_proxy(
            "post",
            "/v1/batches/{batch_id}/cancel",
            of_books(Operation::new("cancelBatch", "End a batch"), "batch/cancel")
                .answers_open::<Batch>(200, "The batch."),
        )
}
