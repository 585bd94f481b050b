//! That the model which ships is the one that was described, and does what it is for.

use sha2::{Digest, Sha256};

use super::*;

#[test]
fn the_model_that_ships_is_the_one_with_the_checksum() {
    let bytes = include_bytes!("../../model/semantic.bin");
    let expected = include_str!("../../model/semantic.bin.sha256");
    let found = hex::encode(Sha256::digest(bytes));
    assert_eq!(expected.split(' ').next(), Some(found.as_str()));
    assert!(Model::read(bytes).is_ok());
}

#[test]
fn a_file_that_is_no_model_is_refused() {
    let bytes = include_bytes!("../../model/semantic.bin");
    assert!(Model::read(&bytes[1..]).is_err());
    assert!(Model::read(&[]).is_err());
    let mut other = bytes.to_vec();
    other[7] = b'2';
    assert!(Model::read(&other).is_err());
}

#[test]
fn what_is_written_reads_back_to_a_byte() {
    let mut rows = vec![[0.0; DIMENSIONS]; BUCKETS];
    rows[7][3] = -2.0;
    rows[7][4] = 1.0;
    let model = Model::read(&Model::write(&rows)).expect("a model");
    assert_eq!(
        (model.rows[7][3], model.rows[7][4], model.rows[8][0]),
        (-127, 64, 0)
    );
}

#[test]
fn another_way_of_asking_is_nearer_than_another_question() {
    let near = |one: &str, other: &str| model().vector(one).similarity(&model().vector(other));
    for (question, rephrased, other) in [
        (
            "How do I reset my password?",
            "how can I reset the password",
            "How do I delete my account?",
        ),
        (
            "What is the capital of France?",
            "France's capital city",
            "What is the population of Japan?",
        ),
        (
            "Como faço para trocar a senha?",
            "como posso trocar minha senha",
            "Qual é a capital do Peru?",
        ),
    ] {
        let (same, another) = (near(question, rephrased), near(question, other));
        assert!(same > another + 0.2, "{question}: {same} {another}");
    }
}

#[test]
fn an_empty_text_is_near_nothing() {
    let empty = model().vector("");
    assert!(empty.similarity(&model().vector("what is it")).abs() < 1e-6);
}
