//! Whose turn it is.

use super::{Member, Turns, Want};
use crate::pace::{Counted, Rates, Spent};
use crate::rate::Rate;
use event::Tick;
use std::time::Duration;

const NOW: Tick = Tick(1_000);

fn member(weight: u16, connections_max: u16) -> Member {
    Member { weight, connections_max }
}

fn turns(members: &[(u16, u16)]) -> Turns {
    Turns::new(members.iter().map(|(weight, most)| member(*weight, *most)))
}

/// Whose turns come next: a letter each, a dot for nobody's.
fn next(turns: &mut Turns, count: usize, fit: impl Fn(usize) -> bool) -> String {
    let letter = |turn: Option<usize>| turn.map_or('.', |index| char::from(b'a' + index as u8));
    (0..count).map(|_| letter(turns.next(NOW, &fit))).collect()
}

#[test]
fn turns_are_by_weight_and_mixed() {
    for (weights, expected) in [
        (&[(1, 99), (1, 99), (1, 99)][..], "abcabc"),
        (&[(3, 99), (1, 99)], "aabaaaba"),
        (&[(5, 99), (1, 99), (1, 99)], "aabacaa"),
        (&[(0, 99), (1, 99)], "bbb"),
        (&[(0, 99)], "."),
        (&[], "."),
    ] {
        assert_eq!(next(&mut turns(weights), expected.len(), |_| true), expected, "{weights:?}");
    }
}

#[test]
fn no_source_has_more_than_it_may_have() {
    let mut two = turns(&[(9, 2), (1, 1)]);
    assert_eq!(next(&mut two, 4, |_| true), "aab.");
    two.ended(1);
    assert_eq!(next(&mut two, 2, |_| true), "b.");
    assert_eq!(two.connections_max(NOW, |_| true), 3);
    assert_eq!(two.connections_max(NOW, |index| index == 1), 1);
    assert_eq!(turns(&[(1, u16::MAX), (1, 7)]).connections_max(NOW, |_| true), u16::MAX);
}

#[test]
fn it_is_said_why_there_is_no_turn_and_only_then() {
    let until = Tick(NOW.0 + 5);
    let mut two = turns(&[(1, 1), (1, 1)]);
    let says = |two: &mut Turns, fit: fn(usize) -> bool, want: Option<Want>| {
        assert_eq!(two.want(NOW, fit), want);
        let turn = two.next(NOW, fit);
        assert_eq!(turn.is_none(), want.is_some());
        turn
    };
    says(&mut two, |_| false, Some(Want::OfFit));
    says(&mut two, |index| index == 0, None);
    says(&mut two, |index| index == 0, Some(Want::OfRoom));
    two.take_out(1, until);
    says(&mut two, |_| true, Some(Want::OfRoom));
    says(&mut two, |index| index == 1, Some(Want::OfUse(Some(until))));
    two.ended(0);
    says(&mut two, |_| true, None);
    says(&mut turns(&[(0, 9)]), |_| true, Some(Want::OfUse(None)));
}

#[test]
fn what_does_not_fit_is_passed_over_and_makes_nothing_up() {
    let mut two = turns(&[(1, 99), (1, 99)]);
    assert_eq!(next(&mut two, 6, |index| index == 1), "bbbbbb");
    assert_eq!(next(&mut two, 6, |_| true), "ababab");
}

#[test]
fn a_source_is_taken_out_for_a_time_and_put_back() {
    let mut two = turns(&[(1, 3), (1, 4)]);
    let until = Tick(NOW.0 + 1);
    assert_eq!((two.back_at(NOW), two.is_out(0, NOW)), (None, false));
    two.take_out(0, until);
    assert_eq!((two.is_out(0, NOW), two.is_out(0, until)), (true, false));
    assert_eq!((two.back_at(NOW), two.back_at(until)), (Some(until), None));
    assert_eq!((two.connections_max(NOW, |_| true), two.connections_max(until, |_| true)), (4, 7));
    assert_eq!(next(&mut two, 2, |_| true), "bb");
    two.take_out(1, Tick(NOW.0 + 9));
    assert_eq!((next(&mut two, 1, |_| true).as_str(), two.back_at(NOW)), (".", Some(until)));
    two.put_back(0);
    assert_eq!(next(&mut two, 3, |_| true), "aaa");
}

