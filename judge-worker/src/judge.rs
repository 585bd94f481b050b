//! The built-in judge: a heuristic scorer, pure and deterministic, that needs no model and no network.
//!
//! It reads what can be read off the text: what it shares with the prompt, word for word and by the model of sentences,
//! structure, length, repetition, grammar, truncation, refusals, language, JSON that parses. What these are worth was
//! fitted to people's ratings where there are some (`tuned`; docs/judge.md has the figures), and is rules elsewhere. It is
//! wrong about a reply that is fluent and false.

mod calls;
mod coherence;
mod copied;
mod finder;
mod form;
mod grammar;
mod harm;
mod helpfulness;
mod json;
mod language;
mod measures;
mod phrases;
mod relevance;
mod safety;
mod schema;
mod text;
mod tuned;
mod vocabulary;

use self::{form::Form, measures::Measures, text::Text, tuned::Tuned};
use crate::rubric::{Exchange, Verdict};

/// Name and version of this scorer; a change of any rule needs a new one.
pub const NAME: &str = "heuristic-3";

/// What is left of a fitted score where the reply was cut off: none of the rated ones was.
const CUT: f64 = 0.7;

/// Scores one reply.
pub fn score(exchange: &Exchange<'_>) -> Verdict {
    let prompt = Text::read(exchange.prompt);
    let reply = Text::read(exchange.reply);
    if !exchange.calls.is_empty() {
        return calls::score(exchange, &prompt, &reply);
    }
    if reply.words.is_empty() && reply.visible == 0 {
        return Verdict {
            relevance: 0.0,
            coherence: 0.0,
            helpfulness: 0.0,
            safety: safety::CLEAN,
        };
    }
    let plain = phrases::plain(reply.raw);
    let refusal = phrases::is_refusal(&plain);
    let safety = safety::score(&reply, &plain, refusal);
    if exchange.json_expected {
        return json::score(exchange, &prompt, &reply, safety);
    }
    let form = Form::read(prompt.raw);
    let measures = Measures::of(&form, (&prompt, &reply), &plain);
    let ruled = Verdict {
        relevance: relevance::score(&measures, refusal),
        coherence: coherence::score(exchange, &reply, &measures),
        helpfulness: helpfulness::score(exchange, (&prompt, &reply), &measures, refusal),
        safety,
    };
    // Nobody rated refusals.
    let tuned = Tuned::of(form.kind(), &measures).filter(|_| !refusal);
    let share = form.kind().ruled();
    let left = if exchange.truncated { CUT } else { 1.0 };
    tuned.map_or(ruled, |tuned| together((share, left), ruled, tuned))
}

/// The rules know of faults that the rated texts have not, cut replies and hedging among them.
fn together((share, left): (f64, f64), ruled: Verdict, tuned: Tuned) -> Verdict {
    let mix = |ruled: f64, tuned: f64| share * ruled + (1.0 - share) * left * tuned;
    Verdict {
        relevance: mix(ruled.relevance, tuned.relevance),
        coherence: mix(ruled.coherence, tuned.coherence),
        helpfulness: mix(ruled.helpfulness, tuned.helpfulness),
        safety: ruled.safety,
    }
}

/// How far a reply keeps to the text that its prompt brings along, 0 to 1; part of a summary's helpfulness.
pub fn faithfulness(exchange: &Exchange<'_>) -> f64 {
    let (prompt, reply) = (Text::read(exchange.prompt), Text::read(exchange.reply));
    let form = Form::read(prompt.raw);
    let plain = phrases::plain(reply.raw);
    tuned::faithfulness(&Measures::of(&form, (&prompt, &reply), &plain))
}

#[cfg(test)]
mod tests {
    use floopy_shared::domain::event::CalledTool;
    use proptest::prelude::*;

    use super::*;

    const PROMPT: &str = "Explain how a hash map handles collisions, with an example in Python.";
    const GOOD: &str = "A hash map handles collisions in one of two ways:\n\n\
        1. Chaining: each bucket keeps a list of the entries whose keys collide.\n\
        2. Open addressing: the map probes for the next free bucket.\n\n\
        For example, in Python:\n\n```python\nbuckets = [[] for _ in range(8)]\n\
        buckets[hash('key') % 8].append(('key', 1))\n```\n\n\
        Python's own dict uses open addressing, so a collision costs another probe.";

    fn composite(prompt: &str, reply: &str) -> f64 {
        score(&Exchange {
            prompt,
            reply,
            ..Exchange::default()
        })
        .composite()
    }

