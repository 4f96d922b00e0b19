use super::{Action, Provider, Rules, Scope, Stage};
use event::{EnhancedCode, ReplyClass, Response};
use proptest::prelude::*;
use std::time::Duration;

mod corpus;
mod quoted;
mod unknown;

fn said(reply: &str) -> Response {
    super::quoted(reply).unwrap_or_else(|| panic!("no reply: {reply}")).response
}

fn rules(text: &str) -> Result<Rules, String> {
    Rules::parse([("a.toml", text)]).map_err(|fault| fault.to_string())
}

const HEAD: &str = "name = \"a\"\nsource = \"https://example.com\"\ndate = \"2026-06\"\n";

/// One rule, besides what is asked for.
fn rule(more: &str) -> String {
    format!("{HEAD}[[reply]]\nrule = \"a\"\nclass = \"other\"\n{more}\n")
}

#[test]
fn hosts_are_of_these_providers() {
    let rules = Rules::shipped();
    for (host, provider) in [
        ("gmail-smtp-in.l.google.com", Some("google")),
        ("ASPMX.L.GOOGLE.COM.", Some("google")),
        ("aspmx.l.google.com:2525", Some("google")),
        ("google.com", None),
        ("notgoogle.com", None),
        ("mx.google.com.example", None),
        ("hotmail-com.olc.protection.outlook.com", Some("microsoft")),
        ("example-com.mail.protection.outlook.com", Some("microsoft")),
        ("example-com.d-v1.mx.microsoft", Some("microsoft")),
        ("mta5.am0.yahoodns.net", Some("yahoo")),
        ("mx1.mail.yahoo.co.jp", Some("yahoo-japan")),
        ("smtp-in.orange.fr", Some("orange")),
        ("mx00.t-online.de", Some("t-online")),
        ("192.0.2.1", None),
        ("", None),
        ("..", None),
    ] {
        let found = rules.provider_at(host).map(|provider| rules.name_of(provider));
        assert_eq!(found, provider, "{host}");
    }
    assert_eq!(rules.provider_at(&"a.".repeat(200)), None, "longer than a name can be");
    for name in rules.providers() {
        assert_eq!(rules.provider(name).map(|provider| rules.name_of(provider)), Some(name));
    }
    assert_eq!(rules.provider("nobody"), None);
}

#[test]
fn a_narrower_host_is_of_its_own_provider() {
    let file = |name: &str, mx: &str| format!("{HEAD}mx = [\"{mx}\"]").replace("\"a\"", name);
    let (wide, narrow) = (file("\"wide\"", ".example.com"), file("\"narrow\"", "mx1.Example.com"));
    let rules = Rules::parse([("wide.toml", &*wide), ("narrow.toml", &narrow)]).unwrap();
    let name = |host| rules.provider_at(host).map(|provider| rules.name_of(provider));
    assert_eq!(name("mx1.example.com"), Some("narrow"));
    assert_eq!(name("mx2.example.com"), Some("wide"));
    assert_eq!(name("a.mx1.example.com"), Some("wide"));
}

/// An operator's file in front of ours is asked first, and adds to the provider it names.
#[test]
fn what_is_read_first_counts() {
    let google = "name = \"google\"\nmx = [\"gateway.example.com\"]\nsource = \"https://example.com\"\n\
                  date = \"2026-11\"\n[[reply]]\nrule = \"my-own\"\nenhanced = [\"x.7.28\"]\n\
                  class = \"policy-related\"\nscope = [\"site\"]\naction = \"drop-queue\"\n";
    let files = [("my.toml", google)].into_iter().chain(super::shipped::FILES.iter().copied());
    let rules = Rules::parse(files).unwrap();
    for host in ["mx.l.google.com", "gateway.example.com"] {
        let provider = rules.provider_at(host);
        let reading = rules.read(&said("550 5.7.28 unusual rate, your SPF domain"), provider, None);
        assert_eq!(reading.action, Action::DropQueue, "{host}");
        let reading = rules.read(&said("421 4.7.28 unusual rate"), provider, None);
        assert_eq!(reading.action, Action::None, "{host}: what is put off is not failed");
        let reading = rules.read(&said("421 4.7.0 Connection expired"), provider, None);
        assert_eq!(reading.action, Action::Reconnect, "{host}: ours are asked behind it");
    }
}

