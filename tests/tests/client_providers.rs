//! The real Python packages `openai` and `anthropic` against the real binaries and every provider's API, played by
//! servers that refuse what the provider would not take.

use floopy_tests::{
    Floopy, Shape, python,
    replay::{Dialects, Failures, Provider, Replay},
};

/// What a caller sends that no API knows, to see it refused.
const UNKNOWN: &str = "no_such_field";

/// Runs both packages against one provider. `refusals`: what it must refuse itself, since bytes pass between
/// callers and providers of one API.
async fn check(shape: Shape, provider: Provider, refusals: usize) {
    let replay = Replay::start(provider).await;
    let floopy = Floopy::with(shape, replay.settings()).await;
    let (api, model) = (
        floopy.api(),
        format!("{}/{}", provider.name(), provider.model()),
    );
    let openai = format!("{}/v1", api.base());
    let by_openai = [openai.as_str(), api.key(), &model];
    let by_anthropic = [api.base(), api.key(), &model];
    let kind = provider.kind();
    let openai_features = [&by_openai[..], &[kind]].concat();
    let anthropic_features = [&by_anthropic[..], &[kind]].concat();
    tokio::join!(
        python::run("openai_providers.py", &by_openai),
        python::run("anthropic_client.py", &by_anthropic),
        python::run("openai_features.py", &openai_features),
        python::run("anthropic_features.py", &anthropic_features),
    );
    let refused = replay.refused();
    let is_meant = |why: &String| why.starts_with(&format!("unknown field `{UNKNOWN}`"));
    assert!(refused.iter().all(is_meant), "{refused:#?}");
    assert_eq!(refused.len(), refusals, "{refused:#?}");
}

macro_rules! passes {
    ($($name:ident: $provider:ident, $shape:ident, $refusals:expr;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            check(Shape::$shape, Provider::$provider, $refusals).await;
        }
    )+};
}

passes! {
    both_packages_pass_against_openai: OpenAi, Standalone, 1;
    both_packages_pass_against_openai_by_responses: OpenAiResponses, Standalone, 1;
    both_packages_pass_against_azure: AzureV1, Standalone, 1;
    both_packages_pass_against_azure_by_deployment: Azure, Standalone, 1;
    both_packages_pass_against_mistral: Mistral, Standalone, 0;
    both_packages_pass_against_anthropic: Anthropic, Standalone, 1;
    both_packages_pass_against_gemini: Gemini, Standalone, 0;
    both_packages_pass_against_gemini_on_vertex: VertexGemini, Standalone, 0;
    both_packages_pass_against_claude_on_vertex: VertexClaude, Standalone, 1;
    both_packages_pass_against_bedrock: Bedrock, Standalone, 0;
    both_packages_pass_against_cohere: Cohere, Standalone, 0;
    both_packages_pass_against_bedrock_where_the_planes_are_apart: Bedrock, Split, 0;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_packages_pass_against_every_dialect_of_chat_completions() {
    let dialects = Dialects::start().await;
    let floopy = Floopy::with(Shape::Standalone, dialects.settings()).await;
    let (api, facts) = (floopy.api(), Dialects::facts());
    let openai = format!("{}/v1", api.base());
    let by_openai = [openai.as_str(), api.key(), &facts];
    let by_anthropic = [api.base(), api.key(), &facts];
    tokio::join!(
        python::run("openai_dialects.py", &by_openai),
        python::run("anthropic_dialects.py", &by_anthropic),
    );
    let refused = dialects.refused();
    let is_meant = |why: &String| why.contains(&format!(": unknown field `{UNKNOWN}`"));
    assert!(refused.iter().all(is_meant), "{refused:#?}");
    // Bytes pass from `openai` to all of them; Floopy itself refuses what comes from `anthropic`.
    assert_eq!(refused.len(), Dialects::count(), "{refused:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_providers_errors_are_the_exceptions_of_both_packages() {
    let failures = Failures::start().await;
    let floopy = Floopy::with(Shape::Standalone, failures.settings()).await;
    let (api, families) = (floopy.api(), Failures::families());
    python::run("provider_errors.py", &[api.base(), api.key(), &families]).await;
}
