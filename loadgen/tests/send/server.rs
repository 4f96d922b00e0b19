//! A server that speaks everything the generator can, one thread a connection, and keeps what it
//! was told.

use loadgen::tls::{self, Tls};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// How it behaves.
#[derive(Default)]
pub(crate) struct Manners {
    pub(crate) proxy: bool,
    pub(crate) tls: Option<tls::Server>,
    /// From the first byte, and not from STARTTLS on.
    pub(crate) implicit: bool,
    /// What EHLO offers, without STARTTLS.
    pub(crate) offers: &'static [&'static str],
    /// Said right behind the answer to STARTTLS, in the clear.
    pub(crate) injected: &'static str,
    /// Recipients whose address contains this are refused.
    pub(crate) refuses: Option<&'static str>,
}

/// What it was told.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// PROXY headers as they came.
    pub(crate) headers: Vec<Vec<u8>>,
    /// Every command line, and under TLS with `*` in front.
    pub(crate) lines: Vec<String>,
    /// Texts in wire form.
    pub(crate) texts: Vec<Vec<u8>>,
}

impl Told {
    pub(crate) fn count(&self, start: &str) -> usize {
        self.lines.iter().filter(|line| line.starts_with(start)).count()
    }
}

/// Serves until the test is over. Returns its address and what it was told so far.
pub(crate) fn serve(manners: Manners) -> (SocketAddr, Arc<Mutex<Told>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (manners, told) = (Arc::new(manners), Arc::new(Mutex::default()));
    let shared = Arc::clone(&told);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (manners, told) = (Arc::clone(&manners), Arc::clone(&shared));
            thread::spawn(move || Peer::new(stream, &manners, &told).talk());
        }
    });
    (address, told)
}

/// One connection.
struct Peer<'m> {
    stream: TcpStream,
    manners: &'m Manners,
    told: &'m Mutex<Told>,
    tls: Option<Tls>,
    heard: Vec<u8>,
    chunks: Vec<u8>,
    /// MAIL was taken, and neither text nor RSET came.
    open: bool,
    recipients: usize,
}

impl<'m> Peer<'m> {
    fn new(stream: TcpStream, manners: &'m Manners, told: &'m Mutex<Told>) -> Self {
        let (tls, heard, chunks) = (None, Vec::new(), Vec::new());
        Self { stream, manners, told, tls, heard, chunks, open: false, recipients: 0 }
    }

    /// What was heard already is the beginning of the handshake.
    fn secure(&mut self) {
        let Some(server) = &self.manners.tls else { return };
        let (mut tls, mut out) = (server.accept().unwrap(), Vec::new());
        let early = std::mem::take(&mut self.heard);
        tls.take(&early, &mut self.heard, &mut out).unwrap();
        self.tls = Some(tls);
        drop(self.stream.write_all(&out));
    }

    /// Reads more; false at the end.
    fn read(&mut self) -> bool {
        let mut room = [0; 8_192];
        let Ok(count @ 1..) = self.stream.read(&mut room) else { return false };
        let Some(tls) = &mut self.tls else {
            self.heard.extend_from_slice(&room[..count]);
            return true;
        };
        let mut out = Vec::new();
        let taken = tls.take(&room[..count], &mut self.heard, &mut out);
        self.stream.write_all(&out).is_ok() && taken.is_ok()
    }

    /// The first `count` bytes.
    fn bytes(&mut self, count: usize) -> Option<Vec<u8>> {
        while self.heard.len() < count {
            self.read().then_some(())?;
        }
        Some(self.heard.drain(..count).collect())
    }

