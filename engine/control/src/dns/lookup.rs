//! One look-up: MX, then the addresses of the hosts it names.
//!
//! [RFC 5321 §5.1](https://www.rfc-editor.org/rfc/rfc5321#section-5.1)

use super::question::Inquirer;
use super::tlsa;
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use route::{ADDRESSES_MAX, Answer, Dane, HOSTS_MAX, MxHost};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Looks names up.
pub(super) struct Names {
    /// Asks all servers at once, and remembers what they say.
    pub(super) all: Inquirer,
    /// Ask one server each, if there is more than one. The first answer of several is taken for
    /// that of all, even if it is only that this server cannot say.
    pub(super) each: Vec<Inquirer>,
    /// Whether they are believed when they say that what they say is authentic.
    pub(super) trusted: bool,
    /// How look-ups of TLSA records ended.
    pub(super) tlsa_counts: Arc<tlsa::Counts>,
}

/// A host as a route names it, and the port of which certificates may be proven.
pub(super) type NamedHost = (String, Option<u16>);

/// Why there are no records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Nothing {
    /// The name does not exist: NXDOMAIN.
    NoName,
    /// The name exists and has no such record.
    NoRecord,
    /// Nobody knows, for now.
    Unknown(String),
}

/// Why a server cannot say what there is. Another might.
struct Unable {
    cause: String,
    /// It said SERVFAIL.
    is_bogus: bool,
}

/// Records of one type, and how long they may be believed.
pub(super) struct Found {
    pub(super) records: Vec<Record>,
    pub(super) ttl: Duration,
    /// Nobody can have changed them, nor any alias on the way to them.
    pub(super) authentic: bool,
}

/// Addresses of one host. None, if it has none.
pub(super) struct Reachable {
    pub(super) addresses: Vec<IpAddr>,
    ttl: Duration,
    /// Why there may be more than these.
    unknown: Option<String>,
    /// Under which name they are, if they are authentic.
    owner: Option<Name>,
    dane: Dane,
}

impl Names {
    /// Which hosts take the mail of `domain`, and what is proven of their certificates at `port`.
    pub(super) async fn mail(self: Arc<Self>, domain: &str, port: Option<u16>) -> Answer {
        let Some(name) = absolute(domain) else { return Answer::NoDomain };
        let found = match self.records(name, RecordType::MX).await {
            Ok(found) => found,
            Err(Nothing::NoName) => return Answer::NoDomain,
            // "If an empty list of MXs is returned, the address is treated as if it was
            // associated with an implicit MX RR, with a preference of 0, pointing to that host."
            // That there are none is as authentic as its addresses: they are of the same name.
            Err(Nothing::NoRecord) => return self.host(domain, port).await,
            Err(Nothing::Unknown(cause)) => return Answer::Temporary(cause),
        };
        let hosts = exchangers(&found.records);
        if hosts.is_empty() {
            return Answer::NullMx;
        }
        // RFC 7672 section 2.2.1: whoever can change the list of hosts names one of his own.
        let port = port.filter(|_| found.authentic);
        self.with_addresses(hosts, (found.ttl, found.authentic), port).await
    }

    /// Forgets which hosts take the mail of `domain`.
    pub(super) fn forget_mail(&self, domain: &str) {
        if let Some(name) = absolute(domain) {
            self.all.clear_lookup_cache(name, RecordType::MX);
        }
    }

    /// `hosts` as a route names them: in this order, one answer for all.
    pub(super) async fn hosts(self: Arc<Self>, hosts: &[NamedHost]) -> Answer {
        let mut lookups = JoinSet::new();
        for (index, (host, port)) in hosts.iter().take(HOSTS_MAX).cloned().enumerate() {
            let names = Arc::clone(&self);
            lookups.spawn(async move { (index, names.host(&host, port).await) });
        }
        let mut answers = lookups.join_all().await;
        answers.sort_by_key(|(index, _)| *index);
        Answer::join(answers.into_iter().map(|(_, answer)| answer))
    }

    /// `host` as if it were the only MX.
    async fn host(&self, host: &str, port: Option<u16>) -> Answer {
        let Some(name) = absolute(host) else { return Answer::NoDomain };
        match self.reach(name, port).await {
            Err(Nothing::NoName) => Answer::NoDomain,
            Err(Nothing::NoRecord) => Answer::NoAddress,
            Err(Nothing::Unknown(cause)) => Answer::Temporary(cause),
            Ok(found) => {
                let name = host.trim_end_matches('.').to_ascii_lowercase();
                let (addresses, dane) = (found.addresses, found.dane);
                let host = MxHost { preference: 0, name, addresses, dane };
                // Whoever says that there is no MX names nobody by that: the host is the domain.
                Answer::Hosts { hosts: vec![host], ttl: found.ttl, policy: None, authentic: true }
            }
        }
    }

