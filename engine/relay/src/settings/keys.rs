//! Every key there is: its default, its limits, and what it is for.

use super::pool::read_usual;
use super::{
    Admin, Agent, Auth, Bytes, Certificate, Defence, Delivery, DeliveryTls, Destination, Dns,
    Drain, Driver, Durability, Front, Hop, Host, HostName, Https, Kernel, Listener, ListenerTls,
    Log, Login, Pattern, Pool, Replies, Retry, Route, Section, Settings, Site, SourceRule, Spool,
    Tenant, Tls, TlsReport, Warmup, profiles, site,
};
use shard::MESSAGE_BYTES_MAX;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The most shards, and so the most logs a spool can have made in one run.
const SHARDS_MAX: u64 = 256;
const MIB: u64 = 1 << 20;

impl Settings {
    pub(super) fn read(top: &mut Section<'_, '_>, host: &Host) -> Self {
        let hostname = top.key(
            "hostname",
            HostName(fallback_name(host)),
            "How this server greets, and what it calls itself in Received fields: a name whose \
             address is this machine's. Default: the system's host name.",
        );
        let shards = top.bounded(
            "shards",
            1..=SHARDS_MAX,
            (host.cores as u64).clamp(1, SHARDS_MAX),
            "Threads that carry mail, each with connections, log and queue of its own. Default: \
             one per core.",
        );
        let spool = top.table("spool", Spool::read);
        let listeners = top.tables("listener", 1, Listener::read);
        let sources = top.tables("source", 0, SourceRule::read);
        let auth = top.table("auth", |auth| Auth::read(auth, host));
        let certificates = top.tables("certificate", 0, Certificate::read);
        let tls = top.table("tls", Tls::read);
        let routes = top.tables("route", 0, Route::read);
        let pools = top.tables("pool", 0, Pool::read);
        let warmups = top.tables("warmup", 0, Warmup::read);
        let (delivery, (spread_backlog, provider_profiles), replies, delivery_tls, usual_pool) =
            top.table("delivery", read_delivery);
        let settings = Self {
            hostname: hostname.0,
            shards: shards as usize,
            spool,
            listeners,
            sources,
            auth,
            certificates,
            tls,
            routes,
            pools,
            warmups,
            usual_pool,
            delivery,
            spread_backlog,
            provider_profiles,
            replies,
            delivery_tls,
            sites: Vec::new(),
            tenants: top.tables("tenant", 0, Tenant::read),
            retry: top.table("retry", Retry::read),
            log: top.table("log", Log::read),
            admin: top.table("admin", Admin::read),
            dns: top.table("dns", Dns::read),
            https: top.table("https", Https::read),
            tls_report: top.table("tls_report", TlsReport::read),
            kernel: top.table("kernel", Kernel::read),
            drain: top.table("drain", Drain::read),
            agent: top.table("agent", Agent::read),
        };
        let profiles = profiles::all(&settings, top);
        let sites = top.tables("site", 0, |site| Site::read(site, &settings, &profiles));
        Self { sites: profiles::behind(sites, profiles, top), ..settings }
    }
}

/// All keys of `[delivery]`.
fn read_delivery(
    delivery: &mut Section<'_, '_>,
) -> (Delivery, (Option<u64>, bool), Replies, DeliveryTls, Option<String>) {
    (
        Delivery::read(delivery),
        (site::read_spread_backlog(delivery), site::read_profiles(delivery)),
        Replies::read(delivery),
        DeliveryTls::read(delivery),
        read_usual(delivery),
    )
}

/// A name without a dot means nothing to another server.
pub(super) fn fallback_name(host: &Host) -> String {
    let name = host.name.trim_end_matches('.').to_ascii_lowercase();
    match name.as_str() {
        "" | "localhost" => "localhost.localdomain".to_owned(),
        name if name.contains('.') => name.to_owned(),
        name => format!("{name}.localdomain"),
    }
}

