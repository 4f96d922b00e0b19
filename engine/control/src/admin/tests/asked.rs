//! Questions, before shards that know one site, one domain and one message.

use super::super::pages::PAGES;
use super::super::{Role, Token};
use super::setup;
use crate::survey::{self, PATIENCE, Reloaded, Shards, Tell, TellReloaded};
use crate::{Control, Setup, start};
use event::{MessageId, Meters, ReplyClass, Response, Wall};
use policy::Class;
use policy::survey::{
    About, Answer, Counted, Domain, Elsewhere, Key, Limiter, Load, Message, Named, Order, Part,
    Question, Recipient, Rerouted, Said, Site, Sites, Verb,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

pub(super) const SITE: &str = "127.0.0.1:2525";
pub(super) const SOURCE: &str = "192.0.2.1";
const ID: MessageId = MessageId { log: 1, boot: 2, count: 500 };
const KEY: Key = Key { table: "delivery", index: None, name: "connections_per_site" };

/// Shard 0 knows everything, shard 1 nothing, and shard 2 never answers.
#[derive(Debug, Default)]
pub(super) struct Few {
    pub(super) orders: Mutex<Vec<Order>>,
    kept: Mutex<Vec<Kept>>,
}

struct Kept(#[expect(dead_code, reason = "kept so that nobody hears that it is gone")] Tell);

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept")
    }
}

/// As [`Few`], without the one that never answers.
#[derive(Debug, Default)]
pub(super) struct Two(pub(super) Few);

impl Shards for Few {
    fn count(&self) -> usize {
        3
    }

    fn ask(&self, shard: usize, question: Question, tell: Tell) {
        match (shard, question) {
            (0, question) => tell(self.answer(question)),
            (1, question) => tell(nothing(&question)),
            _ => self.kept.lock().unwrap().push(Kept(tell)),
        }
    }

    fn keep(&self, order: &Order) -> Result<(), String> {
        assert!(!order.is_dry, "nothing is kept of what is only counted");
        let is_one_more = &*order.reason != "one more";
        is_one_more.then_some(()).ok_or_else(|| "too many hold".to_owned())
    }

    fn orders(&self) -> Vec<Order> {
        let about = About { source: Some(SOURCE.into()), ..About::default() };
        let (verb, until) = (Verb::DisableSource, Some(Wall(9)));
        let (by, reason) = ("anna".into(), "a listing".into());
        let (elsewhere, due) = Default::default();
        let (is_dry, counted) = (false, Load::default());
        vec![Order { verb, about, by, reason, until, elsewhere, due, is_dry, counted }]
    }

    fn reload(&self, by: &str, is_dry: bool, tell: TellReloaded) {
        let changed = vec!["retry.first".to_owned(), format!("by {by}")];
        let refused = || "ringpost.toml:3: `first` cannot be 7".to_owned();
        tell(if is_dry { Err(refused()) } else { Ok(Reloaded { changed, ..Reloaded::default() }) });
    }

    fn place(&self, key: Key) -> Option<String> {
        (key == KEY).then(|| "ringpost.toml:12".to_owned())
    }
}

impl Shards for Two {
    fn count(&self) -> usize {
        2
    }

    fn ask(&self, shard: usize, question: Question, tell: Tell) {
        self.0.ask(shard, question, tell);
    }

    fn keep(&self, order: &Order) -> Result<(), String> {
        self.0.keep(order)
    }

    fn orders(&self) -> Vec<Order> {
        self.0.orders()
    }

    fn reload(&self, by: &str, is_dry: bool, tell: TellReloaded) {
        self.0.reload(by, is_dry, tell);
    }

    fn place(&self, key: Key) -> Option<String> {
        self.0.place(key)
    }
}

