//! The log, through reopening, damage and failing disks.

use super::{cursor::CURSOR, *};

/// A frame with this text as its payload.
fn frame(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("short").to_le_bytes();
    let check = crc32fast::hash(text.as_bytes()).to_le_bytes();
    [&length, &check, text.as_bytes()].concat()
}

fn read_all(log: &Log) -> Vec<String> {
    let mut texts = Vec::new();
    let mut position = log.acknowledged();
    while let Some(span) = log.span_from(position) {
        let bytes = fs::read(&span.path).expect("segment");
        let from = usize::try_from(span.from).expect("small");
        let Decoded::Frame(payload, len) = decode(&bytes[from..]) else {
            panic!("torn at {position}")
        };
        texts.push(String::from_utf8(payload.to_vec()).expect("text"));
        position = span.position + len as u64;
    }
    texts
}

#[test]
fn events_survive_reopening_in_order_across_segments() {
    let dir = tempfile::tempdir().expect("dir");
    let (mut log, recovered) = Log::open(dir.path(), 40).expect("opens");
    assert_eq!(recovered, Recovered::default());
    for text in ["one", "two", "three", "four", "five"] {
        log.append(&frame(text), 1).expect("written");
    }
    drop(log);
    let (mut log, recovered) = Log::open(dir.path(), 40).expect("opens");
    assert_eq!(
        recovered,
        Recovered {
            pending_events: 5,
            torn_bytes: 0
        }
    );
    log.append(&frame("six"), 1).expect("written");
    assert_eq!(
        read_all(&log),
        ["one", "two", "three", "four", "five", "six"]
    );
}

#[test]
fn a_torn_tail_is_cut_off_and_the_rest_kept() {
    let dir = tempfile::tempdir().expect("dir");
    let (mut log, _) = Log::open(dir.path(), 1_000).expect("opens");
    log.append(&frame("whole"), 1).expect("written");
    drop(log);
    let path = path_of(dir.path(), 0);
    let mut bytes = fs::read(&path).expect("segment");
    bytes.extend_from_slice(&frame("torn")[..7]);
    fs::write(&path, bytes).expect("torn");
    let (log, recovered) = Log::open(dir.path(), 1_000).expect("opens");
    assert_eq!(
        recovered,
        Recovered {
            pending_events: 1,
            torn_bytes: 7
        }
    );
    assert_eq!(read_all(&log), ["whole"]);
}

#[test]
fn acknowledged_segments_are_deleted_and_stay_acknowledged() {
    let dir = tempfile::tempdir().expect("dir");
    let (mut log, _) = Log::open(dir.path(), 30).expect("opens");
    for text in ["aaaa", "bbbb", "cccc", "dddd"] {
        log.append(&frame(text), 1).expect("written");
    }
    log.acknowledge(24, 2).save().expect("acknowledged");
    assert_eq!(
        (read_all(&log), log.pending()),
        (vec!["cccc".to_owned(), "dddd".to_owned()], 2)
    );
    assert_eq!(list(dir.path()).expect("listed"), [24]);
    log.acknowledge(48, 2).save().expect("acknowledged");
    assert_eq!((log.bytes(), log.pending()), (0, 0));
    drop(log);
    let (mut log, recovered) = Log::open(dir.path(), 30).expect("opens");
    assert_eq!(recovered, Recovered::default());
    log.append(&frame("eeee"), 1).expect("written");
    assert_eq!(
        read_all(&log),
        ["eeee"],
        "positions go on after what was acknowledged"
    );
}

#[test]
fn segments_that_cannot_be_deleted_do_not_hold_up_acknowledgement() {
    let dir = tempfile::tempdir().expect("dir");
    let (mut log, _) = Log::open(dir.path(), 30).expect("opens");
    for text in ["aaaa", "bbbb", "cccc", "dddd", "eeee"] {
        log.append(&frame(text), 1).expect("written");
    }
    fs::remove_file(path_of(dir.path(), 0)).expect("deleted by somebody");
    let undeletable = path_of(dir.path(), 24);
    fs::remove_file(&undeletable).expect("deleted by somebody");
    fs::create_dir(&undeletable).expect("a directory is no file");
    log.acknowledge(48, 4).save().expect_err("one is left");
    assert_eq!(
        (read_all(&log), log.pending()),
        (vec!["eeee".to_owned()], 1)
    );
    assert_eq!(cursor::read(dir.path()), 48);
    log.acknowledge(60, 1)
        .save()
        .expect("the next one is not affected");
}

