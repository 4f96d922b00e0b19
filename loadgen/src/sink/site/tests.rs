use super::{Asked, Breach, Guest, Site, Text};
use crate::hash;
use crate::ledger::Rule;
use crate::sink::Provider;
use crate::sink::reply::Reply;
use std::net::IpAddr;

const SECOND: u64 = 1_000_000_000;
const START: u64 = 1_000_000 * SECOND;

/// A site in a time of its own, and what was noted against its senders.
struct World {
    site: Site,
    now: u64,
    breaches: Vec<Breach>,
    number: u32,
}

impl World {
    fn new(spec: &str) -> Self {
        let provider = Provider::read_line(&format!("listen=127.0.0.1:0,{spec}")).unwrap();
        Self { site: Site::new(provider, 1), now: START, breaches: Vec::new(), number: 0 }
    }

    fn wait(&mut self, secs: u64) {
        self.now += secs * SECOND;
    }

    /// A connection from this source; the code it is refused with.
    fn connect(&mut self, source: &str) -> (Guest, u16) {
        self.number += 1;
        let source = source.parse::<IpAddr>().unwrap();
        let guest = Guest { source, number: self.number };
        let refused = self.site.connect(&guest, self.now, &mut self.breaches);
        (guest, refused.map_or(220, Reply::code))
    }

    fn mail(&mut self, guest: &Guest) -> u16 {
        let refused = self.site.mail(guest, false, self.now, &mut self.breaches);
        refused.map_or(250, Reply::code)
    }

    fn rcpt(&mut self, guest: &Guest, id: u64, recipient: &str) -> u16 {
        let asked = Asked {
            id,
            sender: b"a@b.example",
            recipient: recipient.as_bytes(),
            hash: hash::address(recipient.as_bytes()),
            others: 0,
            first_domain: b"",
        };
        let refused = self.site.rcpt(guest, asked, self.now, &mut self.breaches);
        refused.map_or(250, Reply::code)
    }

    /// A message; the code behind its final dot, and whose quota it says is spent.
    fn text(&mut self, guest: &Guest, mail_from: &str, signers: &[&str]) -> (u16, String) {
        let signers: Vec<String> = signers.iter().map(ToString::to_string).collect();
        let text = Text { id: Some(1), first: 1, recipients: 1, mail_from, signers: &signers };
        let refused = self.site.text(guest, text, self.now, &mut self.breaches);
        refused.map_or((250, String::new()), |no| (no.reply.code(), no.domain.to_owned()))
    }

    fn points(&self) -> f64 {
        self.site.points("127.0.0.1".parse().unwrap(), self.now).unwrap()
    }

    fn broken(&mut self) -> Vec<Rule> {
        self.breaches.drain(..).map(|breach| breach.rule).collect()
    }
}

const US: &str = "127.0.0.1";

#[test]
fn connections_are_counted_for_each_source_and_in_all() {
    let mut world = World::new("connections_per_source=2,connections_max=3,contract=connections");
    let (one, _) = world.connect(US);
    assert_eq!(world.connect(US).1, 220);
    assert!(world.broken().is_empty());
    assert_eq!(world.connect(US).1, 421);
    let breach = Breach { rule: Rule::Connections, measure: 3, limit: 2 };
    assert_eq!(std::mem::take(&mut world.breaches), [breach]);
    assert_eq!(world.connect("127.0.0.2").1, 220);
    assert_eq!(world.connect("127.0.0.3").1, 421, "the provider has enough");
    assert!(world.broken().is_empty(), "which no sender can know");
    world.site.disconnect(&one, 1, world.now);
    world.site.disconnect(&one, 1, world.now);
    assert_eq!((world.connect(US).1, world.connect(US).1), (220, 421));
    assert_eq!(world.site.rivals(US.parse().unwrap()).len(), 2);
}