impl Few {
    fn answer(&self, question: Question) -> Answer {
        match question {
            Question::Sites(_) => {
                let load = site().load;
                Answer::Sites(Sites {
                    sites: vec![site()],
                    sites_total: 1,
                    load,
                    ..Sites::default()
                })
            }
            Question::Name(name) if *name == *SITE => {
                Answer::Name(Box::new(Named { sites: vec![site()], domain: None }))
            }
            Question::Name(name) if *name == *"a.test" => {
                let (name, site) = ("a.test".into(), Some(SITE.into()));
                let (limiter, rerouted) = (None, Some(rerouted()));
                let domain = Some(Domain { name, site, limiter, unrouted: 1, rerouted });
                Answer::Name(Box::new(Named { sites: Vec::new(), domain }))
            }
            Question::Flows(about) if about.tenant.as_deref() == Some("shop") => {
                Answer::Name(Box::new(Named { sites: vec![site()], domain: None }))
            }
            Question::Message(ID) => Answer::Message(Some(Box::new(message()))),
            Question::Order(order) if is_known(&order.about) => {
                self.orders.lock().unwrap().push((*order).clone());
                let expiring = order.due.map_or(0, |_| 2);
                Answer::Order(Some(Counted { load: site().load, expiring }))
            }
            other => nothing(&other),
        }
    }
}

fn is_known(about: &About) -> bool {
    let is_elsewhere = about.site.as_deref().is_some_and(|site| site != SITE && site != "b");
    !is_elsewhere && about.source.as_deref().is_none_or(|source| source == SOURCE)
}

fn nothing(question: &Question) -> Answer {
    match question {
        Question::Sites(_) => Answer::Sites(Sites::default()),
        Question::Name(_) | Question::Flows(_) => Answer::Name(Box::default()),
        Question::Message(_) => Answer::Message(None),
        Question::Order(_) | Question::Kept(_) => Answer::Order(None),
    }
}

pub(super) fn site() -> Site {
    let response = Response::new(451, None, "busy");
    Site {
        name: SITE.into(),
        load: Load { ready: 5, waiting: 2, in_flight: 1 },
        open: 1,
        opening: 0,
        connections_max: 1,
        limiters: vec![Limiter::SiteConnections { most: 1, key: KEY }],
        parts: vec![Part {
            class: Class::Bulk,
            tenant: "shop".into(),
            campaign: "spring".into(),
            weight: 3,
            ready: 5,
            limiter: None,
        }],
        hosts: Vec::new(),
        replies: vec![Said {
            at: Wall(7),
            peer: None,
            message: Some(ID),
            response,
            times: 3,
            class: ReplyClass::Other,
            rule: Some("code-451".into()),
        }],
        reroutes: Vec::new(),
    }
}

fn rerouted() -> Rerouted {
    Rerouted {
        about: About { domain: Some("a.test".into()), ..About::default() },
        elsewhere: Elsewhere { pool: Some("warm".into()), to: Some("192.0.2.7:25".into()) },
        until: Wall(9),
        by: "anna".into(),
        reason: "a listing".into(),
    }
}

fn message() -> Message {
    let recipient = |address: &str, limiter| Recipient {
        address: address.into(),
        attempts: 1,
        expires: Wall(2),
        site: Some(SITE.into()),
        limiter,
        rerouted: None,
    };
    let key = Key { table: "retry", index: None, name: "bulk" };
    let later = Limiter::Retry { due: Wall(9_000), attempts: 1, key };
    let recipients = vec![recipient("a@a.test", Some(later)), recipient("b@a.test", None)];
    Message { id: ID, accepted: Wall(1), expires: Wall(2), recipients, recipients_total: 2 }
}

pub(super) fn door(shards: Arc<dyn Shards>, tokens: Vec<Token>) -> Control {
    let meters = Meters::new(2);
    start(Setup { shards: Some(shards), tokens, ..setup(&meters, None) }).unwrap()
}

