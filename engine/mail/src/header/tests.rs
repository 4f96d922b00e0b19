use super::{Cuts, Facts, Form, Header, Injected, Look, Rule};
use mail_parser::{HeaderName, MessageParser};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const MESSAGE: &[u8] = b"Received: from a\r\n\tby b; Mon, 1 Jan 2026 00:00:00 +0000\r\nreceived:again\r\n\
    Subject: Received: not this\r\n Received: nor this\r\nX-Received: nor this\r\nReceived\r\n\r\nReceived: body\r\n";

fn scan(text: &[u8]) -> Facts {
    super::scan(text, Form::Raw)
}

fn read(text: &[u8], look: Look) -> Header<'_> {
    super::read(text, Form::Raw, look)
}

const ALL: Look = Look { injection: true, rules: true };
const RULES: Look = Look { injection: false, rules: true };

#[test]
fn received_fields_are_counted_up_to_the_blank_line() {
    let len = MESSAGE.len() - b"\r\nReceived: body\r\n".len();
    assert_eq!(scan(MESSAGE), Facts { len, fields: 5, received: 2, ended: true });
    assert_eq!(read(MESSAGE, ALL).facts, scan(MESSAGE));
}

#[test]
fn a_text_may_have_no_body_and_no_header() {
    let facts = |len, fields, received, ended| Facts { len, fields, received, ended };
    for (text, found) in [
        (&b""[..], facts(0, 0, 0, false)),
        (b"\r\nReceived: x\r\n", facts(0, 0, 0, true)),
        (b"A: b\r\n", facts(6, 1, 0, false)),
        (b"Received:\r\n", facts(11, 1, 1, false)),
        (b"Received : x\r\nRECEIVED\t \t:x\r\n", facts(29, 2, 2, false)),
        (b"Received x: y\r\nReceivedx: y\r\n", facts(29, 2, 0, false)),
        (b"Received", facts(8, 1, 0, false)),
        (b"A: b\r\n\r", facts(6, 1, 0, false)),
        (b"A: b\r\n\r\n", facts(6, 1, 0, true)),
        (b" a\r\n b\r\n\r\n", facts(8, 1, 0, true)),
        (b"A: b\r\n\rc\r\n", facts(10, 2, 0, false)),
        (b"A: b", facts(4, 1, 0, false)),
    ] {
        assert_eq!(scan(text), found, "{text:?}");
        assert_eq!(read(text, ALL).facts, found, "{text:?}");
    }
}

/// What is left of a text when what was said to us alone is out.
fn left(text: &str) -> String {
    let header = read(text.as_bytes(), Look { injection: true, rules: false });
    let mut bytes = text.as_bytes().to_vec();
    let begin = header.cuts.take_out(&mut bytes);
    String::from_utf8(bytes.split_off(begin)).unwrap()
}

#[test]
fn what_was_said_to_us_alone_is_found_and_goes() {
    let text = "X-Job: spring 26\r\nFrom: a@b.example\r\nx-tenant:  acme \r\nX-Campaign:c1\r\n\
        X-VIRTUAL-MTA : pool-1\r\nX-Jobs: stays\r\nX-Envid: e=1\r\n\r\nX-Job: body\r\n";
    let injected = Injected {
        pool: Some(b"pool-1"),
        job: Some(b"spring 26"),
        envid: Some(b"e=1"),
        tenant: Some(b"acme"),
        campaign: Some(b"c1"),
        unsound: false,
    };
    assert_eq!(read(text.as_bytes(), ALL).injected, injected);
    assert_eq!(left(text), "From: a@b.example\r\nX-Jobs: stays\r\n\r\nX-Job: body\r\n");
    assert_eq!(left("X-Job: a\r\n\r\n"), "\r\n");
    assert_eq!(left("X-Job: a\r\n"), "");
}

