//! `/v1/mcp` in the document.

#![expect(dead_code, reason = "shapes of answers, which the document reads")]

use serde_json::{Value, json};
use utoipa::{
    ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, OneOfBuilder, RefOr, Schema, Type},
};

use super::super::{Routes, operation::Operation, parts::Deleted};
use crate::rest::mcp;

/// A server of the Model Context Protocol, as it is written. What `GET` tells beside these may come back and changes
/// nothing.
#[derive(ToSchema)]
struct McpServerInput {
    /// What its tools are told apart by, and what `floopy-mcp-plugin` names it by.
    #[schema(example = "search", pattern = "^[a-z0-9_-]{1,40}$")]
    id: String,
    /// `https`, or `http` to a literal address that the operator allows. Where it leads is judged for each connection.
    #[schema(example = "https://tools.example.com/mcp", max_length = 2048)]
    url: String,
    /// Null: it is asked without.
    auth: Option<McpAuthInput>,
    /// The names of the tools that may be called, or `*` for all that it has.
    #[schema(required = false, schema_with = tool_names)]
    tools: Value,
    /// How long it may take for one answer.
    #[schema(required = false, default = 10_000, minimum = 100, maximum = 60_000)]
    timeout_ms: u32,
    /// How often it is asked again what it cannot have heard.
    #[schema(required = false, default = 1, minimum = 0, maximum = 5)]
    max_retries: u32,
    /// Asked where a call names no servers.
    #[schema(required = false, default = true)]
    enabled: bool,
}

/// How a server knows who asks.
#[derive(ToSchema)]
struct McpAuthInput {
    /// `bearer`, or `api_key` for a header of its own.
    #[schema(example = "bearer", pattern = "^(bearer|api_key)$")]
    r#type: String,
    /// Of `api_key`; missing: `x-api-key`.
    #[schema(max_length = 100)]
    header: Option<String>,
    /// Taken and never told; with `PATCH`, the one before stays where it is missing.
    #[schema(format = Password, max_length = 4096)]
    secret: Option<String>,
}

/// The fields of a server that are to change.
#[derive(ToSchema)]
struct McpServerPatch {
    #[schema(nullable = false, max_length = 2048)]
    url: Option<String>,
    /// Null: it is asked without.
    auth: Option<McpAuthInput>,
    #[schema(required = false, schema_with = tool_names)]
    tools: Value,
    #[schema(nullable = false, minimum = 100, maximum = 60_000)]
    timeout_ms: Option<u32>,
    #[schema(nullable = false, minimum = 0, maximum = 5)]
    max_retries: Option<u32>,
    #[schema(nullable = false)]
    enabled: Option<bool>,
}

/// A server whose tools models may call.
#[derive(ToSchema)]
struct McpServer {
    id: String,
    /// Always `mcp_server`.
    object: String,
    url: String,
    auth: Option<McpAuth>,
    /// The names of the tools that may be called, or `*` for all that it has.
    #[schema(schema_with = tool_names)]
    tools: Value,
    timeout_ms: u32,
    max_retries: u32,
    enabled: bool,
    /// `api`, or `configuration` for one that the operator wrote down.
    source: String,
    /// Null: it is the operator's.
    #[schema(format = DateTime)]
    created_at: Option<String>,
    #[schema(format = DateTime)]
    updated_at: Option<String>,
}

/// Without the secret.
#[derive(ToSchema)]
struct McpAuth {
    r#type: String,
    #[schema(nullable = false)]
    header: Option<String>,
}

/// How far calling tools goes; what is missing is as where nobody sets anything.
#[derive(ToSchema)]
struct McpAgentInput {
    /// How often the model may call tools before it must answer.
    #[schema(required = false, default = 8, minimum = 1, maximum = 20)]
    max_rounds: u32,
    /// What becomes of calls that want a stream: `final_only`, which streams the last answer, or `disabled`.
    #[schema(
        required = false,
        default = "final_only",
        pattern = "^(final_only|disabled)$"
    )]
    stream_mode: String,
    /// Tools that a model calls together are asked together.
    #[schema(required = false, default = true)]
    tool_call_parallel: bool,
    /// How long it is remembered which tools a server has.
    #[schema(required = false, default = 300, minimum = 0, maximum = 86_400)]
    tool_cache_ttl_seconds: u32,
}

