//! The real Python package `floopy-sdk` against the real binaries and the simulator, with both of its clients.

use floopy_tests::{Floopy, Shape, in_both_shapes, python, simulator::Simulator};

in_both_shapes!(
    ratings_are_accepted_and_duplicates_told,
    decisions_are_read_listed_and_iterated,
    errors_become_the_right_exceptions,
    limits_are_set_and_hold,
    explanations_are_read_and_limited,
    its_openai_client_works,
);

/// The same check with the synchronous client and with the asynchronous one, each on a system of its own.
async fn check(shape: Shape, name: &str) {
    for script in ["floopy_client.py", "floopy_async.py"] {
        let simulator = Simulator::start().await;
        let floopy = Floopy::with(shape, simulator.settings()).await;
        python::check(script, name, &floopy.api()).await;
    }
}

async fn ratings_are_accepted_and_duplicates_told(shape: Shape) {
    check(shape, "feedback").await;
}

async fn decisions_are_read_listed_and_iterated(shape: Shape) {
    check(shape, "decisions").await;
}

async fn errors_become_the_right_exceptions(shape: Shape) {
    check(shape, "errors").await;
}

async fn limits_are_set_and_hold(shape: Shape) {
    check(shape, "constraints").await;
}

async fn explanations_are_read_and_limited(shape: Shape) {
    check(shape, "explain").await;
}

async fn its_openai_client_works(shape: Shape) {
    check(shape, "delegate").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_calls_each_method_of_both_clients() {
    python::run("floopy_methods.py", &[]).await;
}
