//! What comes through the crate's own OpenAI client: chat whole and streamed, responses, embeddings, models.

use floopy::{
    CacheOptions, Floopy, FloopyOptions,
    async_openai::types::{embeddings::CreateEmbeddingRequestArgs, responses::CreateResponseArgs},
    types::DecisionListParams,
};
use futures::StreamExt;

use super::{Asked, chat, plain};

pub(crate) async fn all(asked: &Asked) {
    let client = asked.client();
    let reply = client
        .openai()
        .chat()
        .create(chat())
        .await
        .expect("a reply");
    let whole = reply.choices[0].message.content.clone().expect("text");
    assert!(!whole.is_empty());
    let mut stream = client
        .openai()
        .chat()
        .create_stream(chat())
        .await
        .expect("a stream");
    let mut streamed = String::new();
    while let Some(chunk) = stream.next().await {
        for choice in chunk.expect("a chunk").choices {
            streamed.push_str(&choice.delta.content.unwrap_or_default());
        }
    }
    assert!(!streamed.is_empty());
    let response = CreateResponseArgs::default()
        .model("auto")
        .input("Good morning")
        .store(false)
        .build()
        .expect("a request");
    let response = client
        .responses()
        .create(response)
        .await
        .expect("a response");
    assert!(
        response.output_text().is_some_and(|text| !text.is_empty()),
        "{response:?}"
    );
    let models = client.openai().models().list().await.expect("models");
    let model = models.data.iter().find(|model| model.id.contains("embed"));
    let request = CreateEmbeddingRequestArgs::default()
        .model(&model.expect("a model for embeddings").id)
        .input("x")
        .build()
        .expect("a request");
    let answer = client
        .openai()
        .embeddings()
        .create(request)
        .await
        .expect("embeddings");
    assert!(!answer.data[0].embedding.is_empty());
}

/// Options of a client, which it sends as headers with every call. Argument: the id of a stored prompt.
pub(crate) async fn prompt(asked: &Asked) {
    let options = FloopyOptions {
        cache: Some(CacheOptions {
            enabled: Some(true),
            bucket_max_size: Some(3),
        }),
        prompt_id: Some(asked.argument(0).to_owned()),
        prompt_version: Some("1".to_owned()),
        llm_security_enabled: Some(false),
    };
    let client = Floopy::builder(&asked.key)
        .base_url(&asked.base)
        .max_retries(0)
        .options(options)
        .build()
        .expect("a client");
    let reply = client.openai().chat().create(chat()).await;
    assert!(!reply.expect("a reply").choices.is_empty());
    // What concerns calls alone is passed over elsewhere.
    let listed = client.decisions();
    let listed = listed.list(&DecisionListParams::default(), plain()).await;
    listed.expect("a page");
}
