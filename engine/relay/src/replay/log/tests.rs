use super::{Log, bare};
use crate::replay::tests::{FIRST, attempt, yesterday};
use policy::replies::Rules;

fn read(text: &str) -> std::io::Result<Log> {
    Log::read("day.log", text.as_bytes(), Rules::shipped())
}

#[test]
fn a_line_that_is_no_event_is_told_with_its_place() {
    let text = attempt(1, (0, 5), (250, "2.0.0", "ok")) + "\n\nthis is no line of ours\n";
    let wrong = read(&text).unwrap_err().to_string();
    assert!(wrong.starts_with("day.log:4: expected an event of the delivery log"), "{wrong}");
}

#[test]
fn a_log_without_mail_is_told() {
    for (text, place) in
        [("", "day.log:0: "), ("{\"event\":\"shard_started\",\"at\":1}\n", "day.log:1: ")]
    {
        let wrong = read(text).unwrap_err().to_string();
        assert!(wrong.starts_with(place) && wrong.contains("no recipient was tried"), "{wrong}");
    }
}

#[test]
fn a_line_that_is_being_written_is_left_out() {
    let text = attempt(1, (0, 5), (250, "2.0.0", "ok")) + "{\"event\":\"atte";
    assert_eq!(read(&text).unwrap().messages.len(), 1);
}

#[test]
fn a_recipient_is_one_however_often_it_was_tried() {
    let log = read(&yesterday()).unwrap();
    assert_eq!((log.messages.len(), log.sites.len(), log.domains.len()), (100, 1, 1));
    let tally = &log.sites[0].tally;
    assert_eq!((tally.delivered, tally.deferrals(), tally.open()), (100, 2, 0));
    // The full mailbox is one recipient's, what Yahoo had enough of is everybody's.
    assert_eq!(log.own.len(), 1);
    assert_eq!(log.sites[0].refused.len(), 1);
}

#[test]
fn what_came_before_the_log_counts_as_come_with_its_first_line() {
    let old = attempt(1, (0, 3_600_000), (250, "2.0.0", "ok"));
    let log = read(&(old + &attempt(2, (3_500_000, 3_601_000), (250, "2.0.0", "ok")))).unwrap();
    assert_eq!(log.messages.iter().map(|message| message.at).collect::<Vec<_>>(), [0, 0]);
    assert!(FIRST > 0 && log.length == 1_000, "{}", log.length);
}

#[test]
fn a_host_has_its_name_without_its_port() {
    let cases = [("mx.example:2525", "mx.example"), ("mx.example", "mx.example"), ("::1", "::1")];
    for (host, name) in cases {
        assert_eq!(bare(host), name);
    }
}
