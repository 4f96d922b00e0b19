use super::{By, HOLDS_USUAL, Verb, read};
use event::Wall;
use policy::survey::About;
use serde_json::json;
use std::time::Duration;

#[test]
fn an_order_says_what_where_why_and_how_long() {
    let by = By("anna".into());
    let now = Wall(1_000);
    let said = json!({ "site": "a", "reason": "a complaint", "for": "30m", "dry_run": true });
    let order = read(Verb::Pause, &by, &said, now).unwrap();
    assert_eq!((order.about, &*order.by), (About::site("a"), "anna"));
    assert_eq!((&*order.reason, order.is_dry), ("a complaint", true));
    assert_eq!(order.until, Some(now + Duration::from_mins(30)));
    let said = json!({ "site": "a", "reason": "b" });
    assert_eq!(read(Verb::Pause, &by, &said, now).unwrap().until, Some(now + HOLDS_USUAL));
    assert_eq!(read(Verb::Flush, &by, &said, now).unwrap().until, None);
    assert!(read(Verb::Resume, &by, &json!({ "site": "a" }), now).is_ok());
    let said = json!({ "tenant": "shop", "campaign": "spring", "reason": "b" });
    let order = read(Verb::Pause, &by, &said, now).unwrap();
    assert_eq!(order.about.to_string(), "tenant shop, campaign spring");
    let said = json!({ "source": "192.0.2.1", "site": "a", "reason": "b" });
    let order = read(Verb::DisableSource, &by, &said, now).unwrap();
    assert_eq!(order.until, Some(now + HOLDS_USUAL));
    assert_eq!(order.about.to_string(), "source 192.0.2.1, site a");
    assert!(read(Verb::EnableSource, &by, &json!({ "source": "192.0.2.1" }), now).is_ok());
}

#[test]
fn what_is_dropped_fits_all_that_is_said() {
    let said = json!({ "tenant": "shop", "site": "a", "message": "0-2-1f4", "reason": "b" });
    let order = read(Verb::Drop, &By("anna".into()), &said, Wall(0)).unwrap();
    assert_eq!(order.about.to_string(), "message 0-2-1f4, tenant shop, site a");
    assert_eq!((order.verb, order.until), (Verb::Drop, None));
    let said = json!({ "domain": "a.test", "reason": "b", "bounce": true });
    assert_eq!(read(Verb::Drop, &By("anna".into()), &said, Wall(0)).unwrap().verb, Verb::Bounce);
}

#[test]
fn where_mail_goes_and_when_is_read() {
    let (by, now) = (By("anna".into()), Wall(1_000));
    let said = json!({ "site": "a", "to": "MX.test:26, 192.0.2.1", "reason": "b" });
    let order = read(Verb::Reroute, &by, &said, now).unwrap();
    assert_eq!(order.elsewhere.to_string(), "to mx.test:26,192.0.2.1:25");
    assert_eq!((order.until, order.due), (Some(now + HOLDS_USUAL), None));
    assert!(read(Verb::EndReroute, &by, &json!({ "site": "a" }), now).is_ok());
    let due = |said| read(Verb::Schedule, &by, &said, now).unwrap().due;
    let hour = json!({ "tenant": "a", "in": "1h", "reason": "b" });
    assert_eq!(due(hour), Some(now + Duration::from_hours(1)));
    let at = json!({ "tenant": "a", "at": "1970-01-01T02:00:00+01:00", "reason": "b" });
    assert_eq!(due(at), Some(Wall(3_600_000)));
}

#[test]
fn what_is_wrong_with_an_order_is_said() {
    let by = By("anna".into());
    for (verb, said, word) in [
        (Verb::Reroute, json!({ "site": "a", "reason": "x" }), "`pool` or `to`"),
        (Verb::Reroute, json!({ "to": "mx.test", "reason": "x" }), "`domain`"),
        (Verb::Reroute, json!({ "site": "a", "to": "mx test", "reason": "x" }), "`to` is a host"),
        (Verb::Reroute, json!({ "site": "a", "to": "mx.test:x", "reason": "x" }), "`to` is a host"),
        (Verb::Reroute, json!({ "site": "a", "pool": "", "reason": "x" }), "`pool`"),
        (Verb::Reroute, json!({ "site": "a", "pool": "b" }), "`reason`"),
        (Verb::EndReroute, json!({ "site": "a", "pool": "b" }), "`pool`"),
        (Verb::Schedule, json!({ "site": "a", "reason": "x" }), "`at` or `in`"),
        (Verb::Schedule, json!({ "site": "a", "in": "soon", "reason": "x" }), "`in`"),
        (Verb::Schedule, json!({ "site": "a", "in": "31d", "reason": "x" }), "`in`"),
        (Verb::Schedule, json!({ "site": "a", "at": "08:00", "reason": "x" }), "`at` is a time"),
        (
            Verb::Schedule,
            json!({ "site": "a", "at": "1969-01-01T00:00:00Z", "reason": "x" }),
            "to come",
        ),
        (Verb::Schedule, json!({ "site": "a", "in": "1h", "at": "x", "reason": "x" }), "not both"),
        (Verb::Pause, json!([]), "object"),
        (Verb::Pause, json!({ "reason": "x" }), "`site`"),
        (Verb::Pause, json!({ "site": "a", "tenant": "b", "reason": "x" }), "`tenant`"),
        (Verb::Flush, json!({ "tenant": "b", "reason": "x" }), "`tenant`"),
        (Verb::Pause, json!({ "site": 7, "reason": "x" }), "`site`"),
        (Verb::Pause, json!({ "site": "a" }), "`reason`"),
        (Verb::Pause, json!({ "site": "a", "source": "b", "reason": "x" }), "`source`"),
        (Verb::Flush, json!({ "site": "a", "reason": " " }), "`reason`"),
        (Verb::Pause, json!({ "site": "a", "reason": "x".repeat(501) }), "`reason`"),
        (Verb::Pause, json!({ "site": "a".repeat(501), "reason": "x" }), "`site`"),
        (Verb::Pause, json!({ "site": "a", "reason": "x", "for": "soon" }), "`for`"),
        (Verb::Pause, json!({ "site": "a", "reason": "x", "for": "31d" }), "`for`"),
        (Verb::Pause, json!({ "site": "a", "reason": "x", "for": "0s" }), "`for`"),
        (Verb::Flush, json!({ "site": "a", "reason": "x", "for": "1h" }), "`for`"),
        (Verb::Pause, json!({ "site": "a", "reason": "x", "dry_run": 1 }), "`dry_run`"),
        (Verb::Pause, json!({ "site": "a", "reason": "x", "fro": "1h" }), "`fro`"),
        (Verb::DisableSource, json!({ "site": "a", "reason": "x" }), "`source`"),
        (Verb::DisableSource, json!({ "source": "a" }), "`reason`"),
        (Verb::EnableSource, json!({ "source": "a", "for": "1h" }), "`for`"),
        (Verb::Drop, json!({ "reason": "x" }), "`domain`"),
        (Verb::Drop, json!({ "tenant": "" , "reason": "x" }), "`tenant`"),
        (Verb::Drop, json!({ "message": "17", "reason": "x" }), "`message`"),
        (Verb::Drop, json!({ "domain": "a.test" }), "`reason`"),
        (Verb::Drop, json!({ "domain": "a.test", "reason": "x", "bounce": 1 }), "`bounce`"),
    ] {
        let wrong = read(verb, &by, &said, Wall(0)).unwrap_err();
        assert!(wrong.contains(word), "{said}: {wrong}");
    }
}
