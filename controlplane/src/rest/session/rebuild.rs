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
    spoken.extend_from_slice(&sent[overlap(spoken, sent)..]);
}

/// How many of the last numbers of `spoken` are the first of `sent`, at most. In a time that grows with their lengths
/// and not with the product of them: what callers repeat must not keep others waiting.
///
/// Knuth, Morris & Pratt, "Fast pattern matching in strings", SIAM J. Comput. 6 (1977).
fn overlap(spoken: &[u64], sent: &[u64]) -> usize {
    let most = spoken.len().min(sent.len());
    let (spoken, sent) = (&spoken[spoken.len() - most..], &sent[..most]);
    // Of each beginning of `sent`, how much of its own beginning it ends with.
    let mut borders: Vec<usize> = Vec::with_capacity(most);
    let step = |borders: &[usize], mut matched: usize, number: u64| {
        while matched > 0 && sent.get(matched) != Some(&number) {
            matched = borders[matched - 1];
        }
        matched + usize::from(sent.get(matched) == Some(&number))
    };
    for (at, number) in sent.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| borders[before]);
        borders.push(before.map_or(0, |before| step(&borders, before, *number)));
    }
    let matching = |matched, number: &u64| step(&borders, matched, *number);
    spoken.iter().fold(0, matching)
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
    fn the_overlap_is_the_longest_there_is_and_long_ones_are_found_at_once() {
        let naive = |spoken: &[u64], sent: &[u64]| {
            let most = spoken.len().min(sent.len());
            let fits = |length: &usize| spoken[spoken.len() - length..] == sent[..*length];
            (0..=most).rev().find(fits).unwrap_or(0)
        };
        // Every pair of lists of up to six of two numbers.
        let lists: Vec<Vec<u64>> = (0..=6_u32)
            .flat_map(|length| (0..1_u64 << length).map(move |bits| (length, bits)))
            .map(|(length, bits)| (0..length).map(|at| bits >> at & 1).collect())
            .collect();
        for spoken in &lists {
            for sent in &lists {
                let found = overlap(spoken, sent);
                assert_eq!(found, naive(spoken, sent), "{spoken:?} {sent:?}");
            }
        }
        // By comparing each length this takes ten thousand million steps.
        let mut sent = vec![1; 200_000];
        sent[199_999] = 2;
        assert_eq!(overlap(&[1; 200_000], &sent), 199_999);
        assert_eq!(overlap(&sent, &[1; 200_000]), 0);
    }

    #[test]
    fn a_call_whose_reply_is_not_told_is_gone_on_with() {
        check(&[&[1, 0], &[1, 7, 8, 2]], &[1, 7, 8, 2]);
        check(&[&[1, 0]], &[1]);
    }
}