impl Spool {
    fn read(spool: &mut Section<'_, '_>) -> Self {
        Self {
            path: spool.key(
                "path",
                PathBuf::from("ringpost-spool"),
                "The directory that holds accepted mail. Made (mode 0700) if absent; one \
                 ringpost at a time.",
            ),
            durability: spool.key(
                "durability",
                Durability::Sync,
                "What precedes a 250: \"sync\": the message is on the disk; \"page-cache\": the \
                 kernel has it, a power cut loses it; \"memory\": any crash loses it.",
            ),
            segment_bytes: read_bytes(
                spool,
                "segment_bytes",
                MIB..=1_024 * MIB,
                64 * MIB,
                "The length of one file of the log: a multiple of 4 KiB.",
            ),
            free_bytes_min: read_bytes(
                spool,
                "free_bytes_min",
                0..=1_024 * 1_024 * MIB,
                128 * MIB,
                "What is left free of the filesystem: nearer to full than this, new mail is put \
                 off with 452; mail already taken still goes out.",
            ),
            scrub_bytes_per_second: read_bytes(
                spool,
                "scrub_bytes_per_second",
                0..=1_024 * MIB,
                4 * MIB,
                "How fast each log reads waiting mail to find what went bad on the disk, once a \
                 day all of it; it waits while commits are late. 0: never.",
            ),
            queued_max: spool.bounded(
                "queued_max",
                1_000..=1_000_000_000,
                1_000_000,
                "The most recipients waiting, all shards together; past it new mail is put off \
                 with 452. Each takes up to 1 KiB of memory.",
            ),
            intake_bytes: read_bytes(
                spool,
                "intake_bytes",
                MIB..=64 * 1_024 * MIB,
                64 * MIB,
                "Memory for message text being received, all shards together; when it is used \
                 up, long messages go to disk in smaller parts and MAIL hears 452.",
            ),
            memory_bytes: read_bytes(
                spool,
                "memory_bytes",
                MIB..=64 * 1_024 * MIB,
                32 * MIB,
                "Message bodies kept in memory after the sync so that delivery need not read \
                 them back; all shards together.",
            ),
        }
    }
}

/// [`Section::bounded`] for a length of data.
pub(super) fn read_bytes(
    section: &mut Section<'_, '_>,
    name: &'static str,
    limits: std::ops::RangeInclusive<u64>,
    default: u64,
    help: &'static str,
) -> u64 {
    let limits = Bytes(*limits.start())..=Bytes(*limits.end());
    section.bounded(name, limits, Bytes(default), help).0
}

impl Listener {
    fn read(listener: &mut Section<'_, '_>) -> Self {
        Self {
            address: listener.key(
                "address",
                SocketAddr::from((Ipv4Addr::LOCALHOST, 2_525)),
                "Where mail comes in by SMTP.",
            ),
            relay_from: listener.key(
                "relay_from",
                loopback(),
                "The networks whose mail is relayed anywhere. All others are refused.",
            ),
            message_bytes_max: read_bytes(
                listener,
                "message_bytes_max",
                64 * 1_024..=MESSAGE_BYTES_MAX,
                50 * MIB,
                "The largest message taken, as announced by SIZE. At most what the spool holds as \
                 one message.",
            ),
            recipients_max: listener.bounded(
                "recipients_max",
                100..=10_000,
                1_000,
                "The most recipients of one message; further ones hear 452.",
            ) as u16,
            line_bytes_max: listener.bounded(
                "line_bytes_max",
                1_000..=65_536,
                1_000,
                "The longest line of message text in bytes, with its CRLF. RFC 5321: 1000.",
            ) as usize,
            connections_max: listener.bounded(
                "connections_max",
                1..=1_000_000,
                16_000,
                "The most connections at once, all shards together; further ones hear 421.",
            ) as usize,
            idle: listener.bounded(
                "idle",
                Duration::from_secs(10)..=Duration::from_hours(24),
                Duration::from_mins(5),
                "How long a silent client is kept before 421. RFC 5321: at least 5 minutes.",
            ),
            auth: listener.key(
                "auth",
                Login::Off,
                "Who logs in: \"off\": nobody; \"optional\": whoever wants to; \"required\": \
                 whoever wants to bring mail. A user's mail is relayed anywhere.",
            ),
            auth_plaintext_from: listener.key(
                "auth_plaintext_from",
                Vec::new(),
                "The networks that may log in without TLS. To all others AUTH is not offered then.",
            ),
            front: Front::read(listener),
            defence: Defence::read(listener),
            tls: ListenerTls::read(listener),
        }
    }
}

