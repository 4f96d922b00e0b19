//! A host of a provider: it takes connections, and each is a conversation with a machine.

use event::Tick;
use kernel::sim::{Sim, SimStream};
use kernel::{Buffer, Gather, Kernel, Listener, Piece, Stream};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

/// Room for what a peer says at once.
const READ: usize = 16_384;

/// What stands behind one or more hosts.
pub trait Provider: 'static {
    /// Its side of a connection.
    type Visit: Visit;

    /// A connection comes from `source`.
    fn visit(&self, source: IpAddr, now: Tick) -> Self::Visit;
}

/// The provider's side of one connection: bytes in, bytes out.
///
/// The driver's contract: [`Self::greet`] once; then [`Self::hear`] with all that came and was not
/// used, until nothing of it is; [`Self::leave`] at the end, whoever ended it.
pub trait Visit: 'static {
    /// The first words.
    fn greet(&mut self, now: Tick, words: &mut Vec<u8>) -> Next;

    /// Takes `input`: how much of it was used, and what is next. What is said goes to `words`.
    fn hear(&mut self, input: &[u8], now: Tick, words: &mut Vec<u8>) -> (usize, Next);

    /// The connection is over.
    fn leave(&mut self, now: Tick);
}

/// What follows, and how long it takes until the words leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More is heard.
    Listen(Duration),
    /// The connection ends.
    Close(Duration),
}

/// Listens at `address`, and serves whoever comes.
///
/// # Errors
/// If somebody listens there.
pub fn open<P: Provider>(sim: &Sim, address: SocketAddr, provider: &Rc<P>) -> io::Result<()> {
    let listener = sim.listen(address)?;
    let (own, provider) = (sim.clone(), Rc::clone(provider));
    sim.spawn(async move {
        while let Ok(stream) = listener.accept().await {
            let visit = provider.visit(stream.peer().ip(), own.now());
            own.spawn(serve(own.clone(), stream, visit));
        }
    });
    Ok(())
}

async fn serve<V: Visit>(sim: Sim, stream: SimStream, mut visit: V) {
    // Whoever comes may go without a word.
    let _gone: io::Result<()> = converse(&sim, &stream, &mut visit).await;
    visit.leave(sim.now());
}

async fn converse<V: Visit>(sim: &Sim, stream: &SimStream, visit: &mut V) -> io::Result<()> {
    let mut words = Vec::new();
    let mut next = visit.greet(sim.now(), &mut words);
    let mut heard = Buffer::with_capacity(READ);
    loop {
        let (Next::Listen(pause) | Next::Close(pause)) = next;
        if !pause.is_zero() {
            sim.sleep_until(sim.now() + pause).await;
        }
        if !words.is_empty() {
            stream.write(Gather::from_iter([Piece::Owned(std::mem::take(&mut words))])).await?;
        }
        if matches!(next, Next::Close(_)) {
            return Ok(());
        }
        next = loop {
            if !heard.is_empty() {
                let (used, next) = visit.hear(&heard, sim.now(), &mut words);
                heard.consume(used);
                if used > 0 || matches!(next, Next::Close(_)) {
                    break next;
                }
            }
            let (result, buffer) = stream.read(heard).await;
            heard = buffer;
            if result? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
    }
}
