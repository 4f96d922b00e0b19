//! Who brings mail: `smtp-listener` and `<source>`, as `[[listener]]` and `[[source]]`.

use super::file::{Directive, Item, Section, directives, sections};
use super::{Config, Origin};
use crate::import::draft::Table;
use crate::import::quantity::bytes;
use crate::import::sites::label;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Bits that a network has to have in common at least, to be let relay: IPv4, IPv6.
const PREFIX_MIN: (u8, u8) = (8, 7);

/// Who a `<source>` is.
enum Who {
    Everybody,
    /// Its first address, and how many leading bits are the same.
    Network(IpAddr, u8),
    Users(Vec<String>),
}

impl Config<'_> {
    pub(super) fn listeners(&mut self, items: &[Item]) {
        let lines = directives(items).filter(|directive| directive.name == "smtp-listener");
        for directive in lines {
            let origin = directive.origin();
            let mut words = directive.value.split_whitespace();
            let Some(address) = words.next().and_then(address) else {
                self.left_out(&origin, "an address and a port were expected, such as 0.0.0.0:25");
                continue;
            };
            if words.next().is_some() {
                self.left_out(
                    &origin,
                    "what stands behind the address: a [[listener]] has keys for it",
                );
            }
            let table = Table::new("[[listener]]").with("address", address.to_string(), &origin);
            self.made.draft.tables.push(table);
        }
        let relaying = self.relaying(items);
        let Some((_, origin)) = relaying.first().cloned() else { return };
        let networks: Vec<String> = relaying.into_iter().map(|(network, _)| network).collect();
        let mut count = 0;
        for listener in self.made.draft.all("[[listener]]") {
            listener.set("relay_from", networks.clone(), &origin);
            count += 1;
        }
        if count == 0 {
            self.left_out(
                &origin,
                "`relay_from` of a [[listener]], and no smtp-listener came over",
            );
        }
    }

    /// The networks that may relay, each with its line.
    fn relaying(&mut self, items: &[Item]) -> Vec<(String, Origin)> {
        let mut all = Vec::new();
        for section in sections(items).filter(|section| section.name == "source") {
            let allows = |directive: &&Directive| {
                directive.name == "always-allow-relaying" && directive.switch() == Some(true)
            };
            let Some(directive) = section.directives().find(allows) else { continue };
            let origin = directive.origin();
            match who(section, items) {
                Who::Network(address, prefix) if prefix >= least(address) => {
                    all.push((format!("{address}/{prefix}"), origin));
                }
                Who::Everybody | Who::Network(..) => self.left_out(
                    &origin,
                    "anybody could relay: `relay_from` of a [[listener]] names networks of at least /8",
                ),
                // Who logs in may.
                Who::Users(_) => (),
            }
        }
        all
    }

    pub(super) fn sources(&mut self, items: &[Item]) {
        for section in sections(items).filter(|section| section.name == "smtp-user") {
            let origin = Origin::new(section.line, section.title());
            let why = "passwords are kept as hashes, in the file that [auth] `users` names: `ringpost user \
                       hash NAME` makes an entry";
            self.left_out(&origin, why);
        }
        let mut all = Vec::new();
        for section in sections(items).filter(|section| section.name == "source") {
            let origin = Origin::new(section.line, section.title());
            let who = who(section, items);
            let (breadth, table) = match &who {
                Who::Users(users) if users.is_empty() => {
                    self.left_out(&origin, "neither a network, nor what an <smtp-user> names");
                    continue;
                }
                Who::Users(users) => {
                    (0, named(section, &origin).with("users", users.clone(), &origin))
                }
                Who::Network(address, prefix) => {
                    let network = vec![format!("{address}/{prefix}")];
                    let breadth = 129 - usize::from(*prefix);
                    (breadth, named(section, &origin).with("from", network, &origin))
                }
                Who::Everybody => (usize::MAX, named(section, &origin)),
            };
            let vital = table.keys.len();
            let table = self.terms(section, table);
            if table.keys.len() > vital {
                all.push((breadth, table));
            }
        }
        // The narrowest counts, there as here.
        all.sort_by_key(|(breadth, _)| *breadth);
        self.made.draft.tables.extend(all.into_iter().map(|(_, table)| table));
    }

    /// What a source may do.
    fn terms(&mut self, section: &Section, mut table: Table) -> Table {
        for directive in section.directives() {
            let origin = directive.origin();
            let notes = &mut self.made.notes;
            match (directive.name.as_str(), directive.switch()) {
                ("default-virtual-mta", _) => {
                    table.add("pool", label(&directive.value), &origin, notes);
                }
                ("process-x-virtual-mta" | "process-x-job" | "process-x-envid", Some(true)) => {
                    table.set("injects", true, &origin);
                }
                ("add-message-id-header", Some(true)) => {
                    table.add("lint_message_id", "fix", &origin, notes);
                }
                ("add-date-header", Some(true)) => table.add("lint_date", "fix", &origin, notes),
                ("max-message-size", _)
                    if matches!(directive.value.as_str(), "0" | "unlimited") => {}
                ("max-message-size", _) => match bytes(&directive.value).map(i64::try_from) {
                    Some(Ok(size)) => table.add("message_bytes_max", size, &origin, notes),
                    _ => self.left_out(&origin, "a number of bytes was expected, such as 10M"),
                },
                (name, switch) if is_as_here(name, switch) => (),
                (name, _) => self.left_out(&origin, why_not(name)),
            }
        }
        table
    }
}

