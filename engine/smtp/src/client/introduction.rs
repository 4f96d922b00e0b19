//! What is said before the first transaction: the greeting, EHLO, and HELO to whom that is new;
//! then STARTTLS, and EHLO again.
//!
//! ```text
//!  220 > EHLO < 250 > ready                                   nothing asked, or not to be had
//!                   > STARTTLS < 220 | handshake | EHLO < 250 > ready
//!                              < 4xx, 5xx > ready             where it need not be
//! ```
//! What was offered in the clear is forgotten with the handshake: anybody may have said it.
//! [RFC 3207 §4.2](https://www.rfc-editor.org/rfc/rfc3207#section-4.2)

use super::answer::{Answer, Class};
use super::offers::{NO_REQUIRETLS, Offers};
use super::{Config, Patience, PeerFault, Tls, refused};
use event::Response;

/// What a peer without TLS is said to do, by [`super::Session::bare`].
pub const NO_STARTTLS: &str = "does not offer STARTTLS";

/// The introduction, from the first word of the peer to what it offers.
#[derive(Debug)]
pub(super) struct Introduction {
    config: Config,
    step: Step,
    /// What is said is sealed.
    secured: bool,
    /// Why it is not, although that was asked for.
    bare: Option<Box<str>>,
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
    /// STARTTLS is to be said to a peer that offers this.
    StartTlsDue(Offers),
    /// We wait to hear whether it means it.
    StartTls(Offers),
    /// The caller shakes hands.
    Handshake,
}

/// How far an answer has brought us.
pub(super) enum Progress {
    /// There is more to be said.
    Underway,
    /// The handshake begins.
    StartTls,
    /// Transactions may begin, as these offers have it.
    Ready(Offers),
    /// The peer will not have us, or is not to have our mail.
    Refused(Response),
}

impl Introduction {
    pub(super) const fn new(config: Config) -> Self {
        Self { config, step: Step::Greeting, secured: false, bare: None }
    }

    /// Appends what is to be said now, if anything.
    pub(super) fn say(&mut self, out: &mut Vec<u8>) {
        match self.step {
            Step::EhloDue => self.introduce(b"EHLO ", Step::Ehlo, out),
            Step::HeloDue => self.introduce(b"HELO ", Step::Helo, out),
            Step::StartTlsDue(offers) => {
                out.extend_from_slice(b"STARTTLS\r\n");
                self.step = Step::StartTls(offers);
            }
            Step::Greeting | Step::Ehlo | Step::Helo | Step::StartTls(_) | Step::Handshake => {}
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
            (Step::EhloDue | Step::HeloDue | Step::StartTlsDue(_) | Step::Handshake, _) => {
                Err(PeerFault::AnswerToNothing)
            }
            // RFC 5321 §3.2: only a peer that does not know EHLO is asked with HELO.
            (Step::Ehlo, _) if matches!(answer.code, 500 | 502) => {
                self.step = Step::HeloDue;
                Ok(Progress::Underway)
            }
            (Step::Greeting, Class::Done) => {
                self.step = Step::EhloDue;
                Ok(Progress::Underway)
            }
            (Step::Ehlo, Class::Done) => Ok(self.offered(Offers::read(answer))),
            (Step::Helo, Class::Done) => Ok(self.offered(Offers::default())),
            (Step::StartTls(_), Class::Done) => {
                self.step = Step::Handshake;
                Ok(Progress::StartTls)
            }
            (Step::StartTls(offers), Class::Transient | Class::Permanent) => {
                let for_good = answer.class() == Class::Permanent;
                let why = format!("refuses STARTTLS: {}", answer.response());
                Ok(self.in_clear(offers, &why, for_good))
            }
            (_, Class::Transient | Class::Permanent) => Ok(Progress::Refused(answer.response())),
            (_, Class::GoOn) => Err(PeerFault::WrongAnswer(answer.code)),
        }
    }

    /// The peer has said what it offers.
    fn offered(&mut self, offers: Offers) -> Progress {
        if self.secured && self.config.requiretls && !offers.requiretls {
            return Progress::Refused(refused(550, (7, 30), NO_REQUIRETLS));
        }
        if self.secured {
            return Progress::Ready(offers);
        }
        // RFC 8689 §2: what is said of it in the clear is nothing.
        let offers = Offers { requiretls: false, ..offers };
        if self.config.tls == Tls::Off {
            return Progress::Ready(offers);
        }
        if !offers.starttls {
            return self.in_clear(offers, NO_STARTTLS, true);
        }
        self.step = Step::StartTlsDue(offers);
        Progress::Underway
    }

    /// There will be no TLS, and why. Where it has to be, there will be no mail either: whoever
    /// took STARTTLS from what the peer said would have it in the clear. `for_good`: the peer will not
    /// think better of it, says what it said.
    ///
    /// [RFC 8689 §4.2.1](https://www.rfc-editor.org/rfc/rfc8689#section-4.2.1): mail whose sender
    /// requires TLS does not wait for that.
    fn in_clear(&mut self, offers: Offers, why: &str, for_good: bool) -> Progress {
        self.bare = Some(why.into());
        if self.config.tls != Tls::Required {
            return Progress::Ready(offers);
        }
        let (code, enhanced) =
            if self.config.requiretls && for_good { (550, (7, 10)) } else { (451, (7, 4)) };
        let text = format!("TLS is required (`tls`), and the host {why}");
        Progress::Refused(refused(code, enhanced, &text))
    }

    pub(super) fn bare(&self) -> Option<&str> {
        self.bare.as_deref()
    }

    /// The handshake is complete: it begins anew, in front of EHLO.
    ///
    /// # Panics
    /// If there was none to be made.
    pub(super) fn secured(&mut self) {
        assert!(self.step == Step::Handshake, "a handshake follows what STARTTLS is answered with");
        self.secured = true;
        self.step = Step::EhloDue;
    }

    pub(super) const fn waiting(&self) -> Option<Patience> {
        match self.step {
            Step::Greeting => Some(Patience::Greeting),
            Step::Ehlo | Step::Helo | Step::StartTls(_) => Some(Patience::Hello),
            Step::EhloDue | Step::HeloDue | Step::StartTlsDue(_) | Step::Handshake => None,
        }
    }
}
