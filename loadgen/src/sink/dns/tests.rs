use super::{Transport, Zone, serve};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

fn zone(hosts: u8) -> Zone {
    let mut zone = Zone::default();
    let names: Vec<_> = (1..=hosts).map(|number| format!("mx{number}.big.example")).collect();
    let addresses: Vec<SocketAddr> =
        (1..=hosts).map(|number| (Ipv4Addr::new(127, 0, 7, number), 25).into()).collect();
    zone.add(&["big.example".to_owned(), "Other.example".to_owned()], &names, "x", &addresses)
        .unwrap();
    let both = ["127.0.8.1:25", "[::1]:25"].map(|address| address.parse().unwrap());
    zone.add(&["plain.example".to_owned()], &[], "mx.plain.example", &both).unwrap();
    zone
}

fn question(name: &str, kind: RecordType, takes: Option<u16>) -> Vec<u8> {
    let mut message = Message::new(77, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    if let Some(takes) = takes {
        let mut edns = Edns::new();
        edns.set_max_payload(takes);
        message.set_edns(edns);
    }
    message.to_vec().unwrap()
}

fn asked(zone: &Zone, name: &str, kind: RecordType) -> (ResponseCode, Vec<String>) {
    let answer = zone.answer(&question(name, kind, None), Transport::Tcp).unwrap();
    let answer = Message::from_vec(&answer).unwrap();
    assert_eq!((answer.metadata.id, answer.queries.len()), (77, 1));
    assert_eq!(answer.answers.is_empty(), !answer.authorities.is_empty(), "a SOA says how long");
    let data = answer.answers.iter().map(|record| record.data.to_string()).collect();
    (answer.metadata.response_code, data)
}

#[test]
fn names_have_what_their_provider_has_and_others_do_not_exist() {
    use {RecordType as Type, ResponseCode as Code};
    let zone = zone(2);
    let two = ["10 mx1.big.example.", "20 mx2.big.example."].map(str::to_owned).to_vec();
    assert_eq!(asked(&zone, "big.example.", Type::MX), (Code::NoError, two.clone()));
    assert_eq!(asked(&zone, "OTHER.Example.", Type::MX), (Code::NoError, two));
    assert_eq!(asked(&zone, "mx2.big.example.", Type::A).1, ["127.0.7.2"]);
    assert_eq!(asked(&zone, "plain.example.", Type::MX).1, ["10 mx.plain.example."]);
    assert_eq!(asked(&zone, "mx.plain.example.", Type::A).1, ["127.0.8.1"]);
    assert_eq!(asked(&zone, "mx.plain.example.", Type::AAAA).1, ["::1"]);
    assert_eq!(asked(&zone, "big.example.", Type::A), (Code::NoError, vec![]));
    assert_eq!(asked(&zone, "small.example.", Type::MX), (Code::NXDomain, vec![]));
    assert!(
        Zone::default()
            .add(&["a..b".to_owned()], &[], "x", &["127.0.0.1:1".parse().unwrap()])
            .is_err()
    );
}

#[test]
fn an_answer_too_large_for_a_datagram_is_cut_off_and_whole_over_tcp() {
    let zone = zone(200);
    for (takes, room) in [(None, 512), (Some(200), 512), (Some(4_096), 1_232)] {
        let bytes = question("big.example.", RecordType::MX, takes);
        let cut = zone.answer(&bytes, Transport::Udp).unwrap();
        assert!(cut.len() <= room, "{takes:?}: {}", cut.len());
        let cut = Message::from_vec(&cut).unwrap();
        assert!(cut.metadata.truncation && cut.answers.is_empty());
        let whole = Message::from_vec(&zone.answer(&bytes, Transport::Tcp).unwrap()).unwrap();
        assert!(!whole.metadata.truncation && whole.answers.len() == 200);
    }
}

#[test]
fn nonsense_is_no_question_and_an_answer_gets_none() {
    let zone = zone(1);
    for bytes in [&b""[..], b"x", &[0xff; 40]] {
        assert_eq!(zone.answer(bytes, Transport::Udp), None);
    }
    let answer = zone.answer(&question("big.example.", RecordType::MX, None), Transport::Udp);
    assert_eq!(zone.answer(&answer.unwrap(), Transport::Udp), None);
}

#[test]
fn both_transports_answer_until_it_is_dropped() {
    let dns = serve("127.0.0.1:0".parse().unwrap(), zone(200)).unwrap();
    let address = dns.address;
    let bytes = question("mx7.big.example.", RecordType::A, None);
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    udp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    udp.send_to(b"nonsense", address).unwrap();
    udp.send_to(&bytes, address).unwrap();
    let mut answer = [0; 512];
    let (length, _) = udp.recv_from(&mut answer).unwrap();
    assert_eq!(Message::from_vec(&answer[..length]).unwrap().answers.len(), 1);
    let mut tcp = TcpStream::connect(address).unwrap();
    for name in ["big.example.", "nowhere.example."] {
        let bytes = question(name, RecordType::MX, None);
        tcp.write_all(&(bytes.len() as u16).to_be_bytes()).unwrap();
        tcp.write_all(&bytes).unwrap();
        let mut length = [0; 2];
        tcp.read_exact(&mut length).unwrap();
        let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
        tcp.read_exact(&mut answer).unwrap();
        let answers = Message::from_vec(&answer).unwrap().answers.len();
        assert_eq!(answers, if name == "big.example." { 200 } else { 0 });
    }
    drop(dns);
    assert!(TcpStream::connect(address).is_err());
}
