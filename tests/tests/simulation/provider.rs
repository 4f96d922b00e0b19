//! Those who receive: a script that follows RFC 5321 and answers as chance has it.
//!
//! It watches its client too: who speaks ahead without PIPELINING, or sends text to nobody,
//! breaks a rule.

mod visit;

use crate::chance::Chance;
use crate::dialogue::Dialogue;
use crate::ledger::Book;
use kernel::sim::Sim;
use kernel::{Kernel, Listener};
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use visit::Visit;

/// What a provider is like, for good.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nature {
    pub(crate) domain: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) ehlo: bool,
    pub(crate) pipelining: bool,
    pub(crate) eight_bit: bool,
    /// Closes without a word after so many messages.
    pub(crate) messages_max: u64,
    /// The longest time before an answer, in milliseconds.
    pub(crate) slowness_millis: u64,
}

/// What a provider is like today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Temper {
    /// Takes everything.
    Kind,
    /// Refuses, defers, closes and drops now and then.
    Rough,
    /// As rough, and sometimes says nothing until the other gives up.
    Silent,
    /// Says 421 at this stage, and takes the rest.
    Closing(Stage),
}

/// What is being answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Greeting,
    Hello,
    Mail,
    Rcpt,
    Data,
    Final,
}

impl Stage {
    pub(crate) const ALL: [Self; 6] =
        [Self::Greeting, Self::Hello, Self::Mail, Self::Rcpt, Self::Data, Self::Final];
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Say {
    Yes,
    Later,
    Never,
    Closing,
    Drop,
    Silence,
}

/// One provider.
pub(crate) struct Provider {
    pub(crate) sim: Sim,
    pub(crate) book: Book,
    pub(crate) nature: Nature,
    pub(crate) temper: Cell<Temper>,
}

impl Provider {
    /// Listens, and serves whoever comes.
    pub(crate) fn open(self: &Rc<Self>) {
        let listener = self.sim.listen(self.nature.address).expect("addresses are used once");
        let this = Rc::clone(self);
        self.sim.spawn(async move {
            while let Ok(stream) = listener.accept().await {
                let (provider, dialogue) = (Rc::clone(&this), Dialogue::new(&this.sim, stream));
                this.sim.spawn(provider.serve(dialogue));
            }
        });
    }

    async fn serve(self: Rc<Self>, dialogue: Dialogue) {
        let number = self.book.borrow_mut().visit();
        let mut visit = Visit::new(&self, dialogue, number);
        let ended = visit.run().await;
        let is_quiet = matches!(&ended, Err(error) if error.kind() == io::ErrorKind::UnexpectedEof);
        let badly = ended.is_err() && !is_quiet;
        self.book.borrow_mut().ended(number, badly, self.sim.now());
    }

    fn decide(&self, stage: Stage, is_bounce: bool) -> Say {
        let rough = match self.temper.get() {
            Temper::Closing(at) if at == stage => return Say::Closing,
            Temper::Kind | Temper::Closing(_) => return Say::Yes,
            Temper::Silent if self.sim.one_in(60) => return Say::Silence,
            Temper::Rough | Temper::Silent => self.sim.within(0..100),
        };
        match rough {
            0..6 => Say::Later,
            6..12 if stage == Stage::Hello => Say::Yes,
            // Bounces are never refused for good: what they tell would be told to nobody.
            6..12 if is_bounce => Say::Later,
            6..12 => Say::Never,
            12..15 => Say::Closing,
            15..18 => Say::Drop,
            _ => Say::Yes,
        }
    }
}
