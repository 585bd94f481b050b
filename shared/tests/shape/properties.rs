//! What holds for every text.

use floopy_shared::domain::{
    features::Features,
    shape::{ShapeKey, Signals, explain, shapes},
};
use proptest::prelude::*;

/// Any text, and texts of the characters that the readers look at.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ \n\t.:\"`$\\\\(){}<>/=+%_*#a-zA-Z0-9À-ỹа-яА-Я\u{600}-\u{6ff}\u{900}-\u{97f}一-龥ぁ-ん가-힣]{0,3000}",
        proptest::collection::vec(
            prop_oneof![
                Just("translate "),
                Just("```"),
                Just("\n\n"),
                Just("json "),
                Just("\\frac"),
                Just("how many "),
                Just("<user>"),
                Just("</user>"),
                Just("名前：")
            ],
            0..400
        )
        .prop_map(|pieces| pieces.concat()),
    ]
}

fn features() -> impl Strategy<Value = Features> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    (flags, any::<u64>()).prop_map(
        |((tools, vision, json_schema, embeddings), tokens)| Features {
            tools,
            vision,
            json_schema,
            embeddings,
            input_tokens_estimate: tokens,
            ..Features::default()
        },
    )
}

proptest! {
    #[test]
    fn every_request_has_readable_shapes_and_the_root_last(
        texts in (text(), text(), text(), text()), tools in proptest::collection::vec(text(), 0..4), features in features()
    ) {
        let names: Vec<&str> = tools.iter().map(String::as_str).collect();
        let signals = Signals {
            task: Some(&texts.0).filter(|task| task.len() % 2 == 1).map(String::as_str),
            system_prompt: Some(&texts.1),
            tool_names: &names,
            first_user_text: &texts.2,
            user_text: &texts.3,
            features,
            ..Signals::default()
        };
        let chain = shapes(&signals);
        prop_assert!(chain.last().is_some_and(ShapeKey::is_root));
        prop_assert!((2..=3).contains(&chain.len()));
        for shape in &chain {
            let named = ShapeKey::named(shape.as_str());
            prop_assert_eq!(named.as_ref(), Some(shape));
        }
        prop_assert_eq!(&shapes(&signals), &chain);
        let class = format!("class:{}", explain(&signals).class.as_str());
        prop_assert_eq!(chain[chain.len() - 2].as_str(), class);
    }

    #[test]
    fn a_site_does_not_depend_on_the_numbers_in_its_prompt(n in any::<u64>(), m in any::<u64>(), words in "[a-z ]{20,80}") {
        let site = |n: u64| {
            let prompt = format!("You help with {words}. Ticket {n}, step {}.", n % 97);
            shapes(&Signals { system_prompt: Some(&prompt), ..Signals::default() })[0].clone()
        };
        prop_assert_eq!(site(n), site(m));
    }
}
