//! A host that takes everything, and writes down what it sees of each address.

use event::Tick;
use rehearsal::{Next, Provider, Visit};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

/// From where, and when.
pub(crate) type Seen = Vec<(IpAddr, Tick)>;

/// What it has seen.
#[derive(Default)]
pub(crate) struct Desk {
    /// What it takes for a message.
    pub(crate) service: Cell<Duration>,
    book: Rc<RefCell<Book>>,
}

#[derive(Default)]
struct Book {
    /// Connections now, and the most there were.
    open: BTreeMap<IpAddr, (usize, usize)>,
    dialled: Seen,
    begun: Seen,
}

impl Desk {
    /// Connections, as they came.
    pub(crate) fn dialled(&self) -> Seen {
        self.book.borrow().dialled.clone()
    }

    /// Transactions, as they were begun.
    pub(crate) fn begun(&self) -> Seen {
        self.book.borrow().begun.clone()
    }

    /// The most connections that there were from each address.
    pub(crate) fn most_open(&self) -> Vec<usize> {
        self.book.borrow().open.values().map(|(_, most)| *most).collect()
    }
}

/// The most from one address in any time that long, of all addresses.
pub(crate) fn most_within(seen: &[(IpAddr, Tick)], span: Duration) -> usize {
    let each = seen.iter().enumerate().map(|(first, (source, from))| {
        let later = seen[first..].iter().take_while(|(_, at)| at.since(*from) < span);
        later.filter(|(other, _)| other == source).count()
    });
    each.max().unwrap_or(0)
}

/// How many came from each address.
pub(crate) fn by_source(seen: &[(IpAddr, Tick)]) -> BTreeMap<IpAddr, usize> {
    let mut counts = BTreeMap::new();
    for (source, _) in seen {
        *counts.entry(*source).or_default() += 1;
    }
    counts
}

impl Provider for Desk {
    type Visit = Call;

    fn visit(&self, source: IpAddr, now: Tick) -> Call {
        let mut book = self.book.borrow_mut();
        book.dialled.push((source, now));
        let (open, most) = book.open.entry(source).or_default();
        *open += 1;
        *most = (*most).max(*open);
        let (book, service) = (Rc::clone(&self.book), self.service.get());
        Call { book, source, service, is_text: false }
    }
}

pub(crate) struct Call {
    book: Rc<RefCell<Book>>,
    source: IpAddr,
    service: Duration,
    is_text: bool,
}

impl Visit for Call {
    fn greet(&mut self, _: Tick, words: &mut Vec<u8>) -> Next {
        words.extend(b"220 mx.a.test ESMTP\r\n");
        Next::Listen(Duration::ZERO)
    }

    fn hear(&mut self, input: &[u8], now: Tick, words: &mut Vec<u8>) -> (usize, Next) {
        let end: &[u8] = if self.is_text { b"\r\n.\r\n" } else { b"\r\n" };
        let Some(at) = input.windows(end.len()).position(|part| part == end) else {
            return (0, Next::Listen(Duration::ZERO));
        };
        let used = at + end.len();
        if std::mem::take(&mut self.is_text) {
            words.extend(b"250 taken\r\n");
            return (used, Next::Listen(self.service));
        }
        match &input[..4] {
            b"QUIT" => {
                words.extend(b"221 bye\r\n");
                return (used, Next::Close(Duration::ZERO));
            }
            b"DATA" => {
                self.is_text = true;
                words.extend(b"354 go on\r\n");
            }
            b"MAIL" => {
                self.book.borrow_mut().begun.push((self.source, now));
                words.extend(b"250 well\r\n");
            }
            _ => words.extend(b"250 well\r\n"),
        }
        (used, Next::Listen(Duration::ZERO))
    }

    fn leave(&mut self, _: Tick) {
        let mut book = self.book.borrow_mut();
        book.open.entry(self.source).or_default().0 -= 1;
    }
}
