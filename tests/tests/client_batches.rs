//! Files and batches with the asynchronous client of `openai`, and batches that each of the real clients cancels.

use floopy_tests::{
    Shape,
    batches::{PROVIDERS, start},
    in_both_shapes, python,
};

in_both_shapes!(
    the_asynchronous_openai_client_runs_a_batch_at_either_kind_of_provider,
    each_client_cancels_a_batch_at_either_kind_of_provider,
);

/// One check at each kind of provider. `is_held`: there no batch ends by itself.
async fn run(shape: Shape, check: &str, is_held: bool) {
    for provider in PROVIDERS {
        let (upstream, _floopy, api) = start(shape).await;
        upstream.hold_batches(is_held);
        let base = format!("{}/v1", api.base());
        python::run("batches_client.py", &[&base, api.key(), check, provider]).await;
        let none: [String; 0] = [];
        assert_eq!(upstream.refused(), none, "{provider}");
    }
}

async fn the_asynchronous_openai_client_runs_a_batch_at_either_kind_of_provider(shape: Shape) {
    run(shape, "openai_async", false).await;
}

async fn each_client_cancels_a_batch_at_either_kind_of_provider(shape: Shape) {
    run(shape, "cancelled", true).await;
}
