//! What the pages show, as it stands there: the programs of the quickstart against the real binaries and the simulator,
//! and every configuration against the program that reads it.
#![allow(clippy::expect_used, reason = "a broken assumption must end the test")]

use floopy_tests::{Floopy, Shape, in_both_shapes, process::binary, python, simulator::Simulator};

in_both_shapes!(
    the_quickstart_works_with_curl,
    the_quickstart_works_in_python,
    the_quickstart_works_in_typescript,
    the_quickstart_works_in_rust,
);

async fn check(shape: Shape, name: &str) {
    let simulator = Simulator::start().await;
    let floopy = Floopy::with(shape, simulator.settings()).await;
    python::check("quickstart.py", name, &floopy.api()).await;
}

async fn the_quickstart_works_with_curl(shape: Shape) {
    check(shape, "curl").await;
}

async fn the_quickstart_works_in_python(shape: Shape) {
    check(shape, "python").await;
}

async fn the_quickstart_works_in_typescript(shape: Shape) {
    check(shape, "typescript").await;
}

async fn the_quickstart_works_in_rust(shape: Shape) {
    check(shape, "rust").await;
}

#[tokio::test]
async fn every_configuration_that_is_shown_is_accepted() {
    let floopy = binary("floopy");
    python::run("pages.py", &[floopy.to_str().expect("a name of UTF-8")]).await;
}
