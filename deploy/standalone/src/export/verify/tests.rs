//! Good exports are told to be good, and of changed ones the first bad line is named, whatever was changed.

use floopy_shared::domain::export::{NO_LINE, Outcome, Trailer, key_id, line_hash};
use proptest::prelude::*;
use ring::signature::{Ed25519KeyPair, KeyPair};

use super::{
    chain::{Verified, Why},
    *,
};

fn pair(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key")
}

/// A part with so many rows after the line with this hash; its last trailer's hash comes back.
fn part(rows: usize, before: &str, truncated: bool, seed: u8) -> (String, String) {
    part_from("2026-11-01T00:00:00Z", (rows, before), truncated, seed)
}

/// The same of a span that begins then.
fn part_from(
    from: &str,
    (rows, before): (usize, &str),
    truncated: bool,
    seed: u8,
) -> (String, String) {
    let (mut text, mut prev) = (String::new(), before.to_owned());
    for row in 0..rows {
        let line = format!("{{\"request_id\":\"r{row}\",\"prev_sha256\":\"{prev}\"}}\n");
        prev = line_hash(line.as_bytes());
        text += &line;
    }
    let pair = pair(seed);
    let public = pair.public_key().as_ref();
    let trailer = Trailer {
        _floopy_export_trailer: true,
        trailer: true,
        outcome: if truncated {
            Outcome::Truncated
        } else {
            Outcome::Completed
        },
        truncated,
        reason: truncated.then(|| "deadline".into()),
        row_count: rows as u64,
        rows_emitted: rows as u64,
        byte_count: text.len() as u64,
        checksum_sha256: line_hash(text.as_bytes()),
        aggregation_signal_present: false,
        organization_id: "acme".into(),
        from: from.into(),
        to: "2026-11-02T00:00:00Z".into(),
        shadow: "exclude".into(),
        exported_at: "2026-11-03T00:00:00Z".into(),
        first_prev_sha256: before.to_owned(),
        last_sha256: prev.clone(),
        next_from: truncated.then(|| "2026-11-01T09:00:00Z".into()),
        next_cursor: truncated.then(|| "abc".into()),
        key_id: key_id(public),
        public_key: hex::encode(public),
    };
    let signed = trailer.line(|bytes| pair.sign(bytes).as_ref().to_vec());
    (text + &signed.expect("JSON"), prev)
}

/// Two parts of one export: lines 1 to 4 and 5 to 7.
fn export() -> String {
    let (first, last) = part(3, NO_LINE, true, 1);
    first + &part(2, &last, false, 1).0
}

fn check(text: &str) -> Result<Verified, BadLine> {
    verify(text.as_bytes(), None).expect("in memory")
}

#[track_caller]
fn check_bad(text: &str, line: u64, is_right: impl Fn(&Why) -> bool) {
    let bad = check(text).expect_err("bad");
    assert!(bad.line == line && is_right(&bad.why), "{bad}");
}

fn without(line: usize) -> String {
    let lines = export();
    let lines = lines.split_inclusive('\n').enumerate();
    lines
        .filter(|(n, _)| n + 1 != line)
        .map(|(_, l)| l)
        .collect()
}

#[test]
fn a_good_export_is_told_with_its_rows_parts_and_key() {
    let verified = check(&export()).expect("good");
    assert_eq!((verified.rows, verified.parts), (5, 2));
    assert!(verified.is_complete && !verified.is_overlapping);
    assert_eq!(verified.goes_on_from, None);
    let half = check(&part(3, NO_LINE, true, 1).0).expect("good");
    assert!(!half.is_complete);
    let second = check(&part(2, &line_hash(b"x"), false, 1).0).expect("good");
    assert_eq!(second.goes_on_from, Some(line_hash(b"x")));
    let rest = part_from("2026-11-01T09:00:00Z", (2, NO_LINE), false, 1).0;
    let by_time = part(3, NO_LINE, true, 1).0 + &rest;
    assert!(check(&by_time).expect("good").is_overlapping);
    let empty = check(&part(0, NO_LINE, false, 1).0).expect("good");
    assert_eq!((empty.rows, empty.parts), (0, 1));
}