#[test]
fn conditions_hold_for_these() {
    let answer = "action = \"none\"";
    for (condition, reply, stage, holds) in [
        ("code = [\"421\", \"45x\"]", "421 a", None, true),
        ("code = [\"421\", \"45x\"]", "452 a", None, true),
        ("code = [\"421\", \"45x\"]", "420 a", None, false),
        ("code = [\"5xx\"]", "599 a", None, true),
        ("code = [\"5xx\"]", "499 a", None, false),
        ("enhanced = [\"4.7.28\"]", "421 4.7.28 a", None, true),
        ("enhanced = [\"4.7.28\"]", "550 5.7.28 a", None, false),
        ("enhanced = [\"x.7.28\"]", "550 5.7.28 a", None, true),
        ("enhanced = [\"x.7.28\"]", "421 5.7.28 a", None, false),
        ("enhanced = [\"x.7.28\"]", "421 a", None, false),
        ("enhanced = [\"5.7.606-649\"]", "550 5.7.606 a", None, true),
        ("enhanced = [\"5.7.606-649\"]", "550 5.7.649 a", None, true),
        ("enhanced = [\"5.7.606-649\"]", "550 5.7.650 a", None, false),
        ("enhanced = [\"x.4.x\"]", "450 4.4.999 a", None, true),
        ("enhanced = [\"x.4.x\"]", "450 4.5.4 a", None, false),
        ("text = [\"Too Fast\", \"slow\"]", "450 you are tOO FAST", None, true),
        ("text = [\"Too Fast\", \"slow\"]", "450 too  fast", None, false),
        ("text = [\"fast\"]\nwith = [\"your IP\", \"your net\"]", "450 fast, your net", None, true),
        ("text = [\"fast\"]\nwith = [\"your IP\", \"your net\"]", "450 fast", None, false),
        ("text = [\"fast\"]\nwithout = [\"not fast\"]", "450 fast", None, true),
        ("text = [\"fast\"]\nwithout = [\"not fast\"]", "450 not fast", None, false),
        ("code = [\"450\"]\nstage = [\"mail\", \"rcpt\"]", "450 a", Some(Stage::Rcpt), true),
        ("code = [\"450\"]\nstage = [\"mail\", \"rcpt\"]", "450 a", Some(Stage::Text), false),
        ("code = [\"450\"]\nstage = [\"mail\", \"rcpt\"]", "450 a", None, false),
    ] {
        let rules = rules(&rule(&format!("{condition}\n{answer}"))).unwrap();
        let reading = rules.read(&said(reply), None, stage);
        assert_eq!(reading.rule.is_some(), holds, "{condition} and {reply}");
    }
}

/// Words within words are all heard.
#[test]
fn a_word_does_not_hide_another() {
    let rules = rules(&rule("text = [\"spam\"]\nwith = [\"no spam today\"]\naction = \"none\""));
    let rules = rules.unwrap();
    assert!(rules.read(&said("550 no spam today"), None, None).rule.is_some());
    assert!(rules.read(&said("550 spam today"), None, None).rule.is_none());
}