/// The status and the JSON, or the text.
pub(super) fn say(
    control: &Control,
    request: &str,
    token: Option<&str>,
    body: &str,
) -> (u16, Value) {
    let mut stream = TcpStream::connect(control.address()).unwrap();
    let token = token.map_or_else(String::new, |it| format!("Authorization: Bearer {it}\r\n"));
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{token}\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    let told = serde_json::from_str(body).unwrap_or_else(|_| json!(body));
    (head[9..12].parse().unwrap(), told)
}

pub(super) fn get(control: &Control, path: &str) -> (u16, Value) {
    say(control, &format!("GET {path}"), None, "")
}

#[test]
fn sites_are_told_with_what_keeps_them_and_where_that_is_set() {
    let control = door(Arc::new(Two::default()), Vec::new());
    let (status, whole) = get(&control, "/queue");
    assert_eq!((status, &whole["sites_total"], &whole["ready"]), (200, &json!(1), &json!(5)));
    let limiter = &whole["sites"][0]["limiter"];
    assert_eq!((&limiter["name"], &limiter["next_at"]), (&json!("site-connections"), &json!(null)));
    let setting = json!({ "key": "[delivery] connections_per_site", "place": "ringpost.toml:12" });
    assert_eq!(limiter["setting"], setting);
    let (status, one) = get(&control, &format!("/queue/{SITE}"));
    assert_eq!((status, &one["sites"][0]["replies"][0]["rule"]), (200, &json!("code-451")));
    let flow = json!({
        "class": "bulk", "tenant": "shop", "campaign": "spring", "weight": 3, "ready": 5,
        "limiter": null,
    });
    assert_eq!(one["sites"][0]["flows"], json!([flow]));
    for (path, status, word) in [
        ("/queue/b.test", 404, "no site b.test"),
        ("/queue/a.test", 404, "goes to the site 127.0.0.1:2525"),
        ("/queue?limit=0", 400, "from 1 to"),
        ("/queue?limit=x", 400, "from 1 to"),
        ("/why/nobody.test", 404, "no site nobody.test"),
        ("/why/0-0-1", 404, "the delivery log tells"),
    ] {
        let (got, told) = get(&control, path);
        assert!(got == status && told["error"].as_str().unwrap().contains(word), "{path}: {told}");
    }
    control.stop();
}

#[test]
fn why_is_asked_of_sites_domains_and_messages() {
    let control = door(Arc::new(Two::default()), Vec::new());
    let (_, site) = get(&control, &format!("/why/{SITE}"));
    assert_eq!((&site["kind"], &site["sites"][0]["site"]), (&json!("site"), &json!(SITE)));
    let (_, domain) = get(&control, "/why/a.test");
    assert_eq!((&domain["kind"], &domain["domain"]["site"]), (&json!("domain"), &json!(SITE)));
    assert_eq!(domain["sites"][0]["limiter"]["name"], json!("site-connections"));
    let (_, message) = get(&control, &format!("/why/{ID}"));
    assert_eq!(message["kind"], json!("message"));
    let open = &message["open"];
    assert_eq!(open[0]["limiter"]["name"], json!("retry"), "its own time comes first");
    assert_eq!(open[0]["limiter"]["next_at"], json!(9_000));
    assert_eq!(open[1]["limiter"]["name"], json!("site-connections"), "it waits for its site");
    let (_, flow) = get(&control, "/why?tenant=shop");
    assert_eq!((&flow["kind"], &flow["asked"]), (&json!("flow"), &json!("tenant shop")));
    let site = &flow["sites"][0];
    assert_eq!((&site["ready"], &site["in_flight"]), (&json!(5), &json!(null)));
    assert_eq!(get(&control, "/why?campaign=spring").0, 404);
    assert_eq!(get(&control, "/why").0, 400);
    control.stop();
}

