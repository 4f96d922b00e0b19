use super::OpenError;
use super::{
    Accepted, Backlog, Closed, Durability, Journal, JournalError, Options, ReadError, Reader,
    Recovered,
};
use event::{MessageId, Outcome, Wall};
use kernel::Kernel;
use kernel::sim::{Crash, Host, Sim, World};
use spool::{Answer, Deferral, Draft, SEGMENT_MIN, Settlement, Spot, Text};
use std::path::Path;
use std::time::Duration;

mod crash;
mod damage;
mod failure;
mod ledger;
mod restart;
mod scrub;
mod space;

#[test]
fn an_accepted_message_survives_power_loss() {
    let bench = Bench::new(1);
    let (journal, found) = bench.open();
    assert!(found.is_empty());
    let id = journal.next_id();
    let accepted = bench.wait(accept(&journal, id, b"hello\r\n"));
    assert_eq!(accepted.envelope.sender(), b"a@example.com");
    bench.crash();
    let (journal, found) = bench.open();
    let [found] = &found[..] else { panic!("one message, not {found:?}") };
    assert_eq!(found.id, id);
    assert_eq!(found.spot, accepted.spot);
    assert_eq!(found.domains, ["example.net", "example.org"]);
    assert_eq!(found.open, [(0, 0, Wall(0)), (1, 0, Wall(0))]);
    let read = bench.wait(journal.0.reader.load(id, &found.spot)).expect("it is there");
    assert_eq!(read.envelope, accepted.envelope);
    assert_eq!(bench.wait(text_of(&journal, id)), b"hello\r\n");
    assert_ne!(journal.next_id(), id, "a new boot, a new name");
}

#[test]
fn what_became_of_recipients_survives() {
    let bench = Bench::new(2);
    let (journal, _) = bench.open();
    let ids: Vec<_> = (0..3).map(|_| journal.next_id()).collect();
    for id in &ids {
        bench.wait(accept(&journal, *id, b"text"));
    }
    settle(&journal, ids[0], &[0, 1]);
    settle(&journal, ids[1], &[1]);
    defer(&journal, ids[1], &[0], 3, Wall(77));
    bench.wait(journal.drain());
    bench.crash();
    let (_, found) = bench.open();
    let found: Vec<_> = found.into_iter().map(|found| (found.id, found.open)).collect();
    let fresh = vec![(0, 0, Wall(0)), (1, 0, Wall(0))];
    assert_eq!(found, [(ids[1], vec![(0, 3, Wall(77))]), (ids[2], fresh)]);
}

#[test]
fn completions_leave_by_themselves() {
    let bench = Bench::new(3);
    let (journal, _) = bench.open();
    let id = journal.next_id();
    bench.wait(accept(&journal, id, b"text"));
    settle(&journal, id, &[0, 1]);
    bench.world.run_for(Duration::from_millis(20));
    bench.crash();
    assert!(bench.open().1.is_empty());
}

#[test]
fn a_large_text_is_written_in_parts() {
    let bench = Bench::new(4);
    let (journal, _) = bench.open();
    let text: Vec<u8> = (0..700_000_u32).map(|n| (n % 251) as u8).collect();
    let (first, rest) = text.split_at(spool::PART_MAX);
    let id = journal.next_id();
    let accepted = bench.wait(async {
        let parts = Text::from_elem(journal.part(id, first).await.expect("room"), 1);
        journal.accept(id, parts, rest, &draft()).await.expect("durable")
    });
    assert_eq!(accepted.spot.text_len(), 700_000);
    let never = journal.next_id();
    bench.wait(async { journal.part(never, first).await.expect("room") });
    bench.wait(journal.drain());
    bench.crash();
    let (journal, found) = bench.open();
    assert_eq!(found.len(), 1, "without an envelope there is no message");
    assert!(bench.wait(text_of(&journal, found[0].id)) == text);
}

