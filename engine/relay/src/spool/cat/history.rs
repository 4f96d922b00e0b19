//! What is on disk about one message, in the order it was written.

use super::super::read::{Beside, Log};
use super::super::show;
use event::{MessageId, Wall};
use spool::walk::{Depth, Message, Ruling, Seen, Walk, What};
use spool::{Answer, Standing, Tried};
use std::fmt::{self, Write as _};
use std::io;

/// Everything of one message.
pub(super) struct History {
    pub(super) state: State,
    /// Its envelope and where its text lies now.
    pub(super) message: Option<Message>,
    pub(super) events: Vec<Written>,
}

/// A record, and when its block was written.
pub(super) struct Written {
    pub(super) seen: Seen,
    /// `None` in a block that does not check.
    pub(super) written: Option<Wall>,
}

/// Where it stands.
pub(super) enum State {
    /// These recipients are open.
    Live(Vec<Standing>),
    /// It is in what an engine is writing, or still comes in.
    Waiting,
    /// Nothing of it is open.
    Through,
    /// 451 was said.
    TakenBack,
    /// Not whole: no start finds it.
    Lost,
}

impl History {
    /// Reads all of a log for it.
    pub(super) fn read(log: &Log, beside: Beside, id: MessageId) -> io::Result<Self> {
        let mut events = Vec::new();
        let contents = log.contents(beside, |looked| {
            let walk = Walk::new(looked.header, looked.bytes, looked.next, Depth::Structure);
            for stretch in walk {
                let written = stretch.block.map(|block| Wall(block.wall));
                let ours = stretch.records.into_iter().filter(|seen| seen.id == id);
                events.extend(ours.map(|seen| Written { seen, written }));
            }
            Ok(())
        })?;
        let live = contents.live.into_iter().find(|live| live.id == id);
        let told = events.iter().rev().find_map(|event| match &event.seen.what {
            What::Delivery(message) | What::Copy(message) => Some(message.clone()),
            _ => None,
        });
        let state = match &live {
            Some(live) => State::Live(live.open.clone()),
            None => ended(&events, told.as_ref(), beside),
        };
        let message = live.map_or(told, |live| {
            Some(Message { envelope: live.envelope, text: live.text, open: live.open })
        });
        Ok(Self { state, message, events })
    }

    pub(super) fn standing(&self, recipient: u16) -> Option<Standing> {
        let State::Live(open) = &self.state else { return None };
        open.iter().find(|standing| standing.recipient == recipient).copied()
    }

    /// The end of a recipient.
    pub(super) fn final_of(&self, recipient: u16) -> Option<&Ruling> {
        self.rulings()
            .rev()
            .find(|ruling| ruling.outcome.is_final() && ruling.recipients.contains(&recipient))
    }

    fn rulings(&self) -> impl DoubleEndedIterator<Item = &Ruling> {
        self.events.iter().filter_map(|event| match &event.seen.what {
            What::Done(ruling) | What::Defer(ruling) => Some(ruling),
            _ => None,
        })
    }

    /// What there is to say of a recipient.
    pub(super) fn fate_of(&self, recipient: u16, now: Wall) -> String {
        if let Some(standing) = self.standing(recipient) {
            let last = self.rulings().rev().find(|ruling| ruling.recipients.contains(&recipient));
            let said = last.map_or_else(String::new, |last| answer(&last.answer));
            return format!("open, {}{said}", waits(standing, now));
        }
        match self.final_of(recipient) {
            Some(end) => format!("{}{}", end.outcome, answer(&end.answer)),
            None => "no longer open; its record is not here any more".to_owned(),
        }
    }
}

/// Why a message is not live.
fn ended(events: &[Written], message: Option<&Message>, beside: Beside) -> State {
    let any = |what: fn(&What) -> bool| events.iter().any(|event| what(&event.seen.what));
    if any(|what| matches!(what, What::Abort)) {
        return State::TakenBack;
    }
    let Some(message) = message else {
        return match beside {
            Beside::Engine(_) => State::Waiting,
            Beside::Nobody => State::Lost,
        };
    };
    let through = |recipient: &u16| {
        events.iter().any(|event| match &event.seen.what {
            What::Done(done) => done.recipients.contains(recipient),
            _ => false,
        })
    };
    let was_open = |recipient: &u16| {
        message.open.is_empty() || message.open.iter().any(|open| open.recipient == *recipient)
    };
    let open = (0..message.envelope.recipient_count()).filter(was_open).find(|it| !through(it));
    if open.is_none() { State::Through } else { State::Lost }
}

fn waits(standing: Standing, now: Wall) -> String {
    let Standing { attempt, due, .. } = standing;
    let attempts = show::count(usize::from(Tried::from_number(attempt).count()), "attempt");
    match due {
        Wall(0) => format!("{attempts}, due at once"),
        due if due <= now => format!("{attempts}, due since {}", show::span(now.since(due))),
        due => format!("{attempts}, due in {} at {}", show::span(due.since(now)), show::date(due)),
    }
}

fn answer(answer: &Answer) -> String {
    let mut said = String::new();
    if answer.code != 0 {
        let _ = write!(said, ", {}", answer.code);
    }
    if let Some(enhanced) = answer.enhanced {
        let _ = write!(said, " {enhanced}");
    }
    if let Some(peer) = answer.peer {
        let _ = write!(said, " by {peer}");
    }
    said
}

/// What a record is called.
pub(super) fn kind(what: &What) -> &'static str {
    match what {
        What::Text => "TEXT",
        What::Delivery(_) => "DELIVERY",
        What::Done(_) => "DONE",
        What::Defer(_) => "DEFER",
        What::Abort => "ABORT",
        What::Copy(_) => "COPY",
        What::Later => "of a later version",
        What::Bad => "damaged",
    }
}

/// What a record says, in a line.
pub(super) fn told(seen: &Seen) -> String {
    let kind = kind(&seen.what);
    let bound = if seen.bound { ", bound to the bounce in its block" } else { "" };
    match &seen.what {
        What::Delivery(message) => {
            let recipients = usize::from(message.envelope.recipient_count());
            format!("{kind}, {}", show::count(recipients, "recipient"))
        }
        What::Copy(message) => format!("{kind}, {} open", message.open.len()),
        What::Done(ruling) | What::Defer(ruling) => {
            let Ruling { outcome, attempt, recipients, .. } = ruling;
            let to: Vec<String> = recipients.iter().map(ToString::to_string).collect();
            let said = answer(&ruling.answer);
            let attempt = Tried::from_number(*attempt).count();
            let attempt =
                if outcome.is_final() { String::new() } else { format!(", attempt {attempt}") };
            format!("{kind} of recipient {}: {outcome}{attempt}{said}{bound}", to.join(", "))
        }
        _ => kind.to_owned(),
    }
}

impl State {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Live(_) => "live",
            Self::Waiting => "waiting",
            Self::Through => "through",
            Self::TakenBack => "taken-back",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live(open) => {
                write!(f, "live, {} open", show::count(open.len(), "recipient"))
            }
            Self::Waiting => f.write_str("being received, or not durable yet"),
            Self::Through => f.write_str("through: no recipient is open"),
            Self::TakenBack => f.write_str("taken back: 451 was said"),
            Self::Lost => f.write_str("not whole: it was never accepted, or bytes of it are lost"),
        }
    }
}
