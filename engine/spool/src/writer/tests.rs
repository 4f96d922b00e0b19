use super::*;
use crate::desk::{Desk, Write, bytes_at, draft, recover};
use crate::format::crc;
use crate::{Draft, Flaw, Standing, Text};
use event::MessageId;

#[test]
fn an_empty_batch_has_nothing_to_say_and_a_message_leaves_at_once() {
    let mut desk = Desk::new();
    assert_eq!(desk.writer.flush_at(), None);
    desk.done(id(1), &[0]);
    assert_eq!(desk.writer.flush_at(), Some(Tick::ZERO + SETTLE_AGE));
    desk.put(b"text");
    assert_eq!(desk.writer.flush_at(), Some(Tick::ZERO));
}

#[test]
fn parts_wait_until_the_batch_is_full() {
    let mut desk = Desk::new();
    desk.writer.text(id(1), &vec![b'x'; 100_000], Tick(5));
    assert_eq!(desk.writer.flush_at(), Some(Tick(5) + SETTLE_AGE));
    desk.writer.text(id(1), &vec![b'x'; 200_000], Tick(6));
    assert_eq!(desk.writer.flush_at(), Some(Tick::ZERO));
}

#[test]
fn a_message_waits_a_moment_for_company_but_not_in_a_log_at_rest() {
    let mut desk = Desk::new();
    let later = Tick::ZERO + GATHER_AGE * 5;
    desk.writer.expect(true);
    desk.put(b"first");
    assert!(desk.writer.flush_at() <= Some(later), "the log is at rest");
    let sealed = desk.writer.seal(1, later, Wall(1)).expect("nothing is in flight");
    desk.writer.written(sealed.memory);
    desk.put(b"second");
    assert_eq!(desk.writer.flush_at(), Some(later + GATHER_AGE));
    desk.writer.expect(false);
    assert_eq!(desk.writer.flush_at(), Some(Tick::ZERO), "nobody else comes");
    desk.writer.expect(true);
    desk.writer.text(id(9), &vec![b'x'; BATCH_FULL], later);
    assert_eq!(desk.writer.flush_at(), Some(Tick::ZERO), "it is full");
}

#[test]
fn one_block_is_in_flight_and_the_next_fills() {
    let mut desk = Desk::new();
    desk.put(b"one");
    let first = desk.seal();
    assert_eq!((first.block, first.offset, desk.writer.durable()), (1, 4_096, 0));
    let (.., staged) = desk.put(b"two");
    assert_eq!(staged.block, 2);
    assert!(desk.writer.seal(1, Tick::ZERO, Wall(0)).is_none());
    desk.writer.written(first.memory);
    assert_eq!(desk.writer.durable(), 1);
    assert_eq!(desk.seal().offset, 8_192);
}

#[test]
fn places_are_where_the_bytes_land() {
    let mut desk = Desk::new();
    let mut texts = Vec::new();
    for n in 0..60_u8 {
        let bytes = vec![n; 100_000 + usize::from(n)];
        texts.push((desk.put(&bytes).1, bytes));
        if n % 4 == 3 {
            desk.commit();
        }
    }
    assert!(desk.segments.len() > 1, "the test crosses a segment's end");
    for (text, bytes) in texts {
        assert_eq!(bytes_at(&desk.segments, &text[0]), bytes);
        assert_eq!(text[0].crc, crc(&bytes));
    }
}

#[test]
fn the_largest_message_fits_an_empty_batch() {
    let path = [b'x'; 40];
    let many = vec![&path[..]; RECIPIENTS_MAX];
    let draft = Draft { recipients: &many, ..draft() };
    let envelope_len = draft.envelope_len().expect("within the limits");
    let mut desk = Desk::new();
    let last = Writer::<Vec<u8>>::text_room(PART_MAX);
    let room = last + Writer::<Vec<u8>>::delivery_room(PARTS_MAX, 0, envelope_len);
    assert!(desk.writer.has_room(room));
    let place = desk.writer.text(id(1), &vec![b'x'; PART_MAX], Tick::ZERO);
    desk.writer.delivery(id(1), &Text::from_elem(place, PARTS_MAX), &draft, Tick::ZERO);
    desk.commit();
    let found = recover(&desk.segments, 1);
    assert_eq!(found.survivors[0].open.len(), RECIPIENTS_MAX);
}

