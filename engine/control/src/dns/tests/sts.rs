//! Policies from a real web server, by way of a real DNS server, both on loopback ports.

use super::server::{Zone, serve};
use super::web::Web;
use super::{ask, servers};
use crate::dns::sts::{Counts, Patience, Policies, Setup};
use crate::dns::{desk, names};
use crate::https::Outfit;
use route::{Answer, STS_BYTES_MAX};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs, process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

const POLICY: &str = "version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 86400\n";

/// Each domain: what its web server answers, with `|` for CRLF and `{}` for the policy; how the
/// fetch is counted, and whether there is a policy then.
const PAGES: [(&str, &str, &str); 18] = [
    ("good", "HTTP/1.1 200 OK|Content-Type: text/plain||{}", "fetched"),
    ("parameters", "HTTP/1.1 200 OK|Content-Type: Text/Plain; charset=utf-8||{}", "fetched"),
    (
        "chunked",
        "HTTP/1.1 200 OK|Content-Type: text/plain|Transfer-Encoding: chunked||3e|{}|0||",
        "fetched",
    ),
    ("wrong-name", "HTTP/1.1 200 OK|Content-Type: text/plain||{}", "certificate"),
    ("expired", "HTTP/1.1 200 OK|Content-Type: text/plain||{}", "certificate"),
    ("self-signed", "HTTP/1.1 200 OK|Content-Type: text/plain||{}", "certificate"),
    ("missing", "HTTP/1.1 404 Not Found|Content-Type: text/plain||{}", "status"),
    (
        "moved",
        "HTTP/1.1 301 Moved|Location: https://mta-sts.good.example/.well-known/mta-sts.txt|Content-Type: text/plain||{}",
        "status",
    ),
    ("partial", "HTTP/1.1 206 Partial Content|Content-Type: text/plain||{}", "status"),
    ("page", "HTTP/1.1 200 OK|Content-Type: text/html||{}", "media_type"),
    ("untyped", "HTTP/1.1 200 OK||{}", "media_type"),
    ("large", "HTTP/1.1 200 OK|Content-Type: text/plain||{}LARGE", "too_large"),
    ("cut", "HTTP/1.1 200 OK|Content-Type: text/plain|Content-Length: 1000||{}", "http"),
    ("mail", "220 mail.example ESMTP|", "http"),
    ("silent", "", "late"),
    ("bad", "HTTP/1.1 200 OK|Content-Type: text/plain||mode: enforce", "invalid"),
    ("empty", "HTTP/1.1 200 OK|Content-Type: text/plain|Content-Length: 0||", "invalid"),
    ("homeless", "HTTP/1.1 200 OK|Content-Type: text/plain||{}", "dns"),
];

/// A web server, and what is needed to ask it.
struct World {
    web: Web,
    setup: Setup,
    patience: Patience,
}

impl World {
    async fn new(name: &str) -> Self {
        let web = Web::start().await;
        let folder = format!("ringpost-policies-{name}-{}", process::id());
        let roots = vec![web.root.clone()];
        let setup = Setup {
            folder: env::temp_dir().join(folder),
            outfit: Outfit { roots, proxy: None },
            private_allowed: true,
        };
        let patience = Patience { mail: Duration::from_secs(20), fetch: Duration::from_secs(20) };
        Self { web, setup, patience }
    }

    fn put(&self, domain: &str, answer: &str) {
        let large = "x".repeat(STS_BYTES_MAX);
        let answer = answer.replace('|', "\r\n").replace("{}", POLICY).replace("LARGE", &large);
        self.web.put(&format!("mta-sts.{domain}"), &answer);
    }

    /// Policies as they are after a start, with this zone in DNS.
    async fn policies(&self, zone: &str) -> (Arc<Policies>, Arc<Counts>) {
        let (address, _) = serve(Zone::parse(zone)).await;
        let names = Arc::new(names(&servers(vec![address]), &Arc::default()).unwrap());
        let counts = Arc::<Counts>::default();
        let at = (self.web.port, self.patience);
        (Policies::opened(&self.setup, names, Arc::clone(&counts), at), counts)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.setup.folder);
    }
}

