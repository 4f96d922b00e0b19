//! A DNS server for the providers' names, so that a relay finds them as it would find the real
//! ones: MX for their domains, addresses for their exchangers, and NXDOMAIN for all else.
//!
//! [`Zone`] is the machine: a question in, an answer out. [`serve`] drives it over UDP and TCP
//! on a thread of its own.

mod server;

pub use server::{Dns, serve};

use super::Simulated;
use hickory_proto::op::{Edns, Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, MX, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// How long an answer holds, in seconds.
const TTL: u32 = 60;
/// Bytes of an answer over UDP, at most, whatever the other side can take.
///
/// [DNS flag day 2020](https://www.dnsflagday.net/2020/)
const UDP_MAX: u16 = 1_232;
/// Bytes of an answer over UDP to a question that does not say what it can take.
///
/// [RFC 1035 §4.2.1](https://www.rfc-editor.org/rfc/rfc1035#section-4.2.1)
const UDP_PLAIN: u16 = 512;

/// A provider's name that is no domain name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAName(String);

impl fmt::Display for NotAName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no domain name", self.0)
    }
}

impl std::error::Error for NotAName {}

/// How a question came, which decides how long its answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// As short as the question asks, and cut off beyond that.
    Udp,
    /// As long as it is.
    Tcp,
}

/// All names and what they have.
#[derive(Debug, Default)]
pub struct Zone(BTreeMap<Name, Vec<Record>>);

impl Zone {
    /// The names of these providers.
    ///
    /// # Errors
    /// If one of them is no name.
    pub fn new(providers: &[Arc<Simulated>]) -> Result<Self, NotAName> {
        let mut zone = Self::default();
        for one in providers {
            let provider = one.site.provider();
            zone.add(&provider.domains, &provider.hosts, &provider.hostname, &one.addresses)?;
        }
        Ok(zone)
    }

    /// Adds a provider: each host has the address of the same place; without hosts, `hostname`
    /// is the only one and has them all.
    fn add(
        &mut self,
        domains: &[String],
        hosts: &[String],
        hostname: &str,
        addresses: &[SocketAddr],
    ) -> Result<(), NotAName> {
        let only = [hostname.to_owned()];
        let (hosts, each) = if hosts.is_empty() { (&only[..], false) } else { (hosts, true) };
        for (place, host) in hosts.iter().enumerate() {
            let host = name(host)?;
            for domain in domains {
                let preference = 10 * (place as u16 + 1);
                self.put(name(domain)?, RData::MX(MX::new(preference, host.clone())));
            }
            for address in addresses.iter().enumerate().filter(|(at, _)| !each || *at == place) {
                let data = match address.1.ip() {
                    IpAddr::V4(address) => RData::A(A(address)),
                    IpAddr::V6(address) => RData::AAAA(AAAA(address)),
                };
                self.put(host.clone(), data);
            }
        }
        Ok(())
    }

    fn put(&mut self, name: Name, data: RData) {
        let records = self.0.entry(name.clone()).or_default();
        if !records.iter().any(|record| record.data == data) {
            records.push(Record::from_rdata(name, TTL, data));
        }
    }

    /// The answer to `question`; none, if that is no message, or itself an answer.
    #[must_use]
    pub fn answer(&self, question: &[u8], transport: Transport) -> Option<Vec<u8>> {
        let asked = Message::from_vec(question).ok()?;
        if asked.metadata.message_type != MessageType::Query {
            return None;
        }
        let mut answer = Message::response(asked.metadata.id, asked.metadata.op_code);
        answer.metadata.recursion_desired = asked.metadata.recursion_desired;
        answer.metadata.recursion_available = true;
        answer.add_queries(asked.queries.iter().cloned());
        if asked.edns.is_some() {
            let mut edns = Edns::new();
            edns.set_max_payload(UDP_MAX);
            answer.set_edns(edns);
        }
        answer.metadata.response_code = match (asked.metadata.op_code, &asked.queries[..]) {
            (OpCode::Query, [query]) => self.look_up(query.name(), query.query_type(), &mut answer),
            (OpCode::Query, _) => ResponseCode::FormErr,
            _ => ResponseCode::NotImp,
        };
        let whole = answer.to_vec().ok()?;
        let takes = asked.edns.as_ref().map_or(UDP_PLAIN, Edns::max_payload);
        let room = usize::from(takes.clamp(UDP_PLAIN, UDP_MAX));
        let fits = transport == Transport::Tcp || whole.len() <= room;
        if fits { Some(whole) } else { answer.truncate().to_vec().ok() }
    }

    fn look_up(&self, name: &Name, kind: RecordType, answer: &mut Message) -> ResponseCode {
        answer.metadata.authoritative = true;
        let known = self.0.get(&name.to_lowercase());
        let records: Vec<Record> = known
            .into_iter()
            .flatten()
            .filter(|record| kind == RecordType::ANY || record.record_type() == kind)
            .cloned()
            .collect();
        if records.is_empty() {
            // Without this nobody may remember that there is nothing.
            // [RFC 2308 §5](https://www.rfc-editor.org/rfc/rfc2308#section-5)
            let soa = SOA::new(Name::root(), Name::root(), 1, 3_600, 600, 86_400, TTL);
            answer.add_authority(Record::from_rdata(Name::root(), TTL, RData::SOA(soa)));
        }
        answer.add_answers(records);
        if known.is_some() { ResponseCode::NoError } else { ResponseCode::NXDomain }
    }
}

fn name(text: &str) -> Result<Name, NotAName> {
    let mut name = Name::from_ascii(text).map_err(|_| NotAName(text.to_owned()))?;
    name.set_fqdn(true);
    Ok(name.to_lowercase())
}

#[cfg(test)]
mod tests;
