//! Orders, before the same shards.

use super::asked::{SITE, SOURCE, Two, door, get, say, site};
use crate::survey::Shards;
use policy::survey::Verb;
use serde_json::json;
use std::sync::Arc;

#[test]
fn an_order_is_counted_before_it_is_given() {
    let shards = Arc::new(Two::default());
    let control = door(Arc::clone(&shards) as Arc<dyn Shards>, Vec::new());
    let order = json!({ "site": SITE, "reason": "a complaint", "dry_run": true }).to_string();
    let (status, told) = say(&control, "POST /pause", None, &order);
    assert_eq!((status, &told["ready"], &told["waiting"]), (200, &json!(5), &json!(2)), "{told}");
    assert!(shards.0.orders.lock().unwrap().iter().all(|order| order.is_dry));
    let order = json!({ "site": SITE, "reason": "a complaint", "for": "30m" }).to_string();
    let (status, told) = say(&control, "POST /pause", None, &order);
    assert_eq!((status, &told["by"]), (200, &json!("loopback")));
    let given: Vec<_> =
        shards.0.orders.lock().unwrap().iter().filter(|order| !order.is_dry).cloned().collect();
    assert_eq!((given.len(), &*given[0].reason), (1, "a complaint"));
    let order = json!({ "site": "elsewhere.test", "reason": "x" }).to_string();
    assert_eq!(say(&control, "POST /flush", None, &order).0, 404);
    assert_eq!(say(&control, "POST /flush", None, "{}").0, 400);
    control.stop();
}

#[test]
fn a_source_is_disabled_and_what_holds_is_told() {
    let shards = Arc::new(Two::default());
    let control = door(Arc::clone(&shards) as Arc<dyn Shards>, Vec::new());
    let order = json!({ "source": SOURCE, "site": "b", "reason": "a listing", "for": "2h" });
    let (status, told) = say(&control, "POST /disable-source", None, &order.to_string());
    assert_eq!((status, &told["source"], &told["ready"]), (200, &json!(SOURCE), &json!(5)));
    let given = shards.0.orders.lock().unwrap().last().cloned().unwrap();
    assert_eq!((given.verb, given.counted), (Verb::DisableSource, site().load), "it was counted");
    for (source, reason, status, word) in [
        ("192.0.2.9", "x", 404, "no [[pool.source]] has the address or the ehlo name 192.0.2.9"),
        (SOURCE, "one more", 409, "too many hold"),
    ] {
        let order = json!({ "source": source, "reason": reason }).to_string();
        let (got, told) = say(&control, "POST /disable-source", None, &order);
        assert!(got == status && told["error"].as_str().unwrap().contains(word), "{told}");
    }
    let (_, told) = get(&control, "/orders");
    let first = &told["orders"][0];
    assert_eq!((&first["order"], &first["source"]), (&json!("disable-source"), &json!(SOURCE)));
    assert_eq!((&first["reason"], &first["until"]), (&json!("a listing"), &json!(9)));
    control.stop();
}

#[test]
fn mail_goes_elsewhere_or_is_put_off_and_why_tells_so() {
    let shards = Arc::new(Two::default());
    let control = door(Arc::clone(&shards) as Arc<dyn Shards>, Vec::new());
    let order = json!({ "tenant": "shop", "to": "MX.other.test", "pool": "warm", "reason": "x" });
    let (status, told) = say(&control, "POST /reroute", None, &order.to_string());
    assert_eq!(
        (status, &told["to"], &told["pool"]),
        (200, &json!("mx.other.test"), &json!("warm"))
    );
    let given = shards.0.orders.lock().unwrap().last().cloned().unwrap();
    assert_eq!((given.verb, given.elsewhere.to.as_deref()), (Verb::Reroute, Some("mx.other.test")));
    assert!(given.until.is_some() && !given.is_dry, "it ends by itself");
    let order = json!({ "tenant": "shop", "in": "2h", "reason": "x" }).to_string();
    let (status, told) = say(&control, "POST /schedule", None, &order);
    assert_eq!((status, &told["expiring"]), (200, &json!(2)));
    let given = shards.0.orders.lock().unwrap().last().cloned().unwrap();
    assert_eq!((given.due.map(|due| due.0), given.until), (told["due"].as_u64(), None));
    let (_, domain) = get(&control, "/why/a.test");
    let rerouted = &domain["domain"]["rerouted"];
    let text = json!("to 192.0.2.7:25 by the pool warm");
    assert_eq!((&rerouted["about"], &rerouted["text"]), (&json!("domain a.test"), &text));
    control.stop();
}
