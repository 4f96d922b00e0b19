//! A connection's bytes as the session says and hears them, plain or under TLS.

use super::desk::Desk;
use super::measured::Phase;
use crate::clock::{self, Nanos, nanos};
use crate::net::{Input, Stream};
use crate::tls::{Client, Tls};
use std::rc::Rc;

const INPUT_LEN: usize = 16 * 1_024;

/// One connection. Errors are its end, in words.
pub(super) struct Channel {
    stream: Rc<Stream>,
    number: u32,
    input: Input,
    secure: Option<Secure>,
}

/// What TLS needs between the network and the session.
struct Secure {
    tls: Tls,
    /// Heard and not yet used.
    plain: Vec<u8>,
    /// To be sent.
    sealed: Vec<u8>,
}

impl Channel {
    pub(super) fn new(stream: Rc<Stream>, number: u32) -> Self {
        Self { stream, number, input: Input::with_room(INPUT_LEN), secure: None }
    }

    /// Sends `out`, and gives it back empty.
    pub(super) async fn say(&mut self, mut out: Vec<u8>) -> (Result<(), String>, Vec<u8>) {
        if let Some(secure) = &mut self.secure {
            let given = secure.tls.give(&out, &mut secure.sealed);
            out.clear();
            return match given {
                Ok(()) => (self.flush().await, out),
                Err(fault) => (Err(fault.to_string()), out),
            };
        }
        let (written, out) = self.stream.write(out).await;
        (written.map_err(|error| format!("write: {error}")), out)
    }

    /// Sends what TLS has to say.
    async fn flush(&mut self) -> Result<(), String> {
        let Some(secure) = self.secure.as_mut().filter(|secure| !secure.sealed.is_empty()) else {
            return Ok(());
        };
        let (written, sealed) = self.stream.write(std::mem::take(&mut secure.sealed)).await;
        secure.sealed = sealed;
        written.map_err(|error| format!("write: {error}"))
    }

    /// Waits for bytes, as long as the patience of `desk` lasts. Under TLS they may be of the
    /// layer itself, so that there is nothing new to hear.
    pub(super) async fn hear(&mut self, desk: &Desk) -> Result<(), String> {
        if self.input.is_full() {
            return Err("a reply without end".to_owned());
        }
        let deadline = clock::now() + nanos(desk.shared.options.patience);
        desk.open.expect(self.number, Some(deadline));
        let input = std::mem::replace(&mut self.input, Input::with_room(0));
        let (read, input) = self.stream.read(input).await;
        self.input = input;
        match read {
            Ok(0) => return Err("the relay closed the connection".to_owned()),
            Ok(_) => (),
            Err(error) => return Err(format!("read: {error}")),
        }
        let Some(Secure { tls, plain, sealed }) = &mut self.secure else { return Ok(()) };
        let taken = tls.take(self.input.unread(), plain, sealed);
        self.input.consume(self.input.unread().len());
        self.flush().await?;
        taken.map_err(|fault| fault.to_string())?;
        let closed = self.secure.as_ref().is_some_and(|secure| secure.tls.is_closed());
        if closed && self.unread().is_empty() {
            return Err("the relay closed the connection".to_owned());
        }
        Ok(())
    }

    /// What was heard and not yet used.
    pub(super) fn unread(&self) -> &[u8] {
        self.secure.as_ref().map_or_else(|| self.input.unread(), |secure| &secure.plain)
    }

    pub(super) fn consume(&mut self, count: usize) {
        match &mut self.secure {
            Some(secure) => drop(secure.plain.drain(..count)),
            None => self.input.consume(count),
        }
    }

    /// Encrypts from here on: does the handshake, and counts how long it took since `from`.
    /// Nothing may be unread.
    pub(super) async fn encrypt(
        &mut self,
        client: &Client,
        from: Nanos,
        desk: &Desk,
    ) -> Result<(), String> {
        let mut sealed = Vec::new();
        let tls = client.connect(&mut sealed).map_err(|fault| fault.to_string())?;
        self.secure = Some(Secure { tls, plain: Vec::new(), sealed });
        self.flush().await?;
        while self.secure.as_ref().is_some_and(|secure| secure.tls.is_handshaking()) {
            self.hear(desk).await?;
        }
        let took = clock::now().saturating_sub(from);
        desk.findings.borrow_mut().measured.phases.record(Phase::Tls, took);
        Ok(())
    }

    /// Takes leave. The peer may have gone already, so errors are not worth a word.
    pub(super) async fn close(&mut self) {
        let said = self.secure.as_mut().map(|secure| secure.tls.close(&mut secure.sealed));
        if let Some(Ok(())) = said {
            drop(self.flush().await);
        }
    }
}
