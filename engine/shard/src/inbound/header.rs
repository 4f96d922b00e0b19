//! The header of a message on its way in: read once, before the text goes anywhere.

use super::session::Visit;
use super::transaction::Transaction;
use super::window::{TEXT_MAX, Window};
use crate::intake::RECEIVED_MAX;
use event::{Event, MessageId};
use kernel::Kernel;
use mail::header::{Faults, Header, Injected, Look, Rule};
use policy::source::{Excess, Lint, Lints, Terms};
use smtp::command::ENVID_MAX;
use smtp::server::{Form, Refusal};
use std::io::Write as _;

/// What a header came to, once it may pass.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passed {
    /// Octets that were taken out of the text.
    pub(super) removed: u64,
    /// Rules it breaks that somebody wants to hear of.
    faults: Faults,
    /// A Date is to be added.
    date: bool,
    /// A Message-ID is to be added.
    message_id: bool,
}

impl<K: Kernel> Visit<K> {
    /// Reads the header of the text, which is there as a whole, or refuses it. What was said to
    /// us alone is noted with the transaction, and taken out.
    pub(super) fn pass_header(
        &self,
        transaction: &mut Transaction,
        window: &mut Window,
        form: Form,
    ) -> Result<Passed, Refusal> {
        // It would be the rest of the field that we put in front.
        if window.text().starts_with(b" ") || window.text().starts_with(b"\t") {
            return Err(Refusal::FieldName);
        }
        let terms = self.guest.terms();
        let look = Look { injection: terms.injects, rules: !terms.lints.are_off() };
        let header = mail::header::read(window.text(), kept(form), look);
        self.measure(&header)?;
        judge(header.faults, terms.lints).inspect_err(|_| {
            self.guest.source().refuse(Excess::Header);
        })?;
        note(transaction, &header.injected, terms)?;
        let fixed = |rule| header.faults.has(rule) && lint(rule, terms.lints) == Lint::Fix;
        let (date, message_id) = (fixed(Rule::DateMissing), fixed(Rule::MessageIdMissing));
        let faults = header.faults.only(|rule| lint(rule, terms.lints) >= Lint::Warn);
        let cuts = header.cuts;
        let removed = cuts.take_out(window.text_mut());
        window.cut_front(removed);
        Ok(Passed { removed: removed as u64, faults, date, message_id })
    }

    /// As [`Self::pass_header`] for the first part of a text, which holds the header or is refused.
    pub(super) fn pass_first(
        &self,
        transaction: &mut Transaction,
        window: &mut Window,
    ) -> Result<Passed, Refusal> {
        let form = self.session.form();
        if mail::header::scan(window.text(), kept(form)).ended {
            return self.pass_header(transaction, window, form);
        }
        let large = window.capacity() >= TEXT_MAX
            || window.text().len() > self.door.gate.guard.header_bytes_max;
        // There was no memory for a header that may be as large.
        Err(if large { Refusal::HeaderTooBig } else { Refusal::IntakeFull })
    }

    fn measure(&self, header: &Header<'_>) -> Result<(), Refusal> {
        let guard = &self.door.gate.guard;
        if header.facts.len > guard.header_bytes_max {
            Err(Refusal::HeaderTooBig)
        } else if header.facts.fields > guard.header_fields_max {
            Err(Refusal::TooManyFields)
        } else if header.facts.received > RECEIVED_MAX {
            Err(Refusal::Loop)
        } else {
            Ok(())
        }
    }

    /// Adds the fields that were missing, for whose source that is to be done.
    ///
    /// [RFC 6409 §8](https://www.rfc-editor.org/rfc/rfc6409#section-8) lets whoever takes mail
    /// from its author do so.
    pub(super) fn add_missing(&self, passed: &Passed, id: MessageId, prefix: &mut Vec<u8>) {
        if passed.date {
            prefix.extend_from_slice(b"Date: ");
            mail::write_date(self.shard.kernel.wall(), prefix);
            prefix.extend_from_slice(b"\r\n");
        }
        if passed.message_id {
            // Our name for it, and when: the names begin anew with a new spool.
            let (millis, hostname) = (self.shard.kernel.wall().0, &self.shard.hostname);
            // A Vec takes every write.
            let _ = write!(prefix, "Message-ID: <{id}.{millis:x}@{hostname}>\r\n");
        }
    }

    /// Tells what was wrong with a message that was taken.
    pub(super) fn tell_faults(&self, passed: &Passed, id: MessageId) {
        if passed.faults.is_empty() {
            return;
        }
        let rules: Vec<_> = passed.faults.iter().map(Rule::name).collect();
        let (rules, source) = (rules.join(" "), self.guest.source().name());
        let peer = self.peer.address;
        self.shard.tell(&Event::HeaderFaulty { id, source, peer, rules: &rules });
    }
}

fn judge(faults: Faults, lints: Lints) -> Result<(), Refusal> {
    let rejected = faults.iter().find(|rule| lint(*rule, lints) == Lint::Reject);
    rejected.map_or(Ok(()), |rule| Err(refusal(rule)))
}

/// Notes what the injector says of its message, where it may say so.
fn note(
    transaction: &mut Transaction,
    injected: &Injected<'_>,
    terms: &Terms,
) -> Result<(), Refusal> {
    let long = |envid| mail::xtext::encode(envid).len() > ENVID_MAX;
    if injected.unsound || injected.envid.is_some_and(long) {
        return Err(Refusal::InjectionUnsound);
    }
    let own = terms.tenant.as_deref().map(str::as_bytes);
    if let (Some(own), Some(named)) = (own, injected.tenant)
        && own != named
    {
        return Err(Refusal::InjectionTenant);
    }
    // Whose it is must not be lost on the way.
    if transaction.place(injected, terms) { Ok(()) } else { Err(Refusal::InjectionUnsound) }
}

/// How a text lies there that came so.
const fn kept(form: Form) -> mail::header::Form {
    match form {
        Form::Stuffed => mail::header::Form::Stuffed,
        Form::Raw => mail::header::Form::Raw,
    }
}

/// What the operator wants done about a rule that is broken.
const fn lint(rule: Rule, lints: Lints) -> Lint {
    match rule {
        Rule::DateMissing | Rule::DateUnreadable => lints.date,
        Rule::FieldName | Rule::LineLength => lints.syntax,
        Rule::FieldTwice => lints.duplicates,
        Rule::FromAddress | Rule::FromMissing | Rule::FromTwice => lints.from,
        Rule::MessageIdEmpty | Rule::MessageIdMissing => lints.message_id,
    }
}

const fn refusal(rule: Rule) -> Refusal {
    match rule {
        Rule::DateMissing => Refusal::DateMissing,
        Rule::DateUnreadable => Refusal::DateUnreadable,
        Rule::FieldName => Refusal::FieldName,
        Rule::FieldTwice => Refusal::FieldTwice,
        Rule::FromAddress => Refusal::FromAddress,
        Rule::FromMissing => Refusal::FromMissing,
        Rule::FromTwice => Refusal::FromTwice,
        Rule::LineLength => Refusal::HeaderLine,
        Rule::MessageIdEmpty => Refusal::MessageIdEmpty,
        Rule::MessageIdMissing => Refusal::MessageIdMissing,
    }
}
