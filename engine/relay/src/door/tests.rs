use super::{
    At, Disable, Drop, EndReroute, Pause, Queue, Reload, Reroute, Resume, Schedule, Site, Source,
    Unmoved, Verb, Why, quoted, request,
};
use clap::Parser as _;
use serde_json::json;

fn at() -> At {
    At { config: None, admin: None, token: None, json: false }
}

/// What follows a verb on the command line.
#[derive(Debug, clap::Parser)]
struct Words<A: clap::Args> {
    #[command(flatten)]
    all: A,
}

fn read<A: clap::Args>(words: &str) -> A {
    Words::try_parse_from(words.split(' ')).unwrap().all
}

#[test]
fn each_verb_has_its_page() {
    let queue = |site: Option<&str>| Queue { site: site.map(str::to_owned), limit: 7, at: at() };
    let what = Some("[::1]:25;pool=warm".to_owned());
    let why = Why { asked: Unmoved { what, ..Unmoved::default() }, at: at() };
    assert_eq!(request(&Verb::Queue(&queue(None))), ("/queue?limit=7".to_owned(), None));
    let one = queue(Some("b.test,a.test"));
    assert_eq!(request(&Verb::Queue(&one)), ("/queue/b.test,a.test".to_owned(), None));
    let (path, _) = request(&Verb::Why(&why));
    assert_eq!(path, "/why/%5B::1%5D:25%3Bpool%3Dwarm");
    let [tenant, campaign] = ["a&b", "spring"].map(|name| Some(name.to_owned()));
    let why = Why { asked: Unmoved { what: None, tenant, campaign }, at: at() };
    assert_eq!(request(&Verb::Why(&why)).0, "/why?tenant=a%26b&campaign=spring");
    let reload = Reload { dry_run: true, at: at() };
    let body = json!({ "dry_run": true });
    assert_eq!(request(&Verb::Reload(&reload)), ("/reload".to_owned(), Some(body)));
}

#[test]
fn an_order_on_the_command_line_is_that_over_http() {
    let said = |order: super::Order<'_>| request(&Verb::Order(order));
    let pause: Pause = read("pause mx.a.test --reason slow --for 30m --dry-run");
    let body = json!({ "site": "mx.a.test", "reason": "slow", "for": "30m", "dry_run": true });
    assert_eq!(said(pause.order()), ("/pause".to_owned(), Some(body)));
    let resume: Resume = read("resume --tenant shop --campaign spring");
    let body = json!({ "tenant": "shop", "campaign": "spring", "dry_run": false });
    assert_eq!(said(resume.order()), ("/resume".to_owned(), Some(body)));
    for wrong in [&["pause", "--reason", "x"][..], &["pause", "a", "--tenant", "b"]] {
        assert!(Words::<Pause>::try_parse_from(wrong).is_err(), "{wrong:?}");
    }
    let site: Site = read("flush mx.a.test --reason well");
    let body = json!({ "site": "mx.a.test", "reason": "well", "dry_run": false });
    assert_eq!(said(site.order("/flush")), ("/flush".to_owned(), Some(body)));
    let source: Disable = read("disable-source 192.0.2.1 --site a --reason listed");
    let body = json!({
        "source": "192.0.2.1", "site": "a", "reason": "listed", "for": "1h", "dry_run": false,
    });
    assert_eq!(said(source.order()), ("/disable-source".to_owned(), Some(body)));
    let drop: Drop = read("drop --tenant shop --campaign spring --reason recalled --bounce");
    let body = json!({
        "tenant": "shop", "campaign": "spring", "reason": "recalled", "bounce": true,
        "dry_run": false,
    });
    assert_eq!(said(drop.order()), ("/drop".to_owned(), Some(body)));
    assert!(Words::<Drop>::try_parse_from(["drop", "--bounce", "--reason", "x"]).is_err());
    let source: Source = read("enable-source w1.relay.test");
    let body = json!({ "source": "w1.relay.test", "dry_run": false });
    assert_eq!(said(source.order("/enable-source")), ("/enable-source".to_owned(), Some(body)));
}

#[test]
fn mail_goes_elsewhere_or_later_as_the_command_line_says() {
    let said = |order: super::Order<'_>| request(&Verb::Order(order));
    let reroute: Reroute = read("reroute mx.a.test --pool clean --to mx.b.test:26 --reason listed");
    let body = json!({
        "site": "mx.a.test", "pool": "clean", "to": "mx.b.test:26", "reason": "listed", "for": "1h",
        "dry_run": false,
    });
    assert_eq!(said(reroute.order()), ("/reroute".to_owned(), Some(body)));
    let end: EndReroute = read("end-reroute --message 0-2-1f4");
    let body = json!({ "message": "0-2-1f4", "dry_run": false });
    assert_eq!(said(end.order()), ("/end-reroute".to_owned(), Some(body)));
    let schedule: Schedule = read("schedule --tenant shop --in 2h --reason sale --dry-run");
    let body = json!({ "tenant": "shop", "in": "2h", "reason": "sale", "dry_run": true });
    assert_eq!(said(schedule.order()), ("/schedule".to_owned(), Some(body)));
    let schedule: Schedule = read("schedule a --at 2030-05-01T08:00:00Z --reason sale");
    let body = json!({
        "site": "a", "at": "2030-05-01T08:00:00Z", "reason": "sale", "dry_run": false,
    });
    assert_eq!(said(schedule.order()), ("/schedule".to_owned(), Some(body)));
    for wrong in [&["r", "a", "--reason", "x"][..], &["r", "--pool", "a", "--reason", "x"]] {
        assert!(Words::<Reroute>::try_parse_from(wrong).is_err(), "{wrong:?}");
    }
    for wrong in [&["s", "a", "--reason", "x"][..], &["s", "a", "--at", "x", "--in", "1h"]] {
        assert!(Words::<Schedule>::try_parse_from(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn nothing_of_a_name_is_anything_else_in_a_path() {
    assert_eq!(quoted("a/b?c#d e%"), "a%2Fb%3Fc%23d%20e%25");
}