    /// Looks all hosts up at once. A host without addresses stays in the list: what a site
    /// is called must not depend on which of its hosts could be looked up today.
    async fn with_addresses(
        self: Arc<Self>,
        mut hosts: Vec<MxHost>,
        (mut ttl, authentic): (Duration, bool),
        port: Option<u16>,
    ) -> Answer {
        let mut lookups = JoinSet::new();
        for (index, host) in hosts.iter().enumerate() {
            let Some(name) = absolute(&host.name) else { continue };
            let names = Arc::clone(&self);
            lookups.spawn(async move { (index, names.reach(name, port).await) });
        }
        let mut unknown = None;
        while let Some(done) = lookups.join_next().await {
            match done {
                Ok((index, Ok(found))) => {
                    hosts[index].addresses = found.addresses;
                    hosts[index].dane = found.dane;
                    ttl = ttl.min(found.ttl);
                    unknown = unknown.or(found.unknown);
                }
                Ok((_, Err(Nothing::Unknown(cause)))) => unknown = Some(cause),
                Ok((_, Err(Nothing::NoName | Nothing::NoRecord))) => (),
                Err(_) => unknown = Some("a look-up broke off".to_owned()),
            }
        }
        if hosts.iter().any(|host| !host.addresses.is_empty()) {
            // What could not be learnt now is asked again soon.
            let ttl = if unknown.is_some() { Duration::ZERO } else { ttl };
            return Answer::Hosts { hosts, ttl, policy: None, authentic };
        }
        unknown.map_or(Answer::NoAddress, Answer::Temporary)
    }

    /// The addresses of one host, and what is proven of its certificates at `port`.
    async fn reach(&self, name: Name, port: Option<u16>) -> Result<Reachable, Nothing> {
        let mut found = self.addresses(name.clone()).await?;
        if let (Some(port), Some(owner)) = (port, found.owner.take()) {
            let (dane, ttl) = self.dane(&name, &owner, port).await;
            found = Reachable { dane, ttl: found.ttl.min(ttl), ..found };
        }
        Ok(found)
    }

    /// The addresses of one host, IPv6 and IPv4 in turn.
    pub(super) async fn addresses(&self, name: Name) -> Result<Reachable, Nothing> {
        let (v6, v4) = tokio::join!(
            self.records(name.clone(), RecordType::AAAA),
            self.records(name, RecordType::A),
        );
        let (v6, v4) = match (v6, v4) {
            (Err(Nothing::Unknown(cause)), Err(_)) | (Err(_), Err(Nothing::Unknown(cause))) => {
                return Err(Nothing::Unknown(cause));
            }
            (Err(nothing), Err(_)) => return Err(nothing),
            found => found,
        };
        let (mut unknown, mut owner) = (None, None);
        let mut ttl = Duration::MAX;
        let [v6, v4] = [v6, v4].map(|found| match found {
            Ok(found) => {
                ttl = ttl.min(found.ttl);
                let first = found.records.first().filter(|_| found.authentic);
                owner = owner.take().or_else(|| first.map(|record| record.name.clone()));
                found.records.iter().filter_map(|record| record.data.ip_addr()).collect()
            }
            Err(Nothing::Unknown(cause)) => {
                unknown = Some(cause);
                Vec::new()
            }
            Err(_) => Vec::new(),
        });
        let addresses = in_turn(&v6, &v4);
        Ok(Reachable { addresses, ttl, unknown, owner, dane: Dane::Absent })
    }

    /// The records of one type, CNAMEs followed.
    pub(super) async fn records(&self, name: Name, kind: RecordType) -> Result<Found, Nothing> {
        let (known, is_bogus) = match self.known(name, kind).await {
            Ok(known) => (self.believed(known), false),
            Err(unable) => (Err(Nothing::Unknown(unable.cause)), unable.is_bogus),
        };
        if kind == RecordType::TLSA {
            self.tlsa_counts.count(&known, is_bogus);
        }
        known
    }

    async fn known(&self, name: Name, kind: RecordType) -> Result<Result<Found, Nothing>, Unable> {
        let unable = match asked(&self.all, &name, kind).await {
            Err(unable) => unable,
            known => return known,
        };
        for server in &self.each {
            match asked(server, &name, kind).await {
                Err(_) | Ok(Err(Nothing::Unknown(_))) => (),
                known => return known,
            }
        }
        Err(unable)
    }

    /// The same, authentic only by the word of somebody who is believed.
    fn believed(&self, known: Result<Found, Nothing>) -> Result<Found, Nothing> {
        known.map(|found| Found { authentic: found.authentic && self.trusted, ..found })
    }
}

