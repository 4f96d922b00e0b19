//! Command lines and what they are made of.

use smtp::address::{LOCAL_PART_MAX, MAILBOX_MAX, Path};
use smtp::command::{COMMAND_LINE_MAX, Command, ENVID_MAX, Notify, ORCPT_MAX, first_line};
use smtp::xtext;

/// Any bytes as a command line.
///
/// # Panics
/// If where a line ends depends on what has arrived behind it, or white space at the end of a
/// line changes what it means.
pub fn command(input: &[u8]) {
    let whole = first_line(input, COMMAND_LINE_MAX);
    for arrived in 0..input.len().min(2 * COMMAND_LINE_MAX) {
        let line = first_line(&input[..arrived], COMMAND_LINE_MAX);
        assert!(line.is_none() || line == whole, "more of the input changes its first line");
    }
    if let Some((Ok(line), used)) = whole {
        assert!(used <= COMMAND_LINE_MAX && line.len() + 2 == used, "a line and its CRLF");
        assert!(!line.iter().any(|byte| b"\r\n\0".contains(byte)), "nothing ends it earlier");
        let spaced = [line, b" "].concat();
        assert_eq!(Command::parse(line), Command::parse(&spaced), "white space is tolerated");
    }
}

/// Any bytes as a path.
///
/// # Panics
/// If what was taken is longer than it may be, holds what no address does, or reads otherwise
/// when it is said again.
pub fn address(input: &[u8]) {
    let Ok((path, rest)) = Path::parse(input) else { return };
    assert!(input.ends_with(rest), "what follows the path is left");
    let mailbox = path.mailbox;
    assert!(mailbox.len() <= MAILBOX_MAX);
    assert!(!mailbox.iter().any(u8::is_ascii_control), "no control character (T7)");
    assert_eq!(path.utf8, !mailbox.is_ascii());
    assert!(str::from_utf8(mailbox).is_ok());
    let at = mailbox.iter().rposition(|byte| *byte == b'@');
    assert!(at.unwrap_or(mailbox.len()) <= LOCAL_PART_MAX);
    let again = [b"<", mailbox, b">", rest].concat();
    assert_eq!(Path::parse(&again), Ok((path, rest)), "it reads the same when said again");
}

/// Any bytes as what follows the path of MAIL and RCPT.
///
/// # Panics
/// If a value was taken that may not be passed on.
pub fn parameters(input: &[u8]) {
    let printable = |value: &[u8]| value.iter().all(|byte| !byte.is_ascii_control());
    if let Ok(Command::Mail(mail)) = Command::parse(&[b"MAIL FROM:<a@b>", input].concat()) {
        for value in [mail.envid, mail.auth].into_iter().flatten() {
            let decoded = xtext::decode(value).expect("sound xtext");
            assert!(printable(&decoded), "no control character (T7)");
        }
        assert!(mail.envid.is_none_or(|envid| (1..=ENVID_MAX).contains(&envid.len())));
    }
    if let Ok(Command::Rcpt(rcpt)) = Command::parse(&[b"RCPT TO:<a@b>", input].concat()) {
        if let Some(orcpt) = rcpt.orcpt {
            assert!(orcpt.len() <= ORCPT_MAX && printable(orcpt) && orcpt.contains(&b';'));
            assert!(str::from_utf8(orcpt).is_ok());
        }
        let kept = rcpt.notify.map(Notify::bits).map(Notify::from_bits);
        assert_eq!(kept, rcpt.notify.map(Some), "it can be kept as a number");
    }
}
