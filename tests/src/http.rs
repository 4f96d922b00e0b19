//! One request, for Ringpost's admin address.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Status and body of `path` on `address`.
///
/// # Errors
/// If nobody listens, or what comes is not HTTP.
pub fn get(address: SocketAddr, path: &str) -> io::Result<(u16, String)> {
    ask(address, &format!("GET {path} HTTP/1.1\r\n"), "")
}

/// Status and body of the answer to `body`, which is JSON, posted to `path` on `address`.
///
/// # Errors
/// As [`get`].
pub fn post(address: SocketAddr, path: &str, body: &str) -> io::Result<(u16, String)> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
    );
    ask(address, &head, body)
}

fn ask(address: SocketAddr, head: &str, body: &str) -> io::Result<(u16, String)> {
    let patience = Duration::from_secs(10);
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(
        format!("{head}Host: {address}\r\nConnection: close\r\n\r\n{body}").as_bytes(),
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    parse(&answer).ok_or_else(|| io::Error::other(format!("not HTTP: {answer:?}")))
}

/// A body in chunks is not understood: none of ours is.
fn parse(answer: &str) -> Option<(u16, String)> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, body.into()))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer = "HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\nnot yet\n";
        assert_eq!(parse(answer), Some((503, "not yet\n".into())));
        assert_eq!(parse("220 relay.test ESMTP\r\n\r\n"), None);
    }
}
