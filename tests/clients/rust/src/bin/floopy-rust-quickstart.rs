//! `cargo run` asks and rates; `cargo run -- why` explains, a second later.

use std::{env, error::Error};

use floopy::{
    Floopy, RequestOptions,
    async_openai::types::chat::{
        ChatCompletionRequestUserMessage, CreateChatCompletionRequestArgs,
    },
    types::{DecisionListParams, FeedbackSubmitParams},
};

const SESSION: &str = "quickstart-rust";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let client = Floopy::builder(env::var("FLOOPY_API_KEY")?)
        .base_url(format!("{}/v1", env::var("FLOOPY_URL")?))
        .default_header("floopy-session-id", SESSION)
        .build()?;
    let options = None::<RequestOptions>;

    if env::args().nth(1).as_deref() == Some("why") {
        let of_session = DecisionListParams {
            session_id: Some(SESSION.to_owned()),
            ..DecisionListParams::default()
        };
        for decision in client.decisions().list(&of_session, options).await?.items {
            println!("{}", decision.explanation.unwrap_or_default());
        }
        return Ok(());
    }

    let question = ChatCompletionRequestUserMessage::from("What is a canary release?");
    let request = CreateChatCompletionRequestArgs::default()
        .model("auto")
        .messages(vec![question.into()])
        .build()?;
    let reply = client.openai().chat().create(request).await?;
    println!("{:?}", reply.choices[0].message.content);

    let rating = FeedbackSubmitParams {
        score: 9,
        useful: true,
        session_id: Some(SESSION.to_owned()),
    };
    client.feedback().submit(rating, options).await?;
    Ok(())
}
