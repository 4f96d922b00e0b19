use super::{LOCAL_PART_MAX, Path};
use crate::reply::Refusal;

fn mailbox(path: &str) -> Option<String> {
    let (path, rest) = Path::parse(path.as_bytes()).ok()?;
    assert_eq!(rest, b"");
    Some(String::from_utf8(path.mailbox.to_vec()).unwrap())
}

#[test]
fn a_mailbox_is_what_stands_between_the_brackets() {
    for (path, expected) in [
        ("<>", ""),
        ("<a@b>", "a@b"),
        ("<Local.Part+tag=x@Mail.Example>", "Local.Part+tag=x@Mail.Example"),
        ("<postMASTER>", "postMASTER"),
        ("<@one,@two.example:a@b>", "a@b"),
        (r#"<"a\"b > c"@d>"#, r#""a\"b > c"@d"#),
        ("<a@[127.0.0.1]>", "a@[127.0.0.1]"),
        ("<a@[IPv6:::1]>", "a@[IPv6:::1]"),
        ("<ü@bücher.example>", "ü@bücher.example"),
        ("<_@_dmarc.example>", "_@_dmarc.example"),
    ] {
        assert_eq!(mailbox(path).as_deref(), Some(expected), "{path}");
    }
}

#[test]
fn what_is_no_path_is_refused() {
    for path in [
        "",
        "<",
        "a@b",
        "<a@b",
        "<a>",
        "<@b>",
        "<a@>",
        "<a@b.>",
        "<a@.b>",
        "<a@b..c>",
        "<a@-b>",
        "<a@b->",
        "<a b@c>",
        "<a@b c>",
        "<a@b@c>",
        "<a@@b>",
        "<\"a@b>",
        "<\"\"@b>",
        "<\"a\"b@c>",
        "<\"a\u{1}\"@b>",
        "<a\u{1}@b>",
        "<a\u{7f}@b>",
        "<(a)@b>",
        "<a,b@c>",
        "<a@[1.2.3]>",
        "<a@[IPv6:1.2.3.4]>",
        "<a@[]>",
        "<a@[tag:x]>",
        "<@one@two:a@b>",
        "<@one,two:a@b>",
        "<@one:>",
        "<@one:a>",
        "<<a@b>>",
        "<\"ü\\ü\"@b>",
    ] {
        assert_eq!(mailbox(path), None, "{path}");
    }
    assert_eq!(Path::parse(b"<\xff@b>"), Err(Refusal::BadAddress), "not UTF-8");
}

#[test]
fn each_part_has_its_limit() {
    let local = |len| format!("<{}@b>", "x".repeat(len));
    assert!(
        mailbox(&local(LOCAL_PART_MAX)).is_some() && mailbox(&local(LOCAL_PART_MAX + 1)).is_none()
    );
    let quoted = |len| format!("<\"{}\"@b>", "x".repeat(len - 2));
    assert!(
        mailbox(&quoted(LOCAL_PART_MAX)).is_some()
            && mailbox(&quoted(LOCAL_PART_MAX + 1)).is_none()
    );
    let label = |len| format!("<a@{}.example>", "x".repeat(len));
    assert!(mailbox(&label(63)).is_some() && mailbox(&label(64)).is_none());
    let domain =
        |len: usize| format!("<a@{}{}>", "x.".repeat((len - 1) / 2), "y".repeat(2 - len % 2));
    assert!(mailbox(&domain(255)).is_some() && mailbox(&domain(256)).is_none());
}

#[test]
fn the_postmaster_is_ours_alone_or_under_our_name() {
    let is_ours =
        |path: &str| Path::parse(path.as_bytes()).unwrap().0.is_postmaster_of("mx.example");
    assert!(is_ours("<postmaster>") && is_ours("<PostMaster@MX.example>"));
    assert!(!is_ours("<postmaster@mx.example.org>") && !is_ours("<postmasters@mx.example>"));
    assert!(!is_ours("<>") && !is_ours("<postmaster@b>"));
}