    #[test]
    fn better_replies_score_higher() {
        let bad = [
            "",
            "I'm sorry, but I can't help with that.",
            "I don't know, it depends on many things.",
            "Bananas are rich in potassium and grow in",
        ];
        let worst = bad.map(|reply| composite(PROMPT, reply));
        let brief = composite(PROMPT, "A hash map handles collisions by chaining.");
        let full = composite(PROMPT, GOOD);
        assert!(worst.iter().all(|score| *score < 0.4), "{worst:?}");
        assert!(
            worst[0] < worst[1] && brief > 0.5 && full > brief + 0.1,
            "{worst:?} {brief} {full}"
        );
    }

    #[test]
    fn scores_do_not_depend_on_the_script() {
        let russian = composite(
            "Как работает хеш-таблица?",
            "Хеш-таблица работает так: ключ даёт индекс.",
        );
        let chinese = composite(
            "哈希表如何处理冲突？",
            "哈希表处理冲突的方法有链表法和开放寻址法。",
        );
        let off_topic = composite(
            "Как работает хеш-таблица?",
            "Бананы растут в тропиках, их едят.",
        );
        assert!(russian > off_topic + 0.1, "{russian} {off_topic}");
        assert!(chinese > off_topic + 0.1, "{chinese} {off_topic}");
    }

    #[test]
    fn a_reply_that_was_cut_off_loses() {
        let whole = Exchange {
            prompt: PROMPT,
            reply: GOOD,
            ..Exchange::default()
        };
        let cut = Exchange {
            truncated: true,
            ..whole
        };
        assert!(score(&cut).coherence < score(&whole).coherence - 0.1);
    }

    #[test]
    fn json_that_does_not_parse_loses_when_json_was_asked_for() {
        let at = |reply| {
            score(&Exchange {
                prompt: "Extract name and city",
                reply,
                json_expected: true,
                ..Exchange::default()
            })
            .composite()
        };
        assert!(at("{\"name\": \"Ana\", \"city\": \"Lisbon\"}") > 0.75);
        assert!(at("{\"name\": \"Ana\", \"ci") < 0.4);
        assert!(at("{}") < at("{\"name\": \"Ana\", \"city\": \"Lisbon\"}") - 0.1);
    }

    #[test]
    fn saying_the_same_again_and_again_loses() {
        let once = "The hash map handles collisions by chaining entries in a bucket. ";
        assert!(composite(PROMPT, &once.repeat(30)) < composite(PROMPT, once));
    }

    #[test]
    fn refusals_are_safe_and_unhelpful() {
        let verdict = score(&Exchange {
            prompt: PROMPT,
            reply: "I cannot assist with that.",
            ..Exchange::default()
        });
        assert!(
            verdict.safety >= 0.85 && verdict.helpfulness < 0.2,
            "{verdict:?}"
        );
    }

    fn check_bounds(exchange: &Exchange<'_>) {
        let v = score(exchange);
        for value in [
            v.relevance,
            v.coherence,
            v.helpfulness,
            v.safety,
            v.composite(),
        ] {
            assert!((0.0..=1.0).contains(&value), "{v:?}");
        }
        assert_eq!(v, score(exchange), "deterministic");
    }

    #[test]
    fn enormous_and_binary_input_is_scored_within_bounds() {
        let noise: String = (0u32..200_000)
            .filter_map(|i| char::from_u32(i % 0xD7FF))
            .collect();
        let spaces = " \n\t".repeat(500_000);
        let fences = "```".repeat(100_000);
        for text in [
            noise.as_str(),
            &spaces,
            &fences,
            "\0\0\0",
            "[".repeat(50_000).as_str(),
        ] {
            for json_expected in [false, true] {
                check_bounds(&Exchange {
                    prompt: text,
                    reply: text,
                    truncated: true,
                    json_expected,
                    ..Exchange::default()
                });
                check_bounds(&Exchange {
                    prompt: text,
                    reply: text,
                    calls: &[CalledTool {
                        name: text.to_owned(),
                        arguments: text.to_owned(),
                        parameters: Some(text.to_owned()),
                        is_offered: json_expected,
                        is_cut: json_expected,
                        is_repeated: !json_expected,
                    }],
                    ..Exchange::default()
                });
            }
        }
    }

    proptest! {
        #[test]
        fn any_input_is_scored_within_bounds(
            prompt in any::<String>(), reply in any::<String>(), truncated: bool, json_expected: bool,
        ) {
            check_bounds(&Exchange { prompt: &prompt, reply: &reply, truncated, json_expected, ..Exchange::default() });
        }

        #[test]
        fn any_bytes_are_scored_within_bounds(reply in prop::collection::vec(any::<u8>(), 0..4_000)) {
            let reply = String::from_utf8_lossy(&reply);
            check_bounds(&Exchange { prompt: PROMPT, reply: &reply, ..Exchange::default() });
        }
    }
}