#[test]
fn rates_hold_for_each_source_and_a_polite_sender_breaks_no_contract() {
    let mut world = World::new(
        "message_rate=10/10s,recipient_rate=20/10s,connection_rate=3/m,\
         contract=message-rate+recipient-rate+connection-rate",
    );
    let (guest, _) = world.connect(US);
    let said: Vec<u16> = (0..20).map(|_| world.mail(&guest)).collect();
    assert_eq!(said.iter().filter(|code| **code == 250).count(), 10);
    assert_eq!(world.broken(), [Rule::MessageRate; 8], "20 are 8 more than 10, a tenth and one");
    let (other, _) = world.connect("127.0.0.2");
    assert_eq!(world.mail(&other), 250);
    world.wait(1_000);
    for _ in 0..100 {
        world.wait(1);
        assert_eq!((world.mail(&guest), world.rcpt(&guest, 1, "a@b")), (250, 250));
    }
    assert!(world.broken().is_empty());
    let codes: Vec<u16> = (0..5).map(|_| world.connect(US).1).collect();
    assert_eq!(codes, [220, 220, 220, 421, 421]);
    assert_eq!(world.broken(), [Rule::ConnectionRate], "one more is the network's doing");
}

#[test]
fn who_is_told_to_stay_away_and_comes_is_out_of_contract_once_it_can_know() {
    let mut world = World::new("message_rate=1/m,backoff=10m,contract=backoff");
    let (guest, _) = world.connect(US);
    assert_eq!((world.mail(&guest), world.mail(&guest)), (250, 421));
    world.wait(1);
    assert_eq!(world.mail(&guest), 421);
    assert!(world.broken().is_empty(), "that one was under way");
    world.wait(5);
    assert_eq!((world.connect(US).1, world.broken()), (421, vec![Rule::Backoff]));
    world.wait(596);
    assert_eq!((world.connect(US).1, world.broken()), (220, vec![]));
    assert_eq!(world.mail(&guest), 250);
}

#[test]
fn a_spent_quota_names_its_domain_and_recovers_only_in_silence() {
    let mut world = World::new("quota.dkim=2/m,quota.recovery=10m,contract=quota");
    let (guest, _) = world.connect(US);
    let signed = |world: &mut World| world.text(&guest, "mail.example", &["a.example"]);
    let spent = (421, "a.example".to_owned());
    let fine = (250, String::new());
    assert_eq!([(); 3].map(|()| signed(&mut world)), [fine.clone(), fine.clone(), spent.clone()]);
    assert_eq!(world.text(&guest, "mail.example", &["other.example"]), fine);
    let (elsewhere, _) = world.connect("127.0.0.2");
    world.wait(1);
    assert_eq!(world.text(&elsewhere, "", &["other.example", "a.example"]), spent);
    assert!(world.broken().is_empty());
    world.wait(300);
    assert_eq!((signed(&mut world), world.broken()), (spent.clone(), vec![Rule::Quota]));
    world.wait(599);
    assert_eq!((signed(&mut world), world.broken()), (spent.clone(), vec![Rule::Quota]));
    world.wait(600);
    assert_eq!([(); 2].map(|()| signed(&mut world)), [fine, spent], "one, and no more yet");
    assert!(world.broken().is_empty());
}

#[test]
fn reputation_falls_with_bad_manners_and_rises_with_time_and_good_mail() {
    let mut world = World::new(
        "reputation.start=80,connections_per_source=10,backoff=1m,contract=backoff,\
         recipients.gone=550 5.1.1 no such user",
    );
    let (guest, _) = world.connect(US);
    for id in 0..60 {
        assert_eq!(world.rcpt(&guest, id, "gone.1@b"), 550);
    }
    assert!((world.points() - 50.0).abs() < 0.01, "{}", world.points());
    assert_eq!((0..9).filter(|_| world.connect(US).1 == 220).count(), 4, "half of ten is left");
    for id in 0..40 {
        world.rcpt(&guest, id, "gone.1@b");
    }
    assert_eq!(world.mail(&guest), 421, "below 40 it is deferred");
    let mut hammered = 0;
    while world.mail(&guest) == 421 {
        world.wait(2);
        hammered += 1;
    }
    assert_eq!(world.mail(&guest), 554, "below 15 it is blocked");
    assert!(world.broken().contains(&Rule::Backoff));
    assert!((10..30).contains(&hammered), "{hammered}");
    world.wait(60 * 60);
    assert_eq!(world.mail(&guest), 250, "time heals");
    let before = world.points();
    for _ in 0..10 {
        assert_eq!(world.text(&guest, "a", &[]).0, 250);
    }
    assert!(world.points() > before);
    let (churning, before) = (world.connect("127.0.0.1").0, world.points());
    world.site.disconnect(&churning, 0, world.now);
    assert!(world.points() < before);
}

