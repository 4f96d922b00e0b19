//! How much may be on its way, and what is known of it.

use super::{OFFERS, SMALL, begin, greeted, open};
use crate::client::{AHEAD_BYTES_MAX, DEPTH_MAX, IN_FLIGHT_BYTES_MAX, Patience, Session};

/// Begins as many of this size as it wants.
fn fill(session: &mut Session<usize>, size: u64) -> usize {
    let mut begun = 0;
    while session.wants() {
        begin(session, begun, (1, size));
        begun += 1;
        while session.say(&mut Vec::new()).is_some() {}
    }
    begun
}

#[test]
fn as_many_are_on_their_way_as_were_allowed() {
    assert_eq!(fill(&mut open(8, OFFERS), SMALL), 8);
    assert_eq!(fill(&mut open(0, OFFERS), SMALL), 1, "at least one, by DATA, is always allowed");
    assert_eq!(fill(&mut open(u16::MAX, OFFERS), SMALL), usize::from(DEPTH_MAX));
    let bytes = IN_FLIGHT_BYTES_MAX / AHEAD_BYTES_MAX;
    assert_eq!(fill(&mut open(64, OFFERS), AHEAD_BYTES_MAX) as u64, bytes);
    for lacking in ["250-hi\r\n250 PIPELINING\r\n", "250-hi\r\n250 CHUNKING\r\n"] {
        assert_eq!(fill(&mut open(8, lacking), SMALL), 1, "{lacking}");
    }
}

/// What was allowed for is so again when it is answered.
#[test]
fn an_answer_makes_room_for_another() {
    let mut session = open(64, OFFERS);
    let bytes = fill(&mut session, AHEAD_BYTES_MAX);
    for _ in 0..3 {
        session.hear(b"250 ok\r\n").unwrap();
    }
    assert!(session.wants());
    assert_eq!(session.waiting(), Some(Patience::Final), "it may judge before it answers at all");
    session.set_depth(bytes as u16 - 1);
    assert!(!session.wants(), "one is over, and one fewer may be on its way");
    assert_eq!(fill(&mut session, SMALL), 0);
}

#[test]
fn the_place_between_two_messages_is_known() {
    let mut session = open(8, OFFERS);
    assert!(session.is_between());
    fill(&mut session, SMALL);
    for is_between in [true, false, false, true, true, false] {
        assert_eq!(session.is_between(), is_between);
        session.hear(b"250 ok\r\n").unwrap();
    }
}

/// A peer that greets and never takes anything leaves one message in doubt, not eight.
#[test]
fn the_first_message_of_a_connection_is_on_its_way_alone() {
    let mut session = greeted(8, OFFERS);
    assert_eq!(fill(&mut session, SMALL), 1);
    for _ in 0..3 {
        session.hear(b"250 ok\r\n").unwrap();
    }
    assert_eq!(fill(&mut session, SMALL), 8);
}