#[test]
fn faults_are_named() {
    let twice = rule("code = [\"421\"]\naction = \"none\"");
    let twice = format!("{twice}{}", twice.strip_prefix(HEAD).unwrap());
    for (text, fault) in [
        ("name = ".to_owned(), "a.toml:1: "),
        (
            format!(
                "{HEAD}{}",
                rule("text = [\" \"]\naction = \"none\"").strip_prefix(HEAD).unwrap()
            ),
            "a.toml:4: ",
        ),
        (format!("{HEAD}color = 1"), "unknown field `color`"),
        (rule("text = [\"a word\"]\naction = \"none\"\ncolor = 1"), "unknown field `color`"),
        (rule("action = \"none\""), "rule \"a\": it needs `code`, `enhanced` or `text`"),
        (rule("with = [\"a word\"]\naction = \"none\""), "it needs `code`, `enhanced` or `text`"),
        (rule("text = [\" \"]\naction = \"none\""), "\" \" is too short to mean anything"),
        (rule("code = [\"250\"]\naction = \"none\""), "\"250\" is no code"),
        (rule("code = [\"4x1\"]\naction = \"none\""), "\"4x1\" is no code"),
        (rule("code = [\"55\"]\naction = \"none\""), "\"55\" is no code"),
        (rule("enhanced = [\"2.0.0\"]\naction = \"none\""), "\"2.0.0\" is no enhanced code"),
        (rule("enhanced = [\"5.1\"]\naction = \"none\""), "\"5.1\" is no enhanced code"),
        (rule("enhanced = [\"5.1.9-2\"]\naction = \"none\""), "\"5.1.9-2\" is no enhanced code"),
        (rule("code = [\"421\"]\nstage = [\"dot\"]\naction = \"none\""), "\"dot\" is no stage"),
        (rule("code = [\"421\"]\nscope = [\"me\"]\naction = \"none\""), "\"me\" is no scope"),
        (rule("code = [\"421\"]\naction = \"run\""), "rule \"a\": \"run\" is no action"),
        (rule("code = [\"421\"]\naction = \"suspend\""), "\"suspend\" needs a `pause`"),
        (rule("code = [\"421\"]\naction = \"none\"\npause = \"1h\""), "\"none\" has no `pause`"),
        (
            rule("code = [\"421\"]\naction = \"suspend\"\npause = \"1h\""),
            "\"suspend\" needs the scope \"of one key or more\"",
        ),
        (
            rule("code = [\"421\"]\nscope = [\"site\"]\naction = \"skip-host\"\npause = \"1h\""),
            "\"skip-host\" needs the scope \"host\"",
        ),
        (rule("code = [\"421\"]\naction = \"reconnect\""), "needs the scope \"connection\""),
        (
            rule("code = [\"550\"]\nscope = [\"recipient\"]\naction = \"drop-queue\""),
            "\"drop-queue\" needs the scope \"site, tenant or campaign\"",
        ),
        (
            rule("code = [\"550\"]\nscope = [\"tenant\"]\naction = \"suspend\"\npause = \"1h\""),
            "\"suspend\" has no scope \"tenant\" or \"campaign\"",
        ),
        (
            rule("code = [\"421\"]\nscope = [\"site\"]\naction = \"slow-down\""),
            "\"slow-down\" needs a `pause`",
        ),
        (rule("class = \"odd\"").replacen("class = \"other\"\n", "", 1), "expected a class:"),
        (twice, "there is another rule \"a\""),
    ] {
        let found = rules(&text).expect_err(&text);
        assert!(found.starts_with("a.toml:") && found.contains(fault), "{found}\n{fault}");
    }
}

/// What we say for a host that did not is none of its words.
#[test]
fn our_own_words_are_read_by_their_codes() {
    let rules = Rules::shipped();
    let words = "too many connections, your mailbox is full of spam";
    let response = Response::local(451, EnhancedCode::new(4, 4, 1), words);
    let reading = rules.read(&response, rules.provider("google"), None);
    assert_eq!(reading.class, ReplyClass::NoAnswerFromHost);
    assert!(!reading.is_known());
}