#[test]
fn after_the_current_segment_vanished_appends_go_to_a_new_one() {
    let dir = tempfile::tempdir().expect("dir");
    let (mut log, _) = Log::open(dir.path(), 1_000).expect("opens");
    log.append(&frame("lost"), 1).expect("written");
    fs::remove_file(path_of(dir.path(), 0)).expect("deleted by somebody");
    log.acknowledge(12, 1).save().expect("passed over");
    log.append(&frame("kept"), 1).expect("written");
    assert_eq!(read_all(&log), ["kept"]);
}

#[test]
fn a_damaged_cursor_means_sending_again() {
    let dir = tempfile::tempdir().expect("dir");
    let (mut log, _) = Log::open(dir.path(), 1_000).expect("opens");
    log.append(&frame("a"), 1).expect("written");
    log.append(&frame("b"), 1).expect("written");
    log.acknowledge(9, 1).save().expect("acknowledged");
    drop(log);
    fs::write(dir.path().join(CURSOR), "18 00000000").expect("damaged");
    let (log, _) = Log::open(dir.path(), 1_000).expect("opens");
    assert_eq!(read_all(&log), ["a", "b"]);
}

#[test]
fn a_failed_append_leaves_the_log_as_it_was() {
    let dir = tempfile::tempdir().expect("dir");
    let (mut log, _) = Log::open(dir.path(), 1_000).expect("opens");
    log.append(&frame("a"), 1).expect("written");
    log.file = Some(File::open(path_of(dir.path(), 0)).expect("read-only"));
    log.append(&frame("b"), 1).expect_err("not writable");
    assert_eq!((read_all(&log), log.pending()), (vec!["a".to_owned()], 1));
}

#[test]
fn what_is_queued_is_written_with_the_next_write_in_order() {
    let dir = tempfile::tempdir().expect("dir");
    let (mut log, _) = Log::open(dir.path(), 1_000).expect("opens");
    let (job, decision) = (KindLabel::ScoringJob, KindLabel::Decision);
    log.queue(&frame("a"), job);
    let few = log.write_if_many().expect("little is left");
    assert_eq!(few, Written::Nothing);
    assert_eq!((read_all(&log).len(), log.pending()), (0, 1));
    let ticket = log.queue(&frame("b"), decision);
    assert_eq!(log.write_until(ticket).expect("written"), Written::All);
    assert_eq!(log.write_until(ticket).expect("it is"), Written::Nothing);
    assert_eq!(read_all(&log), ["a", "b"]);
    log.file = Some(File::open(path_of(dir.path(), 0)).expect("read-only"));
    let tickets = [job, decision].map(|kind| log.queue(&frame("c"), kind));
    let lost = log.write_until(tickets[1]).expect_err("not writable");
    assert_eq!(lost.kinds, [job, decision]);
    assert_eq!(log.pending(), 2, "they are gone");
    assert_eq!(
        log.write_until(tickets[0]).expect("nothing is left"),
        Written::Nothing
    );
}

#[test]
fn a_spare_file_becomes_the_next_segment_unless_the_log_went_past_it() {
    let dir = tempfile::tempdir().expect("dir");
    let (mut log, _) = Log::open(dir.path(), 40).expect("opens");
    let prepare = |log: &mut Log| {
        let (start, path) = log.lacks_spare().expect("more than half full");
        log.keep_spare(start, create(&path).expect("created"));
        start
    };
    assert_eq!(log.lacks_spare(), None, "nothing was written yet");
    for text in ["aaaa", "bbbb"] {
        log.append(&frame(text), 1).expect("written");
    }
    assert_eq!(prepare(&mut log), 40);
    assert_eq!(log.lacks_spare(), None);
    for text in ["cccc", "dddd", "eeee"] {
        log.append(&frame(text), 1).expect("written");
    }
    assert_eq!(list(dir.path()).expect("listed"), [0, 40]);
    assert_eq!(prepare(&mut log), 80);
    log.append(&frame(&"f".repeat(60)), 1).expect("written");
    log.acknowledge(40, 3).save().expect("acknowledged");
    drop(log);
    let (log, recovered) = Log::open(dir.path(), 40).expect("opens");
    assert_eq!((recovered.pending_events, recovered.torn_bytes), (3, 0));
    assert_eq!(read_all(&log), ["dddd", "eeee", &"f".repeat(60)]);
    let (mut log, _) = Log::open(dir.path(), 40).expect("opens");
    log.keep_spare(90, create(&path_of(dir.path(), 90)).expect("created"));
    log.append(&frame("g"), 1).expect("written");
    assert_eq!(list(dir.path()).expect("listed"), [40, 80, 90, 148]);
}
