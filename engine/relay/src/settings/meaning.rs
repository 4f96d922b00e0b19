//! Stage two: what the values mean together.

use super::auth::Login;
use super::{
    Destination, Durability, Entry, Host, IpAddr, Origin, Place, Reader, Settings, value::Text as _,
};
use spool::PART_MAX;
use std::net::SocketAddr;

impl Settings {
    /// Refuses what is right by itself and wrong beside the rest.
    pub(super) fn check(&self, reader: &mut Reader<'_>) {
        self.check_listeners(reader);
        self.check_sources(reader);
        self.check_tenants(reader);
        self.check_auth(reader);
        super::front::check(&self.listeners, reader);
        self.check_tls(reader);
        self.check_tls_report(reader);
        self.check_routes(reader);
        self.check_sites(reader);
        self.check_pools(reader);
        self.check_warmups(reader);
        self.check_spool(reader);
        if !self.admin.address.ip().is_loopback() {
            let wrong = format!(
                "`address` cannot be {}: nothing is encrypted at this door, and it is obeyed",
                self.admin.address
            );
            let place = Place { table: "admin", index: None, name: "address" };
            reader.refuse(place, wrong, "a loopback address, such as \"127.0.0.1:8025\"");
        }
        if self.retry.first > self.retry.longest {
            let place = Place { table: "retry", index: None, name: "longest" };
            let first = self.retry.first.text();
            let wrong = format!("`longest` is shorter than `first`, which is \"{first}\"");
            reader.refuse(place, wrong, format!("\"{first}\" or longer"));
        }
    }

    fn check_listeners(&self, reader: &mut Reader<'_>) {
        for (index, listener) in self.listeners.iter().enumerate() {
            let place = Place { table: "listener", index: Some(index), name: "address" };
            let earlier = self.listeners[..index].iter().map(|listener| listener.address);
            let doors = [Some(self.admin.address), self.agent.address].into_iter().flatten();
            for other in earlier.chain(doors).filter(|other| clash(*other, listener.address)) {
                let wrong = format!("{} is taken already: by {other}", listener.address);
                reader.refuse(
                    place,
                    wrong,
                    "an address and port used once, [admin] and [agent] included",
                );
            }
        }
    }

    fn check_routes(&self, reader: &mut Reader<'_>) {
        for (index, route) in self.routes.iter().enumerate() {
            let place = |name| Place { table: "route", index: Some(index), name };
            if self.routes[..index].iter().any(|other| other.domain == route.domain) {
                let wrong = format!("another route is for \"{}\" already", route.domain);
                reader.refuse(
                    place("domain"),
                    wrong,
                    "one route for each domain; `to` takes several hosts",
                );
            }
            for hop in &route.to {
                let Ok(address) = hop.host.parse::<IpAddr>() else { continue };
                let to = SocketAddr::new(address, hop.port);
                if self.listeners.iter().any(|listener| clash(listener.address, to)) {
                    let written =
                        Destination { host: hop.host.clone(), port: Some(hop.port) }.text();
                    let wrong = format!("`to` leads back to our own listener {written}");
                    reader.refuse(place("to"), wrong, "another host or port");
                }
            }
        }
    }

    fn check_spool(&self, reader: &mut Reader<'_>) {
        if !self.spool.segment_bytes.is_multiple_of(4_096) {
            let place = Place { table: "spool", index: None, name: "segment_bytes" };
            reader.refuse(place, "`segment_bytes` is not whole blocks", "a multiple of 4096");
        }
        // A shard that has not even this much hardly ever lets a message begin.
        let least = (self.shards * PART_MAX) as u64;
        if self.spool.intake_bytes < least {
            let place = Place { table: "spool", index: None, name: "intake_bytes" };
            let wrong = format!("`intake_bytes` is too little for {} shards", self.shards);
            reader.refuse(place, wrong, format!("\"{} KiB\" or more", least / 1_024));
        }
    }

    /// What is allowed and deserves a word.
    pub(super) fn warnings(&self, entries: &[Entry], host: &Host) -> Vec<String> {
        let mut warnings = Vec::new();
        let hostname = entries.iter().find(|entry| entry.name == "hostname");
        let guessed = hostname.is_some_and(|entry| entry.origin == Origin::Default);
        if guessed && self.hostname != host.name {
            warnings.push(format!(
                "the system's host name has no domain: greeting as {}; set `hostname`",
                self.hostname
            ));
        }
        match self.spool.durability {
            Durability::Sync => (),
            Durability::PageCache => warnings.push(
                "durability is \"page-cache\": a power cut or kernel crash loses accepted mail"
                    .to_owned(),
            ),
            Durability::Memory => {
                warnings.push("durability is \"memory\": any crash loses accepted mail".to_owned());
            }
        }
        let encrypts =
            |listener: &super::Listener| listener.tls.is_on() || listener.front.proxy_tls;
        let deaf = |listener| super::auth::warning(listener, encrypts(listener));
        warnings.extend(self.listeners.iter().filter_map(deaf));
        if !self.certificates.is_empty() && !self.wants_tls() {
            warnings.push("there is a [[certificate]], and no listener that speaks TLS".to_owned());
        }
        let named = self.sources.iter().any(|source| source.users.is_some());
        if !self.listeners.iter().any(|listener| listener.auth != Login::Off) {
            let idle = [
                ("[auth] `users`", self.auth.users.is_some()),
                ("a [[source]] with `users`", named),
            ];
            for (what, _) in idle.into_iter().filter(|(_, written)| *written) {
                warnings.push(format!("there is {what}, and no listener where anybody logs in"));
            }
        }
        warnings.extend(self.warn_of_pools(entries));
        warnings.extend(self.warn_of_shared_sources());
        if self.retry.delay_notice >= self.retry.expire {
            warnings.push(format!(
                "nobody is told of a delay: `delay_notice` is \"{}\", and mail expires after \"{}\"",
                self.retry.delay_notice.text(),
                self.retry.expire.text()
            ));
        }
        if self.dns.allow_private_addresses {
            warnings.push("MX hosts with private addresses are used: for tests only".to_owned());
        }
        warnings
    }
}

/// Whether both would get the same connections.
fn clash(left: SocketAddr, right: SocketAddr) -> bool {
    let same_host =
        left.ip() == right.ip() || left.ip().is_unspecified() || right.ip().is_unspecified();
    same_host && left.port() == right.port() && left.port() != 0
}