#[test]
fn who_may_not_say_it_has_it_left_alone() {
    let text = b"X-Job: a\r\nX-Tenant: b\r\n\r\n";
    for look in [RULES, Look::default()] {
        let header = read(text, look);
        assert_eq!(header.injected, Injected::default());
        assert!(header.cuts.are_none());
        assert_eq!(header.cuts.take_out(&mut text.to_vec()), 0);
    }
}

#[test]
fn what_nobody_can_mean_is_unsound_and_goes_all_the_same() {
    let long = format!("X-Job: {}\r\n", "x".repeat(Injected::VALUE_MAX + 1));
    for text in [
        "X-Job:\r\n",
        "X-Job: \r\n",
        "X-Job: a\r\nX-Job: a\r\n",
        "X-Tenant: a\r\n b\r\n",
        "X-Tenant: a\tb\r\n",
        "X-Envid: \x1b[1m\r\n",
        "X-Campaign: \u{e9}\r\n",
        long.as_str(),
    ] {
        let injected = read(text.as_bytes(), ALL).injected;
        assert!(injected.unsound, "{text:?}");
        assert_eq!(Injected { unsound: false, ..injected }, Injected::default(), "{text:?}");
        assert_eq!(left(text), "", "{text:?}");
    }
    let most = format!("X-Job: {}\r\n", "x".repeat(Injected::VALUE_MAX));
    assert!(!read(most.as_bytes(), ALL).injected.unsound);
}

const SOUND: &str =
    "From: a@b.example\r\nDate: Mon, 23 Nov 2026 21:10:38 +0000\r\nMessage-ID: <1@b.example>\r\n";

/// The names of the rules that a header breaks.
fn broken(header: &str) -> Vec<&'static str> {
    let text = format!("{header}\r\nFrom: body\r\n");
    read(text.as_bytes(), RULES).faults.iter().map(Rule::name).collect()
}

#[test]
fn each_rule_is_named_when_it_is_broken() {
    let without = |name: &str| {
        let lines = SOUND.split_inclusive('\n').filter(|line| !line.starts_with(name));
        lines.collect::<String>()
    };
    let long = |len: usize| format!("X: {}\r\n", "x".repeat(len - 3));
    assert_eq!(broken(SOUND), [""; 0]);
    for (header, rules) in [
        (without("From"), &["from-missing"][..]),
        (without("Date"), &["date-missing"]),
        (without("Message-ID"), &["message-id-missing"]),
        (String::new(), &["date-missing", "from-missing", "message-id-missing"]),
        (format!("{SOUND}FROM: c@d\r\n"), &["from-twice"]),
        (format!("{SOUND}Subject: a\r\nsubject: b\r\n"), &["field-twice"]),
        (format!("{SOUND}Date: 23 Nov 2026 21:10:38 +0000\r\n"), &["field-twice"]),
        (format!("{SOUND}Message-Id: <2@b>\r\n"), &["field-twice"]),
        (format!("{SOUND}Received: a\r\nReceived: b\r\nKeywords: a\r\nKeywords: b\r\n"), &[]),
        (format!("{SOUND}Sub ject: a\r\n"), &["field-name"]),
        (format!("{SOUND}: a\r\n"), &["field-name"]),
        (format!("{SOUND}no field\r\n"), &["field-name"]),
        (format!("{SOUND}Caf\u{e9}: a\r\n"), &["field-name"]),
        (format!(" folded\r\n{SOUND}"), &["field-name"]),
        (SOUND.replace("Mon, 23 Nov", "Mon, 32 Nov"), &["date-unreadable"]),
        (SOUND.replace("<1@b.example>", ""), &["message-id-empty"]),
        (SOUND.replace("a@b.example", "nobody"), &["from-address"]),
        (SOUND.to_owned() + &long(998), &[]),
        (SOUND.to_owned() + &long(999), &["line-length"]),
        (format!("{SOUND}X: a\r\n {}", long(999)), &["line-length"]),
    ] {
        assert_eq!(broken(&header), rules, "{header:?}");
    }
}

