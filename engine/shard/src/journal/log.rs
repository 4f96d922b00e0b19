//! What the callers and the tasks of one log share.

use super::company::Company;
use super::error::{Closed, JournalError};
use super::fate::Fate;
use super::pool::Pool;
use super::quarantine::Finding;
use super::{Durability, Options, Reader, State};
use event::{MessageId, Tick};
use kernel::{Buffer, Kernel, Signal};
use spool::{Catalog, Damage, End, Index, Writer};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

/// A write that takes longer closes the log until it is done.
const SLOW: Duration = Duration::from_secs(5);

/// One log, open. Borrows of its cells end before every await.
pub(super) struct Log<K: Kernel> {
    pub(super) kernel: K,
    pub(super) directory: PathBuf,
    pub(super) number: u16,
    pub(super) boot: u32,
    pub(super) options: Options,
    pub(super) counter: Cell<u64>,
    /// Messages that are being received.
    pub(super) company: Company,
    pub(super) writer: RefCell<Writer<Buffer>>,
    pub(super) catalog: RefCell<Catalog>,
    /// The catalog knows all that is live.
    pub(super) loaded: Cell<bool>,
    /// The fate of the batch now filling.
    pub(super) fate: RefCell<Fate>,
    /// The segment being written; none before the first, and after a failure.
    pub(super) file: RefCell<Option<Rc<K::File>>>,
    /// The segment of the last durable block: those before it are wholly durable.
    pub(super) durable_segment: Cell<u64>,
    /// Where writes failed: nothing from there on counts in these segments.
    pub(super) voids: RefCell<Vec<(u64, u64)>>,
    /// The oldest segment, once nothing needs it, and the block that must be durable before it
    /// is given back.
    pub(super) freed: Cell<Option<(u64, u64)>>,
    /// Full segments whose footer is to be written.
    pub(super) footers: RefCell<VecDeque<(End, Index)>>,
    /// The one whose footer is being written.
    pub(super) sealing: Cell<Option<u64>>,
    pub(super) pool: Pool,
    pub(super) reader: Reader<K>,
    pub(super) damage: RefCell<Rc<[Damage]>>,
    /// What of it, and of what was found later, is to be kept and told; the first is being kept.
    pub(super) damaged: RefCell<VecDeque<Damage>>,
    /// Messages that a reader found damaged: as many as attempts have failed for it since.
    pub(super) suspects: RefCell<VecDeque<MessageId>>,
    /// Messages found damaged and told.
    pub(super) blamed: RefCell<BTreeSet<MessageId>>,
    /// What is kept and to be told.
    pub(super) findings: RefCell<Vec<Finding>>,
    pub(super) counts: Cell<Counts>,
    /// Hears how long each commit took.
    pub(super) observer: OnceCell<Observer>,
    /// Since when a write is under way.
    pub(super) writing: Cell<Option<Tick>>,
    /// The tasks are to end.
    pub(super) ended: Cell<bool>,
    /// Writes that failed since the last that did not.
    pub(super) failures: Cell<u32>,
    /// Rings when the open batch wants to leave at another time than before.
    pub(super) work: Signal,
    /// Rings when a batch has left, and so the next has room.
    pub(super) room: Signal,
    /// Rings when a write has ended, well or not.
    pub(super) written: Signal,
    /// Rings when a segment may have become free, or one was prepared.
    pub(super) space: Signal,
    /// Rings when damage was found, or is suspected.
    pub(super) alarm: Signal,
}

/// Hears how long a commit took, from its seal to its being durable.
pub(super) type Observer = Box<dyn Fn(Duration)>;

/// Figures of a log since it was opened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) commits: u64,
    pub(super) bytes: u64,
    pub(super) records: u64,
    pub(super) failures: u64,
    pub(super) copies: u64,
    pub(super) damaged: u64,
}

impl<K: Kernel> Log<K> {
    pub(super) fn syncs(&self) -> bool {
        self.options.durability == Durability::Sync
    }

