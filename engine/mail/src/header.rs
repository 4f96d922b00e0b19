//! The header of a message, read once, where it lies.
//!
//! [`scan`] counts what every message is asked for. [`read`] does so too, and in the same pass
//! finds what a [`Look`] asks: fields that were put in for us alone, and rules that are broken.
//! What is to go is taken out where it stands.
//!
//! Both read what the next host will: in a text that came by DATA the dot in front of a line is
//! passed over where that stands for more than itself ([`Form`]).

mod address;
mod field;
mod form;
mod rule;

pub use form::Form;
pub use rule::{Faults, Rule};

use field::Name;
use memchr::memchr;
use std::ops::Range;

/// What one pass finds in any header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Octets of the header fields as they stand there, each with its CRLF; the blank line behind
    /// them not counted.
    pub len: usize,
    /// How many fields there are.
    pub fields: u32,
    /// How many Received fields there are: relays passed.
    ///
    /// [RFC 5321 §6.3](https://www.rfc-editor.org/rfc/rfc5321#section-6.3)
    pub received: u16,
    /// The blank line was seen. A text without one is all header.
    pub ended: bool,
}

/// What is looked for beyond [`Facts`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Fields for us alone, which are taken out.
    pub injection: bool,
    /// Broken rules.
    pub rules: bool,
}

/// A header that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header<'t> {
    /// What it comes to, before anything is taken out.
    pub facts: Facts,
    /// The rules it breaks, if anybody asked.
    pub faults: Faults,
    /// What was said to us alone, if anybody asked.
    pub injected: Injected<'t>,
    /// Where that stands.
    pub cuts: Cuts,
}

/// What an injector says of its message to us alone, each value checked: it is not empty, has
/// [`Injected::VALUE_MAX`] octets at most, and no control character in it.
///
/// The names are those of `PowerMTA`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Injected<'t> {
    /// `X-Virtual-MTA`: the pool it leaves by.
    pub pool: Option<&'t [u8]>,
    /// `X-Job`.
    pub job: Option<&'t [u8]>,
    /// `X-Envid`.
    pub envid: Option<&'t [u8]>,
    /// `X-Tenant`.
    pub tenant: Option<&'t [u8]>,
    /// `X-Campaign`.
    pub campaign: Option<&'t [u8]>,
    /// One of them has no sound value, or stands twice, so that nobody knows what is meant.
    pub unsound: bool,
}

impl Injected<'_> {
    /// The longest value.
    pub const VALUE_MAX: usize = 128;
}

/// The longest line, without its CRLF.
///
/// [RFC 5322 §2.1.1](https://www.rfc-editor.org/rfc/rfc5322#section-2.1.1)
const LINE_MAX: usize = 998;

/// Reads a header for what every message is asked.
#[must_use]
pub fn scan(text: &[u8], form: Form) -> Facts {
    let mut facts = Facts::default();
    let mut rest = text;
    while let Some((field, behind, _)) = split_field(rest, form) {
        facts.add(form.line(field));
        rest = behind;
    }
    facts.end(text, rest, form)
}

/// Reads a header for all that is asked.
#[must_use]
pub fn read(text: &[u8], form: Form, look: Look) -> Header<'_> {
    if look == Look::default() {
        return Header { facts: scan(text, form), ..Header::default() };
    }
    let mut reading = Reading::new(look, form);
    let mut rest = text;
    while let Some((field, behind, longest)) = split_field(rest, form) {
        reading.field(field, text.len() - rest.len(), longest);
        rest = behind;
    }
    reading.end(text, rest)
}

/// Where fields stand that are to go, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cuts(Vec<Range<usize>>);

impl Cuts {
    /// Whether nothing is to go.
    #[must_use]
    pub fn are_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes them out of the text they were found in, and says where that begins now. What is
    /// in front of them moves up to what is behind: a few fields, never the body.
    ///
    /// # Panics
    /// If it is a shorter text.
    #[must_use]
    pub fn take_out(&self, text: &mut [u8]) -> usize {
        let mut begin = self.0.last().map_or(0, |last| last.end);
        for (at, cut) in self.0.iter().enumerate().rev() {
            let from = at.checked_sub(1).and_then(|before| self.0.get(before)).map_or(0, |c| c.end);
            begin -= cut.start - from;
            text.copy_within(from..cut.start, begin);
        }
        begin
    }
}

impl Facts {
    fn add(&mut self, field: &[u8]) {
        self.fields = self.fields.saturating_add(1);
        if matches!(field.first(), Some(b'r' | b'R')) && is_received(field) {
            self.received = self.received.saturating_add(1);
        }
    }

    fn end(self, text: &[u8], rest: &[u8], form: Form) -> Self {
        let ended = form.line(rest).starts_with(b"\r\n");
        Self { len: text.len() - rest.len(), ended, ..self }
    }
}