#[test]
fn a_sender_is_told_from_none() {
    for (from, found) in [
        ("a@b.example", true),
        ("Ann <a@b.example>", true),
        ("\"Ann, B.\" <a@b.example>", true),
        ("\"a b\"@b.example", true),
        ("a@[192.0.2.1]", true),
        ("Ann\r\n <a@b.example>", true),
        ("Team: a@b.example;", true),
        ("\u{e4}@\u{f6}.example", true),
        ("Ann <a @ b.example>", true),
        ("a@\r\n b.example", true),
        ("a (at) @ (home)\t(now) [192.0.2.1]", true),
        ("", false),
        ("Ann", false),
        ("\"a@b.example\"", false),
        ("(a@b.example)", false),
        ("Ann (a@b (c@d) \\) e@f", false),
        ("\"Ann \\\" <a@b.example>", false),
        ("@b.example", false),
        ("a@", false),
        ("a@ ", false),
        ("a@ (b)", false),
        ("a@(b", false),
        ("undisclosed:;", false),
    ] {
        let header = SOUND.replace("a@b.example", from);
        let expected: &[&str] = if found { &[] } else { &["from-address"] };
        assert_eq!(broken(&header), expected, "{from:?}");
    }
}

#[test]
fn dates_are_read_as_they_are_written() {
    for (date, read) in [
        ("Mon, 23 Nov 2026 21:10:38 +0000", true),
        ("23 Nov 2026 21:10 -0500", true),
        ("Fri, 23 Nov 2026 21:10:38 GMT", true),
        ("Mon, 23 Nov\r\n 2026 21:10:38 +0000 (UTC)", true),
        ("Mon, 23 Nov 26 21:10:38 EST", true),
        ("", false),
        ("tomorrow", false),
        ("2026-11-23T21:10:38Z", false),
        ("Mon, 23 Nov 2026", false),
    ] {
        let header = SOUND.replace("Mon, 23 Nov 2026 21:10:38 +0000", date);
        let expected: &[&str] = if read { &[] } else { &["date-unreadable"] };
        assert_eq!(broken(&header), expected, "{date:?}");
    }
}

/// What is found in a text as it came by DATA is what is found in what its reader gets.
fn assert_same_behind_dots(wire: &[u8]) {
    let plain = Form::Stuffed.plain(wire);
    let expected = read(&plain, ALL);
    let header = super::read(wire, Form::Stuffed, ALL);
    let own = Form::Stuffed.plain(&wire[..header.facts.len]);
    assert_eq!(Facts { len: own.len(), ..header.facts }, expected.facts, "{wire:?}");
    assert_eq!(header.faults, expected.faults, "{wire:?}");
    assert_eq!(header.injected, expected.injected, "{wire:?}");
    assert_eq!(super::scan(wire, Form::Stuffed), header.facts, "{wire:?}");
    let left = |cuts: &Cuts, text: &[u8]| {
        let mut text = text.to_vec();
        let begin = cuts.take_out(&mut text);
        text.split_off(begin)
    };
    let rest = left(&header.cuts, wire);
    let rest = Form::Stuffed.plain(&rest);
    assert_eq!(rest, left(&expected.cuts, &plain), "{wire:?}");
}

