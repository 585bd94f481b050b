//! A conversation put together from what its calls sent, which may be all of it each time, its end, or what is new.

/// What one call said, as numbers of messages: equal numbers, equal messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) messages: &'a [u64],
    pub(super) reply: Option<u64>,
}

/// The messages of a conversation, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Conversation {
    /// Those of the system that it begins with, once, as the newest call has them.
    pub(super) system: Vec<u64>,
    pub(super) spoken: Vec<u64>,
}

/// Puts a conversation together.
pub(super) fn rebuild<'a>(
    turns: impl Iterator<Item = Said<'a>>,
    is_system: impl Fn(u64) -> bool,
) -> Conversation {
    let mut told = Conversation::default();
    for turn in turns {
        let leading = turn
            .messages
            .iter()
            .take_while(|number| is_system(**number));
        let (own, sent) = turn.messages.split_at(leading.count());
        if !own.is_empty() {
            told.system = own.to_vec();
        }
        go_on(&mut told.spoken, sent);
        told.spoken.extend(turn.reply);
    }
    told
}

/// Takes in what a call sent.
fn go_on(spoken: &mut Vec<u64>, sent: &[u64]) {
    let begins_alike = spoken
        .first()
        .is_some_and(|first| sent.first() == Some(first));
    if begins_alike {
        // The whole conversation, as its caller sees it now: what was said otherwise before is no part of it.
        spoken.clear();
    }
    let most = spoken.len().min(sent.len());
    let overlap = (0..=most)
        .rev()
        .find(|length| spoken[spoken.len() - length..] == sent[..*length]);
    spoken.extend_from_slice(&sent[overlap.unwrap_or(0)..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from 90 are the system's; the last of each call is its reply unless that is 0.
    fn check(turns: &[&[u64]], expected: &[u64]) {
        let said = turns.iter().filter_map(|turn| {
            let (reply, messages) = turn.split_last()?;
            let reply = (*reply > 0).then_some(*reply);
            Some(Said { messages, reply })
        });
        let told = rebuild(said, |number| number >= 90);
        assert_eq!([told.system, told.spoken].concat(), expected, "{turns:?}");
    }

    #[test]
    fn a_conversation_that_is_sent_whole_is_told_once() {
        check(&[], &[]);
        check(&[&[90, 1, 2]], &[90, 1, 2]);
        check(
            &[&[90, 1, 2], &[90, 1, 2, 3, 4], &[90, 1, 2, 3, 4, 5, 6]],
            &[90, 1, 2, 3, 4, 5, 6],
        );
    }

    #[test]
    fn calls_that_send_what_is_new_or_the_end_are_put_together() {
        check(
            &[&[90, 1, 2], &[90, 3, 4], &[5, 6]],
            &[90, 1, 2, 3, 4, 5, 6],
        );
        check(
            &[&[1, 2], &[1, 2, 3, 4], &[3, 4, 5, 6], &[5, 6, 7, 8]],
            &[1, 2, 3, 4, 5, 6, 7, 8],
        );
    }

    #[test]
    fn what_was_asked_again_or_otherwise_stands_as_it_was_asked_last() {
        check(&[&[1, 2], &[1, 3]], &[1, 3]);
        check(&[&[1, 2, 3, 4], &[1, 2, 5, 6]], &[1, 2, 5, 6]);
        check(&[&[90, 1, 2], &[91, 1, 2, 3, 4]], &[91, 1, 2, 3, 4]);
    }

    #[test]
    fn a_call_whose_reply_is_not_told_is_gone_on_with() {
        check(&[&[1, 0], &[1, 7, 8, 2]], &[1, 7, 8, 2]);
        check(&[&[1, 0]], &[1]);
    }
}
