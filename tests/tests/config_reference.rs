//! The page of the configuration says what the code does.
#![allow(clippy::expect_used, reason = "a broken assumption must end the test")]

use std::{fs, path::Path};

use floopy_tests::reference::{page, untold_variables};

const PAGE: &str = "../docs/configuration.md";

/// `FLOOPY_BLESS=1` writes the page anew.
#[test]
fn every_key_is_told_with_its_default() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let made = page();
    if std::env::var_os("FLOOPY_BLESS").is_some() {
        fs::write(&path, &made).expect("written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/configuration.md is not what the code says: run this test once with FLOOPY_BLESS=1"
    );
}

#[test]
fn every_variable_of_the_environment_is_told() {
    assert_eq!(untold_variables(&page()), Vec::<String>::new());
}

#[test]
fn few_keys_are_told_by_their_names_alone() {
    let page = page();
    let keys = page.split("## Environment").next().unwrap_or_default();
    let silent = keys.lines().filter(|line| line.ends_with("|  |")).count();
    assert!(silent <= 20, "{silent} keys have no words");
}
