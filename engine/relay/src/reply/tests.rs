use super::{Answer, Question, answer};

fn asked(reply: &str, provider: Option<&str>, mx: Option<&str>) -> Result<Answer, String> {
    let [provider, mx] = [provider, mx].map(|name| name.map(str::to_owned));
    answer(&Question { reply: reply.into(), provider, mx, stage: None, rules: Vec::new() })
}

#[test]
fn a_reply_is_explained() {
    let reply = "421-4.7.28 Gmail has detected an unusual rate of unsolicited mail originating\n\
                 421 4.7.28 from your DKIM domain [example.com 36]. - gsmtp";
    let wanted = "\
provider  google
class     spam-related
category  spam-related, or message-expired once its time is up
scope     dkim-domain
action    one-then-more 10m
rule      google-rate-dkim
source    https://support.google.com/mail/answer/81126 (2026-06)
";
    let host = "alt1.gmail-smtp-in.l.google.com";
    let told = format!("host {host}[192.0.2.1] said: {reply} (in reply to end of DATA command)");
    for (reply, provider, mx) in
        [(reply, Some("google"), None), (reply, None, Some(host)), (&told, None, None)]
    {
        let answer = asked(reply, provider, mx).unwrap();
        assert_eq!(answer.text, wanted);
        assert!(answer.is_known);
    }
}

#[test]
fn what_nobody_knows_is_said_to_be_unknown() {
    for (reply, rule) in [
        ("550 5.1.1 Zut", "code-bad-mailbox: no rule knows these words"),
        ("550 Zut", "none: no rule knows these words, and the code says nothing"),
    ] {
        let answer = asked(reply, None, None).unwrap();
        assert!(!answer.is_known);
        assert!(!answer.text.contains("message-expired"), "it is not tried again");
        assert!(answer.text.contains(rule), "{}", answer.text);
    }
}

#[test]
fn what_cannot_be_asked_is_named() {
    let fault = |asked: Result<Answer, String>| asked.map(|answer| answer.text).unwrap_err();
    assert!(fault(asked("250 ok", None, None)).contains("no reply that says no"));
    assert!(fault(asked("550 no", Some("gogle"), None)).contains("there are: google microsoft"));
}
