//! `/v1/prompts` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::{
    ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type, schema::SchemaType},
};

use super::super::{Routes, operation::Operation, parts::Deleted};
use crate::rest::prompts::{self, diff, versions};

/// A prompt with what its next version says.
#[derive(ToSchema)]
struct PromptInput {
    /// No other prompt has it; spaces around it are taken off.
    #[schema(
        min_length = 1,
        max_length = 100,
        pattern = r"\S",
        example = "greeting"
    )]
    name: String,
    #[schema(max_length = 1000)]
    description: Option<String>,
    /// Why it is saved, as in the first line of a commit.
    #[schema(max_length = 500)]
    note: Option<String>,
    #[schema(min_items = 1, max_items = 50)]
    messages: Vec<PromptMessageInput>,
    /// What calls fill in, by name.
    variables: Option<BTreeMap<String, VariableInput>>,
}

/// What a version says.
#[derive(ToSchema)]
struct VersionInput {
    #[schema(max_length = 500)]
    note: Option<String>,
    #[schema(min_items = 1, max_items = 50)]
    messages: Vec<PromptMessageInput>,
    variables: Option<BTreeMap<String, VariableInput>>,
}

/// Why an older version is saved anew.
#[derive(ToSchema)]
struct RestoreInput {
    #[schema(max_length = 500)]
    note: Option<String>,
}

/// Text with `{{name}}` where variables go.
#[derive(ToSchema)]
struct PromptMessageInput {
    role: PromptRole,
    #[schema(min_length = 1)]
    content: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum PromptRole {
    System,
    Developer,
    User,
    Assistant,
}

#[derive(ToSchema)]
struct VariableInput {
    /// A string, a number or a boolean.
    #[schema(schema_with = scalar)]
    default: Option<Value>,
    /// A call that leaves it out is refused.
    #[schema(required = false, default = false)]
    required: bool,
}

/// Messages that calls name instead of sending them.
#[derive(ToSchema)]
struct Prompt {
    #[schema(format = Uuid)]
    id: String,
    name: String,
    description: Option<String>,
    latest_version: u32,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
    /// Not in lists.
    #[schema(nullable = false)]
    latest: Option<PromptVersion>,
}

/// A version with what it says.
#[derive(ToSchema)]
struct PromptVersion {
    prompt_id: String,
    version: u32,
    /// The id of the key that saved it.
    author: String,
    note: Option<String>,
    restored_from: Option<u32>,
    /// How much text it holds.
    bytes: u64,
    #[schema(format = DateTime)]
    created_at: String,
    /// Not in lists.
    #[schema(nullable = false)]
    messages: Option<Vec<PromptMessage>>,
    /// Not in lists.
    #[schema(nullable = false)]
    variables: Option<BTreeMap<String, Variable>>,
}

#[derive(ToSchema)]
struct PromptMessage {
    role: PromptRole,
    content: String,
}

#[derive(ToSchema)]
struct Variable {
    default: Option<Value>,
    required: bool,
}

#[derive(ToSchema)]
struct VersionDeleted {
    prompt_id: String,
    version: u32,
    object: String,
    deleted: bool,
}

/// What changed between two versions.
#[derive(ToSchema)]
struct Diff {
    prompt_id: String,
    /// Null: there was none.
    from: Option<u32>,
    to: u32,
    lines: Vec<DiffLine>,
    /// As `diff -u` shows it.
    unified: String,
    variables: VariablesDiff,
}

#[derive(ToSchema)]
struct DiffLine {
    op: DiffOp,
    line: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum DiffOp {
    Equal,
    Delete,
    Insert,
}

/// Names.
#[derive(ToSchema)]
struct VariablesDiff {
    added: Vec<String>,
    removed: Vec<String>,
    changed: Vec<String>,
}

/// What a variable can be.
fn scalar() -> RefOr<Schema> {
    let kinds = [Type::String, Type::Number, Type::Boolean, Type::Null];
    let kinds = SchemaType::from_iter(kinds);
    ObjectBuilder::new().schema_type(kinds).into()
}

const ONE: &str = "/v1/prompts/{id}";
const VERSIONS: &str = "/v1/prompts/{id}/versions";
const VERSION: &str = "/v1/prompts/{id}/versions/{version}";

fn number() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": u32::MAX})
}

pub(super) fn routes() -> Routes {
    Routes::of("Prompts")
        .get(
            "/v1/prompts",
            prompts::list,
            Operation::new("listPrompts", "Prompts")
                .pages()
                .answers_page::<Prompt>("The prompts, the newest first, without what they say."),
        )
        .post(
            "/v1/prompts",
            prompts::create,
            Operation::new("createPrompt", "Save a prompt")
                .says("With its first version. Calls name it with `floopy-prompt-id`, about a second later.")
                .takes::<PromptInput>()
                .answers::<Prompt>(201, "The prompt."),
        )
        .get(
            ONE,
            prompts::one,
            Operation::new("getPrompt", "One prompt").answers::<Prompt>(200, "The prompt, with its newest version."),
        )
        .put(
            ONE,
            prompts::replace,
            Operation::new("replacePrompt", "Replace a prompt")
                .says("Saves a version where it says something else than the newest.")
                .takes::<PromptInput>()
                .answers::<Prompt>(200, "The prompt as it is now."),
        )
        .delete(
            ONE,
            prompts::remove,
            Operation::new("deletePrompt", "Delete a prompt")
                .says("With all its versions; calls that name it are refused.")
                .answers::<Deleted>(200, "It is gone."),
        )
        .get(
            "/v1/prompts/{id}/diff",
            diff::between,
            Operation::new("diffPrompt", "What changed")
                .query("from", number(), "The version before `to` unless told.")
                .query("to", number(), "The newest unless told.")
                .answers::<Diff>(200, "Line by line."),
        )
        .and(versions())
}

fn numbered(operation: Operation) -> Operation {
    operation.path("version", number(), "The number of the version.")
}

fn versions() -> Routes {
    Routes::of("Prompts")
        .get(
            VERSIONS,
            versions::list,
            Operation::new("listVersions", "Versions of a prompt")
                .pages()
                .answers_page::<PromptVersion>(
                    "The versions, the newest first, without what they say.",
                ),
        )
        .post(
            VERSIONS,
            versions::create,
            Operation::new("createVersion", "Save a version")
                .takes::<VersionInput>()
                .answers::<PromptVersion>(201, "The version."),
        )
        .get(
            VERSION,
            versions::one,
            numbered(Operation::new("getVersion", "One version"))
                .answers::<PromptVersion>(200, "The version."),
        )
        .delete(
            VERSION,
            versions::remove,
            numbered(Operation::new("deleteVersion", "Delete a version"))
                .says("The newest stays (400): save another one first.")
                .answers::<VersionDeleted>(200, "It is gone."),
        )
        .post(
            "/v1/prompts/{id}/versions/{version}/restore",
            versions::restore,
            numbered(Operation::new(
                "restoreVersion",
                "Save an older version anew",
            ))
            .may_take::<RestoreInput>()
            .answers::<PromptVersion>(201, "The new version."),
        )
}