#[test]
fn what_an_operator_disables_is_out_of_use_for_that_whatever_else_happens() {
    let mut two = turns(&[(1, 3), (1, 4)]);
    let (soon, late) = (Tick(NOW.0 + 1), Tick(NOW.0 + 9));
    assert_eq!(next(&mut two, 1, |_| true), "a");
    two.disable(0, late);
    assert!(two.is_out(0, NOW) && !two.is_out(0, late));
    two.put_back(0);
    two.change([1, 1].map(|weight| Member { weight, connections_max: 4 }));
    assert_eq!(next(&mut two, 2, |_| true), "bb", "neither a host nor new settings put it back");
    assert_eq!(two.want(NOW, |_| true), None);
    assert_eq!(two.want(NOW, |index| index == 0), Some(Want::OfOperator(late)));
    two.take_out(1, soon);
    assert_eq!(two.want(NOW, |_| true), Some(Want::OfOperator(late)), "that is what helps");
    two.disable(0, NOW);
    assert_eq!(two.want(NOW, |_| true), None);
    two.disable(1, late);
    two.change([0, 0].map(|weight| Member { weight, connections_max: 4 }));
    assert_eq!(two.want(NOW, |_| true), Some(Want::OfUse(Some(soon))), "it has no share at all");
}

#[test]
fn a_source_has_fewer_connections_for_a_time() {
    let mut two = turns(&[(1, 4), (1, 4)]);
    assert_eq!(next(&mut two, 6, |_| true), "ababab");
    two.cap(0, Some(1));
    assert_eq!((two.connections(0), two.connections_max(NOW, |_| true)), (3, 5));
    let leave: Vec<_> = (0..4).map(|_| two.must_leave(0)).collect();
    assert_eq!(leave, [true, true, false, false], "no more than have to");
    assert!(!two.must_leave(1));
    two.ended(0);
    assert_eq!(next(&mut two, 2, |_| true), "b.");
    two.ended(0);
    two.ended(0);
    assert_eq!(next(&mut two, 2, |_| true), "a.");
    two.cap(0, Some(0));
    assert_eq!((two.must_leave(0), two.connections_max(NOW, |_| true)), (true, 4));
    two.cap(0, None);
    assert_eq!(next(&mut two, 4, |_| true), "aaa.");
}

#[test]
fn sources_are_changed_while_they_have_connections() {
    let member = |weight, connections_max| Member { weight, connections_max };
    let mut two = turns(&[(1, 4), (1, 4)]);
    assert_eq!(next(&mut two, 6, |_| true), "ababab");
    two.take_out(1, Tick(NOW.0 + 9));
    // Fewer of the first, none of the second, a third one.
    two.change([member(1, 2), member(0, 4), member(1, 1)]);
    assert_eq!((two.connections(0), two.connections(1), two.connections(2)), (3, 3, 0));
    assert_eq!([two.must_leave(0), two.must_leave(0)], [true, false]);
    assert_eq!((0..5).filter(|_| two.must_leave(1)).count(), 3, "none may stay");
    assert_eq!(next(&mut two, 2, |_| true), "c.");
    two.ended(0);
    two.ended(1);
    two.change([member(1, 3), member(1, 4), member(1, 1)]);
    assert!(two.is_out(1, NOW), "what it is out of use for stays");
    assert_eq!(next(&mut two, 2, |_| true), "a.");
}

