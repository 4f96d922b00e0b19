//! One look-up: MX, then the addresses of the hosts it names.
//!
//! [RFC 5321 §5.1](https://www.rfc-editor.org/rfc/rfc5321#section-5.1)

use hickory_resolver::TokioResolver;
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use route::{ADDRESSES_MAX, Answer, HOSTS_MAX, MxHost};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Looks names up.
pub(super) struct Names {
    /// Asks all servers at once, and remembers what they say.
    pub(super) all: TokioResolver,
    /// Ask one server each, if there is more than one. The first answer of several is taken for
    /// that of all, even if it is only that this server cannot say.
    pub(super) each: Vec<TokioResolver>,
}

/// Why there are no records.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Nothing {
    /// The name does not exist: NXDOMAIN.
    NoName,
    /// The name exists and has no such record.
    NoRecord,
    /// Nobody knows, for now.
    Unknown(String),
}

/// Why a server cannot say what there is. Another might.
struct Unable(String);

/// Records of one type, and how long they may be believed.
struct Found {
    records: Vec<Record>,
    ttl: Duration,
}

/// Addresses of one host. None, if it has none.
struct Reachable {
    addresses: Vec<IpAddr>,
    ttl: Duration,
    /// Why there may be more than these.
    unknown: Option<String>,
}

impl Names {
    /// Which hosts take the mail of `domain`.
    pub(super) async fn mail(self: Arc<Self>, domain: &str) -> Answer {
        let Some(name) = absolute(domain) else { return Answer::NoDomain };
        let found = match self.records(name, RecordType::MX).await {
            Ok(found) => found,
            Err(Nothing::NoName) => return Answer::NoDomain,
            // "If an empty list of MXs is returned, the address is treated as if it was
            // associated with an implicit MX RR, with a preference of 0, pointing to that host."
            Err(Nothing::NoRecord) => return self.host(domain).await,
            Err(Nothing::Unknown(cause)) => return Answer::Temporary(cause),
        };
        let hosts = exchangers(&found.records);
        if hosts.is_empty() {
            return Answer::NullMx;
        }
        self.with_addresses(hosts, found.ttl).await
    }

    /// Forgets which hosts take the mail of `domain`.
    pub(super) fn forget_mail(&self, domain: &str) {
        if let Some(name) = absolute(domain) {
            self.all.clear_lookup_cache(name, RecordType::MX);
        }
    }

    /// `hosts` as a route names them: in this order, one answer for all.
    pub(super) async fn hosts(self: Arc<Self>, hosts: &[String]) -> Answer {
        let mut lookups = JoinSet::new();
        for (index, host) in hosts.iter().take(HOSTS_MAX).cloned().enumerate() {
            let names = Arc::clone(&self);
            lookups.spawn(async move { (index, names.host(&host).await) });
        }
        let mut answers = lookups.join_all().await;
        answers.sort_by_key(|(index, _)| *index);
        Answer::join(answers.into_iter().map(|(_, answer)| answer))
    }

    /// `host` as if it were the only MX.
    async fn host(&self, host: &str) -> Answer {
        let Some(name) = absolute(host) else { return Answer::NoDomain };
        match self.addresses(name).await {
            Err(Nothing::NoName) => Answer::NoDomain,
            Err(Nothing::NoRecord) => Answer::NoAddress,
            Err(Nothing::Unknown(cause)) => Answer::Temporary(cause),
            Ok(found) => {
                let name = host.trim_end_matches('.').to_ascii_lowercase();
                let host = MxHost { preference: 0, name, addresses: found.addresses };
                Answer::Hosts { hosts: vec![host], ttl: found.ttl, policy: None }
            }
        }
    }