/// With the space in front of the colon that obsolete syntax lets stand there: other readers pass
/// over it too, and a loop of them would not be seen.
///
/// [RFC 5322 §4.5](https://www.rfc-editor.org/rfc/rfc5322#section-4.5)
fn is_received(field: &[u8]) -> bool {
    const NAME: &[u8] = b"received";
    let Some((name, behind)) = field.split_at_checked(NAME.len()) else { return false };
    let mut behind = behind.iter().skip_while(|byte| matches!(byte, b' ' | b'\t'));
    name.eq_ignore_ascii_case(NAME) && behind.next() == Some(&b':')
}

/// The first field with its folded lines, what is behind it, and the octets of its longest
/// line, a dot that stands for nothing not counted. `None` at the blank line, or the first half
/// of one, or the end.
fn split_field(text: &[u8], form: Form) -> Option<(&[u8], &[u8], usize)> {
    if matches!(form.line(text), [] | [b'\r'] | [b'\r', b'\n', ..]) {
        return None;
    }
    let (mut len, mut longest) = (0, 0);
    loop {
        let rest = text.get(len..).unwrap_or_default();
        let line = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        longest = longest.max(line - (rest.len() - form.line(rest).len()));
        len += line;
        let next = text.get(len..).unwrap_or_default();
        if !matches!(form.line(next), [b' ' | b'\t', ..]) {
            return text.split_at_checked(len).map(|(field, behind)| (field, behind, longest));
        }
    }
}

/// What stands in front of the first colon, and what behind it.
fn split_value(field: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = field.split_at_checked(memchr(b':', field)?)?;
    value.split_first().map(|(_, value)| (name, value))
}

/// A header that is being read.
struct Reading<'t> {
    look: Look,
    form: Form,
    header: Header<'t>,
    /// Names that were seen, a bit each.
    seen: u32,
}

impl<'t> Reading<'t> {
    fn new(look: Look, form: Form) -> Self {
        Self { look, form, header: Header::default(), seen: 0 }
    }

    fn field(&mut self, field: &'t [u8], at: usize, longest: usize) {
        let plain = self.form.plain(field);
        self.header.facts.add(&plain);
        let split = split_value(&plain);
        let name = split.and_then(|(name, _)| Name::of(name));
        let again = name.is_some_and(|name| self.see(name));
        if self.look.injection && name.is_some_and(Name::is_for_us) {
            self.header.cuts.0.push(at..at + field.len());
            let value = split_value(field).map(|(_, value)| value).unwrap_or_default();
            return self.inject(name, value, again);
        }
        if self.look.rules {
            let legal = split.is_some_and(|(name, _)| field::is_legal(name));
            self.judge(name, split.map(|(_, value)| value).unwrap_or_default(), again);
            self.header.faults.add_if(!legal, Rule::FieldName);
            self.header.faults.add_if(longest > LINE_MAX + 2, Rule::LineLength);
        }
    }

    /// Whether the name was seen before.
    fn see(&mut self, name: Name) -> bool {
        let again = self.has(name);
        self.seen |= name.bit();
        again
    }

    const fn has(&self, name: Name) -> bool {
        self.seen & name.bit() != 0
    }

    fn inject(&mut self, name: Option<Name>, value: &'t [u8], again: bool) {
        let value = field::sound_value(value, self.form).filter(|_| !again);
        let injected = &mut self.header.injected;
        injected.unsound |= value.is_none();
        let place = match name {
            Some(Name::VirtualMta) => &mut injected.pool,
            Some(Name::Job) => &mut injected.job,
            Some(Name::Envid) => &mut injected.envid,
            Some(Name::Tenant) => &mut injected.tenant,
            _ => &mut injected.campaign,
        };
        *place = value;
    }

    fn judge(&mut self, name: Option<Name>, value: &[u8], again: bool) {
        let faults = &mut self.header.faults;
        match name {
            Some(Name::From) => {
                faults.add_if(again, Rule::FromTwice);
                faults.add_if(!address::is_in(value), Rule::FromAddress);
            }
            Some(name) if name.is_single() => faults.add_if(again, Rule::FieldTwice),
            _ => {}
        }
        match name {
            Some(Name::Date) => faults.add_if(!crate::date::is_date(value), Rule::DateUnreadable),
            // An empty one names nothing.
            Some(Name::MessageId) => {
                faults.add_if(value.trim_ascii().is_empty(), Rule::MessageIdEmpty);
            }
            _ => {}
        }
    }

    fn end(mut self, text: &[u8], rest: &[u8]) -> Header<'t> {
        self.header.facts = self.header.facts.end(text, rest, self.form);
        if self.look.rules {
            for (name, rule) in [
                (Name::From, Rule::FromMissing),
                (Name::Date, Rule::DateMissing),
                (Name::MessageId, Rule::MessageIdMissing),
            ] {
                let missing = !self.has(name);
                self.header.faults.add_if(missing, rule);
            }
        }
        self.header
    }
}

#[cfg(test)]
mod tests;
