//! A small SMTP server that keeps what it is sent and answers recipients as it is told.
//!
//! Threads and lines, nothing shared with Ringpost's own parser. It reads one line at a
//! time, so a pipelined client is served as well as a patient one. BDAT it takes in one chunk.

use crate::wait;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// A message that was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// The path in MAIL, without its brackets.
    pub sender: String,
    /// The paths of the recipients that were taken, in order.
    pub recipients: Vec<String>,
    /// The text, with CRLF and without the dots that SMTP adds; or what came with BDAT.
    pub text: Vec<u8>,
    /// MAIL, and RCPT for each recipient that was taken, as they were said.
    pub commands: Vec<String>,
    /// It came with BDAT.
    pub chunked: bool,
    /// The address it came from.
    pub client: String,
    /// The name that whoever brought it gave.
    pub hello: String,
}

/// The reply to a recipient, such as `250 2.1.5 fine` or `450 4.2.1 later`.
type Answers = dyn FnMut(&str) -> String + Send;

/// What it offers, unless it is told otherwise.
const OFFERS: [&str; 3] = ["PIPELINING", "8BITMIME", "SMTPUTF8"];

struct Shared {
    offers: Vec<String>,
    mails: Mutex<Vec<Mail>>,
    /// Addresses that hear 554 for a greeting.
    unwelcome: Mutex<Vec<String>>,
    answers: Mutex<Box<Answers>>,
}

/// A running recorder. It lives as long as the test.
#[derive(Clone)]
pub struct Recorder {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Recorder {
    /// One that takes everything.
    ///
    /// # Errors
    /// If there is no port.
    pub fn start() -> io::Result<Self> {
        Self::answering(|_| "250 2.1.5 fine".into())
    }

    /// One that asks `answers` for its reply to each recipient.
    ///
    /// # Errors
    /// If there is no port.
    pub fn answering(answers: impl FnMut(&str) -> String + Send + 'static) -> io::Result<Self> {
        Self::offering(&OFFERS, answers)
    }

    /// As [`Self::answering`], with these extensions.
    ///
    /// # Errors
    /// If there is no port.
    pub fn offering(
        offers: &[&str],
        answers: impl FnMut(&str) -> String + Send + 'static,
    ) -> io::Result<Self> {
        let offers = offers.iter().map(|offer| (*offer).to_owned()).collect();
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let answers: Mutex<Box<Answers>> = Mutex::new(Box::new(answers));
        let shared =
            Shared { offers, mails: Mutex::default(), unwelcome: Mutex::default(), answers };
        let shared = Arc::new(shared);
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&served);
                thread::spawn(move || talk(&stream, &shared));
            }
        });
        Ok(Self { address, shared })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Turns away whoever comes from this address from now on.
    pub fn turn_away(&self, client: &str) {
        locked(&self.shared.unwelcome).push(client.to_owned());
    }

    /// What it has taken so far, in order.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        locked(&self.shared.mails).clone()
    }

    /// Waits until it has taken `count` messages.
    ///
    /// # Errors
    /// `TimedOut`, with what did come, after `limit`.
    pub fn wait_for(&self, count: usize, limit: Duration) -> io::Result<Vec<Mail>> {
        let came = || Some(self.mails()).filter(|mails| mails.len() >= count);
        wait::until("recorded mail", limit, came)
            .map_err(|late| io::Error::new(late.kind(), format!("{late}: {:?}", self.mails())))
    }
}

fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn talk(mut stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    let mut lines = BufReader::new(stream);
    let mut mail = Mail::default();
    let (client, mut hello) = (stream.peer_addr()?.ip().to_string(), String::new());
    if locked(&shared.unwelcome).contains(&client) {
        return stream.write_all(b"554 5.7.1 not from there\r\n");
    }
    stream.write_all(b"220 recorder.test ESMTP\r\n")?;
    loop {
        let line = line(&mut lines)?;
        let command = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
        let verb = command.get(..4).unwrap_or(&command).to_ascii_uppercase();
        let reply = match verb.as_str() {
            "EHLO" => {
                command.get(5..).unwrap_or_default().clone_into(&mut hello);
                offers(&shared.offers)
            }
            "MAIL" => {
                let sender = path(&command);
                let (client, hello) = (client.clone(), hello.clone());
                mail = Mail { sender, commands: vec![command], client, hello, ..Mail::default() };
                "250 2.1.0 fine".into()
            }
            "RCPT" => recipient(&mut mail, &command, shared),
            "BDAT" => {
                mail.text = chunk(&mut lines, &command)?;
                mail.chunked = true;
                keep(&mut mail, shared)
            }
            "DATA" if mail.recipients.is_empty() => "554 5.5.1 no recipients".into(),
            "DATA" => {
                stream.write_all(b"354 go\r\n")?;
                mail.text = text(&mut lines)?;
                keep(&mut mail, shared)
            }
            "QUIT" => return stream.write_all(b"221 2.0.0 bye\r\n"),
            "HELO" | "RSET" | "NOOP" => "250 2.0.0 fine".into(),
            _ => "500 5.5.2 what".into(),
        };
        stream.write_all(format!("{reply}\r\n").as_bytes())?;
    }
}

fn offers(offers: &[String]) -> String {
    let offers = offers.iter().map(|offer| format!("250-{offer}\r\n"));
    format!("250-recorder.test\r\n{}250 ENHANCEDSTATUSCODES", offers.collect::<String>())
}

fn keep(mail: &mut Mail, shared: &Shared) -> String {
    locked(&shared.mails).push(std::mem::take(mail));
    "250 2.0.0 kept".into()
}

fn recipient(mail: &mut Mail, command: &str, shared: &Shared) -> String {
    let path = path(command);
    let reply = (locked(&shared.answers))(&path);
    if reply.starts_with('2') {
        mail.recipients.push(path);
        mail.commands.push(command.into());
    }
    reply
}

/// All that `BDAT n LAST` announces.
fn chunk(lines: &mut impl Read, command: &str) -> io::Result<Vec<u8>> {
    let len = command.strip_prefix("BDAT ").and_then(|rest| rest.strip_suffix(" LAST"));
    let len = len.and_then(|len| len.parse().ok());
    let mut chunk = vec![0; len.ok_or_else(|| io::Error::other(command.to_owned()))?];
    lines.read_exact(&mut chunk)?;
    Ok(chunk)
}

/// What stands between the first `<` and the next `>`.
fn path(command: &str) -> String {
    let inside = command.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or_else(String::new, |(path, _)| path.into())
}

fn text(lines: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    loop {
        let line = line(lines)?;
        if line == b".\r\n" {
            return Ok(text);
        }
        text.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

/// A line with its end; an error when there are no more.
fn line(lines: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    match lines.read_until(b'\n', &mut line)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line),
    }
}

#[cfg(test)]
mod tests;
