//! Names of fields that mean something to us, and values that were meant for us.

use super::{Form, Injected};

/// A name that means something to us. All but those for us alone stand at most once in a header.
///
/// [RFC 5322 §3.6](https://www.rfc-editor.org/rfc/rfc5322#section-3.6)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Bcc,
    Campaign,
    Cc,
    Date,
    Envid,
    From,
    InReplyTo,
    Job,
    MessageId,
    References,
    ReplyTo,
    Sender,
    Subject,
    Tenant,
    To,
    VirtualMta,
}

const NAMES: [(&[u8], Name); 16] = [
    (b"to", Name::To),
    (b"cc", Name::Cc),
    (b"bcc", Name::Bcc),
    (b"date", Name::Date),
    (b"from", Name::From),
    (b"x-job", Name::Job),
    (b"sender", Name::Sender),
    (b"subject", Name::Subject),
    (b"x-envid", Name::Envid),
    (b"reply-to", Name::ReplyTo),
    (b"x-tenant", Name::Tenant),
    (b"message-id", Name::MessageId),
    (b"references", Name::References),
    (b"x-campaign", Name::Campaign),
    (b"in-reply-to", Name::InReplyTo),
    (b"x-virtual-mta", Name::VirtualMta),
];

impl Name {
    /// The name in front of a colon. The space that obsolete syntax lets stand there is passed
    /// over: other readers pass over it too.
    ///
    /// [RFC 5322 §4.5](https://www.rfc-editor.org/rfc/rfc5322#section-4.5)
    pub(super) fn of(written: &[u8]) -> Option<Self> {
        let written = written.trim_ascii_end();
        let same = |(name, _): &&(&[u8], Self)| written.eq_ignore_ascii_case(name);
        NAMES.iter().find(same).map(|(_, name)| *name)
    }

    /// Its bit in a set of names.
    pub(super) const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// It says something to us alone.
    pub(super) const fn is_for_us(self) -> bool {
        matches!(self, Self::VirtualMta | Self::Job | Self::Envid | Self::Tenant | Self::Campaign)
    }

    /// It may stand once in a header.
    pub(super) const fn is_single(self) -> bool {
        !self.is_for_us()
    }
}

/// Whether a field may have this name.
///
/// [RFC 5322 §2.2](https://www.rfc-editor.org/rfc/rfc5322#section-2.2)
pub(super) fn is_legal(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic)
}

/// What stands behind the colon, if it can be passed on: on one line, and printable.
pub(super) fn sound_value(value: &[u8], form: Form) -> Option<&[u8]> {
    let lines = value.split(|byte| *byte == b'\n').enumerate();
    // The first is the rest of the line that the name begins.
    let lines = lines.map(|(at, line)| if at == 0 { line } else { form.line(line) });
    let mut lines = lines.map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let value = lines.next().filter(|value| value.len() <= Injected::VALUE_MAX)?;
    let sound = value.iter().all(|byte| matches!(byte, b' '..=b'~')) && lines.next().is_none();
    sound.then_some(value)
}
