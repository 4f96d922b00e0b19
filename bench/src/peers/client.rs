//! A client that does one thing at a time, to look at what a relay does meanwhile.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to a relay that has greeted.
#[derive(Debug)]
pub(super) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects and hears the greeting.
    pub(super) fn connect(to: SocketAddr) -> io::Result<Self> {
        Self::connect_within(to, PATIENCE)
    }

    /// [`Self::connect`], where every reply must come within `patience`.
    pub(super) fn connect_within(to: SocketAddr, patience: Duration) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&to, patience)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_nodelay(true)?;
        let mut client = Self { stream: BufReader::new(stream) };
        client.expect("220")?;
        Ok(client)
    }

    /// Introduces itself.
    pub(super) fn hello(&mut self) -> io::Result<()> {
        self.command("EHLO client.test", "250")
    }

    /// Offers a message of about `bytes` as far as its final dot.
    pub(super) fn offer(&mut self, recipient: &str, bytes: usize) -> io::Result<()> {
        self.command("MAIL FROM:<sender@source.test>", "250")?;
        self.command(&format!("RCPT TO:<{recipient}>"), "250")?;
        self.command("DATA", "354")?;
        self.stream.get_mut().write_all(&crate::inputs::text(bytes))
    }

    /// Ends that message, and hears that it is taken.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        self.command(".", "250")
    }

    fn command(&mut self, line: &str, code: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes())?;
        self.expect(code)
    }

    /// Reads a reply to its last line.
    fn expect(&mut self, code: &str) -> io::Result<()> {
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if !line.starts_with(code) {
                return Err(io::Error::other(format!("not {code} but {}", line.trim_end())));
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(());
            }
        }
    }
}
