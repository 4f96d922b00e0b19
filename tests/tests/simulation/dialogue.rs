//! Lines and replies over a simulated socket, for both of our scripts.

use crate::chance::pause;
use event::Tick;
use kernel::sim::{Sim, SimStream};
use kernel::{Buffer, Gather, Kernel, Piece, Stream};
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

/// How long either script waits for the other: longer than the relay leaves a lane idle, or a
/// disk keeps it waiting.
const PATIENCE: Duration = Duration::from_mins(2);

/// One end of a conversation.
pub(crate) struct Dialogue {
    sim: Sim,
    stream: SimStream,
    heard: Vec<u8>,
    watched: Rc<Watched>,
}

/// What the watcher of a conversation sees of it.
struct Watched {
    /// `None` when it is over.
    stream: RefCell<Option<SimStream>>,
    /// When the last bytes came.
    last: Cell<Tick>,
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        self.watched.stream.take();
    }
}

impl Dialogue {
    /// Begins on `stream`, and hangs up if the other falls silent: its host may be gone.
    pub(crate) fn new(sim: &Sim, stream: SimStream) -> Self {
        let watched =
            Rc::new(Watched { stream: Some(stream.clone()).into(), last: Cell::new(sim.now()) });
        sim.spawn(watch(sim.clone(), Rc::clone(&watched)));
        Self { sim: sim.clone(), stream, heard: Vec::new(), watched }
    }

    pub(crate) async fn say(&self, words: impl Into<Vec<u8>>) -> io::Result<()> {
        self.stream.write(Gather::from_iter([Piece::Owned(words.into())])).await
    }

    /// Breaks the connection: the other reads an error.
    pub(crate) fn reset(&self) {
        self.stream.reset();
    }

    /// The next line, without its CRLF. `UnexpectedEof` if the peer has ended.
    pub(crate) async fn line(&mut self) -> io::Result<Vec<u8>> {
        self.until(|heard, from| find(heard, b"\r\n", from).map(|at| (at, at + 2))).await
    }

    /// Message text as it is on the wire, up to the final dot and without it.
    pub(crate) async fn text(&mut self) -> io::Result<Vec<u8>> {
        self.until(|heard, from| {
            if heard.starts_with(b".\r\n") {
                return Some((0, 3));
            }
            find(heard, b"\r\n.\r\n", from).map(|at| (at + 2, at + 5))
        })
        .await
    }

    /// Waits until something has come that was not read.
    pub(crate) async fn something(&mut self) -> io::Result<()> {
        self.until(|heard, _| (!heard.is_empty()).then_some((0, 0))).await.map(drop)
    }

    /// So many octets.
    pub(crate) async fn octets(&mut self, count: usize) -> io::Result<Vec<u8>> {
        self.until(|heard, _| (heard.len() >= count).then_some((count, count))).await
    }

    /// Whatever has come, or comes next.
    pub(crate) async fn anything(&mut self) -> io::Result<Vec<u8>> {
        let all = |heard: &[u8]| Some((heard.len(), heard.len())).filter(|_| !heard.is_empty());
        self.until(|heard, _| all(heard)).await
    }

    /// The next reply: its code, and its last line.
    pub(crate) async fn reply(&mut self) -> io::Result<(u16, String)> {
        loop {
            let line = self.line().await?;
            let line = String::from_utf8_lossy(&line).into_owned();
            let code = line.get(..3).and_then(|code| code.parse().ok());
            let code = code.ok_or_else(|| io::Error::other(format!("not a reply: {line:?}")))?;
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok((code, line));
            }
        }
    }

    /// Whether everything that has come was read.
    pub(crate) fn is_drained(&self) -> bool {
        self.heard.is_empty()
    }

    /// Reads until `end`, which is told where to look from, finds what is asked for: where it
    /// ends, and where the rest begins.
    async fn until(
        &mut self,
        end: impl Fn(&[u8], usize) -> Option<(usize, usize)>,
    ) -> io::Result<Vec<u8>> {
        let mut from = 0;
        loop {
            if let Some((end, rest)) = end(&self.heard, from) {
                let rest = self.heard.split_off(rest);
                let mut found = std::mem::replace(&mut self.heard, rest);
                found.truncate(end);
                return Ok(found);
            }
            from = self.heard.len().saturating_sub(4);
            let (result, buffer) = self.stream.read(Buffer::with_capacity(16_384)).await;
            if result? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.heard.extend_from_slice(&buffer);
            self.watched.last.set(self.sim.now());
        }
    }
}

async fn watch(sim: Sim, watched: Rc<Watched>) {
    loop {
        let now = sim.now();
        match &*watched.stream.borrow() {
            Some(stream) if now.since(watched.last.get()) > PATIENCE => return stream.hang_up(b""),
            Some(_) => (),
            None => return,
        }
        pause(&sim, PATIENCE / 4).await;
    }
}

/// Where `needle` first is in `haystack`, at `from` or behind.
fn find(haystack: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    haystack[from..].windows(needle.len()).position(|window| window == needle).map(|at| from + at)
}
