//! What is said before the first transaction: the greeting, EHLO, and HELO to whom that is new.

use super::answer::{Answer, Class};
use super::offers::Offers;
use super::{Config, Patience, PeerFault};

/// The introduction, from the first word of the peer to what it offers.
#[derive(Debug)]
pub(super) struct Introduction {
    config: Config,
    step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// We wait for the greeting.
    Greeting,
    /// EHLO is to be said.
    EhloDue,
    /// We wait for what it offers.
    Ehlo,
    /// It does not know EHLO: HELO is to be said.
    HeloDue,
    /// We wait for its name.
    Helo,
}

/// How far an answer has brought us.
pub(super) enum Progress {
    /// There is more to be said.
    Underway,
    /// Transactions may begin, as these offers have it.
    Ready(Offers),
    /// The peer will not have us.
    Refused,
}

impl Introduction {
    pub(super) const fn new(config: Config) -> Self {
        Self { config, step: Step::Greeting }
    }

    /// Appends what is to be said now, if anything.
    pub(super) fn say(&mut self, out: &mut Vec<u8>) {
        match self.step {
            Step::EhloDue => self.introduce(b"EHLO ", Step::Ehlo, out),
            Step::HeloDue => self.introduce(b"HELO ", Step::Helo, out),
            Step::Greeting | Step::Ehlo | Step::Helo => {}
        }
    }

    fn introduce(&mut self, verb: &[u8], next: Step, out: &mut Vec<u8>) {
        out.extend_from_slice(verb);
        out.extend_from_slice(self.config.ehlo.as_bytes());
        out.extend_from_slice(b"\r\n");
        self.step = next;
    }

    pub(super) fn hear(&mut self, answer: &Answer<'_>) -> Result<Progress, PeerFault> {
        match (self.step, answer.class()) {
            (Step::EhloDue | Step::HeloDue, _) => Err(PeerFault::AnswerToNothing),
            // RFC 5321 §3.2: only a peer that does not know EHLO is asked with HELO.
            (Step::Ehlo, _) if matches!(answer.code, 500 | 502) => {
                self.step = Step::HeloDue;
                Ok(Progress::Underway)
            }
            (Step::Greeting, Class::Done) => {
                self.step = Step::EhloDue;
                Ok(Progress::Underway)
            }
            (Step::Ehlo, Class::Done) => Ok(Progress::Ready(Offers::read(answer))),
            (Step::Helo, Class::Done) => Ok(Progress::Ready(Offers::default())),
            (_, Class::Transient | Class::Permanent) => Ok(Progress::Refused),
            (_, Class::GoOn) => Err(PeerFault::WrongAnswer(answer.code)),
        }
    }

    pub(super) const fn waiting(&self) -> Option<Patience> {
        match self.step {
            Step::Greeting => Some(Patience::Greeting),
            Step::Ehlo | Step::Helo => Some(Patience::Hello),
            Step::EhloDue | Step::HeloDue => None,
        }
    }
}
