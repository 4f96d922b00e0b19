//! What each of our addresses may have of a site, in virtual time: connections, so many in a time, so many
//! of a day. A host counts what it sees of each.

mod desk;
mod limits;
mod warmup;

use desk::Desk;
use kernel::sim::{Physics, World};
use policy::replies::Rules;
use policy::{Limits, Schedule};
use rehearsal::{Plan, Relay};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

const HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 3, 0, 1));
/// What the relay calls the site: its one host.
const SITE: &str = "mx.a.test";

/// A relay, and a host for its mail.
struct Scene {
    world: World,
    relay: Relay,
    desk: Rc<Desk>,
    plan: Plan,
}

impl Scene {
    fn start(plan: Plan) -> Self {
        let world = World::with(5, Physics { steps_max: u64::MAX, ..Physics::default() });
        let relay = Relay::start(&world, &plan).expect("its names are sound");
        let outside = world.host();
        let desk = Rc::new(Desk::default());
        let address = SocketAddr::new(HOST, route::SMTP_PORT);
        rehearsal::open(&world.shard(outside), address, &desk).expect("nobody else listens there");
        Self { world, relay, desk, plan }
    }

    fn send(&self, count: u32) {
        for number in 0..count {
            let text = b"Subject: a\r\n\r\nb\r\n";
            self.relay.submit("news@sender.test", &format!("u{number}@a.test"), text);
        }
    }

    /// Until so many messages were begun, at the longest for so long. How long it took.
    fn run_until(&self, begun: usize, longest: Duration) -> Duration {
        let from = self.world.now();
        self.world.run_until(longest, |_| self.desk.begun().len() >= begun);
        assert!(self.desk.begun().len() >= begun, "{} in {longest:?}", self.desk.begun().len());
        self.world.now().since(from)
    }

    /// The log has nothing but what was delivered, and nothing went wrong with the relay.
    fn is_clean(&self) {
        // Lines are written now and then.
        self.world.run_for(Duration::from_secs(2));
        let outcomes = self.outcomes();
        let other = outcomes.iter().find(|line| !line.contains(r#""outcome":"delivered""#));
        assert_eq!(other, None, "nobody is charged for waiting");
        assert_eq!(self.relay.trouble(&self.world), None);
    }

    /// The lines of the log that tell what became of mail, or of a dial, since it was asked last.
    fn outcomes(&self) -> Vec<String> {
        let lines = String::from_utf8(self.relay.lines(&self.world)).expect("it is text");
        let is_meant = |line: &&str| line.contains(r#""outcome""#) || line.contains("dial_failed");
        lines.lines().filter(is_meant).map(str::to_owned).collect()
    }
}

/// Of mail that leaves from so many addresses, or from the host's own.
fn plan(sources: u8) -> Plan {
    let mx = vec![(10, SITE.to_owned(), HOST)];
    Plan {
        domains: [("a.test".to_owned(), mx)].into(),
        sources: (1..=sources).map(|number| (source(number), u16::MAX)).collect(),
        sites: Vec::new(),
        limits: Limits { connections_max: 100, ..Limits::default() },
        rates: shard::Allowed::default(),
        warmup: None,
        days: Arc::default(),
        schedule: Schedule { expire: Duration::from_hours(24 * 20), ..Schedule::default() },
        replies: Arc::clone(Rules::shipped()),
        is_heeded: true,
    }
}

fn source(number: u8) -> IpAddr {
    [10, 9, 0, number].into()
}
