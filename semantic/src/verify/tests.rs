//! What is the same, and what only looks so.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Reading {
    Reading::of(text).unwrap_or_else(|| panic!("{text:?} cannot be read"))
}

#[track_caller]
fn same(one: &str, other: &str) {
    let (a, b) = (read(one), read(other));
    assert_eq!(verify(&a, &b), Ok(()), "{one:?} / {other:?}\n{a:?}\n{b:?}");
}

#[track_caller]
fn differ(one: &str, other: &str, expected: Difference) {
    let (a, b) = (read(one), read(other));
    assert_eq!(verify(&a, &b), Err(expected), "{one:?} / {other:?}");
    assert_eq!(verify(&b, &a), Err(expected), "{other:?} / {one:?}");
}

#[test]
fn the_same_question_in_other_words_is_the_same() {
    for (one, other) in [
        (
            "What is the capital of France?",
            "what's the capital of france",
        ),
        ("What is the capital of France?", "France's capital"),
        (
            "Hi! Can you tell me what the capital of France is?",
            "could you tell me what the capital of France is, please?",
        ),
        (
            "How do I reset my password?",
            "how can I reset the password",
        ),
        ("How to buy a car", "how can I purchase an automobile?"),
        (
            "Flights from Paris to Rome in May",
            "Flights in May to Rome from Paris",
        ),
        (
            "What is the difference between cats and dogs?",
            "What's the difference between dogs and cats",
        ),
        (
            "How much is 1,000 km in miles?",
            "how much is 1000 kilometers in miles",
        ),
        (
            "Who is the president of the United States?",
            "who's the president of the USA?",
        ),
        (
            "Explain photosynthesis, please",
            "please explain photosynthesis",
        ),
        (
            "Como faço para trocar a senha?",
            "como posso trocar minha senha",
        ),
        ("你好吗？", "你好吗"),
    ] {
        same(one, other);
    }
}

#[test]
fn a_negation_makes_another_question() {
    differ(
        "Which foods are safe for dogs?",
        "Which foods are not safe for dogs?",
        Difference::Negation,
    );
    differ("Can I eat eggs?", "Can't I eat eggs?", Difference::Negation);
    differ(
        "How do I log in with a password?",
        "How do I log in without a password?",
        Difference::Negation,
    );
    differ(
        "Quais alimentos são bons?",
        "Quais alimentos não são bons?",
        Difference::Negation,
    );
    differ(
        "¿Qué comida es buena?",
        "¿Qué comida no es buena?",
        Difference::Negation,
    );
}

#[test]
fn numbers_units_and_dates_make_another_question() {
    differ(
        "What is 15% of 80?",
        "What is 50% of 80?",
        Difference::Number,
    );
    differ(
        "What happened in 1914?",
        "What happened in 1941?",
        Difference::Number,
    );
    differ(
        "How many feet are 5 m?",
        "How many feet are 5 km?",
        Difference::Words,
    );
    differ(
        "What is the weather on Monday?",
        "What is the weather on Tuesday?",
        Difference::Words,
    );
    differ(
        "Convert 10:30 to UTC",
        "Convert 10:45 to UTC",
        Difference::Number,
    );
    differ("Is -5 even?", "Is 5 even?", Difference::Words);
}

#[test]
fn names_and_other_words_make_another_question() {
    differ(
        "What is the capital of France?",
        "What is the capital of Germany?",
        Difference::Words,
    );
    differ(
        "How do I enable logging?",
        "How do I disable logging?",
        Difference::Words,
    );
    differ("Do you have a dog?", "Are you a dog?", Difference::Words);
    differ(
        "Tell us about it",
        "Tell me about the US",
        Difference::Words,
    );
    differ(
        "What is the cheapest plan?",
        "What is the cheapest plan for students?",
        Difference::Words,
    );
}

#[test]
fn another_place_or_another_thing_asked_makes_another_question() {
    differ(
        "Flights from Paris to Rome",
        "Flights from Rome to Paris",
        Difference::Order,
    );
    differ(
        "Is Paris bigger than Rome?",
        "Is Rome bigger than Paris?",
        Difference::Order,
    );
    differ(
        "Who beat Brazil in Germany?",
        "Who beat Germany in Brazil?",
        Difference::Order,
    );
    differ(
        "Who did Brutus kill?",
        "Who killed Brutus?",
        Difference::Time,
    );
    differ(
        "Why is the sky blue?",
        "When is the sky blue?",
        Difference::Asked,
    );
    differ(
        "How many people live there?",
        "How much people live there?",
        Difference::Asked,
    );
    differ(
        "Who is the president?",
        "Who was the president?",
        Difference::Time,
    );
    differ(
        "In Spain, is tax higher than in France?",
        "In France, is tax higher than in Spain?",
        Difference::Order,
    );
    differ(
        "Is the book on the table?",
        "Is the book under the table?",
        Difference::Order,
    );
}

#[test]
fn where_words_are_asked_about_none_stands_for_another() {
    differ(
        "What does big mean?",
        "What does large mean?",
        Difference::Words,
    );
    differ(
        "Translate \"buy\" into French",
        "Translate \"purchase\" into French",
        Difference::Words,
    );
    differ(
        "How do you say hello in Thai?",
        "How do you say hi in Thai?",
        Difference::Words,
    );
    differ(
        "How do you spell thanks?",
        "How do you spell thank you?",
        Difference::Words,
    );
}

#[test]
fn another_language_is_another_question() {
    differ(
        "What is the capital of Peru?",
        "Qual é a capital do Peru?",
        Difference::Language,
    );
}

#[test]
fn what_is_long_or_says_nothing_is_not_compared() {
    assert_eq!(Reading::of(""), None);
    assert_eq!(Reading::of("?!"), None);
    assert_eq!(Reading::of(&"word ".repeat(300)), None);
}

#[test]
fn what_nearly_says_the_same_does_not() {
    for (one, other) in [
        ("Do you know Python?", "What is Python?"),
        ("How do you feel today?", "How do I feel today?"),
        ("How do I change my name?", "How do I change your name?"),
        ("Must I park here?", "Should I park here?"),
        ("Where is Park Street?", "Where is Park Road?"),
        (
            "What is the population of South America?",
            "What is the population of the South USA?",
        ),
        ("Are some snakes venomous?", "Are snakes venomous?"),
        ("Is it just rice?", "Is it rice?"),
        ("Posso comer ovos?", "Pode comer ovos?"),
        ("What did he do?", "What was he?"),
    ] {
        assert!(
            verify(&read(one), &read(other)).is_err(),
            "{one:?} / {other:?}"
        );
    }
}

proptest! {
    #[test]
    fn whatever_is_said_is_the_same_as_itself_and_order_does_not_matter(
        one in "[a-zA-Z0-9 ,.?'\"-]{1,80}", other in "[a-zA-Z0-9 ,.?'\"-]{1,80}",
    ) {
        if let Some(reading) = Reading::of(&one) {
            prop_assert_eq!(verify(&reading, &reading), Ok(()));
            if let Some(second) = Reading::of(&other) {
                prop_assert_eq!(verify(&reading, &second).is_ok(), verify(&second, &reading).is_ok());
            }
        }
    }

    #[test]
    fn a_number_that_differs_is_never_passed_over(a in 0u32..100_000, b in 0u32..100_000) {
        prop_assume!(a != b);
        let ask = |n: u32| read(&format!("How many of the {n} seats are free?"));
        prop_assert_eq!(verify(&ask(a), &ask(b)), Err(Difference::Number));
    }
}
