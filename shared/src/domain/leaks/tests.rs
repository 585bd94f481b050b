//! What replies give away, however they come.

use proptest::{prelude::*, sample::select};

use super::*;
use crate::domain::{firewall::Mode, sensitive::Kind};

const SYSTEM: &str = "You are Basil, the cook of the Old Mill. Never say what is in the green sauce: parsley, tarragon, three \
    anchovies and a spoon of brown butter. Answer in two sentences, be kind to beginners, and send everybody who asks for \
    a table to the telephone. Prices are on the board and never in your answers.";

fn output(kinds: &[Leak]) -> Output {
    Output {
        mode: Mode::Block,
        kinds: kinds.to_vec(),
    }
}

fn wanted(kinds: &[Leak], said: &str) -> Wanted {
    Wanted::new(&output(kinds), || Prompt::new([SYSTEM], [said]))
}

/// What is found in a text that is cut after so many characters, again and again; and that what is found was held.
fn found(wanted: &Wanted, text: &str, cuts: &[usize]) -> Option<(Leaked, u64)> {
    let mut watch = Watch::new(wanted);
    let (mut rest, mut shown) = (text, 0);
    for cut in cuts.iter().cycle() {
        let end = rest.char_indices().nth(*cut);
        let end = end.map_or(rest.len(), |(at, _)| at);
        let found = watch.push(&rest[..end]);
        rest = &rest[end..];
        let found = match rest.is_empty() {
            true => found.or_else(|| watch.finish()),
            false => found,
        };
        if let Some((leaked, start)) = found {
            let start_bytes = text.char_indices().nth(start as usize).expect("is in it").0;
            let is_prompt = leaked == Leaked::SystemPrompt;
            assert!(
                is_prompt || shown <= start_bytes,
                "{shown} bytes of {text:?} were let go"
            );
            return found;
        }
        if rest.is_empty() {
            return None;
        }
        let came = text.len() - rest.len();
        shown = came - usize::try_from(watch.held()).expect("fits");
    }
    None
}

/// The same, in one piece.
fn whole(wanted: &Wanted, text: &str) -> Option<(Leaked, u64)> {
    found(wanted, text, &[usize::MAX])
}

#[test]
fn a_long_run_of_the_prompt_is_found_however_it_is_written() {
    let wanted = wanted(&[], "");
    let from = |start: usize, count: usize| {
        let words: Vec<&str> = SYSTEM.split_whitespace().skip(start).take(count).collect();
        words.join(" ")
    };
    let prompt = |at| Some((Leaked::SystemPrompt, at));
    assert_eq!(whole(&wanted, SYSTEM), prompt(0));
    assert_eq!(
        whole(&wanted, &format!("Sure! **{}**", SYSTEM.to_uppercase())),
        prompt(8)
    );
    let dashed = SYSTEM.replace(' ', "\n- ");
    assert_eq!(whole(&wanted, &format!("é: {dashed}")), prompt(3));
    assert_eq!(whole(&wanted, &from(5, RUN)), prompt(0));
    assert_eq!(whole(&wanted, &from(5, RUN - 1)), None, "a quote is none");
    let mended = SYSTEM
        .replace("green", "red")
        .replace("kind", "nice")
        .replace("table", "seat");
    assert_eq!(whole(&wanted, &mended), None, "not word for word");
    let secret = format!("{} ann@example.com", from(0, 12));
    assert_eq!(
        whole(&wanted, &secret).map(|(leaked, _)| leaked),
        Some(Leaked::Sensitive(Kind::Email))
    );
}

#[test]
fn what_the_caller_said_and_short_prompts_are_no_secret() {
    assert_eq!(whole(&wanted(&[], SYSTEM), SYSTEM), None);
    let short = "You are a helpful assistant. Answer in the language of the question, and be brief and honest.";
    let wanted = Wanted::new(&output(&[]), || Prompt::new([short], []));
    assert!(wanted.prompt.is_none());
    assert_eq!(whole(&wanted, short), None);
    let chinese =
        "你是老磨坊的厨师。绝对不要说出绿色酱汁里有什么：欧芹、龙蒿、三条凤尾鱼和一勺焦化黄油。";
    let wanted = Wanted::new(&output(&[]), || Prompt::new([chinese], []));
    let told = format!("当然：{chinese}");
    assert_eq!(whole(&wanted, &told), Some((Leaked::SystemPrompt, 3)));
}

#[test]
fn only_what_is_looked_for_is_found() {
    let text = format!("ann@example.com sk-proj-abcdefghij0123456789 {SYSTEM}");
    for (kinds, expected) in [
        (vec![], Kind::Email.as_str()),
        (vec![Leak::PersonalData], "email"),
        (vec![Leak::Secrets, Leak::SystemPrompt], "api_key"),
        (vec![Leak::SystemPrompt], "system_prompt"),
    ] {
        let found = whole(&wanted(&kinds, ""), &text);
        assert_eq!(found.map(|(leaked, _)| leaked.as_str()), Some(expected));
    }
}

#[test]
fn of_a_run_no_more_is_let_go_than_how_it_begins() {
    let wanted = wanted(&[Leak::SystemPrompt], "");
    let mut watch = Watch::new(&wanted);
    let (mut came, mut shown) = (0, 0);
    for word in SYSTEM.split_inclusive(' ') {
        came += word.len() as u64;
        if watch.push(word).is_some() {
            break;
        }
        shown = shown.max(came - watch.held());
    }
    let let_go = SYSTEM[..usize::try_from(shown).expect("fits")]
        .split_whitespace()
        .count();
    assert!((1..=8).contains(&let_go), "{let_go} words");
}

/// Parts of the prompt, what is sensitive, and other words.
fn told() -> impl Strategy<Value = String> {
    let words: Vec<String> = SYSTEM.split_whitespace().map(str::to_owned).collect();
    let quote = (0usize..40, 1usize..40).prop_map(move |(from, count)| {
        let quote: Vec<String> = words.iter().skip(from).take(count).cloned().collect();
        quote.join(" ")
    });
    let other = select(vec![
        "ann@example.com",
        "4111 1111 1111 1111",
        "sk-proj-abcdefghij0123456789",
        "call +44 20 7946 0958",
        "the sky is blue",
        "名前は",
        "1 2 3",
        "é",
    ]);
    let part = prop_oneof![2 => quote, 1 => other.prop_map(str::to_owned)];
    prop::collection::vec(part, 1..7).prop_map(|parts| parts.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn however_a_reply_is_cut_the_same_is_found_first(
        text in told(),
        cuts in prop::collection::vec(1usize..12, 1..9),
        kinds in select(vec![vec![], vec![Leak::SystemPrompt], vec![Leak::Secrets, Leak::SystemPrompt], vec![Leak::PersonalData]]),
    ) {
        let wanted = wanted(&kinds, "");
        prop_assert_eq!(found(&wanted, &text, &cuts), whole(&wanted, &text));
    }
}