#[test]
fn a_greylist_defers_a_triplet_until_it_has_waited() {
    let mut world = World::new("greylist.delay=5m,greylist.window=1h,greylist.memory=1d");
    let (guest, _) = world.connect("127.0.0.7");
    let (neighbour, _) = world.connect("127.0.0.8");
    let (stranger, _) = world.connect("127.0.1.7");
    assert_eq!(world.rcpt(&guest, 1, "a@b"), 451);
    world.wait(299);
    assert_eq!(world.rcpt(&guest, 1, "a@b"), 451);
    world.wait(1);
    assert_eq!(world.rcpt(&neighbour, 1, "a@b"), 250, "the network counts");
    assert_eq!((world.rcpt(&stranger, 1, "a@b"), world.rcpt(&guest, 1, "c@b")), (451, 451));
    world.wait(3_601);
    assert_eq!(world.rcpt(&stranger, 1, "a@b"), 451, "too late: it is new again");
    assert_eq!(world.rcpt(&guest, 1, "a@b"), 250);
    world.wait(86_401);
    assert_eq!(world.rcpt(&guest, 1, "a@b"), 451, "forgotten");
}

#[test]
fn who_tries_again_at_once_is_thought_less_of() {
    let mut world = World::new("defer=1.0,defer_times=3,reputation.start=50,reputation.minute=0");
    let (guest, _) = world.connect(US);
    world.rcpt(&guest, 1, "a@b");
    world.wait(61);
    world.rcpt(&guest, 1, "a@b");
    assert!((world.points() - 50.0).abs() < 1e-9);
    world.rcpt(&guest, 1, "a@b");
    assert!((world.points() - 49.8).abs() < 1e-9, "{}", world.points());
}

#[test]
fn shares_are_kept_and_the_deferred_are_taken_later() {
    let mut world = World::new("defer=0.3,defer_times=2,fail=0.1");
    let (guest, _) = world.connect(US);
    let mut first = [0; 3];
    for id in 0..2_000 {
        let recipient = format!("{id}@b");
        let said = [(); 4].map(|()| world.rcpt(&guest, id, &recipient));
        let kind = [250, 450, 550].iter().position(|code| *code == said[0]).unwrap();
        first[kind] += 1;
        let expected = [[250; 4], [450, 450, 250, 250], [550; 4]];
        assert_eq!(said, expected[kind]);
    }
    assert!((1_100..1_300).contains(&first[0]) && (520..680).contains(&first[1]), "{first:?}");
}

/// A day of three senders in virtual time, of whom two have no manners.
fn a_day() -> Vec<(u16, u16, u16)> {
    let mut world = World::new(
        "connections_per_source=3,message_rate=20/m,recipient_rate=100/h,connection_rate=30/m,\
         backoff=5m,defer=0.2,fail=0.05,greylist.delay=1m,quota.mail_from=50/h,quota.recovery=10m,\
         reputation.start=60,contract=connections+message-rate+backoff+quota",
    );
    let mut random = hash::Random::new(7);
    let mut said = Vec::new();
    for _ in 0..20_000 {
        let draw = random.next();
        let source = format!("127.0.0.{}", 1 + draw % 3);
        world.now += random.next() % (9 * SECOND);
        let (guest, greeted) = world.connect(&source);
        let begun = world.mail(&guest);
        let asked = world.rcpt(&guest, draw % 500, &format!("{}@b", draw % 90));
        said.push((greeted, begun, asked));
        said.push((world.text(&guest, "a.example", &[]).0, world.breaches.len() as u16, 0));
        if !draw.is_multiple_of(5) {
            world.site.disconnect(&guest, (draw % 2) as u32, world.now);
        }
    }
    said
}

#[test]
fn the_same_day_passes_twice_the_same() {
    let day = a_day();
    assert_eq!(day, a_day());
    for code in [220, 250, 421, 450, 451, 550] {
        assert!(day.iter().any(|said| [said.0, said.1, said.2].contains(&code)), "{code}");
    }
}