#[test]
fn what_a_reload_changes_is_told_or_why_it_does_not() {
    let control = door(Arc::new(Two::default()), Vec::new());
    let (status, told) = say(&control, "POST /reload", None, "{}");
    assert_eq!((status, &told["changed"]), (200, &json!(["retry.first", "by loopback"])));
    let (status, told) = say(&control, "POST /reload", None, r#"{"dry_run":true}"#);
    assert_eq!((status, &told["error"]), (422, &json!("ringpost.toml:3: `first` cannot be 7")));
    assert_eq!(say(&control, "POST /reload", None, r#"{"site":"x"}"#).0, 400);
    control.stop();
}

#[test]
fn a_token_is_asked_for_where_there_are_some() {
    let (secret, digest) = Token::secret().unwrap();
    let tokens = vec![Token::new("anna", Role::Monitor, &digest).unwrap()];
    let control = door(Arc::new(Two::default()), tokens);
    let order = json!({ "site": SITE, "reason": "x" }).to_string();
    for page in &PAGES {
        let path = page.path.replace("{site}", SITE).replace("{what}", SITE);
        let request = format!("{} {path}", page.method.to_uppercase());
        let without = say(&control, &request, None, &order).0;
        let with = say(&control, &request, Some(&secret), &order).0;
        let expected = match page.role {
            None => (false, false),
            Some(Role::Monitor) => (true, false),
            Some(_) => (true, true),
        };
        let refused = |status| matches!(status, 401 | 403);
        assert_eq!((refused(without), refused(with)), expected, "{request}: {without} {with}");
    }
    control.stop();
}

/// What the document promises is there, and what is there it promises.
#[test]
fn the_document_for_programs_is_that_of_the_pages() {
    let control = door(Arc::new(Two::default()), Vec::new());
    let (_, document) = get(&control, "/openapi.json");
    assert_eq!(document["openapi"], json!("3.1.0"));
    let paths = document["paths"].as_object().unwrap();
    let mut promised = 0;
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            promised += 1;
            let named = operation["parameters"].as_array().into_iter().flatten();
            let named: Vec<_> = named.filter(|one| one["in"] == "path").collect();
            assert_eq!(named.len(), path.matches('{').count(), "{path}");
            let query = if path == "/why" { "?tenant=shop" } else { "" };
            let place = path.replace("{site}", SITE).replace("{what}", SITE) + query;
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let must = schema["required"].as_array().into_iter().flatten();
            let value = |name: &str| match name {
                "source" => SOURCE,
                "site" => SITE,
                "in" => "1h",
                _ => "x",
            };
            let must = must.filter_map(Value::as_str);
            // One of several, of which the document cannot say that.
            let any: &[_] = match path.as_str() {
                "/pause" | "/resume" => &["site"],
                "/drop" | "/end-reroute" => &["domain"],
                "/reroute" => &["domain", "pool"],
                "/schedule" => &["domain", "in"],
                _ => &[],
            };
            let must = must.chain(any.iter().copied()).map(|name| (name, value(name)));
            let body = json!(must.collect::<BTreeMap<_, _>>()).to_string();
            let request = format!("{} {place}", method.to_uppercase());
            let (status, told) = say(&control, &request, None, &body);
            assert!(status == 200 || path == "/readyz", "{request}: {status} {told}");
            let other = if method == "get" { "DELETE" } else { "GET" };
            assert_eq!(say(&control, &format!("{other} {place}"), None, "").0, 405, "{path}");
        }
    }
    assert_eq!(promised + 1, PAGES.len(), "and the index");
    control.stop();
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_does_not_answer_is_named_and_not_waited_for() {
    let shards: Arc<dyn Shards> = Arc::new(Few::default());
    let started = tokio::time::Instant::now();
    let round = survey::ask(&shards, &Question::Sites(5), PATIENCE).await;
    assert_eq!((round.silent.as_slice(), started.elapsed()), (&[2][..], PATIENCE));
    assert_eq!(round.whole(5).sites.len(), 1, "what the others know counts");
    let shards: Arc<dyn Shards> = Arc::new(Two::default());
    let started = tokio::time::Instant::now();
    let round = survey::ask(&shards, &Question::Sites(5), PATIENCE).await;
    assert!(round.silent.is_empty() && started.elapsed() < PATIENCE);
}