    pub(super) fn count(&self, change: impl FnOnce(&mut Counts)) {
        let mut counts = self.counts.get();
        change(&mut counts);
        self.counts.set(counts);
    }

    /// Why no mail is taken, if none is.
    pub(super) fn closed(&self) -> Option<Closed> {
        let slow = |since: Tick| self.kernel.now().since(since) > SLOW;
        if self.pool.is_low() {
            Some(Closed::Full)
        } else if self.is_stuck() {
            Some(Closed::Failed)
        } else if self.writing.get().is_some_and(slow) {
            Some(Closed::Slow)
        } else {
            None
        }
    }

    /// Whether a fresh segment was no better than the one that failed.
    pub(super) fn is_stuck(&self) -> bool {
        self.failures.get() > 1
    }

    /// Puts something into the open batch, and rings if the batch must leave earlier for it.
    pub(super) fn stage<T>(&self, put: impl FnOnce(&mut Writer<Buffer>, Tick) -> T) -> T {
        let now = self.kernel.now();
        let mut writer = self.writer.borrow_mut();
        let before = writer.flush_at();
        let result = put(&mut writer, now);
        let after = writer.flush_at();
        drop(writer);
        if before != after {
            self.work.ring();
        }
        result
    }

    /// One message more, or one less, is on its way.
    pub(super) fn announced(&self) {
        self.stage(|writer, _| writer.expect(self.company.is_expected()));
    }

    /// Waits until the open batch has room for `bytes` of new mail.
    pub(super) async fn room_for(&self, bytes: usize) -> Result<(), JournalError> {
        self.refuse_if_closed()?;
        self.room(bytes).await;
        self.refuse_if_closed()
    }

    fn refuse_if_closed(&self) -> Result<(), JournalError> {
        self.closed().map_or(Ok(()), |why| Err(JournalError::Closed(why)))
    }

    /// Waits until the open batch has room for `bytes`.
    pub(super) async fn room(&self, bytes: usize) {
        loop {
            let seen = self.room.rings();
            if self.writer.borrow().has_room(bytes) {
                return;
            }
            self.stage(|writer, _| writer.hurry());
            self.room.after(seen).await;
        }
    }

    /// Waits for a signal that has rung `seen` times or for a time, whichever comes first.
    pub(super) async fn ring_or(&self, signal: &Signal, seen: u64, time: Tick) {
        let mut ring = pin!(signal.after(seen));
        let mut time = pin!(self.kernel.sleep_until(time));
        poll_fn(|context| {
            if ring.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            time.as_mut().poll(context)
        })
        .await;
    }

    /// Rings for the reclaimer if it has something to do.
    pub(super) fn mind_space(&self) {
        if self.may_give_back() || self.should_carry() {
            self.space.ring();
        }
    }

    /// Whether the oldest segment will not be written any more, and all that lives in it is
    /// known.
    pub(super) fn head_is_done(&self) -> bool {
        let head = self.catalog.borrow().head();
        let is_waited_for = || self.awaits_footer(head) || self.awaits_copy(head);
        self.loaded.get() && head < self.durable_segment.get() && !is_waited_for()
    }

    /// Bytes from the oldest segment in use to where the next block goes. Not a multiple of the
    /// catalog's segments: it knows of one as soon as anything is staged for it.
    pub(super) fn written(&self, catalog: &Catalog) -> u64 {
        let at = self.writer.borrow().position();
        let full = at.segment.segment.saturating_sub(catalog.head());
        let open = if at.begun { u64::from(at.offset) } else { 0 };
        full * self.options.segment_bytes + open
    }

    pub(super) fn state(&self) -> State {
        let catalog = self.catalog.borrow();
        let Counts { commits, bytes, records, failures, copies, damaged } = self.counts.get();
        State {
            closed: self.closed(),
            live: catalog.len(),
            segments: catalog.segments(),
            pool: self.pool.len(),
            live_bytes: catalog.live_bytes(),
            debt_bytes: self.written(&catalog).saturating_sub(catalog.live_bytes()),
            commits,
            bytes,
            records,
            failures,
            copies,
            damaged,
        }
    }
}
