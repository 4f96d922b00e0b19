//! Which command may be said when, and what comes of it.

use super::{Auth, Dialect, Mail, Mechanism, Porter, Rcpt, Refusal, Session, State, Step};
use crate::command::{self, Attributes, Begin, Body, Command, SASL_LINE_MAX};
use crate::reply::{Offers, Reply};
use crate::server::{CHUNK_TINY, RECIPIENTS_FLOOR, Sasl};
use crate::text::Text;

impl Session {
    pub(super) fn line<'i>(
        &mut self,
        input: &'i [u8],
        porter: impl Porter,
        replies: &mut Vec<u8>,
    ) -> Option<(usize, Step<'i>)> {
        let (line, used) = self.first_line(input)?;
        // A peer whose lines we cannot tell apart is not worth guessing about: these refusals
        // end the connection.
        let command = line.and_then(Command::parse);
        let more_waits = input.len() > used;
        let next = command.and_then(|command| match self.transition(command, porter)? {
            // RFC 2920 §3.1: DATA ends a group. What follows it unasked is not meant as text.
            (State::Text(_), ..) if more_waits => Err(Refusal::EarlyText),
            // What came in clear text is not read once we think the connection secure (T2).
            (State::Handshaking, ..) if more_waits => Err(Refusal::EarlyHandshake),
            next => Ok((command, next)),
        });
        let step = match (next, command) {
            (Ok((command, (state, reply, step))), _) => {
                self.note(command);
                self.state = state;
                reply.write(&self.config, replies);
                step
            }
            (Err(refusal), Ok(Command::Bdat { bytes, .. })) => {
                self.refuse_chunk(bytes, refusal, replies)
            }
            (Err(refusal), Ok(Command::Rcpt(_))) => self.refuse_recipient(refusal, replies),
            (Err(refusal), _) => self.refuse(refusal, replies),
        };
        Some((used, step))
    }

    /// The first line. AUTH may bring a longer one than other commands.
    fn first_line<'i>(&self, input: &'i [u8]) -> Option<(Result<&'i [u8], Refusal>, usize)> {
        if self.may_authenticate() && command::begins_with_auth(input) {
            let (line, used) = command::first_line(input, SASL_LINE_MAX)?;
            return Some((line.map_err(Refusal::of_authentication), used));
        }
        command::first_line(input, self.config.command_line_max())
    }

    /// The whole protocol. A refused command leaves the state as it was.
    ///
    /// [RFC 5321 §4.1.4](https://www.rfc-editor.org/rfc/rfc5321#section-4.1.4)
    pub(super) fn transition<'i>(
        &self,
        command: Command<'i>,
        porter: impl Porter,
    ) -> Result<(State, Reply, Step<'i>), Refusal> {
        use {Command as C, State as S};
        Ok(match (self.state, command) {
            (_, C::Quit) => (S::Closed, Reply::Bye, Step::Close),
            (state, _) if self.chatter >= self.config.chatter_max && is_chatter(state, command) => {
                return Err(Refusal::TooMuchChatter);
            }
            (state, C::Noop) => (state, Reply::Ok, Step::Continue),
            (_, C::Ehlo(_)) => (S::Ready, Reply::Extensions(self.offers(&porter)), self.dropping()),
            (_, C::Helo(_)) => (S::Ready, Reply::Hello, self.dropping()),
            (state, C::StartTls) => {
                self.may_encrypt(state)?;
                (S::Handshaking, Reply::StartTls, Step::StartTls)
            }
            _ if self.config.tls_required && !self.secure => return Err(Refusal::TlsNeeded),
            (state, C::Vrfy) => (state, Reply::Verify, Step::Continue),
            (state, C::Help) => (state, Reply::Help, Step::Continue),
            (S::Fresh, C::Rset) => (S::Fresh, Reply::Ok, Step::Continue),
            (_, C::Rset) => (S::Ready, Reply::Ok, self.dropping()),
            (state, C::Auth(begin)) => {
                let step = Step::Sasl(self.begin(state, begin, &porter)?);
                (S::Authenticating, Reply::Silence, step)
            }
            (state, C::Xclient(argument)) => {
                let attributes = self.speak_for(state, argument)?;
                // Who is said to have greeted need not do it again.
                let next = if attributes.greeting().is_some() { S::Ready } else { S::Fresh };
                (next, Reply::Greeting, Step::Xclient(attributes))
            }
            (S::Ready, C::Mail(mail)) => {
                self.admit(&mail, porter)?;
                let binary = mail.body == Body::Binary;
                let envelope = S::Envelope { recipients: 0, utf8: mail.utf8, binary };
                (envelope, Reply::Sender, Step::Sender(mail))
            }
            (S::Envelope { recipients, utf8, binary }, C::Rcpt(rcpt)) => {
                self.take(&rcpt, recipients, utf8, porter)?;
                let envelope = S::Envelope { recipients: recipients + 1, utf8, binary };
                (envelope, Reply::Recipient, Step::Recipient(rcpt))
            }
            (S::Envelope { recipients: 1.., binary: true, .. }, C::Data) => {
                return Err(Refusal::BinaryNeedsChunks);
            }
            (S::Envelope { recipients: 1.., .. }, C::Data) => {
                (S::Text(Text::default()), Reply::GoAhead, Step::Continue)
            }
            (_, C::Bdat { .. }) if !self.config.chunking => return Err(Refusal::NotImplemented),
            (S::Envelope { recipients: 1.., binary, .. }, C::Bdat { bytes, last }) => {
                let text = if binary { Text::binary() } else { Text::default() };
                self.begin_chunk(text, bytes, last)?
            }
            (S::Chunks(text), C::Bdat { bytes, last }) => self.begin_chunk(text, bytes, last)?,
            _ => return Err(Refusal::OutOfOrder),
        })
    }

    /// What of our offers can be used once this command is answered.
    fn offers(&self, porter: &impl Porter) -> Offers {
        Offers {
            bytes: self.bounds().message_bytes_max,
            starttls: self.config.starttls && !self.secure,
            auth: self.may_authenticate() && !self.authenticated,
            scram: porter.takes_scram(),
            xclient: self.rights.xclient,
            requiretls: self.takes_requiretls(),
        }
    }

    /// [RFC 8689 §2](https://www.rfc-editor.org/rfc/rfc8689#section-2): it is there under TLS only,
    /// or what asks for it would have come in the clear.
    fn takes_requiretls(&self) -> bool {
        self.config.requiretls && self.secure
    }

    fn may_authenticate(&self) -> bool {
        match self.config.auth {
            Auth::Never => false,
            Auth::UnderTls => self.secure,
            Auth::Always => true,
        }
    }

    fn may_encrypt(&self, state: State) -> Result<(), Refusal> {
        if !self.config.starttls {
            Err(Refusal::NotImplemented)
        } else if self.secure || !matches!(state, State::Fresh | State::Ready) {
            Err(Refusal::OutOfOrder)
        } else {
            Ok(())
        }
    }

    /// Whether an authentication may begin: once, after EHLO, and between transactions.
    ///
    /// [RFC 4954 §4](https://www.rfc-editor.org/rfc/rfc4954#section-4)
    fn begin<'i>(
        &self,
        state: State,
        begin: Begin<'i>,
        porter: &impl Porter,
    ) -> Result<Sasl<'i>, Refusal> {
        if self.config.auth == Auth::Never {
            return Err(Refusal::NotImplemented);
        }
        if state != State::Ready || self.authenticated || !self.greeted_with_ehlo {
            return Err(Refusal::OutOfOrder);
        }
        if !self.may_authenticate() {
            return Err(Refusal::AuthNeedsTls);
        }
        let offered = |way: &Mechanism| *way != Mechanism::ScramSha256 || porter.takes_scram();
        let mechanism = begin.mechanism.filter(offered).ok_or(Refusal::UnknownMechanism)?;
        Ok(Sasl::Begin { mechanism, initial: begin.initial })
    }

    /// Whether the peer may speak for somebody else (T13).
    fn speak_for<'i>(&self, state: State, argument: &'i [u8]) -> Result<Attributes<'i>, Refusal> {
        if !self.rights.xclient {
            return Err(Refusal::NotTrusted);
        }
        if !matches!(state, State::Fresh | State::Ready) {
            return Err(Refusal::OutOfOrder);
        }
        Attributes::parse(argument)
    }

    /// Whether a transaction may begin.
    fn admit(&self, mail: &Mail<'_>, mut porter: impl Porter) -> Result<(), Refusal> {
        if self.config.auth_required && !self.authenticated {
            return Err(Refusal::AuthNeeded);
        }
        let unknown = (!self.config.dsn && (mail.ret.is_some() || mail.envid.is_some()))
            || (self.config.auth == Auth::Never && mail.auth.is_some())
            || (!(self.config.chunking && self.config.binary) && mail.body == Body::Binary)
            || (!(self.takes_requiretls() && self.greeted_with_ehlo) && mail.requiretls);
        if unknown {
            return Err(Refusal::UnknownParameter);
        }
        if self.transactions >= self.config.transactions_max {
            return Err(Refusal::TooManyMessages);
        }
        // RFC 1870 §6.1: what is announced too big need not be sent at all.
        if mail.size.is_some_and(|size| size > self.bounds().message_bytes_max) {
            return Err(self.named(Refusal::MessageTooBig));
        }
        porter.sender(mail).refusal()
    }

    /// Whether a transaction with so many recipients may have one more, this one.
    fn take(
        &self,
        rcpt: &Rcpt<'_>,
        recipients: u16,
        utf8: bool,
        mut porter: impl Porter,
    ) -> Result<(), Refusal> {
        let path = rcpt.path;
        // Who brings mail to one mailbox needs no long list of them.
        let floor = if self.rights.relay { u16::MAX } else { RECIPIENTS_FLOOR };
        let most = self.config.recipients_max.min(floor);
        let ours = path.is_postmaster_of(&self.config.hostname);
        if !self.config.dsn && (rcpt.notify.is_some() || rcpt.orcpt.is_some()) {
            Err(Refusal::UnknownParameter)
        } else if recipients >= most {
            Err(Refusal::TooManyRecipients)
        } else if !utf8 && (path.utf8 || rcpt.orcpt.is_some_and(|orcpt| !orcpt.is_ascii())) {
            Err(Refusal::NeedsUtf8)
        } else if !ours && !self.rights.relay {
            Err(Refusal::RelayDenied)
        } else if path.literal {
            Err(Refusal::LiteralNotRouted)
        } else {
            porter.recipient(rcpt).refusal()
        }
    }

    /// Keeps what of a command outlives it.
    fn note(&mut self, command: Command<'_>) {
        if is_chatter(self.state, command) {
            self.waste();
        }
        match command {
            Command::Mail(_) => self.transactions += 1,
            Command::Ehlo(name) | Command::Helo(name) => {
                self.helo = name.into();
                self.greeted_with_ehlo = matches!(command, Command::Ehlo(_));
            }
            Command::Xclient(argument) => {
                self.forget();
                let said = Attributes::parse(argument).ok();
                if let Some((name, dialect)) = said.and_then(Attributes::greeting) {
                    self.helo = name;
                    self.greeted_with_ehlo = dialect == Dialect::Esmtp;
                }
            }
            _ => {}
        }
    }

    /// Counts a command that brings no message nearer.
    const fn waste(&mut self) {
        self.chatter = self.chatter.saturating_add(1);
        self.wasted = self.wasted.wrapping_add(1);
    }

    /// Somebody who tries one recipient after the other is looking for those that exist.
    fn refuse_recipient<'i>(&mut self, refusal: Refusal, replies: &mut Vec<u8>) -> Step<'i> {
        // Those behind a refused sender are no tries.
        if refusal.code() >= 500 && refusal.weight() > 0 {
            self.recipients_refused = self.recipients_refused.saturating_add(1);
        }
        let enough = self.recipients_refused > self.config.recipients_refused_max;
        self.refuse(if enough { Refusal::TooManyRefused } else { refusal }, replies)
    }

    /// Says why not; and if there have been too many of these, that it is enough.
    pub(super) fn refuse<'i>(&mut self, refusal: Refusal, replies: &mut Vec<u8>) -> Step<'i> {
        self.errors = self.errors.saturating_add(refusal.weight());
        self.waste();
        let last = if self.errors >= self.config.errors_max {
            Refusal::TooManyErrors
        } else if self.chatter > self.config.chatter_max {
            Refusal::TooMuchChatter
        } else {
            refusal
        };
        self.turn_down(last, replies);
        if last.ends_connection() {
            self.state = State::Closing;
        }
        Step::Continue
    }
}

/// A command that brings no message nearer.
const fn is_chatter(state: State, command: Command<'_>) -> bool {
    match (state, command) {
        (State::Fresh, Command::Ehlo(_) | Command::Helo(_))
        | (State::Ready, Command::Mail(_))
        | (State::Envelope { .. }, Command::Rcpt(_) | Command::Data) => false,
        (State::Envelope { .. } | State::Chunks(_), Command::Bdat { bytes, last }) => {
            bytes < CHUNK_TINY && !last
        }
        _ => true,
    }
}