/// What we say where no host said anything is sorted like the rest.
#[test]
fn what_we_say_ourselves_has_these_categories() {
    use ReplyClass as C;
    let rules = Rules::shipped();
    for (code, (subject, detail), what, class) in [
        (550, (1, 2), "no such domain", C::BadDomain),
        (556, (1, 10), "null MX", C::BadDomain),
        (553, (1, 3), "no domain in the address", C::BadMailbox),
        (550, (4, 4), "no host has an address", C::RoutingErrors),
        (554, (4, 6), "it would come back", C::RoutingErrors),
        (451, (4, 3), "DNS says nothing", C::RoutingErrors),
        (451, (4, 1), "nobody answered the dial", C::NoAnswerFromHost),
        (451, (4, 2), "the connection was lost", C::BadConnection),
        (451, (5, 0), "the host does not speak SMTP", C::ProtocolErrors),
        (451, (4, 7), "held up until its time was up", C::MessageExpired),
        (451, (7, 5), "TLS failed, or a policy is not met", C::PolicyRelated),
        (550, (7, 10), "TLS cannot be had as the sender requires it", C::PolicyRelated),
        (550, (7, 30), "nor REQUIRETLS", C::PolicyRelated),
        (451, (3, 0), "the spool cannot be read", C::BadConfiguration),
        (451, (3, 5), "a pool that the settings do not know", C::BadConfiguration),
        (554, (3, 0), "the spool has lost it", C::BadConfiguration),
    ] {
        let enhanced = EnhancedCode::new((code / 100) as u8, subject, detail);
        let reading = rules.read(&Response::local(code, enhanced, what), None, None);
        assert_eq!(reading.class, class, "{what}");
    }
}

/// No rule of ours makes a failure of what was put off.
#[test]
fn what_is_put_off_is_not_failed() {
    for rule in Rules::shipped().all() {
        for code in [421, 450, 451, 452, 499] {
            let action = rule.action.under(code);
            assert!(
                !matches!(action, Action::Bounce | Action::DropQueue | Action::Fail),
                "{}",
                rule.name
            );
        }
        assert_eq!(rule.action.under(550), rule.action, "{}", rule.name);
    }
}

#[test]
fn an_operator_may_fail_what_was_put_off() {
    let own = rule("code = [\"452\"]\ntext = [\"and inactive\"]\naction = \"fail\"");
    let rules = Rules::behind([("own.toml", &*own)]).unwrap();
    let read = |reply| rules.read(&said(reply), rules.provider("google"), None).action;
    assert_eq!(
        read("452 4.2.2 out of storage space and inactive"),
        Action::None,
        "Google's is first"
    );
    let reading = rules.read(&said("452 4.2.2 full and inactive"), None, None);
    assert_eq!(reading.action, Action::Fail);
}

#[test]
fn rules_say_where_they_are_from() {
    for rule in Rules::shipped().all() {
        let digits = rule.date.bytes().filter(u8::is_ascii_digit).count();
        assert!(rule.source.starts_with("http"), "{}: {}", rule.name, rule.source);
        assert!(rule.date.len() == 7 && digits == 6, "{}: {}", rule.name, rule.date);
    }
}

#[test]
fn actions_and_scopes_are_shown_as_they_are_written() {
    let scopes = [Scope::Site, Scope::SourceAddress].into_iter().collect();
    let suspend = Action::new("suspend", Some(Duration::from_mins(90)), scopes).unwrap();
    assert_eq!(suspend.to_string(), "suspend 1h30m");
    assert_eq!(scopes.to_string(), "source-address+site");
    assert_eq!(super::Scopes::NONE.to_string(), "-");
    assert_eq!(Action::None.to_string(), "none");
    assert_eq!(Action::new("one-fewer", None, scopes).unwrap().to_string(), "one-fewer");
    for scope in Scope::ALL {
        assert_eq!(scope.name().parse(), Ok(scope));
    }
}

proptest! {
    /// Whatever a host says, it is read.
    #[test]
    fn anything_can_be_said(code in 0_u16..1_000, text in ".{0,600}", provider in 0_u16..23) {
        let response = Response::new(code, None, &text);
        let reading = Rules::shipped().read(&response, Some(Provider(provider)), None);
        prop_assert!(reading.rule.is_some() || reading.class == ReplyClass::Other);
    }
}
