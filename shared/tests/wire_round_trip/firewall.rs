//! What the firewall said of calls and of replies.

use floopy_shared::domain::{
    firewall::{
        Finding, Place, Role, Screening, Skip, Verdict,
        output::{Leaked, Redacted, Spot, Watched, tally},
    },
    sensitive::Kind,
};

pub(super) fn redacted(number: u64) -> Vec<Redacted> {
    let kinds = Kind::ALL.into_iter().cycle();
    tally(kinds.take((number % 20) as usize))
}

pub(super) fn watched(number: u64, flag: bool) -> Box<Watched> {
    let kind = Kind::ALL[(number % 16) as usize];
    let leaked = if number.is_multiple_of(5) {
        Leaked::SystemPrompt
    } else {
        Leaked::Sensitive(kind)
    };
    let spot = Spot {
        leaked,
        choice: 2,
        start: number,
    };
    Box::new(Watched {
        verdict: if flag {
            Verdict::Blocked
        } else {
            Verdict::Passed
        },
        spot: flag.then_some(spot),
        partial: !flag,
    })
}

pub(super) fn screening(number: u64, flag: bool) -> Box<Screening> {
    if number.is_multiple_of(2) {
        return Box::new(Screening::Skipped {
            why: Skip::Late,
            refused: flag,
        });
    }
    let place = Place {
        at: "messages[1].content[0].text".to_owned(),
        role: Role::Tool,
        start: number,
        end: number.saturating_add(1),
    };
    Box::new(Screening::Scored {
        verdict: if flag {
            Verdict::Blocked
        } else {
            Verdict::Passed
        },
        finding: Finding {
            score: 978,
            threshold: 500,
            place: flag.then_some(place),
            partial: !flag,
        },
    })
}
