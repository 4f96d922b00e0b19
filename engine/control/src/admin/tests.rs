//! The door, over a real socket.

mod asked;
mod given;

use crate::{Control, Setup, dns, start};
use arc_swap::ArcSwap;
use event::{Meters, Outcome, ReplyClass, Response, Shut, Tick, Wall};
use policy::replies::Unknown;
use policy::source::{Excess, Source, Terms};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn control(meters: &Arc<Meters>) -> Control {
    control_with(meters, None)
}

fn control_with(meters: &Arc<Meters>, agent: Option<SocketAddr>) -> Control {
    start(setup(meters, agent)).unwrap()
}

fn setup(meters: &Arc<Meters>, agent: Option<SocketAddr>) -> Setup {
    Setup {
        admin: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        tokens: Vec::new(),
        shards: None,
        agent,
        dns: dns::Servers {
            addresses: vec!["127.0.0.1:1".parse().unwrap()],
            ..dns::Servers::default()
        },
        policies: None,
        reports: None,
        logins: None,
        meters: Arc::clone(meters),
        sources: Arc::default(),
        unknown: Arc::default(),
        facts: vec![("version", "0.1.0".to_owned()), ("driver", "epoll \"x\"".to_owned())],
        chores: Vec::new(),
    }
}

/// The status and the body.
fn get(control: &Control, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(control.address()).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

#[test]
fn refusals_and_sources_are_counted_by_name() {
    let meters = Meters::new(2);
    for shard in meters.shards() {
        shard.refusals.name(&["loop", "relay-denied"]);
        shard.refusals.add(1);
        shard.slowed.name(&["quota-issues", "spam-related"]);
        shard.slowed.add(1);
        shard.undelivered.add(Outcome::Failed, Some(ReplyClass::BadMailbox));
    }
    let source = Arc::new(Source::new("shop", Terms::default()));
    source.count(3, 4_096);
    source.refuse(Excess::Messages);
    let seat = source.enter();
    let control = start(Setup {
        sources: Arc::new(ArcSwap::from_pointee(vec![source])),
        ..setup(&meters, None)
    })
    .unwrap();
    let (_, body) = get(&control, "/metrics");
    for line in [
        "ringpost_refusals_total{rule=\"loop\"} 0",
        "ringpost_slowed_total{class=\"spam-related\"} 2",
        "ringpost_refusals_total{rule=\"relay-denied\"} 2",
        "ringpost_undelivered_total{outcome=\"failed\",category=\"bad-mailbox\"} 2",
        "ringpost_undelivered_total{outcome=\"expired\",category=\"message-expired\"} 0",
        "ringpost_source_connections{source=\"shop\"} 1",
        "ringpost_source_connections_taken_total{source=\"shop\"} 1",
        "ringpost_source_messages_total{source=\"shop\"} 1",
        "ringpost_source_recipients_total{source=\"shop\"} 3",
        "ringpost_source_bytes_total{source=\"shop\"} 4096",
        "ringpost_source_refusals_total{source=\"shop\",limit=\"messages\"} 1",
        "ringpost_source_refusals_total{source=\"shop\",limit=\"lint\"} 0",
    ] {
        assert!(body.lines().any(|one| one == line), "{line} is not in\n{body}");
    }
    drop(seat);
    control.stop();
}

#[test]
fn egress_hosts_and_reloads_are_counted() {
    let meters = Meters::new(2);
    let address = "192.0.2.1".parse().unwrap();
    let warm = meters.egress("warm", address);
    warm.lanes.add(1);
    warm.dials.add(3);
    warm.dial_failures.add(2);
    warm.count(Outcome::Delivered);
    meters.egress("cold", address).count(Outcome::Failed);
    meters.shards()[1].hosts_at_rest.set(4);
    meters.reloads().note(false, Wall(9_000));
    let control = control(&meters);
    let (_, body) = get(&control, "/metrics");
    for line in [
        "ringpost_egress_lanes{pool=\"warm\",address=\"192.0.2.1\"} 1",
        "ringpost_egress_dials_total{pool=\"warm\",address=\"192.0.2.1\"} 3",
        "ringpost_egress_dial_failures_total{pool=\"warm\",address=\"192.0.2.1\"} 2",
        "ringpost_egress_delivered_total{pool=\"warm\",address=\"192.0.2.1\"} 1",
        "ringpost_egress_deferred_total{pool=\"warm\",address=\"192.0.2.1\"} 0",
        "ringpost_egress_failed_total{pool=\"cold\",address=\"192.0.2.1\"} 1",
        "ringpost_hosts_at_rest{shard=\"1\"} 4",
        "ringpost_tlsa_lookups_total{answer=\"bogus\"} 0",
        "ringpost_reloads_total{outcome=\"refused\"} 1",
        "ringpost_reload_last_timestamp_seconds{outcome=\"refused\"} 9",
        "ringpost_reload_last_timestamp_seconds{outcome=\"accepted\"} 0",
    ] {
        assert!(body.lines().any(|one| one == line), "{line} is not in\n{body}");
    }
    control.stop();
}

#[test]
fn what_no_rule_knows_is_shown_with_its_number() {
    let unknown = Arc::new(Mutex::new(Unknown::default()));
    let heard = Response::new(421, None, "come back in 17 moons");
    let elsewhere = Response::new(450, None, "no");
    for (provider, response) in [("example", &heard), ("-", &elsewhere), ("example", &heard)] {
        unknown.lock().unwrap().note(provider, response);
    }
    let meters = Meters::new(1);
    let control = start(Setup { unknown, ..setup(&meters, None) }).unwrap();
    let (_, body) = get(&control, "/replies");
    let rows: Vec<_> = body.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(rows, ["         2  example 421 come back in # moons", "         1  - 450 no"]);
    control.stop();
}

fn ready(meters: &Meters) {
    for shard in meters.shards() {
        shard.recovered.set(true);
        shard.accepting.set(true);
    }
}

#[test]
fn the_index_names_every_page() {
    let control = control(&Meters::new(1));
    let (status, body) = get(&control, "/");
    assert_eq!(status, 200);
    for page in super::pages::PAGES.iter().filter(|page| page.path != "/") {
        assert!(body.contains(&format!("{} ", page.path)), "{} in {body}", page.path);
    }
    assert_eq!(get(&control, "/nothing").0, 404);
    control.stop();
}

#[test]
fn readiness_says_what_it_waits_for() {
    let meters = Meters::new(2);
    let control = control(&meters);
    let expect = |status: u16, word: &str| {
        let (got, body) = get(&control, "/readyz");
        assert_eq!(got, status, "{body}");
        assert!(body.contains(word), "{body}");
    };
    expect(503, "shard 0 takes no mail: it is starting");
    ready(&meters);
    expect(200, "ok");
    // Mail is taken while the spool is read.
    meters.shard(1).recovered.set(false);
    expect(200, "ok");
    for shut in Shut::ALL {
        meters.shard(1).open_or_shut(Some(shut));
        expect(503, &format!("shard 1 takes no mail: {shut}\n"));
    }
    meters.shard(1).open_or_shut(None);
    // The log may still have files of its own to write to.
    meters.shard(0).spool_free_bytes_min.set(2);
    meters.shard(0).spool_free_bytes.set(1);
    expect(200, "ok");
    control.drain();
    expect(503, "draining");
    control.stop();
}

#[test]
fn an_agent_check_is_answered_with_one_line() {
    let meters = Meters::new(2);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let control = control_with(&meters, Some(free));
    let ask = |words: &[u8]| {
        let mut stream = TcpStream::connect(free).unwrap();
        stream.write_all(words).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    };
    assert_eq!(ask(b""), "maint\n");
    ready(&meters);
    assert_eq!(ask(b"an agent-send string\n"), "up ready 100%\n");
    meters.shard(0).queued_recipients_max.set(100);
    meters.shard(0).queued_recipients.set(75);
    assert_eq!(ask(b""), "up ready 50%\n");
    meters.shard(1).open_or_shut(Some(Shut::DiskFull));
    assert_eq!(ask(b""), "maint\n");
    meters.shard(1).open_or_shut(None);
    control.drain();
    assert_eq!(ask(b""), "drain\n");
    control.stop();
}

#[test]
fn metrics_are_those_of_the_cells() {
    let meters = Meters::new(2);
    meters.shard(1).delivered.add(7);
    meters.shard(1).connections_in.set(3);
    meters.shard(1).connections_in_total.set(9);
    meters.shard(0).durable.set(true);
    meters.shard(0).commit_records.add(12);
    meters.shard(1).spool_reclaim_debt_bytes.set(4_096);
    meters.shard(1).spool_pool_segments.set(2);
    meters.shard(1).spool_write_failures.set(1);
    meters.shard(1).spool_closed_logs.set(1);
    meters.shard(1).oldest_age_seconds.set(70);
    meters.shard(0).sync.record(Duration::from_micros(80));
    meters.shard(0).sync.record(Duration::from_mins(1));
    meters.site("mx.\"odd\".example").queued.add(5);
    let control = control(&meters);
    let (status, body) = get(&control, "/metrics");
    assert_eq!(status, 200);
    for line in [
        "ringpost_delivered_total{shard=\"0\"} 0",
        "ringpost_delivered_total{shard=\"1\"} 7",
        "ringpost_connections_in{shard=\"1\"} 3",
        "ringpost_connections_taken_total{shard=\"1\"} 9",
        "ringpost_sync_seconds_bucket{le=\"0.0001\",shard=\"0\"} 1",
        "ringpost_sync_seconds_bucket{le=\"+Inf\",shard=\"0\"} 2",
        "ringpost_sync_seconds_count{shard=\"0\"} 2",
        "ringpost_site_queued{site=\"mx.\\\"odd\\\".example\"} 5",
        "ringpost_dns_lookups_total{answer=\"temporary\"} 0",
        "ringpost_engine_info{version=\"0.1.0\",driver=\"epoll \\\"x\\\"\"} 1",
        "ringpost_recovered{shard=\"0\"} 0",
        "ringpost_durable{shard=\"0\"} 1",
        "ringpost_durable{shard=\"1\"} 0",
        "ringpost_commit_records_total{shard=\"0\"} 12",
        "ringpost_spool_reclaim_debt_bytes{shard=\"1\"} 4096",
        "ringpost_spool_pool_segments{shard=\"1\"} 2",
        "ringpost_spool_write_failures_total{shard=\"1\"} 1",
        "ringpost_spool_closed_logs{shard=\"1\"} 1",
        "ringpost_oldest_age_seconds{shard=\"1\"} 70",
        "# EOF",
    ] {
        assert!(body.lines().any(|one| one == line), "{line} is not in\n{body}");
    }
    control.stop();
}

/// All a page is made of are cells: their number decides what it costs, not what is in them; and
/// sites have no more of them than [`event::SITES_MAX`].
#[test]
fn a_page_is_as_long_with_ten_million_queued_as_with_ten() {
    let page = |queued: u64, sites: usize| {
        let meters = Meters::new(2);
        meters.shard(0).queued_recipients.set(queued);
        let held: Vec<_> = (0..sites).map(|site| meters.site(&format!("s{site}"))).collect();
        for site in &held {
            site.queued.add(queued / sites as u64);
        }
        let control = control(&meters);
        let pages = ["/metrics", "/readyz", "/livez"].map(|page| get(&control, page).1);
        control.stop();
        pages.map(|page| page.lines().count())
    };
    assert_eq!(page(10, 10), page(10_000_000, 10));
    let [crowded, full] = [3, 1].map(|times| page(10_000_000, times * event::SITES_MAX));
    assert_eq!(crowded, full);
}

/// Prometheus refuses a page that has a family twice, or samples away from their family.
#[test]
fn each_family_stands_once() {
    let control = control(&Meters::new(3));
    let (_, body) = get(&control, "/metrics");
    let names = body.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let mut names: Vec<&str> = names.collect();
    let count = names.len();
    assert!(count > 30, "{body}");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    let mut family = "";
    for line in body.lines() {
        if let Some(named) = line.strip_prefix("# TYPE ") {
            family = named.split(' ').next().unwrap();
        } else if !line.starts_with('#') {
            assert!(line.starts_with(family), "{line} stands under {family}");
        }
    }
    control.stop();
}

/// In virtual time: a shard that stops beating is named after five seconds, not before.
#[tokio::test(start_paused = true)]
async fn a_stuck_shard_is_not_alive() {
    let meters = Meters::new(2);
    let (draining, counts) = (Arc::default(), Arc::default());
    let (none, nothing) = (Arc::default(), Vec::new());
    let asked = super::Asked::default();
    let door = super::Door::new(Arc::clone(&meters), draining, counts, None, none, nothing, asked);
    let door = Arc::new(door);
    tokio::spawn(super::health::watch(Arc::clone(&door)));
    for second in 1..=20 {
        meters.shard(0).beat(Tick(second));
        tokio::time::sleep(Duration::from_secs(1)).await;
        match door.pulse.stopped() {
            None => assert!(second <= 6, "shard 1 has never moved"),
            Some(reason) => {
                assert!(second > 5 && reason.starts_with("shard 1"), "{second} {reason}");
            }
        }
    }
    meters.shard(1).beat(Tick(1));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(door.pulse.stopped(), None, "it moves again");
}

#[test]
fn a_taken_address_is_named() {
    let taken = control(&Meters::new(1));
    let setup = Setup {
        admin: taken.address(),
        tokens: Vec::new(),
        shards: None,
        agent: None,
        dns: dns::Servers::default(),
        policies: None,
        reports: None,
        logins: None,
        meters: Meters::new(1),
        sources: Arc::default(),
        unknown: Arc::default(),
        facts: Vec::new(),
        chores: Vec::new(),
    };
    let error = start(setup).unwrap_err().to_string();
    assert!(error.contains(&taken.address().to_string()), "{error}");
    taken.stop();
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test may look at the clock")]
fn stop_does_not_wait_for_look_ups_or_clients() {
    let control = control(&Meters::new(1));
    let _idle = TcpStream::connect(control.address()).unwrap();
    control.resolver().ask("example.com".to_owned(), None, |_| ());
    let started = Instant::now();
    control.stop();
    assert!(started.elapsed() < Duration::from_secs(2));
}
