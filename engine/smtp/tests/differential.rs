//! Our command parser beside another one, smtp-proto: what we take, it takes, and understands
//! the same; where not, the difference is listed here with its reason.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use smtp::command::{Body, Command, Mail, Notify, Rcpt, Ret};
use smtp_proto::{
    MAIL_BODY_8BITMIME, MAIL_BODY_BINARYMIME, MAIL_REQUIRETLS, MAIL_RET_FULL, MAIL_RET_HDRS,
    MAIL_SMTPUTF8, RCPT_NOTIFY_DELAY, RCPT_NOTIFY_FAILURE, RCPT_NOTIFY_NEVER, RCPT_NOTIFY_SUCCESS,
    Request,
};

/// A command in words both parsers can be compared by.
fn ours(line: &[u8]) -> Option<String> {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Some(match Command::parse(line).ok()? {
        Command::Ehlo(name) => format!("ehlo {}", text(name)),
        Command::Helo(name) => format!("helo {}", text(name)),
        Command::Mail(mail) => our_mail(&mail),
        Command::Rcpt(rcpt) => our_rcpt(&rcpt),
        Command::Data => "data".into(),
        Command::Bdat { bytes, last } => format!("bdat {bytes} {last}"),
        Command::StartTls => "starttls".into(),
        Command::Auth(_) => "auth".into(),
        Command::Rset => "rset".into(),
        Command::Noop => "noop".into(),
        Command::Vrfy => "vrfy".into(),
        Command::Help => "help".into(),
        Command::Quit => "quit".into(),
        // They know no such verb.
        Command::Xclient(_) => return None,
    })
}

fn our_mail(mail: &Mail<'_>) -> String {
    let Mail { path, size, body, utf8, requiretls, ret, envid, auth } = mail;
    let path = String::from_utf8_lossy(path);
    let size = size.unwrap_or(0);
    let (eight_bit, binary) = (*body == Body::EightBit, *body == Body::Binary);
    let (full, headers) = (*ret == Some(Ret::Full), *ret == Some(Ret::Headers));
    let (envid, auth) = (envid.is_some(), auth.is_some());
    format!(
        "mail {path} {size} {eight_bit} {binary} {utf8} {requiretls} {full} {headers} {envid} {auth}"
    )
}

fn our_rcpt(rcpt: &Rcpt<'_>) -> String {
    let path = String::from_utf8_lossy(rcpt.path.mailbox);
    let never = rcpt.notify == Some(Notify::NEVER);
    let [success, failure, delay] = [Notify::SUCCESS, Notify::FAILURE, Notify::DELAY]
        .map(|bit| rcpt.notify.is_some_and(|notify| notify.contains(bit)));
    let orcpt = rcpt.orcpt.is_some();
    format!("rcpt {path} {never} {success} {failure} {delay} {orcpt}")
}

fn theirs(line: &[u8]) -> Option<String> {
    let line = [line, b"\r\n"].concat();
    Some(match Request::parse(&mut line.iter()).ok()? {
        Request::Ehlo { host } => format!("ehlo {host}"),
        Request::Helo { host } => format!("helo {host}"),
        Request::Mail { from } => {
            let has = |flag| from.flags & flag != 0;
            let (eight_bit, binary) = (has(MAIL_BODY_8BITMIME), has(MAIL_BODY_BINARYMIME));
            let (full, headers) = (has(MAIL_RET_FULL), has(MAIL_RET_HDRS));
            let (path, size, utf8) = (&from.address, from.size, has(MAIL_SMTPUTF8));
            let (envid, auth) = (from.env_id.is_some(), from.auth.is_some());
            let requiretls = has(MAIL_REQUIRETLS);
            format!(
                "mail {path} {size} {eight_bit} {binary} {utf8} {requiretls} {full} {headers} \
                 {envid} {auth}"
            )
        }
        Request::Rcpt { to } => {
            let has = |flag| to.flags & flag != 0;
            let (never, success) = (has(RCPT_NOTIFY_NEVER), has(RCPT_NOTIFY_SUCCESS));
            let (failure, delay) = (has(RCPT_NOTIFY_FAILURE), has(RCPT_NOTIFY_DELAY));
            let (path, orcpt) = (&to.address, to.orcpt.is_some());
            format!("rcpt {path} {never} {success} {failure} {delay} {orcpt}")
        }
        Request::Data => "data".into(),
        Request::Bdat { chunk_size, is_last } => format!("bdat {chunk_size} {is_last}"),
        Request::StartTls => "starttls".into(),
        Request::Auth { .. } => "auth".into(),
        Request::Rset => "rset".into(),
        Request::Noop { .. } => "noop".into(),
        Request::Vrfy { .. } => "vrfy".into(),
        Request::Help { .. } => "help".into(),
        Request::Quit => "quit".into(),
        _ => return None,
    })
}

