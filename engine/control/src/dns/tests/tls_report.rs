//! Reports, from what shards note to a real web server and the queue, by way of a real DNS server.

use super::server::{Zone, serve};
use super::servers;
use super::web::Web;
use crate::dns::names;
use crate::dns::sts::{self, Policies};
use crate::dns::tls_report::{Counts, Mail, Post, Reporter, Setup};
use crate::https::Outfit;
use event::{TlsResult, Wall};
use flate2::read::GzDecoder;
use policy::tls_report::{Cover, Ledger, Session};
use route::Answer;
use serde_json::{Value, json};
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, fs, process};

/// 2026-11-28, 12:00 UTC.
const NOON: Wall = Wall(1_795_867_200_000);

const ZONE: &str = "\
_smtp._tls.a.example TXT v=TLSRPTv1; rua=https://reports.a.example/v1?x,mailto:tls@b.example
reports.a.example A 127.0.0.1
b.example MX 10 mx.b.example
mx.b.example A 192.0.2.1
_smtp._tls.c.example TXT v=TLSRPTv1;rua=https://reports.c.example/
reports.c.example A 127.0.0.1
_smtp._tls.broken.example TXT SERVFAIL
_mta-sts.sts.example TXT v=STSv1; id=1
_smtp._tls.sts.example TXT v=TLSRPTv1;rua=mailto:tls@sts.example
";

/// Mail as it was posted; whether the queue takes it.
type Posted = Arc<Mutex<Vec<Mail>>>;

fn post(is_taken: bool) -> (Post, Posted) {
    let posted = Posted::default();
    let keep = Arc::clone(&posted);
    let post = move |mut mail: Mail| {
        let taken = std::mem::replace(&mut mail.taken, Box::new(|_| ()));
        keep.lock().unwrap().push(mail);
        taken(is_taken);
    };
    (Post(Arc::new(post)), posted)
}

fn unpacked(file: &[u8]) -> Value {
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn note(ledger: &Ledger, domain: &str, cover: Cover) {
    let addresses = Some(("192.0.2.1".parse().unwrap(), "192.0.2.25".parse().unwrap()));
    let (domain, host) = (domain.into(), "mx.example".into());
    ledger.note(0, Session { domain, host, addresses, tlsa: None, cover });
}

fn hours(count: u64) -> Wall {
    NOON + Duration::from_hours(count)
}

/// A web server, and the folder of days.
struct World {
    web: Web,
    setup: Setup,
}

impl World {
    async fn new(name: &str) -> Self {
        let web = Web::start().await;
        let folder = format!("ringpost-reports-{name}-{}", process::id());
        let setup = Setup {
            folder: env::temp_dir().join(folder),
            ledger: Ledger::new(1, "tls@us.example"),
            organization: "Us".to_owned(),
            contact: "postmaster@us.example".to_owned(),
            hostname: "mta1.us.example".to_owned(),
            outfit: Outfit { roots: vec![web.root.clone()], proxy: None },
            private_allowed: true,
        };
        Self { web, setup }
    }

    /// Whoever reports, as after a start.
    async fn reporter(&self, now: Wall) -> (Arc<Reporter>, Arc<Counts>) {
        let (address, _) = serve(Zone::parse(ZONE)).await;
        let names = Arc::new(names(&servers(vec![address]), &Arc::default()).unwrap());
        let counts = Arc::<Counts>::default();
        let policies = sts::Setup {
            folder: self.setup.folder.join("mta-sts"),
            outfit: self.setup.outfit.clone(),
            private_allowed: true,
        };
        let policies = Policies::open(&policies, Arc::clone(&names), Arc::default()).unwrap();
        // It has a record, and no host.
        Arc::clone(&policies).ruling("sts.example").await;
        let tell = Arc::clone(&counts);
        let reporter = Reporter::open(&self.setup, names, Some(policies), tell, now).unwrap();
        (reporter.at(self.web.port), counts)
    }

    fn day(&self, date: &str) -> Option<Value> {
        let file: PathBuf = self.setup.folder.join(format!("{date}.json"));
        serde_json::from_slice(&fs::read(file).ok()?).ok()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.setup.folder);
    }
}

fn outcomes(counts: &Counts) -> Vec<u64> {
    counts.rows().map(|(_, count)| count).collect()
}