/// Who the source is that a section is about.
fn who(section: &Section, items: &[Item]) -> Who {
    match network(&section.value) {
        Some((_, 0)) => Who::Everybody,
        Some((address, prefix)) => Who::Network(address, prefix),
        None => {
            let bare = |name: &str| name.trim_matches(['{', '}']).to_ascii_lowercase();
            let wanted = bare(&section.value);
            let is_its = |user: &&Section| {
                let mut lines = user.directives();
                user.name == "smtp-user"
                    && lines.any(|line| line.name == "source" && bare(&line.value) == wanted)
            };
            Who::Users(sections(items).filter(is_its).map(|user| user.value.clone()).collect())
        }
    }
}

fn named(section: &Section, origin: &Origin) -> Table {
    let bare = section.value.trim_matches(['{', '}']);
    let name = if network(bare).is_some_and(|(_, prefix)| prefix == 0) { "all" } else { bare };
    Table::new("[[source]]").with("name", label(name), origin)
}

/// Whether it says what is so anyway.
fn is_as_here(name: &str, switch: Option<bool>) -> bool {
    match name {
        // Read with the listeners.
        "always-allow-relaying" => true,
        "smtp-service" | "add-received-header" => switch == Some(true),
        "log-connections"
        | "log-commands"
        | "log-data"
        | "process-x-virtual-mta"
        | "process-x-job"
        | "process-x-envid"
        | "add-message-id-header"
        | "add-date-header"
        | "require-auth"
        | "allow-unencrypted-plain-auth"
        | "allow-mailmerge"
        | "hide-message-source"
        | "remove-received-headers"
        | "verp-default"
        | "retain-x-virtual-mta"
        | "retain-x-job" => switch == Some(false),
        _ => false,
    }
}

/// Why there is nothing for a line of a `<source>`.
fn why_not(name: &str) -> &'static str {
    match name {
        "require-auth" | "smtp-user-auth" => {
            "`auth` of the [[listener]] says \"required\", once there is the file that [auth] `users` names"
        }
        "allow-unencrypted-plain-auth" => {
            "`auth_plaintext_from` of the [[listener]] names networks"
        }
        "allow-mailmerge" => "no equivalent: each message is brought whole",
        "hide-message-source" | "add-received-header" | "remove-received-headers" => {
            "no equivalent: Received fields stay, and one is added, as RFC 5321 has it"
        }
        "jobid-header" => "the job is that of X-Job, with `injects`",
        "pattern-list" => {
            "no equivalent: a message chooses its [[pool]] by X-Virtual-MTA, or has its source's"
        }
        "smtp-service" => "`relay_from` of a [[listener]] says whose mail is taken",
        name if name.starts_with("log-") => "[log] `accepted` and `refused` say what has a line",
        name if name.starts_with("verp") => "no equivalent: the sender's address is kept",
        _ => "no equivalent",
    }
}

/// `0.0.0.0:25`, `0/0:25`, or an address alone.
fn address(text: &str) -> Option<SocketAddr> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address);
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(SocketAddr::new(address, 25));
    }
    let (host, port) = text.split_once(':').unwrap_or((text, "25"));
    let is_any = matches!(host, "0/0" | "0" | "*");
    is_any
        .then(|| Some(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port.parse().ok()?)))
        .flatten()
}

/// `10.0.0.0/8`, `10/8` or `192.0.2.1`, with nothing behind the bits in common.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
    let address = match address.parse::<IpAddr>() {
        Err(_) if prefix.is_some() => filled_up(address)?,
        address => address.ok()?,
    };
    let width = if address.is_ipv4() { 32 } else { 128 };
    let prefix = prefix.map_or(Some(width), |prefix| prefix.parse().ok());
    let prefix = prefix.filter(|prefix: &u8| *prefix <= width)?;
    let address = match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(u32::from(width - prefix)).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(u32::from(width - prefix)).unwrap_or(0);
            std::net::Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    };
    Some((address, prefix))
}

/// `10` or `10.1`, with zeros behind.
fn filled_up(address: &str) -> Option<IpAddr> {
    let bytes: Option<Vec<u8>> = address.split('.').map(|byte| byte.parse().ok()).collect();
    let mut bytes = bytes.filter(|bytes| bytes.len() <= 4)?;
    bytes.resize(4, 0);
    let bytes: [u8; 4] = bytes.try_into().ok()?;
    Some(bytes.into())
}

const fn least(address: IpAddr) -> u8 {
    if address.is_ipv4() { PREFIX_MIN.0 } else { PREFIX_MIN.1 }
}