    /// Looks all hosts up at once. A host without addresses stays in the list: what a site
    /// is called must not depend on which of its hosts could be looked up today.
    async fn with_addresses(self: Arc<Self>, mut hosts: Vec<MxHost>, mut ttl: Duration) -> Answer {
        let mut lookups = JoinSet::new();
        for (index, host) in hosts.iter().enumerate() {
            let Some(name) = absolute(&host.name) else { continue };
            let names = Arc::clone(&self);
            lookups.spawn(async move { (index, names.addresses(name).await) });
        }
        let mut unknown = None;
        while let Some(done) = lookups.join_next().await {
            match done {
                Ok((index, Ok(found))) => {
                    hosts[index].addresses = found.addresses;
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
            return Answer::Hosts { hosts, ttl, policy: None };
        }
        unknown.map_or(Answer::NoAddress, Answer::Temporary)
    }

    /// The addresses of one host, IPv6 and IPv4 in turn.
    async fn addresses(&self, name: Name) -> Result<Reachable, Nothing> {
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
        let mut unknown = None;
        let mut ttl = Duration::MAX;
        let [v6, v4] = [v6, v4].map(|found| match found {
            Ok(found) => {
                ttl = ttl.min(found.ttl);
                found.records.iter().filter_map(|record| record.data.ip_addr()).collect()
            }
            Err(Nothing::Unknown(cause)) => {
                unknown = Some(cause);
                Vec::new()
            }
            Err(_) => Vec::new(),
        });
        Ok(Reachable { addresses: in_turn(&v6, &v4), ttl, unknown })
    }

    /// The records of one type, CNAMEs followed.
    async fn records(&self, name: Name, kind: RecordType) -> Result<Found, Nothing> {
        let Unable(cause) = match asked(&self.all, &name, kind).await {
            Err(unable) => unable,
            Ok(known) => return known,
        };
        for server in &self.each {
            match asked(server, &name, kind).await {
                Err(Unable(_)) | Ok(Err(Nothing::Unknown(_))) => (),
                Ok(known) => return known,
            }
        }
        Err(Nothing::Unknown(cause))
    }
}

async fn asked(
    servers: &TokioResolver,
    name: &Name,
    kind: RecordType,
) -> Result<Result<Found, Nothing>, Unable> {
    let error = match servers.lookup(name.clone(), kind).await {
        Ok(lookup) => return Ok(found(&lookup, kind)),
        Err(error) => error,
    };
    let nothing = match nothing(&error)? {
        // A chain that was given up ends like this too.
        Nothing::NoRecord if is_unproven(&error) && is_alias(servers, name).await => endless(),
        nothing => nothing,
    };
    Ok(Err(nothing))
}

async fn is_alias(servers: &TokioResolver, name: &Name) -> bool {
    servers.lookup(name.clone(), RecordType::CNAME).await.is_ok()
}

/// A name that is looked up as it stands, in no search domain.
fn absolute(name: &str) -> Option<Name> {
    let mut name = Name::from_ascii(name).ok().filter(|name| !name.is_root())?;
    name.set_fqdn(true);
    Some(name)
}

fn found(lookup: &Lookup, kind: RecordType) -> Result<Found, Nothing> {
    let answers = lookup.answers();
    let of_kind = |record: &&Record| record.record_type() == kind;
    let records: Vec<Record> = answers.iter().filter(of_kind).cloned().collect();
    if records.is_empty() {
        let is_alias = answers.iter().any(|record| record.record_type() == RecordType::CNAME);
        return Err(if is_alias { endless() } else { Nothing::NoRecord });
    }
    let ttl = answers.iter().map(|record| record.ttl).min().unwrap_or_default();
    Ok(Found { records, ttl: Duration::from_secs(ttl.into()) })
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
    let unable = |code: &ResponseCode| Err(Unable(format!("DNS answered: {code}")));
    match error {
        NetError::Dns(DnsError::NoRecordsFound(no_records)) => match &no_records.response_code {
            ResponseCode::NXDomain => Ok(Nothing::NoName),
            // It names other servers, where a resolver would have asked them itself.
            ResponseCode::NoError if no_records.ns.is_some() && no_records.soa.is_none() => {
                Err(Unable("DNS answered with a referral".to_owned()))
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
fn plain(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

/// One of each kind after the other, so that cutting the list off leaves both.
fn in_turn(v6: &[IpAddr], v4: &[IpAddr]) -> Vec<IpAddr> {
    let longest = v6.len().max(v4.len());
    let pairs = (0..longest).flat_map(|index| [v6.get(index), v4.get(index)]);
    pairs.flatten().copied().take(ADDRESSES_MAX).collect()
}