/// What we take and they do not: a dot at an end of a local part, or two in a row, since carriers
/// have issued such addresses; and an address in brackets, which RFC 5321 §4.1.3 has (a sender
/// may be at one; a recipient at one is refused by the session). `postmaster` without a domain they
/// take, but lose the name.
fn is_ours_alone(command: &str) -> bool {
    // Whatever follows these is not looked at, since the answer is always the same.
    if matches!(command, "noop" | "vrfy" | "help") {
        return true;
    }
    let Some(path) = command.strip_prefix("mail ").or_else(|| command.strip_prefix("rcpt ")) else {
        return false;
    };
    let local = path.split('@').next().unwrap_or_default();
    local.eq_ignore_ascii_case("postmaster")
        || local.starts_with('.')
        || local.ends_with('.')
        || local.contains("..")
        || path.contains("@[")
}

/// We pass a quoted local part on as it came; they take the quotes off. They keep a tab at the
/// end of a line, which RFC 5321 §4.1.1 would have ignored.
fn unquoted(command: &str) -> String {
    command.trim_end().replace(['"', '\\'], "")
}

const WORDS: [&str; 56] = [
    "EHLO",
    "HELO",
    "MAIL",
    "RCPT",
    "DATA",
    "RSET",
    "NOOP",
    "QUIT",
    "VRFY",
    "HELP",
    " ",
    "  ",
    "\t",
    "FROM:",
    "TO:",
    "<",
    ">",
    "<>",
    "@",
    ".",
    "..",
    ":",
    ",",
    "\"",
    "\\",
    "a",
    "local.part",
    "b.example",
    "-x",
    "x-",
    "[127.0.0.1]",
    "[IPv6:::1]",
    " SIZE=100",
    " BODY=8BITMIME",
    " BODY=7BIT",
    " SMTPUTF8",
    " SIZE=0",
    " BODY=BINARYMIME",
    " RET=FULL",
    " RET=hdrs",
    " ENVID=q+2Bq",
    " AUTH=<>",
    " AUTH=e+3Dmc2@example.com",
    " NOTIFY=NEVER",
    " NOTIFY=SUCCESS,DELAY",
    " NOTIFY=FAILURE",
    " ORCPT=rfc822;a+2Bb@c",
    "BDAT",
    " 100",
    " LAST",
    "STARTTLS",
    "AUTH",
    " PLAIN",
    "ü",
    "postmaster",
    "=",
];

