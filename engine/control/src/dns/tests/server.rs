//! A DNS server with one zone, and the faults written into it.

use hickory_server::Server;
use hickory_server::net::runtime::Time;
use hickory_server::proto::op::{Header, HeaderCounts, Metadata, ResponseCode};
use hickory_server::proto::rr::rdata::{A, AAAA, CNAME, MX, SOA, TXT};
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
pub(super) struct Zone(BTreeMap<String, BTreeMap<String, Entry>>);

#[derive(Debug)]
enum Entry {
    Records(Vec<Record>),
    Fault(ResponseCode),
    Silence,
}

/// The questions the server has heard.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    pub(super) fn in_all(&self) -> usize {
        self.0.lock().unwrap().len()
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
    /// Lines of `name TYPE data`, and perhaps `ttl=seconds`; for data also a fault.
    pub(super) fn parse(text: &str) -> Self {
        let mut zone = Self::default();
        for line in text.lines() {
            let (line, ttl) = line.split_once(" ttl=").unwrap_or((line, "300"));
            let mut words = line.splitn(3, ' ');
            let mut word = || words.next().unwrap();
            let (name, kind, data) = (word(), word(), word());
            let name = Name::from_ascii(format!("{name}.")).unwrap();
            let kinds = zone.0.entry(name.to_ascii()).or_default();
            let entry = kinds.entry(kind.to_owned()).or_insert_with(|| Entry::Records(Vec::new()));
            match (data, entry) {
                ("SERVFAIL", entry) => *entry = Entry::Fault(ResponseCode::ServFail),
                ("REFUSED", entry) => *entry = Entry::Fault(ResponseCode::Refused),
                ("SILENCE", entry) => *entry = Entry::Silence,
                (data, Entry::Records(records)) => {
                    records.push(Record::from_rdata(name, ttl.parse().unwrap(), rdata(kind, data)));
                }
                (data, _) => panic!("{data} beside a fault"),
            }
        }
        zone
    }

    fn answer(&self, name: &str, kind: &str) -> Result<Vec<Record>, Option<ResponseCode>> {
        let kinds = self.0.get(name).ok_or(Some(ResponseCode::NXDomain))?;
        match (kinds.get(kind), kinds.get("CNAME")) {
            (Some(Entry::Silence), _) => Err(None),
            (Some(Entry::Fault(code)), _) => Err(Some(*code)),
            (Some(Entry::Records(records)), _) => Ok(records.clone()),
            (None, Some(Entry::Records(alias))) => Ok(self.followed(alias, kind)),
            (None, _) => Ok(Vec::new()),
        }
    }

    /// An alias, and as a resolver would add it, what its target has.
    fn followed(&self, alias: &[Record], kind: &str) -> Vec<Record> {
        let RData::CNAME(CNAME(target)) = &alias[0].data else { panic!("an alias") };
        let target = self.0.get(&target.to_ascii()).and_then(|kinds| kinds.get(kind));
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
        let (records, code) = match self.zone.answer(&name, &kind) {
            Ok(records) => (records, ResponseCode::NoError),
            Err(Some(code)) => (Vec::new(), code),
            Err(None) => return Header { metadata, counts: HeaderCounts::default() }.into(),
        };
        metadata.response_code = code;
        metadata.recursion_available = true;
        let denies =
            records.is_empty() && matches!(code, ResponseCode::NoError | ResponseCode::NXDomain);
        let origin = Name::from_ascii("example.").unwrap();
        let soa = SOA::new(origin.clone(), origin.clone(), 1, 60, 60, 60, 60);
        let soa = [Record::from_rdata(origin, 60, RData::SOA(soa))];
        let soa = if denies { &soa[..] } else { &[] };
        let reply = MessageResponseBuilder::from_message_request(request);
        out.send_response(reply.build(metadata, &records, [], soa, [])).await.unwrap()
    }
}
