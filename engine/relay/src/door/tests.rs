use super::{At, Order, Pause, Queue, Reload, Verb, Why, quoted, request};
use serde_json::json;

fn at() -> At {
    At { config: None, admin: None, token: None, json: false }
}

fn order(reason: Option<&str>) -> Order {
    let reason = reason.map(str::to_owned);
    Order { site: "mx.a.test".to_owned(), reason, dry_run: true, at: at() }
}

#[test]
fn each_verb_has_its_page() {
    let queue = |site: Option<&str>| Queue { site: site.map(str::to_owned), limit: 7, at: at() };
    let why = Why { what: "[::1]:25;pool=warm".to_owned(), at: at() };
    assert_eq!(request(&Verb::Queue(&queue(None))), ("/queue?limit=7".to_owned(), None));
    let one = queue(Some("b.test,a.test"));
    assert_eq!(request(&Verb::Queue(&one)), ("/queue/b.test,a.test".to_owned(), None));
    let (path, _) = request(&Verb::Why(&why));
    assert_eq!(path, "/why/%5B::1%5D:25%3Bpool%3Dwarm");
    let pause = Pause { order: order(Some("a complaint")), span: "30m".to_owned() };
    let body =
        json!({ "site": "mx.a.test", "reason": "a complaint", "for": "30m", "dry_run": true });
    assert_eq!(request(&Verb::Pause(&pause)), ("/pause".to_owned(), Some(body)));
    let body = json!({ "site": "mx.a.test", "dry_run": true });
    assert_eq!(request(&Verb::Resume(&order(None))), ("/resume".to_owned(), Some(body.clone())));
    assert_eq!(request(&Verb::Flush(&order(None))), ("/flush".to_owned(), Some(body)));
    let reload = Reload { dry_run: true, at: at() };
    let body = json!({ "dry_run": true });
    assert_eq!(request(&Verb::Reload(&reload)), ("/reload".to_owned(), Some(body)));
}

#[test]
fn nothing_of_a_name_is_anything_else_in_a_path() {
    assert_eq!(quoted("a/b?c#d e%"), "a%2Fb%3Fc%23d%20e%25");
}
