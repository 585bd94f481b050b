//! What a simulated model says: on the topic and well formed where it reads well, one of the usual ways of
//! being useless where it does not.

use serde_json::json;

use super::{draw::Draw, kind::Kind};

/// What the text has to fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Assignment<'a> {
    pub(super) kind: Kind,
    pub(super) user_text: &'a str,
    /// The caller insists on JSON, so that it is JSON however bad it is.
    pub(super) json: bool,
    pub(super) reads_well: bool,
}

/// Writes it; the same assignment and sequence give the same text.
pub(super) fn write(assignment: &Assignment<'_>, draw: &mut Draw) -> String {
    let words = topic(assignment.user_text);
    let topic = Topic { words: &words };
    match (assignment.json, assignment.reads_well) {
        (true, true) => good_json(&topic, assignment.user_text),
        (true, false) => bad_json(draw),
        (false, true) => good(assignment.kind, &topic, draw),
        (false, false) => bad(assignment.kind, &topic, draw),
    }
}

/// The words a text is about: the longer ones, in order, each once.
fn topic(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> = Vec::new();
    for word in text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| w.chars().count() >= 4)
    {
        if !words.contains(&word) && words.len() < 14 {
            words.push(word);
        }
    }
    words
}

struct Topic<'a> {
    words: &'a [&'a str],
}

impl Topic<'_> {
    /// `count` words from `start` on, joined.
    fn run(&self, start: usize, count: usize) -> String {
        let picked: Vec<&str> = self.words.iter().skip(start).take(count).copied().collect();
        if picked.is_empty() {
            "your question".into()
        } else {
            picked.join(" ")
        }
    }

    /// One word, counted from the end.
    fn last(&self, back: usize) -> &str {
        let index = self.words.len().checked_sub(back + 1);
        index
            .and_then(|i| self.words.get(i))
            .copied()
            .unwrap_or("this")
    }
}

fn good(kind: Kind, topic: &Topic<'_>, draw: &mut Draw) -> String {
    // Some good replies are merely brief.
    if draw.unit() < 0.25 {
        return format!(
            "In short: {}. For {} this means {} comes first, and {} follows from it. {}",
            topic.run(0, 5),
            topic.run(2, 3),
            topic.run(5, 2),
            topic.last(0),
            closing(kind),
        );
    }
    let (a, b, c) = (topic.run(0, 4), topic.run(4, 4), topic.run(7, 4));
    match kind {
        Kind::Code => format!(
            "Here is a function for {a}:\n\n```python\ndef solve(items):\n    \"\"\"{b}\"\"\"\n    seen = {{}}\n    for item in items:\n        seen.setdefault(key(item), []).append(item)\n    return seen\n```\n\nIt handles {c}: empty input gives an empty result, and rows without a key are kept apart. {}",
            closing(kind)
        ),
        Kind::Math => format!(
            "Let us take it step by step.\n\n1. Start from {a}: that gives the amount for one day.\n2. Multiply by {b}.\n3. Check with {c}: the units agree.\n\n{}",
            closing(kind)
        ),
        Kind::Extract | Kind::Summarize => format!(
            "- Subject: {a}\n- Agreed: {b}\n- To watch: {c}\n- Next: {} by {}\n\n{}",
            topic.last(1),
            topic.last(0),
            closing(kind)
        ),
        Kind::Support => format!(
            "I'm sorry about the trouble with {a}. Here is what we can do:\n\n1. We send a replacement for {b} at once.\n2. You return the first one with the label in your account.\n3. If you prefer, we refund {c} within three days.\n\n{}",
            closing(kind)
        ),
        Kind::Write => format!(
            "The morning began with {a}, as mornings rarely do.\n\nNobody had planned for {b}, and yet there it was, ready for {c}. By evening they had told three friends, and meant it.\n\n{}",
            closing(kind)
        ),
    }
}

fn closing(kind: Kind) -> &'static str {
    match kind {
        Kind::Code => "The running time grows linearly with the input.",
        Kind::Math => "That is the result, and the estimate by rounding confirms it.",
        Kind::Extract | Kind::Summarize => "Everything else in the notes was background.",
        Kind::Support => "Tell me which you prefer and I will start it right away.",
        Kind::Write => "Some things simply earn their place in a bag.",
    }
}