#[test]
fn completions_always_go_in() {
    let mut desk = Desk::new();
    let (kept, ..) = desk.put(b"kept");
    let recipients: Vec<u16> = (0..10_000).collect();
    for _ in 0..100 {
        desk.done(id(1_000), &recipients);
    }
    desk.done(kept, &[1]);
    assert!(!desk.writer.has_room(0), "new mail waits behind what is carried");
    let first = desk.commit();
    assert!(first.bytes.len() <= BLOCK_MAX);
    while desk.writer.flush_at().is_some() {
        desk.commit();
    }
    let found = recover(&desk.segments, 1);
    assert_eq!(found.survivors[0].open.iter().map(|open| open.recipient).collect::<Vec<_>>(), [0]);
}

#[test]
fn after_a_failure_completions_go_on_and_messages_are_void() {
    let mut desk = Desk::new();
    let (kept, ..) = desk.put(b"kept");
    desk.commit();
    let (flown, ..) = desk.put(b"in flight");
    desk.done(kept, &[0]);
    let sealed = desk.seal();
    // The failed write is on the disk after all.
    Write::of(&sealed).land(&mut desk.segments);
    let (open, ..) = desk.put(b"in the open batch");
    desk.defer(kept, &[1], 4);
    let salt = desk.salt();
    desk.writer.failed(sealed.memory, salt, Tick::ZERO);
    assert_eq!(desk.writer.flush_at(), Some(Tick::ZERO + SETTLE_AGE));
    let (later, ..) = desk.put(b"later");
    let write = desk.commit();
    assert_eq!(write.segment, 2);
    let found = recover(&desk.segments, 1);
    let names: Vec<_> = found.survivors.iter().map(|survivor| survivor.id).collect();
    assert_eq!(names, [kept, later], "not {flown} or {open}");
    let standing = Standing { recipient: 1, attempt: 4, due: Wall(4) };
    assert_eq!(found.survivors[0].open, [standing]);
    assert_eq!(found.damage, []);
}

#[test]
fn a_failure_on_top_of_a_failure_changes_nothing() {
    let mut desk = Desk::new();
    let (kept, ..) = desk.put(b"kept");
    desk.commit();
    desk.done(kept, &[1]);
    for _ in 0..3 {
        let sealed = desk.seal();
        let salt = desk.salt();
        desk.writer.failed(sealed.memory, salt, Tick::ZERO);
    }
    let write = desk.commit();
    assert_eq!((write.segment, desk.writer.durable()), (4, 2));
    let found = recover(&desk.segments, 1);
    assert_eq!((found.survivors[0].open.len(), &found.damage[..]), (1, &[][..]));
}

#[test]
fn a_closed_log_ends_with_a_block_that_says_so() {
    let mut desk = Desk::new();
    desk.put(b"last");
    let last = desk.commit();
    assert_eq!(desk.writer.flush_at(), None);
    desk.writer.close();
    assert_eq!(desk.writer.flush_at(), Some(Tick::ZERO));
    desk.commit();
    assert_eq!(desk.writer.flush_at(), None);
    // Bytes of the last message go bad: they are known to have been durable.
    desk.segments.get_mut(&1).unwrap()[last.offset + 200] ^= 1;
    let found = recover(&desk.segments, 1);
    assert_eq!(found.damage.iter().map(|one| one.flaw).collect::<Vec<_>>(), [Flaw::Damaged]);
}

#[test]
fn what_was_staged_is_durable_once_its_block_is() {
    let mut desk = Desk::new();
    let (kept, ..) = desk.put(b"kept");
    assert_eq!((desk.writer.staged(), desk.writer.durable()), (1, 0));
    desk.commit();
    assert_eq!((desk.writer.staged(), desk.writer.durable()), (1, 1));
    desk.done(kept, &[0, 1]);
    let sealed = desk.seal();
    assert_eq!((desk.writer.staged(), desk.writer.durable()), (2, 1), "in flight");
    desk.writer.written(sealed.memory);
    assert_eq!((desk.writer.staged(), desk.writer.durable()), (2, 2));
}

#[test]
fn a_bound_completion_falls_with_its_bounce() {
    let mut desk = Desk::new();
    let (original, ..) = desk.put(b"original");
    desk.commit();
    desk.bounce(original, &[0, 1]);
    let sealed = desk.seal();
    let salt = desk.salt();
    desk.writer.failed(sealed.memory, salt, Tick::ZERO);
    desk.commit();
    let found = recover(&desk.segments, 1);
    assert_eq!(found.survivors.len(), 1);
    assert_eq!((found.survivors[0].id, found.survivors[0].open.len()), (original, 2));
}

fn id(count: u64) -> MessageId {
    MessageId { log: 3, boot: 1, count }
}
