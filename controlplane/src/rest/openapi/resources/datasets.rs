//! `/v1/datasets` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::ToSchema;

use super::super::{Routes, operation::Operation, parts::Deleted};
use crate::rest::datasets::{self, rows};

/// A data set, with its first rows.
#[derive(ToSchema)]
struct DatasetInput {
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"\S",
        example = "Support questions"
    )]
    name: String,
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// At most 10,000 at a time.
    #[schema(nullable = false, max_items = 10000)]
    rows: Option<Vec<RowInput>>,
}

/// What is asked. One of `messages`, `input` and `inputs` must be there. At most 256 KiB.
#[derive(ToSchema)]
struct RowInput {
    /// Told as `input_id`; a row without one is named by its content.
    #[schema(min_length = 1, max_length = 128)]
    id: Option<String>,
    /// A conversation, as chat completions have it.
    #[schema(min_items = 1)]
    messages: Option<Vec<BTreeMap<String, Value>>>,
    /// One message of a user.
    #[schema(min_length = 1)]
    input: Option<String>,
    /// Values of a stored prompt's variables.
    inputs: Option<BTreeMap<String, Value>>,
    /// Told with the result; the judges do not see it.
    expected: Option<Value>,
    /// The same as `expected`.
    reference: Option<Value>,
    /// Told with the result.
    metadata: Option<BTreeMap<String, Value>>,
}

/// What evaluations ask.
#[derive(ToSchema)]
struct Dataset {
    #[schema(format = Uuid)]
    id: String,
    name: String,
    description: Option<String>,
    row_count: u64,
    /// Of its rows.
    bytes: u64,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// A row as it was written.
#[derive(ToSchema)]
struct Row {
    id: String,
    #[schema(nullable = false)]
    messages: Option<Vec<BTreeMap<String, Value>>>,
    #[schema(nullable = false)]
    input: Option<String>,
    #[schema(nullable = false)]
    inputs: Option<BTreeMap<String, Value>>,
    /// Any JSON.
    #[schema(nullable = false)]
    expected: Option<AnyJson>,
    #[schema(nullable = false)]
    metadata: Option<BTreeMap<String, Value>>,
    #[schema(format = DateTime)]
    created_at: String,
}

/// Any JSON.
#[derive(ToSchema)]
struct AnyJson(Value);

/// What became of rows.
#[derive(ToSchema)]
struct Appended {
    #[schema(format = Uuid)]
    id: String,
    added: u64,
    /// Rows that were there already.
    duplicates: u64,
    row_count: u64,
    bytes: u64,
}

const ONE: &str = "/v1/datasets/{id}";
const ROWS: &str = "/v1/datasets/{id}/rows";

pub(super) fn routes() -> Routes {
    Routes::of("Evaluations")
        .get(
            "/v1/datasets",
            datasets::list,
            Operation::new("listDatasets", "Data sets")
                .pages()
                .answers_page::<Dataset>("The data sets, the newest first, without their rows."),
        )
        .post(
            "/v1/datasets",
            datasets::create,
            Operation::new("createDataset", "Make a data set")
                .says("At most 100, with 50,000 rows each and 1 GiB of rows in all. A tenant with zero retention has none.")
                .takes::<DatasetInput>()
                .answers::<Dataset>(201, "The data set."),
        )
        .get(
            ONE,
            datasets::one,
            Operation::new("getDataset", "One data set").answers::<Dataset>(200, "The data set."),
        )
        .delete(
            ONE,
            datasets::remove,
            Operation::new("deleteDataset", "Delete a data set")
                .says("With its rows. Evaluations that are asking it fail; results that are there stay.")
                .answers::<Deleted>(200, "It is gone."),
        )
        .get(
            ROWS,
            rows::list,
            Operation::new("listRows", "Rows of a data set")
                .pages()
                .answers_page::<Row>("The rows, in the order in which they came."),
        )
        .post(
            ROWS,
            rows::append,
            Operation::new("appendRows", "Append rows")
                .says("As a JSON list, or as JSON Lines with one row in each line. The same row under the same id is one \
                    row, so appending again adds nothing.")
                .takes_forms(&[
                    ("application/json", json!({"type": "array", "minItems": 1, "items": {"type": "object"}})),
                    ("application/x-ndjson", json!({"type": "string"})),
                ])
                .answers::<Appended>(200, "What became of them."),
        )
}
