use super::{Answer, REPLY_BYTES_MAX, REPLY_LINE_BYTES_MAX, REPLY_LINES_MAX};
use crate::client::PeerFault;

fn shown(reply: &str) -> String {
    let (answer, used) = Answer::read(reply.as_bytes()).unwrap().unwrap();
    assert_eq!(used, reply.len());
    answer.response().to_string()
}

fn fault(reply: &str) -> PeerFault {
    Answer::read(reply.as_bytes()).unwrap_err()
}

#[test]
fn a_reply_is_read_with_its_enhanced_code() {
    assert_eq!(shown("250\r\n"), "250");
    assert_eq!(shown("250 \r\n"), "250");
    assert_eq!(shown("250 2.1.5 ok\r\n"), "250 2.1.5 ok");
    assert_eq!(
        shown("550-5.7.1 this\r\n550-5.7.1\r\n550 5.7.10 that\r\n"),
        "550 5.7.1 this 5.7.10 that"
    );
    assert_eq!(shown("450-4.2.1\r\n450 slow\r\n"), "450 4.2.1 slow");
}

/// RFC 2034 §4: a class that disagrees with the code is none; the text stays whole.
#[test]
fn an_enhanced_code_of_another_class_is_text() {
    assert_eq!(Answer::read(b"550 4.7.0 hm\r\n").unwrap().unwrap().0.response().enhanced, None);
    assert_eq!(shown("550 4.7.0 hm\r\n"), "550 4.7.0 hm");
    assert_eq!(shown("250 10.0.0.1 ok\r\n"), "250 10.0.0.1 ok");
}

#[test]
fn half_a_reply_is_waited_for() {
    let reply = b"250-one\r\n250 two\r\n";
    for cut in 0..reply.len() {
        assert_eq!(Answer::read(&reply[..cut]), Ok(None), "{cut}");
    }
    let (_, used) = Answer::read(b"250 one\r\n250 two\r\n").unwrap().unwrap();
    assert_eq!(used, 9, "one reply at a time");
}

#[test]
fn what_is_no_reply_is_the_peers_fault() {
    for line in
        ["\r\n", "25\r\n", "2500 x\r\n", "150 x\r\n", "650 x\r\n", "2x0 x\r\n", "HTTP/1.1\r\n"]
    {
        assert_eq!(fault(line), PeerFault::NotAReply, "{line:?}");
    }
    assert_eq!(fault("250-a\r\n251 b\r\n"), PeerFault::CodesDisagree);
    assert_eq!(fault("250 a\n"), PeerFault::BareLineFeed);
}

/// T16: endless replies.
#[test]
fn a_reply_has_an_end() {
    let line = |len: usize| format!("250 {}\r\n", "x".repeat(len - 6));
    assert_eq!(shown(&line(REPLY_LINE_BYTES_MAX)).len(), 4 + 1_024, "kept text is shorter still");
    assert_eq!(fault(&line(REPLY_LINE_BYTES_MAX + 1)), PeerFault::TooLong);
    assert_eq!(fault(&"x".repeat(REPLY_LINE_BYTES_MAX)), PeerFault::TooLong);
    let lines = |count: usize| "250-x\r\n".repeat(count - 1) + "250 x\r\n";
    shown(&lines(REPLY_LINES_MAX));
    assert_eq!(fault(&lines(REPLY_LINES_MAX + 1)), PeerFault::TooLong);
    let long = format!("250-{}\r\n", "x".repeat(1_000));
    assert_eq!(
        fault(&(long.repeat(REPLY_BYTES_MAX / long.len()) + &line(1_000))),
        PeerFault::TooLong
    );
    // A receive buffer of the largest reply never fills without an answer or a fault.
    let endless = long.repeat(20);
    assert_eq!(fault(&endless[..REPLY_BYTES_MAX]), PeerFault::TooLong);
}