#[test]
fn a_bounce_and_what_it_tells_of_are_one() {
    let bench = Bench::new(5);
    let (journal, _) = bench.open();
    let (id, bounce) = (journal.next_id(), journal.next_id());
    bench.wait(accept(&journal, id, b"text"));
    let settled =
        Settlement { id, recipients: &[1], outcome: Outcome::Failed, answer: Answer::default() };
    bench.wait(async {
        journal.accept_and_settle(bounce, b"sorry", &draft(), &settled).await.expect("durable");
    });
    bench.crash();
    let (_, found) = bench.open();
    assert_eq!(found.len(), 2);
    assert_eq!((found[0].id, &found[0].open[..]), (id, &[(0, 0, Wall(0))][..]));
    assert_eq!(found[1].id, bounce);
}

#[test]
fn many_wait_for_one_write() {
    let bench = Bench::new(6);
    let (journal, _) = bench.open();
    let before = journal.state().commits;
    for _ in 0..200 {
        let journal = journal.clone();
        bench.sim.spawn(async move {
            accept(&journal, journal.next_id(), &[b'x'; 1_000]).await;
        });
    }
    bench.world.run_until(Duration::from_secs(1), |_| journal.state().live == 200);
    bench.wait(journal.drain());
    let commits = journal.state().commits - before;
    assert!(commits <= 4, "{commits} writes for 200 messages that came together");
}

#[test]
fn an_accept_that_is_dropped_takes_the_message_back() {
    let bench = Bench::new(7);
    let (journal, _) = bench.open();
    let id = journal.next_id();
    {
        let draft = draft();
        let mut accept = Box::pin(journal.accept(id, Text::new(), b"text", &draft));
        let waker = std::task::Waker::noop();
        let poll = accept.as_mut().poll(&mut std::task::Context::from_waker(waker));
        assert!(poll.is_pending());
    }
    bench.wait(journal.drain());
    assert_eq!(journal.state().live, 0);
    bench.crash();
    assert!(bench.open().1.is_empty());
}

#[test]
fn a_closed_log_leaves_no_task_behind() {
    let bench = Bench::new(11);
    let (journal, _) = bench.open();
    bench.wait(accept(&journal, journal.next_id(), b"text"));
    settle(&journal, journal.next_id(), &[0]);
    bench.wait(journal.close());
    assert!(bench.world.run_until_idle(Duration::from_secs(10)));
    let tasks = std::rc::Rc::strong_count(&journal.0) - 1;
    assert_eq!(tasks, 0, "none holds the log");
}

#[test]
fn durability_is_as_asked() {
    for durability in [Durability::PageCache, Durability::Memory] {
        let bench = Bench::with(8, Options { durability, ..options() });
        let (journal, _) = bench.open();
        let id = journal.next_id();
        bench.wait(accept(&journal, id, b"text"));
        bench.world.crash(bench.host, Crash::Kill);
        let bench = bench.again();
        let (journal, found) = bench.open();
        assert_eq!(found.iter().map(|found| found.id).collect::<Vec<_>>(), [id]);
        assert_eq!(bench.wait(text_of(&journal, found[0].id)), b"text");
    }
}

#[test]
fn a_log_of_another_number_is_refused() {
    let bench = Bench::new(9);
    let (journal, _) = bench.open();
    bench.wait(accept(&journal, journal.next_id(), b"text"));
    bench.crash();
    let opened = bench.wait(Journal::open(bench.shard(), Path::new(LOG), 1, options()));
    assert!(opened.is_err());
}

#[test]
fn what_is_too_large_is_refused() {
    let bench = Bench::new(10);
    let (journal, _) = bench.open();
    let long = vec![b'x'; spool::ENVELOPE_MAX];
    let draft = Draft { prefix: &long, ..draft() };
    let refused = bench.wait(journal.accept(journal.next_id(), Text::new(), b"", &draft));
    assert_eq!(refused.err(), Some(JournalError::TooLarge));
}

const LOG: &str = "/spool/log-00";

/// One host with one log.
struct Bench {
    world: World,
    host: Host,
    sim: Sim,
    options: Options,
}

