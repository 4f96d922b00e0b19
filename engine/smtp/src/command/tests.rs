use super::{COMMAND_LINE_MAX, Command, first_line};
use crate::reply::Refusal;

#[test]
fn a_verb_is_one_whatever_its_case_and_only_whole() {
    assert_eq!(Command::parse(b"dAtA \t"), Ok(Command::Data));
    assert_eq!(Command::parse(b"NOOP"), Ok(Command::Noop));
    for line in [
        b"".as_slice(),
        b" ",
        b"DAT",
        b"DATAX",
        b"DATA\tx",
        b" DATA",
        b"MAILFROM:<a@b>",
        b"STARTTLSX",
    ] {
        assert_eq!(Command::parse(line), Err(Refusal::UnknownVerb), "{line:?}");
    }
    assert_eq!(Command::parse(b"starttls"), Ok(Command::StartTls));
    assert_eq!(Command::parse(b"EXPN list"), Err(Refusal::NotImplemented));
}

#[test]
fn only_crlf_ends_a_line() {
    let line = |input| first_line(input, COMMAND_LINE_MAX);
    assert_eq!(line(b"NOOP\r\nDATA\r\n"), Some((Ok(b"NOOP".as_slice()), 6)));
    assert_eq!(line(b"NOOP\r"), None);
    assert_eq!(line(b""), None);
    for input in [b"NOOP\nDATA\r\n".as_slice(), b"NO\rOP\r\n", b"NO\0OP\r\n", b"\n", b"NOOP\r\r\n"]
    {
        assert!(matches!(line(input), Some((Err(Refusal::BareLineEnding), _))), "{input:?}");
    }
}

#[test]
fn a_line_of_exactly_the_limit_is_read() {
    let input = [&vec![b'x'; COMMAND_LINE_MAX - 2], b"\r\n".as_slice()].concat();
    let first_line = |input| first_line(input, COMMAND_LINE_MAX);
    assert!(matches!(first_line(&input), Some((Ok(_), COMMAND_LINE_MAX))));
    let input = [b"x", input.as_slice()].concat();
    assert_eq!(first_line(&input), Some((Err(Refusal::LineTooLong), COMMAND_LINE_MAX)));
    assert_eq!(first_line(&input[..COMMAND_LINE_MAX - 1]), None);
}
