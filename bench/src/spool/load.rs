//! Producers in a closed loop on one log: each puts in a message, waits until it is durable,
//! and goes on with the next.

mod shift;

use super::journal::Log;
use crate::disk::Requests;
use crate::usage::clock;
use event::{MessageId, Outcome, Wall};
use kernel::Kernel;
use kernel::uring::Uring;
use shard::journal::{JournalError, State};
use shift::Shift;
use spool::{Answer, Deferral, Draft, Settlement, Text};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// What is put in.
pub(super) struct Mail {
    text: Vec<u8>,
    recipients: Vec<String>,
}

/// What becomes of a message once it is durable.
#[derive(Clone, Copy, Debug)]
pub(super) enum Then {
    /// It is through when `behind` younger ones are durable; but one in `stuck` never is.
    Settled { behind: usize, stuck: Option<u64> },
    /// It stays; one in `deferred` was tried once, and is due again in an hour.
    Queued { deferred: u64 },
}

impl Mail {
    /// Texts of `bytes`, each for one recipient at one of `domains`.
    pub(super) fn new(bytes: usize, domains: usize) -> Self {
        let recipient = |number| format!("someone@d{number}.test");
        Self { text: vec![b'x'; bytes], recipients: (0..domains).map(recipient).collect() }
    }
}

const PREFIX: &[u8] = b"Received: from client.test (client.test [192.0.2.1])\r\n\
\tby relay.test with ESMTP id 0123456789abcdef; Mon, 23 Nov 2026 21:00:00 +0000\r\n";

/// A log may take up so many times what lives in it, and a few segments more.
pub(super) const LIVE_SHARE: f64 = 1.3;

/// Everybody who works on one log.
pub(super) struct Crowd {
    kernel: Uring,
    log: Log,
    folder: PathBuf,
    segment_bytes: u64,
    mail: Mail,
    then: Then,
    /// Messages to be settled, oldest first.
    young: RefCell<VecDeque<MessageId>>,
}

/// What a shift did and used.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) messages: u64,
    pub(super) took: Duration,
    pub(super) cpu: Duration,
    /// How long each message waited, sorted.
    pub(super) latencies: Vec<u64>,
    /// Messages and bytes of each commit.
    pub(super) shape: Vec<(u32, u64)>,
    pub(super) commits: u64,
    pub(super) requests: Option<Requests>,
    /// The most segments in use.
    pub(super) segments: usize,
    /// By how many segments those in use went beyond [`LIVE_SHARE`] of what lived in them.
    pub(super) excess: f64,
}

impl Crowd {
    /// Nobody yet, on `log`, whose files lie in `folder` and have `segment_bytes`.
    pub(super) fn new(
        kernel: &Uring,
        log: &Log,
        (folder, segment_bytes): (&Path, u64),
        mail: Mail,
        then: Then,
    ) -> Rc<Self> {
        let (kernel, log, young) = (kernel.clone(), log.clone(), RefCell::default());
        let folder = folder.to_owned();
        Rc::new(Self { kernel, log, folder, segment_bytes, mail, then, young })
    }

    /// `producers` put in `messages` and go home; then all is durable, settlements too.
    pub(super) async fn work(self: &Rc<Self>, producers: u64, messages: u64) -> io::Result<Done> {
        let before = self.log.state();
        let disk = Requests::so_far(&self.folder);
        let cpu = clock(libc::CLOCK_PROCESS_CPUTIME_ID);
        let start = self.kernel.now();
        let shift = Shift::new(producers, messages, before);
        for _ in 0..producers {
            self.kernel.spawn(Rc::clone(self).produce(Rc::clone(&shift)));
        }
        shift.over().await?;
        let took = self.kernel.now().since(start);
        let cpu = clock(libc::CLOCK_PROCESS_CPUTIME_ID).saturating_sub(cpu);
        self.log.drain().await;
        let requests = Requests::so_far(&self.folder);
        Ok(Done {
            messages,
            took,
            cpu,
            latencies: shift.latencies(),
            shape: shift.shape(),
            commits: self.log.state().commits - before.commits,
            requests: disk.zip(requests).map(|(before, after)| after - before),
            excess: shift.excess(),
            segments: shift.segments(),
        })
    }

    async fn produce(self: Rc<Self>, shift: Rc<Shift>) {
        while shift.take() {
            if let Err(error) = self.put_in(&shift).await {
                shift.fail(error);
            }
        }
        shift.leave();
    }

    async fn put_in(&self, shift: &Shift) -> Result<(), JournalError> {
        let Self { kernel, log, mail, .. } = self;
        let id = log.next_id();
        let recipients = [self.recipient(id).as_bytes()];
        let draft = draft(&recipients, kernel.wall());
        let start = kernel.now();
        log.accept(id, Text::new(), &mail.text, &draft).await?;
        let state = log.state();
        shift.took(kernel.now().since(start), state);
        shift.uses(state.segments, self.excess(&state));
        self.after(id);
        Ok(())
    }

    fn recipient(&self, id: MessageId) -> &str {
        &self.mail.recipients[id.count as usize % self.mail.recipients.len()]
    }

    /// What happens to a message that is durable.
    fn after(&self, id: MessageId) {
        let answer = Answer { code: 250, ..Answer::default() };
        match self.then {
            Then::Settled { stuck: Some(one_in), .. } if id.count.is_multiple_of(one_in) => (),
            Then::Settled { behind, .. } => {
                let mut young = self.young.borrow_mut();
                young.push_back(id);
                while young.len() > behind
                    && let Some(id) = young.pop_front()
                {
                    let (recipients, outcome) = (&[0][..], Outcome::Delivered);
                    self.log.settle(&Settlement { id, recipients, outcome, answer });
                }
            }
            Then::Queued { deferred } if id.count.is_multiple_of(deferred) => {
                let due = Wall(self.kernel.wall().0 + 3_600_000);
                let answer = Answer { code: 451, ..answer };
                self.log.defer(&Deferral { id, recipients: &[0], attempt: 1, due, answer });
            }
            Then::Queued { .. } => (),
        }
    }

    /// By how many segments what is written of the log is more than [`LIVE_SHARE`] of what
    /// lives in it. What is ready to be written in the last segment is not counted, as little
    /// as the files of the pool.
    pub(super) fn excess(&self, state: &State) -> f64 {
        let live = state.live as f64 * self.message_bytes() as f64;
        let written = (state.live_bytes + state.debt_bytes) as f64;
        (written - live * LIVE_SHARE) / self.segment_bytes as f64
    }

    /// Bytes of one message on disk, headers of records not counted.
    pub(super) fn message_bytes(&self) -> u64 {
        /// A DELIVERY's own fields, and one place.
        const FRAME: usize = 8 + 24;
        let recipients = [self.mail.recipients[0].as_bytes()];
        let envelope = draft(&recipients, Wall(0)).envelope_len().unwrap_or_default();
        (self.mail.text.len() + FRAME + envelope) as u64
    }
}

fn draft<'a>(recipients: &'a [&'a [u8]], accepted: Wall) -> Draft<'a> {
    let sender = b"news@shop.test";
    let (eight_bit, utf8, requiretls, dotted) = (false, false, false, false);
    let (prefix, form, extra) = (PREFIX, spool::Form::Stuffed, &b""[..]);
    Draft { sender, recipients, prefix, accepted, eight_bit, utf8, requiretls, dotted, form, extra }
}