#[tokio::test]
async fn a_domain_is_told_the_day_after_as_it_asks() {
    let world = World::new("told").await;
    let (reporter, counts) = world.reporter(NOON).await;
    let (post, posted) = post(true);
    let failed = Cover::Failed(TlsResult::StarttlsNotSupported, "does not offer STARTTLS".into());
    for (domain, cover) in [
        ("a.example", Cover::Proven),
        ("a.example", failed.clone()),
        ("a.example", failed.clone()),
        ("c.example", failed),
        ("broken.example", Cover::Proven),
        ("silent.example", Cover::Proven),
        ("sts.example", Cover::Proven),
    ] {
        note(&world.setup.ledger, domain, cover);
    }
    reporter.count(NOON, 0).await;
    let kept = world.day("2026-11-28").unwrap();
    assert_eq!(kept["domains"]["a.example"][0]["summary"]["total-failure-session-count"], 2);
    reporter.send(&post, NOON).await;
    assert_eq!(outcomes(&counts), [0, 0, 0, 0], "the day is not over");

    // It is, and the program starts anew.
    let (reporter, counts) = world.reporter(hours(11)).await;
    world.web.put("reports.a.example", "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    world.web.put("reports.c.example", "HTTP/1.1 500 Sorry\r\nContent-Length: 0\r\n\r\n");
    reporter.count(hours(12), 0).await;
    reporter.send(&post, hours(12)).await;
    assert_eq!(outcomes(&counts), [2, 2, 0, 1], "a and sts; c and broken; silent");
    let brought = world.web.brought("reports.a.example");
    let [(head, file)] = &brought[..] else { panic!("{brought:?}") };
    assert!(head.starts_with("POST /v1?x HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/tlsrpt+gzip\r\n"), "{head}");
    assert_eq!(unpacked(file), report_to_a());
    assert_eq!(world.web.brought("reports.c.example").len(), 1, "it did not want it");
    let mut mail = std::mem::take(&mut *posted.lock().unwrap());
    mail.sort_by(|one, other| one.recipient.cmp(&other.recipient));
    let [mail, of_sts] = &mail[..] else { panic!("{mail:?}") };
    assert_eq!(mail.recipient, "tls@b.example");
    assert_eq!((mail.domain.as_str(), &mail.file), ("a.example", file));
    assert_eq!(mail.file_name, "mta1.us.example!a.example!1795824000!1795910399.json.gz");
    let Answer::Hosts { hosts, policy, .. } = &mail.answer else { panic!("{:?}", mail.answer) };
    assert_eq!((hosts[0].name.as_str(), policy), ("mx.b.example", &None));
    let policies = &unpacked(&of_sts.file)["policies"];
    assert_eq!(policies[0]["policy"]["policy-type"], "sts");
    assert_eq!(policies[0]["failure-details"][0]["result-type"], "sts-policy-fetch-error");

    // What failed is tried again, after another start too, and given up at last.
    world.web.put("reports.c.example", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let (reporter, counts) = world.reporter(hours(13)).await;
    reporter.send(&post, hours(17)).await;
    assert_eq!(outcomes(&counts), [1, 1, 0, 0]);
    assert_eq!(world.web.brought("reports.c.example").len(), 1);
    reporter.count(hours(37), 0).await;
    assert_eq!(outcomes(&counts), [1, 1, 1, 0]);
    assert!(world.day("2026-11-28").is_none());
    assert!(world.web.brought("reports.a.example").is_empty() && posted.lock().unwrap().is_empty());
}

fn report_to_a() -> Value {
    json!({
        "organization-name": "Us",
        "date-range": {
            "start-datetime": "2026-11-28T00:00:00Z",
            "end-datetime": "2026-11-28T23:59:59Z",
        },
        "contact-info": "postmaster@us.example",
        "report-id": "2026-11-28.a.example@mta1.us.example",
        "policies": [{
            "policy": { "policy-type": "no-policy-found", "policy-domain": "a.example" },
            "summary": { "total-successful-session-count": 1, "total-failure-session-count": 2 },
            "failure-details": [{
                "result-type": "starttls-not-supported",
                "sending-mta-ip": "192.0.2.1",
                "receiving-mx-hostname": "mx.example",
                "receiving-ip": "192.0.2.25",
                "failed-session-count": 2,
                "failure-reason-code": "does not offer STARTTLS",
            }],
        }],
    })
}

/// T17: a record is anybody's to write. And a queue that is full takes no report.
#[tokio::test]
async fn a_report_that_nobody_takes_waits() {
    let mut world = World::new("private").await;
    world.setup.private_allowed = false;
    let (reporter, counts) = world.reporter(NOON).await;
    world.web.put("reports.a.example", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    note(&world.setup.ledger, "a.example", Cover::Proven);
    reporter.count(hours(11), 0).await;
    reporter.count(hours(12), 0).await;
    let (post, posted) = post(false);
    reporter.send(&post, hours(12)).await;
    assert_eq!(outcomes(&counts), [0, 1, 0, 0]);
    assert_eq!((world.web.asked("reports.a.example"), posted.lock().unwrap().len()), (0, 1));
}
