//! The made-up mailbox providers of the demo.

use super::place::Place;
use loadgen::recipient::Domains;
use loadgen::sink::{self, Close, Provider, Simulated, Sink};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// A provider and its share of the mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Role {
    /// Its domain.
    pub(super) domain: &'static str,
    /// What is special about it.
    pub(super) about: &'static str,
    /// Its share of all recipients, in percent.
    percent: u32,
}

/// All of them.
pub(super) const ROLES: [Role; 4] = [
    Role { domain: "swift.example", about: "answers at once", percent: 50 },
    Role { domain: "far.example", about: "answers 25 ms late", percent: 10 },
    Role { domain: "wary.example", about: "defers one in five at first", percent: 20 },
    Role { domain: "brief.example", about: "closes after 20 messages", percent: 20 },
];

const _: () = assert!(
    ROLES[0].percent + ROLES[1].percent + ROLES[2].percent + ROLES[3].percent == 100,
    "shares add up"
);

impl Role {
    fn provider(self) -> Provider {
        let plain = Provider {
            name: self.domain.to_owned(),
            hostname: format!("mx.{}", self.domain),
            listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
            ..Provider::default()
        };
        match self.domain {
            "far.example" => Provider { delay_ms: 25, ..plain },
            "wary.example" => Provider { defer: 0.2, ..plain },
            "brief.example" => {
                Provider { messages_per_connection: 20, close: Close::Silently, ..plain }
            }
            _ => plain,
        }
    }
}

/// The providers, running.
#[derive(Debug)]
pub(super) struct Cast {
    sink: Sink,
}

impl Cast {
    /// Starts them on ports of the system's choice.
    pub(super) fn start(place: &Place) -> io::Result<Self> {
        let providers = ROLES.map(Role::provider).to_vec();
        let ledger = Some(place.received());
        let sink = sink::start(sink::Options { providers, seed: 0, ledger, threads: 1 })?;
        Ok(Self { sink })
    }

    /// Each with what happened there.
    pub(super) fn providers(&self) -> impl Iterator<Item = (Role, &Arc<Simulated>)> {
        ROLES.into_iter().zip(self.sink.providers())
    }

    /// Each with its address.
    pub(super) fn routes(&self) -> impl Iterator<Item = (Role, SocketAddr)> {
        self.providers().filter_map(|(role, one)| Some((role, *one.addresses.first()?)))
    }
}

/// The recipient domains with their shares.
pub(super) fn domains() -> Domains {
    let part = |role: Role| format!("{}={}", role.domain, role.percent);
    ROLES.map(part).join(",").parse().expect("the roles are constants with weights above 0")
}
