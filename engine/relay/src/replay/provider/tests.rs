use super::{Provider, To, learn};
use crate::replay::log::Log;
use crate::replay::tests::{attempt, dial_failed, yesterday};
use policy::replies::Rules;

fn learnt(text: &str) -> (Log, Provider) {
    let mut log = Log::read("day.log", text.as_bytes(), Rules::shipped()).unwrap();
    let provider = learn(&mut log).remove(0);
    (log, provider)
}

#[test]
fn it_says_no_until_it_was_seen_to_take_mail_but_for_the_last_minute() {
    let (_, provider) = learnt(&yesterday());
    let says_no = |secs: u32| provider.spell(To::All, secs * 1_000).is_some();
    assert_eq!(
        [4, 6, 3_600, 7_130, 7_150, 7_300].map(says_no),
        [false, true, true, true, false, false]
    );
    assert_eq!(provider.bucket, None);
}

#[test]
fn one_that_turns_connections_away_while_it_takes_mail_bears_no_more() {
    // Two texts at a time, and all the while a third connection is turned away.
    let mut text = String::new();
    for number in 0..100 {
        let at = number * 1_000;
        text += &attempt(number, (at, at + 1_900), (250, "2.0.0", "ok"));
        text += &dial_failed(at + 500, (421, "4.7.0", "too many connections"));
    }
    let (_, provider) = learnt(&text);
    assert_eq!(provider.connections.map(|(most, _)| most), Some(2));
    let first_is_not_amid = provider.spells.len() <= 1;
    assert!(first_is_not_amid, "{provider:?}");
}

#[test]
fn hosts_that_nobody_reached_are_out_of_reach() {
    let text = attempt(0, (0, 10), (250, "2.0.0", "ok"))
        + &dial_failed(60_000, (451, "4.4.1", "nobody answered"))
        + &attempt(1, (50_000, 3_600_000), (250, "2.0.0", "ok"));
    let (_, provider) = learnt(&text);
    let spell = provider.spell(To::Callers, 100_000).unwrap();
    assert_eq!(spell.reply, None);
    assert!(provider.connections.is_none() && provider.spell(To::Callers, 3_599_999).is_none());
}

#[test]
fn what_is_said_amid_mail_that_is_taken_is_one_messages_own() {
    let mut text = String::new();
    for number in 0..300 {
        let at = number * 1_000;
        if number % 50 == 7 {
            let again = attempt(number, (at, at + 700_000), (250, "2.0.0", "ok"));
            text += &attempt(number, (at, at + 20), (451, "4.7.1", "come again, please"));
            text += &again;
        } else {
            text += &attempt(number, (at, at + 10), (250, "2.0.0", "ok"));
        }
    }
    let (log, provider) = learnt(&text);
    assert_eq!((log.own.len(), provider.spells.len()), (6, 0), "{provider:?}");
}
