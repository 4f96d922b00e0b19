use super::{Close, FaultKind, Provider};
use crate::ledger::Rule;

const LISTEN: &str = "listen=127.0.0.1:2526";

#[test]
fn a_line_and_a_file_say_the_same() {
    let line = format!(
        "name=slow,{LISTEN},delay_ms=50,defer=0.25,close=say421,pipelining=false,\
         connections_per_source=2,contract=connections+backoff,backoff=5m,message_rate=83/5s,\
         replies.defer=450 4.2.1 busy,reputation.start=70,fault.kind=half-open"
    );
    let file = "[[provider]]\nname = 'slow'\nlisten = ['127.0.0.1:2526']\ndelay_ms = 50\n\
                defer = 0.25\nclose = 'say421'\npipelining = false\nconnections_per_source = 2\n\
                contract = ['connections', 'backoff']\nbackoff = '5m'\nmessage_rate = '83/5s'\n\
                replies.defer = '450 4.2.1 busy'\nreputation.start = 70\n\
                fault = { kind = 'half-open' }\n";
    let provider = Provider::read_line(&line).unwrap();
    assert_eq!(Provider::read_file("f", file).unwrap(), std::slice::from_ref(&provider));
    assert_eq!((provider.close, provider.delay_ms), (Close::Say421, 50));
    assert_eq!(provider.contract, [Rule::Connections, Rule::Backoff]);
    assert_eq!(provider.fault.unwrap().kind, FaultKind::HalfOpen);
}

#[test]
fn nonsense_is_refused_with_its_reason() {
    for (line, reason) in [
        ("name=x", "listen names no address"),
        ("listen=here", "invalid socket address"),
        ("listen=127.0.0.1:1,defer=1.5", "shares from 0.0 to 1.0"),
        ("listen=127.0.0.1:1,defer=0.6,fail=0.6", "more than all"),
        ("listen=127.0.0.1:1,speed=9", "unknown field `speed`"),
        ("listen=127.0.0.1:1,delay_ms=soon", "invalid type"),
        ("listen=127.0.0.1:1,replies.fail=", "give a code and a text"),
        ("listen=127.0.0.1:1,replies.fail=250 ok", "4xx or 5xx"),
        ("listen=127.0.0.1:1,message_rate=9x", "is no rate"),
        ("listen=127.0.0.1:1,backoff=9x", "is no span"),
        ("listen=127.0.0.1:1,contract=connections", "sets no such limit"),
        ("listen=127.0.0.1:1,contract=manners", "unknown variant `manners`"),
        ("listen=127.0.0.1:1,recipients_per_message=0", "1 to 1000"),
        ("listen=127.0.0.1:1,name=a-name-too-long-for-a-row-of", "fit a row"),
        ("listen=127.0.0.1:1,reputation.slow_below=10", "must rise"),
        ("listen=127.0.0.1:1,reputation.good=-1", "points from 0 to 100"),
        ("listen=127.0.0.1:1,fault.kind=reset,fault.share=0", "above 0.0"),
        ("listen=127.0.0.1:1,quota.recovery=5m", "neither mail_from nor dkim"),
        ("listen=127.0.0.1:1,hosts=a+b", "as many"),
        ("listen=127.0.0.1:1,extends=gmial", "no profile is called `gmial`"),
        ("listen=127.0.0.1:1,name.x=1", "invalid type"),
        ("name=y,name.x=1", "holds no keys"),
        ("slow", "not key=value"),
    ] {
        let refused = Provider::read_line(line).unwrap_err().to_string();
        assert!(refused.contains(reason), "{line}: {refused}");
    }
}

#[test]
fn a_complaint_names_the_file_and_the_line() {
    let good = "[[provider]]\nname = 'a'\nlisten = ['127.0.0.1:1']\n";
    for (bad, at, reason) in [
        ("speed = 9\n", "p.toml:4: ", "unknown field `speed`"),
        ("defer = 'some'\n", "p.toml:4: ", "invalid type"),
        ("[provider.replies]\ndefer = '250 x'\n", "p.toml:5: ", "4xx or 5xx"),
        ("message_rate = '5'\n", "p.toml:4: ", "is no rate"),
        ("defer = 0.6\nfail = 0.6\n", "p.toml:1: ", "more than all"),
        ("[[provider]]\nextends = 'b'\n", "p.toml:4: ", "no profile is called `b`"),
        ("[[provider]]\nname = 'b'\n", "p.toml:4: ", "listen names no address"),
        ("defer = \n", "p.toml:4: ", ""),
    ] {
        let refused = Provider::read_file("p.toml", &format!("{good}{bad}")).unwrap_err();
        let refused = refused.to_string();
        assert!(refused.starts_with(at) && refused.contains(reason), "{bad}: {refused}");
    }
    let profile = Provider::read_profile("mine.toml", "name = 'm'\n\nspeed = 1\n").unwrap_err();
    assert!(profile.to_string().starts_with("mine.toml:3: unknown field `speed`"), "{profile}");
}

#[test]
fn a_layer_says_only_what_differs() {
    let file = "[[provider]]\nname = 'a'\nlisten = ['127.0.0.1:1']\ndelay_ms = 5\ndefer = 0.5\n\
                replies.defer = '450 4.0.0 a'\nreplies.fail = '550 5.0.0 a'\n\
                [[provider]]\nname = 'b'\nextends = 'a'\ndefer = 0.25\nreplies.fail = '550 5.0.0 b'\n\
                [[provider]]\nname = 'c'\nextends = 'b'\ndelay_ms = 7\n";
    let all = Provider::read_file("f", file).unwrap();
    let [a, b, c] = &all[..] else { panic!("three") };
    assert_eq!((b.delay_ms, b.defer, &b.replies.defer), (5, 0.25, &a.replies.defer));
    assert_eq!((c.delay_ms, c.defer, &c.replies.fail), (7, 0.25, &b.replies.fail));
    assert_ne!(a.replies.fail, b.replies.fail);
    let circle = "[[provider]]\nname = 'x'\nextends = 'x'\n";
    assert!(Provider::read_file("f", circle).is_err());
}
