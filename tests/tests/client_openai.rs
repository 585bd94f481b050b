//! The real Python package `openai` against the real binaries and the simulator.

use floopy_tests::{Floopy, Shape, in_both_shapes, python, simulator::Simulator};

in_both_shapes!(
    chat_completions_work,
    streams_work,
    asynchronous_calls_and_streams_work,
    tool_calls_work,
    embeddings_work_in_base64_and_as_floats,
    models_are_listed,
    errors_become_the_right_exceptions,
);

async fn check(shape: Shape, name: &str) {
    let simulator = Simulator::start().await;
    let floopy = Floopy::with(shape, simulator.settings()).await;
    python::check("openai_client.py", name, &floopy.api()).await;
}

async fn chat_completions_work(shape: Shape) {
    check(shape, "chat").await;
}

async fn streams_work(shape: Shape) {
    check(shape, "stream").await;
}

async fn asynchronous_calls_and_streams_work(shape: Shape) {
    check(shape, "async").await;
}

async fn tool_calls_work(shape: Shape) {
    check(shape, "tools").await;
}

async fn embeddings_work_in_base64_and_as_floats(shape: Shape) {
    check(shape, "embeddings").await;
}

async fn models_are_listed(shape: Shape) {
    check(shape, "models").await;
}

async fn errors_become_the_right_exceptions(shape: Shape) {
    check(shape, "errors").await;
}