/// RFC 5321 §4.5.2: the next host takes the dot off, and sees what is behind it.
#[test]
fn a_dot_in_front_of_a_line_hides_nothing() {
    let broken = |wire: &str| -> Vec<_> {
        let header = super::read(wire.as_bytes(), Form::Stuffed, ALL);
        header.faults.iter().map(Rule::name).collect()
    };
    for (behind, rules) in [
        (".From: ceo@bank.example\r\n", &["from-twice"][..]),
        (".fRoM\r\n. : ceo@bank.example\r\n", &["field-name", "from-twice"]),
        (".Date: 23 Nov 2026 21:10:38 +0000\r\n", &["field-twice"]),
        ("Subject: a\r\n.Subject: b\r\n", &["field-twice"]),
        ("Subject: a\r\n. From: folded\r\n", &[]),
        ("..From: a\r\n", &[]),
        (".X-Job: a\r\n.X-Tenant: b\r\n", &[]),
        (".\r\nFrom: body\r\n", &[]),
    ] {
        let wire = format!("{SOUND}{behind}\r\n.From: body\r\n");
        assert_eq!(broken(&wire), rules, "{behind:?}");
        assert_same_behind_dots(wire.as_bytes());
    }
    let long = format!("{SOUND}.X: {}\r\n", "x".repeat(995));
    assert_eq!(broken(&long), [""; 0], "the dot is not counted");
    let wire = b".X-Job:\r\n. a\r\nX-Envid: \r\n..b\r\n.Received: c\r\n\r\n";
    let header = super::read(wire, Form::Stuffed, ALL);
    assert_eq!(header.injected.job, Some(&b"a"[..]));
    assert_eq!((header.facts.fields, header.facts.received), (4, 1));
    assert_same_behind_dots(wire);
    let raw = read(b"From: a@b\r\n.From: c@d\r\n. e\r\n", ALL);
    assert_eq!(raw.facts.fields, 3, "in a chunk a dot is a dot");
    assert!(!raw.faults.has(Rule::FromTwice));
}

fn header() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "Received",
        "rEcEiVeD",
        "Subject",
        "From",
        "X-Received",
        "Receivedx",
        "X-Job",
    ]);
    let value = "[a-zA-Z0-9 :;<>@.]{0,20}(\r\n[ \t][a-z:]{1,9}){0,2}";
    let field = (name, value).prop_map(|(name, value)| format!("{name}: {value}\r\n"));
    prop::collection::vec(field, 1..12).prop_map(|fields| fields.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]

    /// Another parser sees as many fields, and the body begins where it says.
    #[test]
    fn mail_parser_finds_the_same(header in header(), body in "[a-z\r\n:]{0,40}") {
        let text = format!("{header}\r\n{body}");
        let message = MessageParser::default().parse(text.as_bytes()).unwrap();
        let received = message.headers().iter().filter(|field| field.name == HeaderName::Received);
        let facts = scan(text.as_bytes());
        prop_assert_eq!(usize::from(facts.received), received.count());
        prop_assert_eq!(facts.fields as usize, message.headers().len());
        prop_assert_eq!(facts.len, header.len());
        prop_assert_eq!(facts.len + 2, message.root_part().offset_body as usize);
    }

    /// And none of the fields that went, and all of the others.
    #[test]
    fn mail_parser_finds_the_rest(header in header()) {
        let left = left(&format!("{header}\r\nbody"));
        let whole = format!("{header}\r\nbody");
        let (whole, left) = (
            MessageParser::default().parse(whole.as_bytes()).unwrap(),
            MessageParser::default().parse(left.as_bytes()).unwrap(),
        );
        let names = |message: &mail_parser::Message<'_>| -> Vec<String> {
            message.headers().iter().map(|field| field.name().to_owned()).collect()
        };
        let mut expected = names(&whole);
        expected.retain(|name| !name.eq_ignore_ascii_case("x-job"));
        prop_assert_eq!(names(&left), expected);
    }

    #[test]
    fn dots_hide_nothing(lines in prop::collection::vec("[.]{0,2}(|From|X-Job|x-envid|received|Date)[: ]{0,2}[a@.]{0,3}(\r\n|\n)?", 0..9)) {
        assert_same_behind_dots(lines.concat().as_bytes());
    }

    #[test]
    fn arbitrary_bytes_are_survived(text in prop::collection::vec(any::<u8>(), 0..200)) {
        let Header { facts, cuts, .. } = read(&text, ALL);
        prop_assert_eq!(facts, scan(&text));
        prop_assert!(facts.len <= text.len());
        let mut text = text;
        prop_assert!(cuts.take_out(&mut text) <= facts.len);
    }
}
