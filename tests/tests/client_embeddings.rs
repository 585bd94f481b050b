//! The real Python package `openai` asking for embeddings of providers that have a form of their own.

use floopy_tests::{
    Floopy, Shape, python,
    replay::{Provider, Replay},
};

async fn check(shape: Shape, provider: Provider) {
    let replay = Replay::start(provider).await;
    let floopy = Floopy::with(shape, replay.settings()).await;
    let api = floopy.api();
    let base = format!("{}/v1", api.base());
    let model = provider.embedding_model().unwrap_or_default();
    let model = format!("{}/{model}", provider.name());
    python::run("openai_embeddings.py", &[&base, api.key(), &model]).await;
    let refused = replay.refused();
    let is_meant = |why: &String| why.starts_with("the text \"no number\"");
    assert!(
        refused.len() == 1 && refused.iter().all(is_meant),
        "{refused:#?}"
    );
}

macro_rules! passes {
    ($($name:ident: $provider:ident, $shape:ident;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            check(Shape::$shape, Provider::$provider).await;
        }
    )+};
}

passes! {
    gemini_embeds_for_the_openai_package: Gemini, Standalone;
    cohere_embeds_for_the_openai_package: Cohere, Standalone;
    bedrock_embeds_for_the_openai_package: Bedrock, Standalone;
    bedrock_embeds_where_the_planes_are_apart: Bedrock, Split;
}
