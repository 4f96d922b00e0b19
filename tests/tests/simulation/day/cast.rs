//! Forty providers: those that ship with the load generator, and others like them under other names,
//! of which the relay knows the limits of some and not of others.

use event::Tick;
use loadgen::hash::Random;
use loadgen::ledger::Rule;
use loadgen::sink::profiles;
use loadgen::sink::provider::{Provider as Profile, Quota, Tls};
use loadgen::sink::rate::{Rate, Span};
use policy::Limits;
use policy::pace::Rates;
use std::time::Duration;

/// How many there are.
pub(super) const PROVIDERS: usize = 40;
/// The first so many of those that do not ship are known to whoever runs the relay.
const KNOWN_CLONES: usize = 8;
/// What known ones take in a time, and say so; and what unknown ones do, and do not say: each of some.
const RATES_KNOWN: [&str; 3] = ["2/s", "150/m", "6000/h"];
const RATES_HIDDEN: [&str; 3] = ["20/s", "120/m", "5000/h"];
/// How much of the day's mail is for those that ship, in thousandths; others have [`CLONE_SHARE`].
const SHARES: [(&str, u32); 18] = [
    ("gmail", 300),
    ("microsoft", 150),
    ("yahoo", 110),
    ("office365", 80),
    ("icloud", 40),
    ("comcast", 30),
    ("orange", 30),
    ("laposte", 10),
    ("sfr", 10),
    ("gmx", 40),
    ("mimecast", 20),
    ("barracuda", 10),
    ("kpn", 10),
    ("qq", 8),
    ("163", 8),
    ("yahoo-japan", 10),
    ("mail-com", 10),
    ("other", 14),
];
const CLONE_SHARE: u32 = 5;

/// A provider of the day.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) profile: Profile,
    /// Of the day's mail, in thousandths.
    pub(super) share: u32,
    /// What it takes for a message.
    pub(super) service: Duration,
    /// Whoever runs the relay knows its limits.
    pub(super) is_known: bool,
    pub(super) trouble: Option<Trouble>,
}

/// A provider has had enough for a while, at some time of the day.
#[derive(Clone, Debug)]
pub(super) struct Trouble {
    /// In how many thousandths of the day.
    pub(super) begins: u32,
    /// How it is meanwhile.
    pub(super) profile: Profile,
    /// What it has published: nothing for so long since it said so.
    pub(super) pause: Duration,
}

impl Part {
    /// How the relay is told to treat it: as it has published, or told its senders.
    pub(super) fn limits(&self) -> Limits {
        let usual = Limits::default();
        let Profile { connections_per_source, messages_per_connection, .. } = self.profile;
        let or = |number: u32, usual: u32| if number == 0 { usual } else { number };
        let recipients = self.profile.recipients_per_message;
        Limits {
            connections_max: or(connections_per_source, usual.connections_max.into()) as u16,
            messages_per_connection_max: or(
                messages_per_connection,
                usual.messages_per_connection_max,
            ),
            recipients_per_message_max: usual.recipients_per_message_max.min(recipients),
            ..usual
        }
    }

    /// What the relay is told that it takes in a time.
    pub(super) fn rates(&self) -> Rates {
        let told = |rate: Rate| policy::rate::Rate::new(rate.count.into(), rate.span.0);
        let Profile { message_rate, connection_rate, .. } = self.profile;
        Rates {
            messages: message_rate.and_then(told),
            bytes: None,
            connections: connection_rate.and_then(told),
        }
    }

    /// When its trouble begins, in a day of this length.
    pub(super) fn trouble_at(&self, begun: Tick, length: Duration) -> Option<Tick> {
        Some(begun + length * self.trouble.as_ref()?.begins / 1_000)
    }
}

/// All of them. The seed decides what the unknown ones have.
pub(super) fn all(seed: u64) -> Vec<Part> {
    let shipped = SHARES.iter().map(|(name, share)| shipped(name, *share));
    let mut parts: Vec<_> = shipped.collect();
    let mut random = Random::new(seed ^ 0xca57);
    for number in 0..PROVIDERS - parts.len() {
        let like = &parts[random.next() as usize % SHARES.len()];
        let part = clone(like, number, &mut random);
        parts.push(part);
    }
    parts
}

fn shipped(name: &str, share: u32) -> Part {
    let text = profiles::text(name).expect("it ships");
    let mut profile = Profile::read_profile(name, text).expect("what ships is sound");
    // A handshake would take longer than the day may.
    profile.tls = Tls::Off;
    profile.contract.retain(|rule| *rule != Rule::Tls);
    // Mailboxes that are full, and gone.
    (profile.defer, profile.fail) = (0.002, 0.005);
    let service = Duration::from_millis(if share >= 100 { 50 } else { 100 });
    let trouble = trouble(name, &profile);
    Part { profile, share, service, is_known: name != "other", trouble }
}

/// As another is, elsewhere; some with a rate, which is known where its other limits are.
fn clone(like: &Part, number: usize, random: &mut Random) -> Part {
    let name = format!("{}-{}", like.profile.name, number + 1);
    let host = format!("mx.{name}.test");
    let is_known = number < KNOWN_CLONES;
    let mut profile = Profile {
        domains: vec![format!("{name}.test")],
        hosts: vec![host.clone()],
        hostname: host,
        name,
        ..like.profile.clone()
    };
    let rates = if is_known { RATES_KNOWN } else { RATES_HIDDEN };
    let rate = rates.get(random.next() as usize % (2 * rates.len())).map(|rate| rate.parse());
    profile.message_rate = rate.map(|rate| rate.expect("it is a rate"));
    if is_known {
        profile.contract.extend(profile.message_rate.map(|_| Rule::MessageRate));
    } else {
        profile.contract.clear();
        profile.backoff = Span::default();
    }
    Part { profile, share: CLONE_SHARE, service: like.service, is_known, trouble: None }
}

/// What goes wrong with whom: each kind of block that somebody has published a way out of.
fn trouble(name: &str, profile: &Profile) -> Option<Trouble> {
    let once = Rate { count: 1, span: Span::secs(36_000) };
    let by_rate = || Profile { message_rate: Some(once), ..profile.clone() };
    let hour = Duration::from_hours(1);
    let (begins, profile, pause) = match name {
        "yahoo" => (420, by_rate(), 2 * hour),
        "microsoft" => (600, by_rate(), profile.backoff.0),
        "sfr" => (540, by_rate(), 2 * hour),
        "gmail" => {
            let recovery = Span::secs(600);
            let quota = Quota { mail_from: Some(once), dkim: None, recovery };
            (650, Profile { quota: Some(quota), ..profile.clone() }, recovery.0)
        }
        "orange" => {
            let fewer = Profile { connections_per_source: 1, ..profile.clone() };
            let contract = fewer.contract.iter().copied();
            let contract = contract.filter(|rule| *rule != Rule::Connections).collect();
            (750, Profile { contract, ..fewer }, hour)
        }
        _ => return None,
    };
    Some(Trouble { begins, profile, pause })
}
