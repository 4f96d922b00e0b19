//! One SMTP connection, spoken line by line, for what no ordinary client would say.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// An open connection.
#[derive(Debug)]
pub struct Speaker {
    stream: TcpStream,
    replies: BufReader<TcpStream>,
}

impl Speaker {
    /// Connects and takes the greeting.
    ///
    /// # Errors
    /// If nobody listens, or does not greet.
    pub fn connect(to: SocketAddr) -> io::Result<Self> {
        Self::behind(to, b"")
    }

    /// Connects, says what a balancer says first, and takes the greeting.
    ///
    /// # Errors
    /// As [`Self::connect`].
    pub fn behind(to: SocketAddr, header: &[u8]) -> io::Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        (&stream).write_all(header)?;
        let replies = BufReader::new(stream.try_clone()?);
        let mut speaker = Self { stream, replies };
        speaker.hear("220")?;
        Ok(speaker)
    }

    /// Waits so long for each reply from now on.
    ///
    /// # Errors
    /// If the socket does not.
    pub fn be_patient(&mut self, patience: Duration) -> io::Result<()> {
        self.stream.set_read_timeout(Some(patience))
    }

    /// Says a line, without its CRLF, and returns the reply.
    ///
    /// # Errors
    /// If there is none, or it does not begin with `expected`.
    pub fn say(&mut self, line: &str, expected: &str) -> io::Result<String> {
        self.stream.write_all(format!("{line}\r\n").as_bytes())?;
        self.hear(expected)
    }

    /// Sends `octets` in one chunk, the last, and returns the reply to it.
    ///
    /// # Errors
    /// If it is not taken.
    pub fn chunk(&mut self, octets: &[u8]) -> io::Result<String> {
        self.say_chunk(octets, true)
    }

    /// Sends `octets` in one chunk, `last` or not, and returns the reply to it.
    ///
    /// # Errors
    /// If it is not taken.
    pub fn say_chunk(&mut self, octets: &[u8], last: bool) -> io::Result<String> {
        let last = if last { " LAST" } else { "" };
        self.stream.write_all(format!("BDAT {}{last}\r\n", octets.len()).as_bytes())?;
        self.stream.write_all(octets)?;
        self.hear("250")
    }

    /// Sends one message of one recipient and returns the reply to its final dot.
    ///
    /// # Errors
    /// If any of it is not taken.
    pub fn send(&mut self, from: &str, to: &str, text: &str) -> io::Result<String> {
        self.say(&format!("MAIL FROM:<{from}>"), "250")?;
        self.say(&format!("RCPT TO:<{to}>"), "250")?;
        self.say("DATA", "354")?;
        self.say(&format!("{text}."), "250")
    }

    /// Takes a reply of any number of lines.
    ///
    /// # Errors
    /// If it does not come, or does not begin with `expected`.
    pub fn hear(&mut self, expected: &str) -> io::Result<String> {
        let mut reply = String::new();
        loop {
            let start = reply.len();
            if self.replies.read_line(&mut reply)? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reply));
            }
            if reply.as_bytes()[start..].get(3) != Some(&b'-') {
                break;
            }
        }
        let right = reply.starts_with(expected);
        right.then_some(()).ok_or_else(|| io::Error::other(format!("not {expected}: {reply}")))?;
        Ok(reply)
    }
}