fn rates(messages: &str, connections: &str) -> Rates {
    let rate = |text| Rate::parse(text).ok();
    Rates { messages: rate(messages), connections: rate(connections), bytes: None }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_source_that_has_had_its_messages_is_passed_over_until_time_has_paid_for_more() {
    let mut two = turns(&[(1, 99), (1, 99)]);
    two.rate(rates("1/10s", "-"));
    assert_eq!(next(&mut two, 4, |_| true), "abab", "nothing was sent yet");
    two.sends(0, 500, NOW);
    let until = NOW + 10 * SECOND;
    let spent = Spent { counted: Counted::Messages, until };
    assert_eq!((two.messages_spent(0, NOW), two.messages_spent(1, NOW)), (Some(spent), None));
    assert_eq!(next(&mut two, 2, |_| true), "bb");
    assert_eq!(two.spent(NOW, |_| true), None, "the second may send");
    two.sends(1, 500, NOW + SECOND);
    assert_eq!(two.want(NOW + SECOND, |_| true), Some(Want::OfRate(spent)), "the first of them");
    assert_eq!(two.spent(NOW + SECOND, |_| true), Some(Want::OfRate(spent)));
    assert_eq!((two.messages_spent(0, until), two.want(until, |_| true)), (None, None));
    two.unsent(1, 500);
    assert_eq!(two.messages_spent(1, NOW + SECOND), None, "it was not sent after all");
    // The same rate again is no leave to send more; another one is.
    two.rate(rates("1/10s", "-"));
    assert_eq!(two.messages_spent(0, NOW), Some(spent));
    two.rate(rates("2/10s", "-"));
    assert_eq!(two.messages_spent(0, NOW), None);
}

#[test]
fn a_source_opens_no_more_connections_than_its_rate() {
    let mut two = turns(&[(3, 99), (1, 99)]);
    two.rate(rates("-", "1/10s"));
    assert_eq!(next(&mut two, 4, |_| true), "ab..");
    assert!(!two.connects_again(0, NOW), "nor to another host");
    let until = NOW + 10 * SECOND;
    let spent = Spent { counted: Counted::Connections, until };
    assert_eq!(two.want(NOW, |_| true), Some(Want::OfRate(spent)));
    assert_eq!(two.spent(NOW, |_| true), None, "those there are may send");
    assert!(two.connects_again(0, until) && !two.connects_again(0, until));
    let mut free = turns(&[(1, 1)]);
    assert!(free.connects_again(0, NOW) && free.connects_again(0, NOW));
}

#[test]
fn a_connection_is_opened_in_time_for_the_next_message() {
    let mut one = turns(&[(1, 9)]);
    one.rate(rates("1/10s", "-"));
    one.sends(0, 1, NOW);
    assert_eq!(one.next(NOW + 8 * SECOND, |_| true), None);
    assert_eq!(one.next(NOW + 9 * SECOND, |_| true), Some(0));
    assert!(one.messages_spent(0, NOW + 9 * SECOND).is_some(), "nothing goes before its time");
}

#[test]
fn a_source_that_has_had_its_day_rests_and_others_have_its_turn() {
    let (soon, late) = (Tick(NOW.0 + 5), Tick(NOW.0 + 9));
    let mut two = turns(&[(1, 9), (1, 1)]);
    two.rest(0, late);
    assert!(two.is_out(0, NOW) && !two.is_out(0, late), "its connections are to end");
    assert_eq!(next(&mut two, 2, |_| true), "b.");
    assert_eq!(two.want(NOW, |_| true), Some(Want::OfRoom), "the second has all it may have");
    assert_eq!(two.spent(NOW, |_| true), None);
    two.rest(1, soon);
    assert_eq!(two.want(NOW, |_| true), Some(Want::OfDay(soon)));
    assert_eq!(two.spent(NOW, |_| true), Some(Want::OfDay(soon)));
    assert_eq!(two.want(NOW, |index| index == 0), Some(Want::OfDay(late)));
    two.disable(1, late);
    assert_eq!(two.want(NOW, |_| true), Some(Want::OfDay(late)), "of those in use");
    two.rest(0, NOW);
    assert_eq!(next(&mut two, 1, |_| true), "a");
}

/// Whoever sends as often as each source may, and dials when it may, for a while.
#[test]
fn no_window_of_a_source_holds_more_than_its_rate_and_weights_decide() {
    let mut three = turns(&[(3, 2), (1, 2), (0, 2)]);
    let (count, span) = (40, 10 * SECOND);
    three.rate(rates("40/10s", "-"));
    let mut sent: [Vec<Tick>; 3] = Default::default();
    for step in 0..6_000 {
        let now = NOW + step * Duration::from_millis(10);
        if let Some(source) = three.next(now, |_| true) {
            if three.messages_spent(source, now).is_none() {
                three.sends(source, 9, now);
                sent[source].push(now);
            }
            three.ended(source);
        }
    }
    for sent in &sent {
        let most = (0..sent.len()).map(|first| {
            sent[first..].iter().take_while(|at| at.since(sent[first]) < span).count()
        });
        assert!(most.max().unwrap_or(0) <= count);
    }
    let [heavy, light, none] = sent.map(|sent| sent.len());
    assert!(heavy >= 215 && light >= 215 && none == 0, "each uses its rate up: {heavy} {light}");
}