fn line() -> impl Strategy<Value = String> {
    let word = prop::sample::select(WORDS.to_vec());
    let soup = prop::collection::vec(word.clone(), 0..12).prop_map(|words| words.concat());
    let local = "([a-z.+_]{1,8}|\"([ -!#-\\[\\]-~]|\\\\[ -~]){0,8}\"|[a-zü]{1,4})";
    let domain = "([a-z0-9_-]{1,5}(\\.[a-z0-9-]{1,5}){0,2}|\\[[0-9.]{7,9}\\])";
    let tail = prop::collection::vec(word, 0..3).prop_map(|words| words.concat());
    let path = (local, domain).prop_map(|(local, domain)| format!("<{local}@{domain}>"));
    let verb = prop::sample::select(vec!["MAIL FROM:", "RCPT TO:", "mail from:", "Rcpt To: "]);
    let command = (verb, path, tail).prop_map(|(verb, path, tail)| verb.to_owned() + &path + &tail);
    prop_oneof![soup, command]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 20_000,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]
    #[test]
    fn what_we_take_they_take_and_understand_the_same(line in line()) {
        if let Some(command) = ours(line.as_bytes()).filter(|command| !is_ours_alone(command)) {
            let theirs = theirs(line.as_bytes()).as_deref().map(unquoted);
            prop_assert_eq!(theirs, Some(unquoted(&command)), "{:?}", line);
        }
    }
}

/// Where the two differ, and why: `true` for the one that takes the line.
const DIFFERENCES: [(&str, bool, bool, &str); 15] = [
    ("DATA now", false, true, "RFC 5321 §4.1.1.4: DATA has no argument"),
    ("RSET now", false, true, "RFC 5321 §4.1.1.5: nor has RSET"),
    ("QUIT now", false, true, "RFC 5321 §4.1.1.10: nor has QUIT"),
    ("EHLO (a)", false, true, "it will stand in a Received field"),
    ("MAIL FROM:<a@b> SIZE=1 SIZE=2", false, true, "RFC 5321 §4.1.1.11: once each"),
    ("MAIL FROM:<a@b> ENVID=a+0Ab", false, true, "RFC 3461 §4.4: printable characters only"),
    ("RCPT TO:<a@b> NOTIFY=NEVER,DELAY", false, true, "RFC 3461 §4.1: NEVER stands alone"),
    ("AUTH GSSAPI a b", false, true, "RFC 4954 §4: one initial response at most"),
    ("MAIL FROM:<ü@b>", false, true, "RFC 6531 §3.4: only with SMTPUTF8"),
    ("MAIL FROM:<a@-b>", false, true, "RFC 5321 §4.1.2: a label begins with a letter or digit"),
    ("MAIL FROM:<a@b.>", false, true, "RFC 5321 §2.3.5: no dot at the end"),
    ("MAIL FROM :<a@b>", false, true, "RFC 5321 §3.3: no space before the colon"),
    ("MAIL  FROM:<a@b>", false, true, "RFC 5321 §4.1.1: one space"),
    ("RCPT TO:<.a..b.@c>", true, false, "such addresses are in use"),
    ("MAIL FROM:<a@[127.0.0.1]>", true, false, "RFC 5321 §4.1.3"),
];

#[test]
fn the_differences_are_these() {
    for (line, we, they, why) in DIFFERENCES {
        assert_eq!(ours(line.as_bytes()).is_some(), we, "ours: {line}, {why}");
        assert_eq!(theirs(line.as_bytes()).is_some(), they, "theirs: {line}, {why}");
    }
}

/// Nothing is compared if we refuse everything.
#[test]
fn the_common_ground_is_taken_by_both() {
    for line in [
        "EHLO client.example",
        "HELO [192.0.2.1]",
        "MAIL FROM:<>",
        "mail from:<a@b.example> size=1000 body=8bitmime smtputf8",
        "RCPT TO:<\"quoted local\"@d.example>",
        "RCPT TO:<@one,@two:a@b>",
        "MAIL FROM:<a@b> RET=HDRS ENVID=QQ314159 BODY=BINARYMIME AUTH=<>",
        "RCPT TO:<a@b> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;a@b",
        "RCPT TO:<a@b> notify=never",
        "BDAT 1000 LAST",
        "bdat 0",
        "STARTTLS",
        "AUTH PLAIN dGVzdA==",
        "DATA",
        "NOOP x",
    ] {
        assert!(ours(line.as_bytes()).is_some(), "{line}");
        assert_eq!(
            theirs(line.as_bytes()).as_deref().map(unquoted),
            ours(line.as_bytes()).as_deref().map(unquoted)
        );
    }
}
