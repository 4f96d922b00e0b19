//! A proxy that leads to hosts we cannot, or may not, connect to ourselves.
//!
//! [RFC 9110 §9.3.6](https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6)

use super::{Failure, Kind, in_time};
use std::io;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The longest head of its answer.
const HEAD_BYTES_MAX: usize = 4 * 1_024;

/// A proxy that leads to hosts.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Proxy {
    /// A connection with a host, by way of it.
    pub(super) async fn lead(&self, host: &str, port: u16) -> Result<TcpStream, Failure> {
        let failed = |error: io::Error| {
            Failure::new(Kind::Connect, format!("proxy {}:{}: {error}", self.host, self.port))
        };
        let connecting = TcpStream::connect((self.host.as_str(), self.port));
        let mut stream = in_time(connecting).await.map_err(failed)?;
        let asked = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n");
        stream.write_all(asked.as_bytes()).await.map_err(failed)?;
        let head = head(&mut stream).await.map_err(failed)?;
        if is_granted(&head) {
            return Ok(stream);
        }
        let said = head.lines().next().unwrap_or_default();
        Err(failed(io::Error::other(format!("it answered {said:?}"))))
    }
}

/// Byte by byte: what stands behind it is the host's.
async fn head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HEAD_BYTES_MAX {
            return Err(io::Error::other("its answer has no end"));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn is_granted(head: &str) -> bool {
    ["HTTP/1.1 2", "HTTP/1.0 2"].iter().any(|granted| head.starts_with(granted))
}
