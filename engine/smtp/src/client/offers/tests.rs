use super::Offers;
use crate::client::answer::Answer;

fn offers(lines: &[&str]) -> Offers {
    let lines: String = lines.iter().flat_map(|line| ["250-", line, "\r\n"]).collect();
    let reply = format!("250-mx.example PIPELINING\r\n{lines}250 HELP\r\n");
    Offers::read(&Answer::read(reply.as_bytes()).unwrap().unwrap().0)
}

#[test]
fn the_name_of_the_host_offers_nothing() {
    assert_eq!(offers(&[]), Offers::default());
}

#[test]
fn chunks_binaries_reports_and_tls_are_offers() {
    let (chunking, binary, starttls, dsn, requiretls) = (true, true, true, true, true);
    let read = offers(&["chunking", "BINARYMIME", "DSN", "StartTLS", "RequireTLS"]);
    assert_eq!(read, Offers { chunking, binary, starttls, dsn, requiretls, ..Offers::default() });
}

#[test]
fn keywords_are_read_whatever_their_case() {
    let read = offers(&["pipelining", "8BitMime", "SMTPUTF8", "size 1000", "X-UNKNOWN 1"]);
    let (pipelining, eight_bit, utf8, size) = (true, true, true, true);
    let bytes_max = Some(1_000);
    assert_eq!(read, Offers { pipelining, size, bytes_max, eight_bit, utf8, ..Offers::default() });
}

/// RFC 1870 §4: without a number, or with zero, there is no fixed limit.
#[test]
fn a_size_without_a_number_is_no_limit() {
    for line in ["SIZE", "SIZE 0", "SIZE x"] {
        let read = offers(&[line]);
        assert!(read.size && read.bytes_max.is_none(), "{line}");
    }
}

#[test]
fn limits_are_read_and_nonsense_is_none() {
    let read = offers(&["LIMITS rcptmax=50 MAILMAX=100000000000 RCPTDOMAINMAX=1"]);
    assert_eq!((read.recipients_max, read.messages_max), (Some(50), Some(u32::MAX)));
    let read = offers(&["LIMITS RCPTMAX=0 MAILMAX"]);
    assert_eq!((read.recipients_max, read.messages_max), (None, None));
}