fn loopback() -> Vec<super::Network> {
    let network = |address: &str, prefix| super::Network {
        address: address.parse().unwrap_or(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST)),
        prefix,
    };
    vec![network("127.0.0.0", 8), network("::1", 128)]
}

impl Route {
    fn read(route: &mut Section<'_, '_>) -> Self {
        let domain = route.required::<Pattern>(
            "domain",
            "Whose mail goes this way: \"example.com\", \".example.com\" for all below it, \
             \"*\" for the rest. The most exact route wins, wherever it stands.",
        );
        let to: Option<Vec<Destination>> = route
            .optional("to", "The hosts to deliver to, all alike. Left out: the domain's MX hosts.");
        let port = route.bounded(
            "port",
            1..=65_535,
            25,
            "The port of MX hosts, and of hosts in `to` that name none.",
        ) as u16;
        if to.as_ref().is_some_and(Vec::is_empty) {
            route.refuse("to", "`to` is empty", "one host or more, or no `to` at all: MX");
        }
        let hop = |to: Destination| Hop { host: to.host, port: to.port.unwrap_or(port) };
        Self {
            domain: domain.map_or_else(|| "*".to_owned(), |pattern| pattern.0),
            to: to.unwrap_or_default().into_iter().map(hop).collect(),
            port,
            tls: DeliveryTls::read_of_route(route),
        }
    }
}

impl Log {
    fn read(log: &mut Section<'_, '_>) -> Self {
        Self {
            delivery: log.key(
                "delivery",
                PathBuf::from("ringpost-log/delivery.jsonl"),
                "The delivery log: every attempt as one JSON object a line. Its directory is \
                 made if absent.",
            ),
            accepted: log.key(
                "accepted",
                true,
                "Whether it has a line for each message that was taken, too: from whom, by which \
                 source, user and listener, how large, and what encrypted it.",
            ),
            refused: log.key(
                "refused",
                false,
                "Whether it has a line for each refusal at the door, too. Anybody can make many \
                 of them; /metrics counts them by rule in any case.",
            ),
        }
    }
}

impl Admin {
    fn read(admin: &mut Section<'_, '_>) -> Self {
        Self {
            address: admin.key(
                "address",
                SocketAddr::from((Ipv4Addr::LOCALHOST, 8_025)),
                "Where operators ask and order by HTTP, and /metrics, /livez and /readyz are: a \
                 loopback address, since nothing is encrypted there.",
            ),
            tokens: admin.optional(
                "tokens",
                "The file of those who may ask and order there, as `ringpost token` writes it; read \
                 at start. Left out: whoever reaches the address. /metrics, /livez and /readyz \
                 are everybody's.",
            ),
        }
    }
}

impl Dns {
    fn read(dns: &mut Section<'_, '_>) -> Self {
        Self {
            servers: dns.key(
                "servers",
                Vec::new(),
                "The resolvers to ask, with ports. Empty: those of /etc/resolv.conf.",
            ),
            allow_private_addresses: dns.key(
                "allow_private_addresses",
                false,
                "Whether mail may go to MX hosts with loopback, private or other addresses \
                 that are not public. Routes may always name them.",
            ),
        }
    }
}

impl Kernel {
    fn read(kernel: &mut Section<'_, '_>) -> Self {
        Self {
            driver: kernel.key(
                "driver",
                Driver::Auto,
                "\"uring\": io_uring or no start; \"epoll\": slower, works everywhere; \
                 \"auto\": io_uring if the host allows it, else epoll with a warning.",
            ),
        }
    }
}