fn bad(kind: Kind, topic: &Topic<'_>, draw: &mut Draw) -> String {
    match draw.below(4) {
        0 => format!(
            "I'm not sure about {}. It depends on many things, and it is hard to say without more.",
            topic.last(0)
        ),
        1 => format!(
            "Sure! About {}, the first thing to consider is that the",
            topic.run(0, 2)
        ),
        2 => OFF_TOPIC[draw.below(OFF_TOPIC.len())].to_owned(),
        _ => match kind {
            Kind::Code | Kind::Math => "The answer is 42.".to_owned(),
            Kind::Extract | Kind::Summarize | Kind::Support | Kind::Write => {
                "Thank you for your message. We will get back to you.".to_owned()
            }
        },
    }
}

const OFF_TOPIC: &[&str] = &[
    "Gardens do best with morning sun. Water them early and cut them back in autumn.",
    "The history of sailing is long. Early boats had one mast, later ones had three.",
    "A good soup needs time. Onions first, then carrots, then a little patience.",
];

fn good_json(topic: &Topic<'_>, text: &str) -> String {
    let quoted = text.split('"').nth(1).unwrap_or(text);
    let capitals: Vec<&str> = quoted
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| w.chars().next().is_some_and(char::is_uppercase))
        .collect();
    let number = quoted
        .split(|c: char| !c.is_ascii_digit())
        .find(|w| w.len() >= 4)
        .unwrap_or_default();
    json!({
        "customer": capitals.get(1..3).map_or_else(|| topic.run(0, 2), |names| names.join(" ")),
        "city": capitals.get(3).copied().unwrap_or_else(|| topic.last(2)),
        "product": topic.run(8, 2),
        "order": number,
        "summary": topic.run(0, 8),
    })
    .to_string()
}

fn bad_json(draw: &mut Draw) -> String {
    match draw.below(3) {
        0 => json!({}).to_string(),
        1 => json!({ "customer": null, "city": "", "product": null, "order": null }).to_string(),
        _ => json!({ "result": "n/a" }).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use floopy_judge_worker::{judge, rubric::Exchange};

    use super::{
        super::world::{MODELS, World},
        *,
    };

    /// Composite from which the judge is taken to have liked a reply.
    const LIKED: f64 = 0.6;

    #[test]
    fn a_text_judge_reads_four_of_five_replies_rightly() {
        let world = World::new(5);
        let (mut right, mut all) = (0u32, 0u32);
        for kind in Kind::ALL {
            let mut kind_right = 0;
            for nonce in 0..400 {
                let model = &MODELS[(nonce % 8) as usize];
                let outcome = world.outcome(kind, nonce, model);
                let user_text = kind.user_text(&mut Draw::new(nonce, &["user"]));
                let json = kind.wants_json();
                let assignment = Assignment {
                    kind,
                    user_text: &user_text,
                    json,
                    reads_well: outcome.reads_well,
                };
                let reply = write(&assignment, &mut Draw::new(nonce, &["reply"]));
                let exchange = Exchange {
                    prompt: &user_text,
                    reply: &reply,
                    truncated: false,
                    json_expected: json,
                    ..Exchange::default()
                };
                let liked = judge::score(&exchange).composite() >= LIKED;
                kind_right += u32::from(liked == outcome.good);
            }
            assert!(
                (280..=380).contains(&kind_right),
                "{kind:?}: {kind_right} of 400"
            );
            right += kind_right;
            all += 400;
        }
        let agreement = f64::from(right) / f64::from(all);
        assert!((0.78..=0.88).contains(&agreement), "{agreement}");
    }

    #[test]
    fn replies_to_json_requests_are_json_even_when_bad() {
        for nonce in 0..50 {
            let assignment = Assignment {
                kind: Kind::Extract,
                user_text: "x",
                json: true,
                reads_well: nonce % 2 == 0,
            };
            let reply = write(&assignment, &mut Draw::new(nonce, &["reply"]));
            assert!(
                serde_json::from_str::<serde_json::Value>(&reply).is_ok(),
                "{reply}"
            );
        }
    }
}
