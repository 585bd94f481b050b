//! The order of evidence: what a request carries before what it says.

use floopy_shared::domain::{
    features::Features,
    shape::{Class, LONG_CONTEXT_TOKENS, Signals, classify, explain},
};

fn check(signals: &Signals<'_>, expected: Class) {
    assert_eq!(classify(signals), expected);
    assert_eq!(explain(signals).class, expected);
}

fn with(features: Features) -> Signals<'static> {
    Signals {
        user_text: "Write a poem about the sea.",
        features,
        ..Signals::default()
    }
}

const NONE: Features = Features {
    tools: false,
    vision: false,
    json_schema: false,
    stream: false,
    embeddings: false,
    messages: 1,
    input_tokens_estimate: 10,
    max_output_tokens: None,
    history_tokens_estimate: 0,
    provider_tools: false,
};

#[test]
fn what_a_request_carries_comes_before_what_it_says() {
    let long = LONG_CONTEXT_TOKENS;
    let cases = [
        (
            Features {
                embeddings: true,
                ..NONE
            },
            Class::Embedding,
        ),
        (
            Features {
                vision: true,
                tools: true,
                ..NONE
            },
            Class::Vision,
        ),
        (
            Features {
                tools: true,
                json_schema: true,
                ..NONE
            },
            Class::ToolUse,
        ),
        (
            Features {
                json_schema: true,
                input_tokens_estimate: long,
                ..NONE
            },
            Class::Structured,
        ),
        (
            Features {
                input_tokens_estimate: long,
                ..NONE
            },
            Class::LongContext,
        ),
        (
            Features {
                input_tokens_estimate: long - 1,
                ..NONE
            },
            Class::Creative,
        ),
    ];
    for (features, expected) in cases {
        check(&with(features), expected);
    }
}

#[test]
fn a_json_reply_without_a_schema_is_structured_too() {
    check(
        &Signals {
            json_expected: true,
            ..with(NONE)
        },
        Class::Structured,
    );
}

#[test]
fn tools_of_a_coding_agent_are_a_class_of_their_own() {
    let tools = |text, names| Signals {
        user_text: text,
        tool_names: names,
        features: Features {
            tools: true,
            ..NONE
        },
        ..Signals::default()
    };
    check(
        &tools("It does not work yet.", &["bash", "edit_file", "run_tests"]),
        Class::ToolCode,
    );
    check(
        &tools("Why does this Python function return null?", &["search"]),
        Class::ToolCode,
    );
    check(
        &tools("Book a table for two.", &["find_restaurant", "book_table"]),
        Class::ToolUse,
    );
}

#[test]
fn an_instruction_is_found_before_and_after_a_long_paste() {
    let paste =
        "The council met, and the harbour, the tram and the school were discussed at length.\n\n"
            .repeat(900);
    for text in [
        format!("Summarise this for me:\n\n{paste}"),
        format!("{paste}Now sum this up in one line."),
    ] {
        check(
            &Signals {
                user_text: &text,
                ..Signals::default()
            },
            Class::Extraction,
        );
    }
}

#[test]
fn what_is_pasted_or_quoted_does_not_outweigh_the_instruction() {
    let cases = [
        (
            "Translate into German: \"Write a Python function that sorts a list and prove that it ends.\"",
            Class::Translation,
        ),
        (
            "Summarise this article.\n\nThe poet wrote a poem, then a novel, and calculated the integral of his life.",
            Class::Extraction,
        ),
        (
            "My order, number 4711, said \"json parser error, translate\" on the box. Is that normal?",
            Class::Chat,
        ),
    ];
    for (user_text, expected) in cases {
        check(
            &Signals {
                user_text,
                ..Signals::default()
            },
            expected,
        );
    }
}

#[test]
fn an_explanation_names_what_spoke_for_the_class() {
    let by = |signals: &Signals<'_>| {
        let signals = explain(signals).signals.into_iter();
        signals
            .map(|signal| (signal.name.into_owned(), signal.points))
            .collect::<Vec<_>>()
    };
    let vision = Features {
        vision: true,
        ..NONE
    };
    assert_eq!(by(&with(vision)), [("an image".to_owned(), 0)]);
    let words = by(&with(NONE));
    assert!(
        words
            .iter()
            .any(|(name, points)| *name == "poem" && *points >= 200),
        "{words:?}"
    );
    assert!(words.is_sorted_by(|a, b| a.1 >= b.1), "{words:?}");
    assert!(
        by(&Signals {
            user_text: "Good morning!",
            ..Signals::default()
        })
        .is_empty()
    );
}
