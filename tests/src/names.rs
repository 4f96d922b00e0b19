//! A DNS server that knows a few names, for a Ringpost that is told to ask it.
//!
//! It answers over UDP with what was asked and no more.
//! [RFC 1035 §4](https://www.rfc-editor.org/rfc/rfc1035#section-4)

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;

/// What is known of a name.
#[derive(Clone, Copy, Debug)]
pub enum Known {
    /// A mail exchanger: preference and host; the host `""` is the null MX.
    Mx(u16, &'static str),
    /// An address.
    Address(Ipv4Addr),
}

const NO_SUCH_NAME: u16 = 3;
/// A response, to a question that asked for recursion, from a server that offers it.
const RESPONSE: u16 = 0x8180;
const HEADER: usize = 12;
const TYPE_A: u16 = 1;
const TYPE_MX: u16 = 15;

/// Starts a server for `names`; it lives as long as the test.
///
/// # Errors
/// If there is no port.
pub fn serve(names: &'static [(&'static str, Known)]) -> io::Result<SocketAddr> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let address = socket.local_addr()?;
    thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((len, from)) = socket.recv_from(&mut query) {
            if let Some(response) = answer(&query[..len], names) {
                let _ = socket.send_to(&response, from);
            }
        }
    });
    Ok(address)
}

fn answer(query: &[u8], names: &[(&str, Known)]) -> Option<Vec<u8>> {
    let (name, kind, end) = question(query)?;
    let known = names.iter().filter(|(known, _)| *known == name).map(|(_, known)| known);
    let code = if known.clone().next().is_some() { 0 } else { NO_SUCH_NAME };
    let records: Vec<Vec<u8>> = known.filter_map(|known| record(*known, kind)).collect();
    let mut response = query[..2].to_vec();
    for field in [RESPONSE | code, 1, records.len() as u16, 0, 0] {
        response.extend_from_slice(&field.to_be_bytes());
    }
    response.extend_from_slice(&query[HEADER..end]);
    response.extend(records.concat());
    Some(response)
}

/// The name and type that a query asks for, and where its question ends; `None` if it is no query.
#[must_use]
pub fn question(query: &[u8]) -> Option<(String, u16, usize)> {
    let mut labels = Vec::new();
    let mut at = HEADER;
    loop {
        let len = usize::from(*query.get(at)?);
        let label = query.get(at + 1..at + 1 + len)?;
        at += 1 + len;
        if len == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(label).to_ascii_lowercase());
    }
    let kind = u16::from_be_bytes(query.get(at..at + 2)?.try_into().ok()?);
    Some((labels.join("."), kind, at + 4))
}

/// A record about the name in the question, if it is of the type asked for.
fn record(known: Known, kind: u16) -> Option<Vec<u8>> {
    let data = match (known, kind) {
        (Known::Address(address), TYPE_A) => address.octets().to_vec(),
        (Known::Mx(preference, host), TYPE_MX) => {
            [&preference.to_be_bytes()[..], &encoded(host)].concat()
        }
        _ => return None,
    };
    // A pointer to the name in the question, the type, class IN, a minute to live.
    let mut record = vec![0xc0, HEADER as u8];
    record.extend_from_slice(&kind.to_be_bytes());
    record.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
    record.extend_from_slice(&(data.len() as u16).to_be_bytes());
    record.extend(data);
    Some(record)
}

/// A name as it stands in a message.
#[must_use]
pub fn encoded(name: &str) -> Vec<u8> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    let labels = labels.map(|label| [&[label.len() as u8], label.as_bytes()].concat());
    labels.chain([vec![0]]).collect::<Vec<_>>().concat()
}