async fn asked(
    servers: &Inquirer,
    name: &Name,
    kind: RecordType,
) -> Result<Result<Found, Nothing>, Unable> {
    let error = match servers.lookup(name.clone(), kind).await {
        Ok(lookup) => return Ok(found(&lookup, name, kind)),
        Err(error) => error,
    };
    let nothing = match nothing(&error)? {
        // A chain that was given up ends like this too.
        Nothing::NoRecord if is_unproven(&error) && is_alias(servers, name).await => endless(),
        nothing => nothing,
    };
    Ok(Err(nothing))
}

async fn is_alias(servers: &Inquirer, name: &Name) -> bool {
    servers.lookup(name.clone(), RecordType::CNAME).await.is_ok()
}

/// A name that is looked up as it stands, in no search domain.
pub(super) fn absolute(name: &str) -> Option<Name> {
    let mut name = Name::from_ascii(name).ok().filter(|name| !name.is_root())?;
    name.set_fqdn(true);
    Some(name)
}

fn found(lookup: &Lookup, name: &Name, kind: RecordType) -> Result<Found, Nothing> {
    let answers = lookup.answers();
    let of_kind = |record: &&Record| record.record_type() == kind;
    let records: Vec<Record> = answers.iter().filter(of_kind).cloned().collect();
    if records.is_empty() {
        let is_alias = answers.iter().any(|record| record.record_type() == RecordType::CNAME);
        return Err(if is_alias { endless() } else { Nothing::NoRecord });
    }
    let ttl = answers.iter().map(|record| record.ttl).min().unwrap_or_default();
    // Of an alias that was followed by another question the last answer is here, and speaks for
    // itself alone.
    let authentic = lookup.message().metadata.authentic_data && lookup.query().name() == name;
    Ok(Found { records, ttl: Duration::from_secs(ttl.into()), authentic })
}

/// Aliases that lead nowhere: too many, or in a circle. That is a mistake its owner will
/// mend, so the mail waits.
fn endless() -> Nothing {
    Nothing::Unknown("a chain of CNAME records has no end".to_owned())
}

/// Whether a server said there is no record without the SOA that would prove it.
fn is_unproven(error: &NetError) -> bool {
    matches!(error, NetError::Dns(DnsError::NoRecordsFound(nothing)) if nothing.soa.is_none())
}

fn nothing(error: &NetError) -> Result<Nothing, Unable> {
    let unable = |code: &ResponseCode| {
        let cause = format!("DNS answered: {code}");
        Err(Unable { cause, is_bogus: *code == ResponseCode::ServFail })
    };
    match error {
        NetError::Dns(DnsError::NoRecordsFound(no_records)) => match &no_records.response_code {
            ResponseCode::NXDomain => Ok(Nothing::NoName),
            // It names other servers, where a resolver would have asked them itself.
            ResponseCode::NoError if no_records.ns.is_some() && no_records.soa.is_none() => {
                let cause = "DNS answered with a referral".to_owned();
                Err(Unable { cause, is_bogus: false })
            }
            ResponseCode::NoError => Ok(Nothing::NoRecord),
            code => unable(code),
        },
        NetError::Dns(DnsError::ResponseCode(code)) => unable(code),
        NetError::Timeout => Ok(Nothing::Unknown("DNS gave no answer".to_owned())),
        error => Ok(Nothing::Unknown(format!("DNS cannot be asked: {error}"))),
    }
}

/// The MX hosts, best first, without their addresses. None: there is only a null MX.
///
/// [RFC 7505 §3](https://www.rfc-editor.org/rfc/rfc7505#section-3): a `.` among other
/// hosts is no null MX; it is no host either.
fn exchangers(records: &[Record]) -> Vec<MxHost> {
    let host = |record: &Record| match &record.data {
        RData::MX(mx) if !mx.exchange.is_root() => Some(MxHost {
            preference: mx.preference,
            name: plain(&mx.exchange),
            addresses: Vec::new(),
            dane: Dane::Absent,
        }),
        _ => None,
    };
    let mut hosts: Vec<MxHost> = records.iter().filter_map(host).collect();
    hosts
        .sort_by(|left, right| (left.preference, &left.name).cmp(&(right.preference, &right.name)));
    let mut seen = BTreeSet::new();
    hosts.retain(|host| seen.insert(host.name.clone()));
    hosts.truncate(HOSTS_MAX);
    hosts
}

/// Lower case, without the dot at the end.
pub(super) fn plain(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

/// One of each kind after the other, so that cutting the list off leaves both.
fn in_turn(v6: &[IpAddr], v4: &[IpAddr]) -> Vec<IpAddr> {
    let longest = v6.len().max(v4.len());
    let pairs = (0..longest).flat_map(|index| [v6.get(index), v4.get(index)]);
    pairs.flatten().copied().take(ADDRESSES_MAX).collect()
}
