//! A DNS server with one zone, and the faults written into it.

use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{Header, HeaderCounts, Metadata, ResponseCode};
use hickory_server::proto::rr::rdata::{A, AAAA, CNAME, MX, NS, SOA, TLSA, TXT};
use hickory_server::proto::rr::{Name, RData, Record};
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::MessageResponseBuilder;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};

/// What is known of one name: by record type, its records or its fault.
#[derive(Debug, Default)]
pub(super) struct Zone {
    names: BTreeMap<String, BTreeMap<String, Entry>>,
    /// What is wrong with all answers.
    broken: Option<Fault>,
}

#[derive(Debug)]
enum Entry {
    Records(Vec<Record>),
    Fault(Fault),
}

/// What a server says in place of an answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    Code(ResponseCode),
    /// That others should be asked, as who is no resolver and knows nothing says.
    Lame,
    /// Nothing.
    Silence,
}

impl Fault {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "SERVFAIL" => Self::Code(ResponseCode::ServFail),
            "REFUSED" => Self::Code(ResponseCode::Refused),
            "NOTIMP" => Self::Code(ResponseCode::NotImp),
            "LAME" => Self::Lame,
            "SILENCE" => Self::Silence,
            _ => return None,
        })
    }
}

/// The questions the server has heard.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    pub(super) fn in_all(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub(super) fn of_kind(&self, kind: &str) -> usize {
        let is_it = |asked: &&String| asked.rsplit(' ').next() == Some(kind);
        self.0.lock().unwrap().iter().filter(is_it).count()
    }

    pub(super) fn times(&self, question: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|asked| *asked == question).count()
    }
}

/// Serves `zone` on a port of its own until the test ends.
pub(super) async fn serve(zone: Zone) -> (SocketAddr, Asked) {
    let asked = Asked::default();
    let mut server = Server::new(Handler { zone, asked: asked.clone() });
    let (udp, tcp) = loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        // Another process may have this port for TCP.
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().unwrap();
    server.register_socket(udp);
    server.register_listener(tcp, Duration::from_secs(5), 64);
    tokio::spawn(async move { server.block_until_done().await });
    (address, asked)
}

impl Zone {
    /// One all of whose answers are like this.
    pub(super) fn broken(fault: &str) -> Self {
        Self { broken: Fault::parse(fault), ..Self::default() }
    }

    /// Lines of `name TYPE data`, and perhaps `ttl=seconds`; for data also a fault.
    pub(super) fn parse(text: &str) -> Self {
        let mut zone = Self::default();
        for line in text.lines() {
            let (line, ttl) = line.split_once(" ttl=").unwrap_or((line, "300"));
            let mut words = line.splitn(3, ' ');
            let mut word = || words.next().unwrap();
            let (name, kind, data) = (word(), word(), word());
            let name = Name::from_ascii(format!("{name}.")).unwrap();
            let kinds = zone.names.entry(name.to_ascii()).or_default();
            let entry = kinds.entry(kind.to_owned()).or_insert_with(|| Entry::Records(Vec::new()));
            match (Fault::parse(data), entry) {
                (Some(fault), entry) => *entry = Entry::Fault(fault),
                (None, Entry::Records(records)) => {
                    records.push(Record::from_rdata(name, ttl.parse().unwrap(), rdata(kind, data)));
                }
                (None, _) => panic!("{data} beside a fault"),
            }
        }
        zone
    }

    fn answer(&self, name: &str, kind: &str) -> Result<Vec<Record>, Fault> {
        if let Some(fault) = self.broken {
            return Err(fault);
        }
        let kinds = self.names.get(name).ok_or(Fault::Code(ResponseCode::NXDomain))?;
        match (kinds.get(kind), kinds.get("CNAME")) {
            (Some(Entry::Fault(fault)), _) => Err(*fault),
            (Some(Entry::Records(records)), _) => Ok(records.clone()),
            (None, Some(Entry::Records(alias))) => Ok(self.followed(alias, kind)),
            (None, _) => Ok(Vec::new()),
        }
    }

