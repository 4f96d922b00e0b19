//! How a conversation opens: greeting, EHLO, and if wished STARTTLS, EHLO again, and AUTH.

use super::reply::{self, Extension, Terms};
use super::{Expected, Fault, Secured, Session};
use crate::clock::Nanos;
use crate::send::auth::Mechanism;
use crate::send::measured::Phase;
use crate::send::{Credentials, Encryption};

impl Session<'_> {
    /// An answer of the opening. Says which wait is over, and since when it was.
    pub(super) fn open(
        &mut self,
        (expected, asked): (Expected, Nanos),
        reply: &[u8],
        now: Nanos,
        out: &mut Vec<u8>,
    ) -> Result<(Option<Phase>, Nanos), Fault> {
        match (expected, reply::code(reply)) {
            (Expected::Greeting, 200..=299) => self.ehlo(now, out),
            (Expected::Ehlo, 200..=299) => {
                self.offered = Terms::read(reply);
                self.enter(now, out)?;
            }
            (Expected::Ehlo, 500..=599) if !self.needs_extensions() => {
                let line = format!("HELO {}\r\n", self.options.helo);
                self.command(line.as_bytes(), Expected::Helo, now, out);
            }
            (Expected::Helo, 200..=299) => self.terms = Some(Terms::default()),
            (Expected::StartTls, 220) => {
                self.secured = Secured::Agreed;
                return Ok((None, asked));
            }
            (Expected::Auth(step), 334) => {
                let said = self.options.credentials.as_ref().and_then(|who| who.go_on(step, out));
                let next = said.ok_or_else(|| Fault::Unwelcome(reply::text(reply)))?;
                self.expected.push_back((Expected::Auth(next), asked));
                return Ok((None, asked));
            }
            (Expected::Auth(_), 235) => self.terms = Some(self.offered),
            _ => return Err(Fault::Unwelcome(reply::text(reply))),
        }
        Ok((expected.phase(), asked))
    }

    /// The handshake is over: what was offered before it counts no more.
    ///
    /// [RFC 3207 §4.2](https://www.rfc-editor.org/rfc/rfc3207#section-4.2)
    pub fn secured(&mut self, now: Nanos, out: &mut Vec<u8>) {
        self.secured = Secured::Yes;
        self.ehlo(now, out);
    }

    fn ehlo(&mut self, now: Nanos, out: &mut Vec<u8>) {
        let line = format!("EHLO {}\r\n", self.options.helo);
        self.command(line.as_bytes(), Expected::Ehlo, now, out);
    }

    const fn needs_extensions(&self) -> bool {
        let encrypted = matches!(self.options.encryption, Encryption::StartTls(_));
        encrypted || self.options.credentials.is_some() || self.options.bdat.is_some()
    }

    /// What is said next, once it is known what the server offers.
    fn enter(&mut self, now: Nanos, out: &mut Vec<u8>) -> Result<(), Fault> {
        let starttls = matches!(self.options.encryption, Encryption::StartTls(_));
        if starttls && self.secured == Secured::No {
            self.need(Extension::StartTls, "STARTTLS")?;
            self.command(b"STARTTLS\r\n", Expected::StartTls, now, out);
            return Ok(());
        }
        if self.options.bdat.is_some() {
            self.need(Extension::Chunking, "CHUNKING")?;
        }
        match &self.options.credentials {
            Some(credentials) => {
                let mechanism = self.mechanism(credentials)?;
                let step = credentials.begin(mechanism, out);
                self.expected.push_back((Expected::Auth(step), now));
            }
            None => self.terms = Some(self.offered),
        }
        Ok(())
    }

    const fn need(&self, extension: Extension, name: &'static str) -> Result<(), Fault> {
        if self.offered.offer(extension) { Ok(()) } else { Err(Fault::Lacking(name)) }
    }

    fn mechanism(&self, credentials: &Credentials) -> Result<Mechanism, Fault> {
        let plain = self.offered.offer(Extension::AuthPlain);
        let login = self.offered.offer(Extension::AuthLogin);
        match credentials.mechanism {
            Some(Mechanism::Plain) | None if plain => Ok(Mechanism::Plain),
            Some(Mechanism::Login) | None if login => Ok(Mechanism::Login),
            Some(Mechanism::Plain) => Err(Fault::Lacking("AUTH PLAIN")),
            Some(Mechanism::Login) => Err(Fault::Lacking("AUTH LOGIN")),
            None => Err(Fault::Lacking("AUTH PLAIN or AUTH LOGIN")),
        }
    }
}