#[test]
fn what_was_taken_out_or_put_in_is_named_by_line() {
    check_bad(&without(1), 3, |why| {
        matches!(why, Why::RowCount { told: 3, found: 2 })
    });
    check_bad(&without(2), 1, |why| {
        matches!(why, Why::Changed { next: 2 })
    });
    check_bad(&without(3), 3, |why| {
        matches!(why, Why::RowCount { told: 3, found: 2 })
    });
    check_bad(&without(4), 6, |why| {
        matches!(why, Why::RowCount { told: 2, found: 5 })
    });
    check_bad(&without(7), 7, |why| matches!(why, Why::NoTrailer));
    check_bad("", 1, |why| matches!(why, Why::NoTrailer));
    let cut = export();
    check_bad(&cut[..cut.len() - 9], 7, |why| matches!(why, Why::CutOff));
    let blank = export().replacen('\n', "\n\n", 1);
    check_bad(&blank, 2, |why| matches!(why, Why::NotARow(_)));
    let strange = part(3, NO_LINE, true, 1).0 + &part(2, &line_hash(b"x"), false, 1).0;
    check_bad(&strange, 5, |why| matches!(why, Why::WrongBeginning { .. }));
}

#[test]
fn a_part_that_does_not_take_up_where_the_one_before_was_cut_off_is_refused() {
    let (first, last) = part(3, NO_LINE, true, 1);
    let is_none = |why: &Why| matches!(why, Why::NotAContinuation);
    let empty = part(0, NO_LINE, false, 1).0;
    check_bad(&(first.clone() + &empty), 5, is_none);
    let late = part_from("2026-11-01T10:00:00Z", (2, NO_LINE), false, 1).0;
    check_bad(&(first.clone() + &late), 7, is_none);
    let whole = part(3, NO_LINE, false, 1);
    check_bad(&(whole.0 + &part(2, &whole.1, false, 1).0), 7, is_none);
    let end = part(0, &last, false, 1).0;
    assert!(
        check(&(first + &end))
            .expect("nothing was left")
            .is_complete
    );
}

#[test]
fn a_key_other_than_the_one_asked_for_or_of_the_part_before_is_refused() {
    let wanted = pair(1).public_key().as_ref().to_vec();
    let of_other = part(3, NO_LINE, false, 2).0;
    let pinned = |text: &str| verify(text.as_bytes(), Some(wanted.clone())).expect("in memory");
    assert!(pinned(&export()).is_ok());
    let bad = pinned(&of_other).expect_err("another key");
    assert!(
        matches!(bad.why, Why::WrongKey { .. }) && bad.line == 4,
        "{bad}"
    );
    let (first, last) = part(3, NO_LINE, true, 1);
    let mixed = first + &part(2, &last, false, 2).0;
    check_bad(&mixed, 7, |why| matches!(why, Why::WrongKey { .. }));
    for wrong in ["12", "zz", &"ab".repeat(33)] {
        let error = public_key(wrong).expect_err("no key").to_string();
        assert!(error.contains(wrong), "{error}");
    }
}

#[test]
fn a_line_longer_than_clients_take_is_refused_without_being_read() {
    let endless = io::repeat(b'x').take(u64::MAX);
    let bad = verify(io::BufReader::new(endless), None).expect("read");
    assert_eq!(
        bad,
        Err(BadLine {
            line: 1,
            why: Why::TooLong
        })
    );
}

proptest! {
    #[test]
    fn any_changed_byte_is_found_in_its_own_line(at in any::<prop::sample::Index>(), with in any::<u8>()) {
        let mut bytes = export().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != with && bytes[at] != b'\n' && with != b'\n');
        let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        bytes[at] = with;
        let bad = verify(bytes.as_slice(), None).expect("in memory").expect_err("changed");
        prop_assert_eq!(bad.line, line, "{}", bad);
    }
}