    /// An alias, and as a resolver would add it, what its target has.
    fn followed(&self, alias: &[Record], kind: &str) -> Vec<Record> {
        let RData::CNAME(CNAME(target)) = &alias[0].data else { panic!("an alias") };
        let target = self.names.get(&target.to_ascii()).and_then(|kinds| kinds.get(kind));
        let mut records = alias.to_vec();
        if let Some(Entry::Records(found)) = target {
            records.extend_from_slice(found);
        }
        records
    }
}

fn rdata(kind: &str, data: &str) -> RData {
    let absolute =
        |name: &str| Name::from_ascii(format!("{}.", name.trim_end_matches('.'))).unwrap();
    match kind {
        "A" => RData::A(A(data.parse().unwrap())),
        "AAAA" => RData::AAAA(AAAA(data.parse().unwrap())),
        "CNAME" => RData::CNAME(CNAME(absolute(data))),
        "TXT" => RData::TXT(TXT::new(vec![data.to_owned()])),
        "TLSA" => {
            let fields: Vec<u8> = data.split(' ').map(|field| field.parse().unwrap()).collect();
            let [usage, selector, matching, bytes] = fields[..] else { panic!("four: {data}") };
            let data = vec![7; bytes.into()];
            RData::TLSA(TLSA::new(usage.into(), selector.into(), matching.into(), data))
        }
        "MX" => {
            let (preference, host) = data.split_once(' ').unwrap();
            RData::MX(MX::new(preference.parse().unwrap(), absolute(host)))
        }
        kind => panic!("{kind} is not served"),
    }
}

struct Handler {
    zone: Zone,
    asked: Asked,
}

impl RequestHandler for Handler {
    fn handle_request<'s, 'r, 'f, R, T>(
        &'s self,
        request: &'r Request,
        response: R,
    ) -> Pin<Box<dyn Future<Output = ResponseInfo> + Send + 'f>>
    where
        's: 'f,
        'r: 'f,
        R: ResponseHandler + 'f,
        T: Time + 'f,
        Self: 'f,
    {
        Box::pin(self.handle(request, response))
    }
}

impl Handler {
    async fn handle<R: ResponseHandler>(&self, request: &Request, mut out: R) -> ResponseInfo {
        let query = request.request_info().unwrap().query;
        let (name, kind) = (query.name().to_string(), query.query_type().to_string());
        self.asked.0.lock().unwrap().push(format!("{name} {kind}"));
        let mut metadata = Metadata::response_from_request(&request.metadata);
        let origin = Name::from_ascii("example.").unwrap();
        let soa_data = SOA::new(origin.clone(), origin.clone(), 1, 60, 60, 60, 60);
        let (mut soa, mut servers) = (Vec::new(), Vec::new());
        let (records, code) = match self.zone.answer(&name, &kind) {
            Ok(records) => (records, ResponseCode::NoError),
            Err(Fault::Code(code)) => (Vec::new(), code),
            Err(Fault::Silence) => {
                return Header { metadata, counts: HeaderCounts::default() }.into();
            }
            Err(Fault::Lame) => {
                servers.push(Record::from_rdata(origin.clone(), 60, RData::NS(NS(origin.clone()))));
                (Vec::new(), ResponseCode::NoError)
            }
        };
        // As if this zone were signed, and this a resolver that validates, and has been asked.
        let is_proven = |record: &Record| record.name.to_ascii().ends_with(".proven.example.");
        metadata.authentic_data = request.metadata.authentic_data && records.iter().all(is_proven);
        metadata.response_code = code;
        metadata.recursion_available = servers.is_empty();
        let denies = matches!(code, ResponseCode::NoError | ResponseCode::NXDomain);
        if records.is_empty() && denies && servers.is_empty() {
            soa.push(Record::from_rdata(origin, 60, RData::SOA(soa_data)));
        }
        let reply = MessageResponseBuilder::from_message_request(request);
        out.send_response(reply.build(metadata, &records, &servers, &soa, [])).await.unwrap()
    }
}