impl Bench {
    fn new(seed: u64) -> Self {
        Self::with(seed, options())
    }

    fn with(seed: u64, options: Options) -> Self {
        let world = World::new(seed);
        let host = world.host();
        let sim = world.shard(host);
        Self { world, host, sim, options }
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.world.block_on(future)
    }

    fn shard(&self) -> Sim {
        self.world.shard(self.host)
    }

    /// Opens the log and loads all of it.
    fn open(&self) -> (Journal<Sim>, Vec<Found>) {
        let open = Journal::open(self.shard(), Path::new(LOG), 0, self.options);
        let (journal, backlog) = self.wait(open).expect("the log opens");
        let found = self.wait(loaded(backlog)).expect("it can be read");
        (journal, found)
    }

    /// Power fails and comes back.
    fn crash(&self) {
        self.world.crash(self.host, Crash::Power);
        self.world.restart(self.host);
    }

    fn again(self) -> Self {
        self.world.restart(self.host);
        let sim = self.world.shard(self.host);
        Self { sim, ..self }
    }
}

/// A message found in a log.
#[derive(Clone, Debug)]
struct Found {
    id: MessageId,
    spot: Spot,
    open: Vec<(u16, u16, Wall)>,
    domains: Vec<String>,
}

impl Found {
    fn of(found: Recovered<'_>) -> Self {
        let domain = |domain| String::from_utf8_lossy(domain).into_owned();
        Self {
            id: found.id,
            spot: found.spot,
            open: found.open().map(|(open, _)| (open.recipient, open.attempt, open.due)).collect(),
            domains: found.open().map(|(_, way)| domain(way.domain)).collect(),
        }
    }
}

/// All of a backlog, by name.
async fn loaded(mut backlog: Backlog<Sim>) -> Result<Vec<Found>, OpenError> {
    let mut found = Vec::new();
    backlog.load(|one| found.push(Found::of(one))).await?;
    found.sort_by_key(|found| found.id);
    Ok(found)
}

fn options() -> Options {
    Options { segment_bytes: SEGMENT_MIN as u64, free_bytes_min: 0, ..Options::default() }
}

fn draft() -> Draft<'static> {
    Draft {
        sender: b"a@example.com",
        recipients: &[b"b@example.net", b"c@example.org"],
        prefix: b"Received: by us\r\n",
        accepted: Wall(1_000),
        eight_bit: false,
        utf8: false,
        requiretls: false,
        dotted: false,
        form: spool::Form::Stuffed,
        extra: b"",
    }
}

async fn accept(journal: &Journal<Sim>, id: MessageId, text: &[u8]) -> Accepted {
    journal.accept(id, Text::new(), text, &draft()).await.expect("durable")
}

fn settle(journal: &Journal<Sim>, id: MessageId, recipients: &[u16]) {
    let answer = Answer { code: 250, ..Answer::default() };
    journal.settle(&Settlement { id, recipients, outcome: Outcome::Delivered, answer });
}

fn defer(journal: &Journal<Sim>, id: MessageId, recipients: &[u16], attempt: u16, due: Wall) {
    journal.defer(&Deferral { id, recipients, attempt, due, answer: Answer::default() });
}

/// The text of a live message, wherever it is carried meanwhile.
async fn text_of(journal: &Journal<Sim>, id: MessageId) -> Vec<u8> {
    for _ in 0..9 {
        match read_text(journal, id).await {
            Err(ReadError::Moved) => (),
            read => return read.expect("it is there"),
        }
    }
    panic!("{id} is nowhere")
}

async fn read_text(journal: &Journal<Sim>, id: MessageId) -> Result<Vec<u8>, ReadError> {
    let spot = journal.spot_of(id).expect("it is live");
    let loaded = journal.0.reader.load(id, &spot).await?;
    let mut whole = Vec::new();
    for place in &loaded.places {
        whole.extend_from_slice(&journal.read(place).await?);
    }
    if let Some(text) = loaded.text {
        assert!(text[..] == whole, "beside the envelope lies the text");
    }
    Ok(whole)
}