/// How far calling tools goes.
#[derive(ToSchema)]
struct McpAgent {
    /// Always `mcp_agent`.
    object: String,
    max_rounds: u32,
    stream_mode: String,
    tool_call_parallel: bool,
    tool_cache_ttl_seconds: u32,
}

/// What a chat completion says of tools, and is told.
pub(super) fn with_tools(operation: Operation) -> Operation {
    let (text, count) = (
        json!({"type": "string"}),
        json!({"type": "integer", "minimum": 0}),
    );
    operation
        .header(
            "floopy-mcp-plugin",
            text.clone(),
            "Which servers of tools it may use and how far that goes, in YAML on one line: `docs/mcp-client.md`.",
        )
        .header(
            "floopy-mcp-disabled",
            text.clone(),
            "`true`, `1` or `yes`: without tools of servers.",
        )
        .tells(
            "floopy-mcp-rounds",
            &count,
            "How often a model was asked, where tools of servers could be called.",
        )
        .tells("floopy-mcp-calls", &count, "How many tools were called.")
        .tells(
            "floopy-mcp-unavailable",
            &text,
            "Ids of servers that did not say which tools they have, as a comma list.",
        )
        .tells(
            "floopy-mcp-left-out",
            &count,
            "Tools that there was no room for.",
        )
}

/// `*`, or a list.
fn tool_names() -> RefOr<Schema> {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let all = text().pattern(Some(r"^\*$"));
    let name = text().min_length(Some(1)).max_length(Some(128));
    let names = ArrayBuilder::new().items(name).max_items(Some(128));
    OneOfBuilder::new().item(all).item(names).into()
}

const ALL: &str = "/v1/mcp/servers";
const ONE: &str = "/v1/mcp/servers/{id}";
const AGENT: &str = "/v1/mcp/agent";

pub(super) fn routes() -> Routes {
    Routes::of("Tools")
        .get(
            ALL,
            mcp::list,
            Operation::new("listMcpServers", "All servers of tools")
                .says("One page holds them all, those of the configuration, too.")
                .answers_page::<McpServer>("The servers, by their ids."),
        )
        .post(
            ALL,
            mcp::create,
            Operation::new("createMcpServer", "Add a server of tools")
                .says("At most 20. Chat completions may call its tools from then on, as `docs/mcp-client.md` says.")
                .takes::<McpServerInput>()
                .answers::<McpServer>(201, "The server, without its secret."),
        )
        .and(one())
        .and(agent())
}

fn one() -> Routes {
    Routes::of("Tools")
        .get(
            ONE,
            mcp::get,
            Operation::new("getMcpServer", "One server of tools")
                .answers::<McpServer>(200, "The server, without its secret."),
        )
        .patch(
            ONE,
            mcp::patch,
            Operation::new("changeMcpServer", "Change fields of a server of tools")
                .says("The fields that are not named stay. A server that is elsewhere from now on needs its secret again.")
                .takes::<McpServerPatch>()
                .answers::<McpServer>(200, "The server as it is now."),
        )
        .delete(
            ONE,
            mcp::delete,
            Operation::new("deleteMcpServer", "Take a server of tools away")
                .says("The configuration's of the same id counts again, if there is one.")
                .answers::<Deleted>(200, "It is gone."),
        )
}

fn agent() -> Routes {
    Routes::of("Tools")
        .get(
            AGENT,
            mcp::get_agent,
            Operation::new("getMcpAgent", "How far calling tools goes")
                .answers::<McpAgent>(200, "What is set."),
        )
        .put(
            AGENT,
            mcp::put_agent,
            Operation::new("replaceMcpAgent", "Set how far calling tools goes")
                .says("As a whole. Reaches every proxy in about a second.")
                .takes::<McpAgentInput>()
                .answers::<McpAgent>(200, "What is set now."),
        )
}