    /// Everything up to and with `end`.
    fn until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = memchr::memmem::find(&self.heard, end) {
                return self.bytes(at + end.len());
            }
            self.read().then_some(())?;
        }
    }

    fn say(&mut self, reply: &str) {
        let reply = reply.replace('\n', "\r\n");
        let mut out = Vec::new();
        match &mut self.tls {
            Some(tls) => tls.give(reply.as_bytes(), &mut out).unwrap(),
            None => out.extend_from_slice(reply.as_bytes()),
        }
        drop(self.stream.write_all(&out));
    }

    fn talk(mut self) {
        if self.manners.proxy {
            let Some(header) = self.header() else { return };
            self.told.lock().unwrap().headers.push(header);
        }
        if self.manners.implicit {
            self.secure();
        }
        self.say("220 mx.example\n");
        while let Some(line) = self.until(b"\r\n") {
            let line = String::from_utf8(line).unwrap().trim_end().to_owned();
            let mark = if self.tls.is_some() { "*" } else { "" };
            self.told.lock().unwrap().lines.push(format!("{mark}{line}"));
            if self.answer(&line).is_none() {
                break;
            }
        }
        drop(self.stream.shutdown(Shutdown::Both));
    }

    fn header(&mut self) -> Option<Vec<u8>> {
        let front = self.bytes(16)?;
        let rest = match front.strip_prefix(b"\r\n\r\n\0\r\nQUIT\n") {
            Some(rest) => self.bytes(usize::from(rest[3]))?,
            None => self.until(b"\r\n")?,
        };
        Some([front, rest].concat())
    }

    fn answer(&mut self, line: &str) -> Option<()> {
        let words: Vec<_> = line.split(' ').collect();
        match words.as_slice() {
            ["EHLO", _] => self.ehlo(),
            ["STARTTLS"] => {
                assert!(self.heard.is_empty(), "nothing is said before the answer to STARTTLS");
                self.say(&format!("220 go\n{}", self.manners.injected));
                self.secure();
            }
            // "ann" and "secret".
            ["AUTH", "PLAIN", "AGFubgBzZWNyZXQ="] => self.say("235 welcome\n"),
            ["AUTH", "LOGIN"] => {
                self.say("334 VXNlcm5hbWU6\n");
                let user = self.until(b"\r\n")?;
                self.say("334 UGFzc3dvcmQ6\n");
                let password = self.until(b"\r\n")?;
                let known = user == b"YW5u\r\n" && password == b"c2VjcmV0\r\n";
                self.say(if known { "235 welcome\n" } else { "535 who?\n" });
            }
            ["MAIL", ..] if self.open => self.say("503 nested\n"),
            ["MAIL", ..] => {
                (self.open, self.recipients, self.chunks) = (true, 0, Vec::new());
                self.say("250 ok\n");
            }
            ["RCPT", to, ..] if self.manners.refuses.is_some_and(|part| to.contains(part)) => {
                self.say("550 no such user\n");
            }
            ["RCPT", ..] => {
                self.recipients += 1;
                self.say("250 ok\n");
            }
            ["DATA"] => {
                self.say("354 go\n");
                let mut text = self.until(b"\r\n.\r\n")?;
                text.truncate(text.len() - 3);
                self.take(text);
            }
            ["BDAT", size, last @ ..] => {
                let chunk = self.bytes(size.parse().unwrap())?;
                self.chunk(&chunk, !last.is_empty());
            }
            ["RSET"] => {
                self.open = false;
                self.say("250 ok\n");
            }
            ["QUIT"] => {
                self.say("221 bye\n");
                return None;
            }
            _ => self.say("535 what?\n"),
        }
        Some(())
    }

    fn ehlo(&mut self) {
        let mut reply = "250-mx.example\n".to_owned();
        if self.manners.tls.is_some() && self.tls.is_none() {
            reply += "250-STARTTLS\n";
        }
        for offer in self.manners.offers {
            reply.extend(["250-", offer, "\n"]);
        }
        self.say(&(reply + "250 HELP\n"));
    }

    fn chunk(&mut self, chunk: &[u8], is_last: bool) {
        self.chunks.extend_from_slice(chunk);
        if self.recipients == 0 {
            return self.say("503 no recipients\n");
        }
        if !is_last {
            return self.say("250 more\n");
        }
        // The wire form of the proof has doubled dots.
        let mut text = Vec::new();
        for line in std::mem::take(&mut self.chunks).split_inclusive(|byte| *byte == b'\n') {
            text.extend(line.starts_with(b".").then_some(b'.'));
            text.extend_from_slice(line);
        }
        self.take(text);
    }

    fn take(&mut self, text: Vec<u8>) {
        self.told.lock().unwrap().texts.push(text);
        self.open = false;
        self.say("250 taken\n");
    }
}