/// The records of one domain.
fn records(domain: &str, id: &str) -> String {
    format!("_mta-sts.{domain} TXT v=STSv1; id={id};\nmta-sts.{domain} A 127.0.0.1\n")
}

/// How fetches ended.
fn ends(counts: &Counts) -> String {
    let rows = counts.rows().filter(|(_, count)| *count > 0);
    rows.map(|(end, count)| format!("{end} {count}")).collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn only_what_is_right_is_a_policy() {
    let mut world = World::new("pages").await;
    for (name, page, end) in PAGES {
        let domain = format!("{name}.example");
        world.put(&domain, page);
        let mut zone = records(&domain, "1");
        if name == "homeless" {
            zone = zone.lines().next().unwrap().to_owned();
        }
        world.patience.fetch = Duration::from_millis(if name == "silent" { 100 } else { 20_000 });
        let (policies, counts) = world.policies(&zone).await;
        let ruling = Arc::clone(&policies).ruling(&domain).await;
        assert_eq!(ends(&counts), format!("{end} 1"), "{name}");
        assert_eq!(ruling.policy.is_some(), end == "fetched", "{name}");
        let asked = world.web.asked(&format!("mta-sts.{domain}"));
        let again = policies.ruling(&domain).await;
        assert_eq!(again.policy, ruling.policy, "{name}");
        assert_eq!(world.web.asked(&format!("mta-sts.{domain}")), asked, "{name}: it is let be");
    }
    assert_eq!(world.web.asked("mta-sts.good.example"), 1, "no redirect is followed");
}

#[tokio::test]
async fn without_a_record_nothing_is_fetched() {
    let world = World::new("records").await;
    world.put("a.example", PAGES[0].1);
    for text in ["v=STSv1; id=1\n_mta-sts.a.example TXT v=STSv1; id=1", "v=spf1", "SERVFAIL"] {
        let zone = format!("_mta-sts.a.example TXT {text}\nmta-sts.a.example A 127.0.0.1\n");
        let (policies, counts) = world.policies(&zone).await;
        let ruling = policies.ruling("a.example").await;
        assert_eq!((ruling.policy, ruling.life), (None, Duration::MAX), "{text}");
        assert_eq!(ends(&counts), "", "{text}");
    }
}

/// T17: a record is anybody's to write.
#[tokio::test]
async fn a_web_server_in_a_private_network_is_not_asked() {
    let mut world = World::new("private").await;
    world.put("a.example", PAGES[0].1);
    world.setup.private_allowed = false;
    let (policies, counts) = world.policies(&records("a.example", "1")).await;
    assert_eq!(policies.ruling("a.example").await.policy, None);
    assert_eq!(ends(&counts), "connect 1");
    assert_eq!(world.web.asked("mta-sts.a.example"), 0);
}

/// Each step is a start with what the one before left on the disk.
#[tokio::test]
async fn a_policy_outlives_restarts_and_whatever_cannot_be_had() {
    let world = World::new("restarts").await;
    world.put("a.example", PAGES[0].1);
    let (first, other) = (records("a.example", "1"), records("a.example", "2"));
    let gone = "b.example A 192.0.2.1";
    let silent = "_mta-sts.a.example TXT SERVFAIL";
    let steps = [
        // What DNS says, what the web server does, and then: the policy's record, and fetches.
        (first.as_str(), PAGES[0].1, "1", 1),
        (&first, "", "1", 1),
        (gone, "", "1", 1),
        (silent, "", "1", 1),
        (&other, PAGES[6].1, "1", 2),
        (&other, PAGES[0].1, "2", 3),
        (&first, PAGES[0].1, "1", 4),
    ];
    for (step, (zone, page, id, fetches)) in steps.into_iter().enumerate() {
        world.put("a.example", page);
        let (policies, counts) = world.policies(zone).await;
        let ruling = Arc::clone(&policies).ruling("a.example").await;
        let known = ruling.policy.map(|policy| policy.id.to_string());
        assert_eq!(known.as_deref(), Some(id), "step {step}");
        assert!(ruling.life <= Duration::from_hours(24), "step {step}");
        assert_eq!(world.web.asked("mta-sts.a.example"), fetches, "step {step}");
        assert_eq!(counts.kept(), 1, "step {step}");
        written(&world.setup.folder.join("a.example"), id).await;
    }
}

/// Waits until the policy of this record is on disk.
async fn written(file: &PathBuf, id: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let there =
        || fs::read_to_string(file).is_ok_and(|text| text.starts_with(&format!("id {id}\n")));
    while !there() {
        assert!(Instant::now() < deadline, "{} is not written", file.display());
        sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn mail_waits_for_a_policy_a_while_and_once() {
    let mut world = World::new("late").await;
    world.put("a.example", "");
    world.patience.mail = Duration::from_millis(150);
    let (policies, counts) = world.policies(&records("a.example", "1")).await;
    let began = Instant::now();
    let asked = (0..5).map(|_| tokio::spawn(Arc::clone(&policies).ruling("a.example")));
    for ruling in asked.collect::<Vec<_>>() {
        let ruling = ruling.await.unwrap();
        assert_eq!((ruling.policy, ruling.life), (None, Duration::ZERO), "it may come yet");
    }
    assert!(began.elapsed() >= world.patience.mail);
    let again = Instant::now();
    assert_eq!(Arc::clone(&policies).ruling("a.example").await.life, Duration::ZERO);
    assert!(again.elapsed() < world.patience.mail, "whoever comes later waits no more");
    assert_eq!(world.web.asked("mta-sts.a.example"), 1, "it is fetched once for all");
    assert_eq!(ends(&counts), "", "and it still is");
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_host_and_sees_no_more() {
    let mut world = World::new("proxy").await;
    world.put("a.example", PAGES[0].1);
    for (answer, end) in [("200 Connection established", "fetched"), ("403 Forbidden", "connect")] {
        let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = proxy.local_addr().unwrap().port();
        world.setup.outfit.proxy = Some(("127.0.0.1".to_owned(), port));
        let web = world.web.port;
        let led = tokio::spawn(async move {
            let (mut client, _) = proxy.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(client.read_u8().await.unwrap());
            }
            client.write_all(format!("HTTP/1.1 {answer}\r\n\r\n").as_bytes()).await.unwrap();
            let mut host = TcpStream::connect(("127.0.0.1", web)).await.unwrap();
            // Whoever is refused goes away.
            let _ = copy_bidirectional(&mut client, &mut host).await;
            String::from_utf8(asked).unwrap()
        });
        // It need not know where the host is: that is the proxy's affair.
        let zone = "_mta-sts.a.example TXT v=STSv1; id=1";
        let (policies, counts) = world.policies(zone).await;
        policies.ruling("a.example").await;
        assert_eq!(ends(&counts), format!("{end} 1"));
        let asked = led.await.unwrap();
        assert!(asked.starts_with(&format!("CONNECT mta-sts.a.example:{web} HTTP/1.1\r\n")));
        let _ = fs::remove_dir_all(&world.setup.folder);
    }
}

#[tokio::test]
async fn whoever_asks_for_hosts_is_told_the_policy() {
    let world = World::new("desk").await;
    let zone =
        records("a.example", "1") + "a.example MX 10 mx.example.com\nmx.example.com A 192.0.2.1";
    let (address, _) = serve(Zone::parse(&zone)).await;
    let (resolver, mut desk) = desk(&servers(vec![address]));
    // What was fetched before will do.
    fs::create_dir_all(&world.setup.folder).unwrap();
    let kept = format!("id 1\nfetched 9000000000000\n{POLICY}");
    fs::write(world.setup.folder.join("a.example"), kept).unwrap();
    desk.heed(&world.setup).unwrap();
    tokio::spawn(desk.run());
    let Answer::Hosts { policy, hosts, .. } = ask(&resolver, "a.example").await else {
        panic!("it has a host");
    };
    assert!(policy.is_some_and(|policy| policy.names(&hosts[0].name)));
}
