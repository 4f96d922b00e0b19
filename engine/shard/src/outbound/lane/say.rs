//! What is said, and what is heard meanwhile.
//!
//! A peer may have something to say before it reads on: that it took earlier messages, or that it
//! has had enough. So whoever writes listens too, and verdicts settle as they come. What ends the
//! conversation ends the write: the socket is shut, and the write comes to its own end before
//! anything of it is dropped. The deadline of a write is set when it begins; what is heard
//! meanwhile does not move it.

use super::{Ear, Lane};
use crate::journal::ReadError;
use crate::outbound::link::Read;
use crate::outbound::text::{Source, Transfer};
use crate::outbound::wire::Wire;
use kernel::{Gather, Kernel, Piece};
use smallvec::smallvec;
use smtp::client::Say;
use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::Poll;

/// The parts of a text that follow the first.
struct Parts {
    log: u16,
    places: spool::Text,
    broken: Rc<RefCell<Option<ReadError>>>,
}

impl Parts {
    fn of(transfer: &Transfer, places: &spool::Text) -> Self {
        let log = transfer.delivery.id().log;
        Self { log, places: places.clone(), broken: Rc::clone(&transfer.broken) }
    }
}

/// What happens while something is being written.
enum Progress {
    /// It was, or cannot be.
    Written(io::Result<()>),
    /// Something was read, or nothing will be.
    Read(Read),
}

impl<K: Kernel> Lane<K> {
    /// Says all that may be said now, in one write where the text is in memory.
    pub(super) async fn speak(&mut self) -> io::Result<()> {
        let mut pieces = Gather::new();
        let mut commands = Vec::new();
        loop {
            if self.link.is_hung_up() {
                // What was not said is known not to have arrived.
                return Err(io::ErrorKind::NotConnected.into());
            }
            let now = self.shard.kernel.now();
            let from = commands.len();
            let say = self.session.say(&mut commands);
            self.stages.say(&commands[from..]);
            let (transfer, mut wire) = match say {
                None => break,
                Some(Say::Text(transfer)) => {
                    self.stages.say_text();
                    (transfer, Wire::data(transfer))
                }
                Some(Say::Chunk(transfer)) => (transfer, Wire::chunk(transfer)),
            };
            transfer.sent.set(now);
            commands.extend_from_slice(transfer.message.envelope.prefix());
            pieces.push(Piece::Owned(std::mem::take(&mut commands)));
            match &transfer.source {
                Source::Memory(text) => pieces.push(wire.piece(text.clone())),
                Source::Disk(first, rest) => {
                    pieces.push(wire.piece(first.clone()));
                    let parts = Parts::of(transfer, rest);
                    self.stream(std::mem::take(&mut pieces), parts, &mut wire).await?;
                }
            }
            commands.extend_from_slice(wire.end);
        }
        if !commands.is_empty() {
            pieces.push(Piece::Owned(commands));
        }
        if pieces.is_empty() {
            self.arm();
            return Ok(());
        }
        self.write(pieces).await
    }

    /// Sends a large text part by part, so that only one part is in memory.
    async fn stream(&mut self, beginning: Gather, parts: Parts, wire: &mut Wire) -> io::Result<()> {
        self.session.text_begins();
        self.write(beginning).await?;
        let reader = self.shard.reader(parts.log);
        for (at, place) in parts.places.iter().enumerate() {
            let chunk = match reader.read(place).await {
                Ok(chunk) => chunk,
                Err(error) => {
                    *parts.broken.borrow_mut() = Some(error);
                    return Err(io::ErrorKind::InvalidData.into());
                }
            };
            if at + 1 == parts.places.len() {
                self.session.text_ends();
            }
            self.write(smallvec![wire.piece(chunk)]).await?;
        }
        Ok(())
    }

    /// Writes `pieces`, and hears what is said meanwhile. An error means that the conversation is
    /// over: the connection failed, or the peer has ended it, or is not to be understood.
    async fn write(&mut self, pieces: Gather) -> io::Result<()> {
        self.arm();
        let mut writing = pin!(self.link.writing(pieces)?);
        loop {
            match progress(writing.as_mut(), &mut self.ear).await {
                Progress::Written(result) => return result,
                Progress::Read(read) => self.take(read),
            }
            self.has_news = true;
            if matches!(self.ear, Ear::Shut) {
                self.link.hang_up();
                // However it ends, the peer does not want the rest.
                let _ = writing.await;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
        }
    }
}

/// Waits for the write, which seldom takes long, and for what is said meanwhile.
async fn progress(
    mut writing: Pin<&mut impl Future<Output = io::Result<()>>>,
    ear: &mut Ear,
) -> Progress {
    poll_fn(|context| {
        if let Poll::Ready(result) = writing.as_mut().poll(context) {
            return Poll::Ready(Progress::Written(result));
        }
        ear.poll(context).map(Progress::Read)
    })
    .await
}
