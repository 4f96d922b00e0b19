//! Who a message is from and for, as one run of bytes: the same on disk and in memory.
//!
//! ```text
//!  0            8        10       12       16       20       24
//!  +------------+--------+--------+--------+--------+--------+----------- -
//!  | accepted   | flags  | count  | sender | prefix | extra  | ends: 4 each
//!  +------------+--------+--------+--------+--------+--------+----------- -
//!  ... sender, prefix, extra, recipients
//! ```
//!
//! `sender`, `prefix` and `extra` are lengths; `ends[i]` is where recipient `i` ends, counted
//! from the start of the recipients.

mod extra;

use crate::fields::{Put, Take};
use crate::index::Way;
use event::Wall;
use extra::Fields;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use extra::{
    EXTRA_MAX, Extra, LABEL_MAX, LABELS_MAX, Label, Notify, ORIGINAL_MAX, Request, Requests, Return,
};

/// The longest envelope: a thousand recipients of the longest kind, and a large prefix.
pub const ENVELOPE_MAX: usize = 448 * 1_024;

/// The most recipients of one message.
pub const RECIPIENTS_MAX: usize = 10_000;

const FIXED: usize = 24;

const EIGHT_BIT: u16 = 1;
const UTF8: u16 = 2;
const DOTTED: u16 = 4;
const RAW: u16 = 8;
const UNENDED: u16 = 16;
const BINARY: u16 = 32;
const REQUIRETLS: u16 = 64;

/// The form in which a text is kept: the one in which it came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// As DATA carries it: a dot before each line that begins with one, and CRLF at the end.
    #[default]
    Stuffed,
    /// The message itself, to the byte, as BDAT carries it.
    Raw {
        /// It ends with CRLF.
        ended: bool,
        /// It was declared BINARYMIME: it need not consist of lines.
        /// [RFC 3030 §3](https://www.rfc-editor.org/rfc/rfc3030#section-3)
        binary: bool,
    },
}

impl Form {
    const fn flags(self) -> [(bool, u16); 3] {
        match self {
            Self::Stuffed => [(false, RAW), (false, UNENDED), (false, BINARY)],
            Self::Raw { ended, binary } => [(true, RAW), (!ended, UNENDED), (binary, BINARY)],
        }
    }
}

/// What the receiving side knows of a message when its text has ended.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the record")]
pub struct Draft<'a> {
    /// The reverse path, empty for the null sender.
    pub sender: &'a [u8],
    /// The forward paths, in the order they were given. At least one.
    pub recipients: &'a [&'a [u8]],
    /// Header fields we put in front of the text.
    pub prefix: &'a [u8],
    /// When we took it.
    pub accepted: Wall,
    /// A byte above 127 was seen. What MAIL declared does not count.
    pub eight_bit: bool,
    /// SMTPUTF8 was asked for.
    pub utf8: bool,
    /// REQUIRETLS was asked for.
    pub requiretls: bool,
    /// Some line of the text starts with a dot (and so is stuffed, if it came by DATA).
    pub dotted: bool,
    /// How the text is kept.
    pub form: Form,
    /// What else is known of it: the bytes of an [`Extra`].
    pub extra: &'a [u8],
}

impl Draft<'_> {
    /// Bytes of the envelope, or `None` if it is longer than [`ENVELOPE_MAX`] or has more
    /// recipients than [`RECIPIENTS_MAX`].
    #[must_use]
    pub fn envelope_len(&self) -> Option<usize> {
        if self.recipients.len() > RECIPIENTS_MAX {
            return None;
        }
        let paths = self.recipients.iter().map(|path| 4 + path.len()).sum::<usize>();
        let len = FIXED + self.sender.len() + self.prefix.len() + self.extra.len() + paths;
        (len <= ENVELOPE_MAX).then_some(len)
    }

    /// Encodes the envelope into `out`, which is exactly [`Self::envelope_len`] long.
    pub(crate) fn encode(&self, out: &mut [u8]) {
        let flags = [(self.eight_bit, EIGHT_BIT), (self.utf8, UTF8), (self.dotted, DOTTED)];
        let flags = flags.into_iter().chain([(self.requiretls, REQUIRETLS)]);
        let flags = flags.chain(self.form.flags());
        let flags = flags.filter(|(set, _)| *set).map(|(_, bit)| bit).sum();
        let mut put = Put::new(out);
        put.u64(self.accepted.0).u16(flags).u16(self.recipients.len() as u16);
        put.u32(self.sender.len() as u32).u32(self.prefix.len() as u32);
        put.u32(self.extra.len() as u32);
        let mut end = 0;
        for path in self.recipients {
            end += path.len();
            put.u32(end as u32);
        }
        put.bytes(self.sender).bytes(self.prefix).bytes(self.extra);
        for path in self.recipients {
            put.bytes(path);
        }
    }
}

/// An envelope, whole and checked. Cheap to clone and to send to another shard.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope(Arc<[u8]>);

impl Envelope {
    /// Takes over encoded bytes; `None` unless every length in them is right.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut take = Take::new(bytes);
        take.bytes(10)?;
        let count = usize::from(take.u16()?);
        let (sender, prefix, extra) = (take.u32()?, take.u32()?, take.u32()? as usize);
        let extra_at = FIXED + 4 * count + sender as usize + prefix as usize;
        let fixed = extra_at + extra;
        let mut end = 0;
        for _ in 0..count {
            let next = take.u32()? as usize;
            if next < end {
                return None;
            }
            end = next;
        }
        let whole = fixed + end == bytes.len();
        Fields::checked(bytes.get(extra_at..fixed)?).filter(|_| whole)?;
        Some(Self(bytes.into()))
    }

    /// One that knows nobody: null sender, and so many recipients without a name.
    ///
    /// # Panics
    /// With more than [`RECIPIENTS_MAX`].
    #[must_use]
    pub fn nameless(recipients: u16, accepted: Wall) -> Self {
        let recipients = vec![&b""[..]; usize::from(recipients)];
        let draft = Draft {
            sender: b"",
            recipients: &recipients,
            prefix: b"",
            accepted,
            eight_bit: false,
            utf8: false,
            requiretls: false,
            dotted: false,
            form: Form::Stuffed,
            extra: b"",
        };
        let mut bytes = vec![0; draft.envelope_len().expect("as many as a message may have")];
        draft.encode(&mut bytes);
        Self::encoded(&bytes)
    }

    /// Takes over bytes that [`Draft::encode`] has just made.
    pub(crate) fn encoded(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// When we took the message.
    #[must_use]
    pub fn accepted(&self) -> Wall {
        Wall(u64::from(self.number(0)) | u64::from(self.number(4)) << 32)
    }

    /// The reverse path, empty for the null sender.
    #[must_use]
    pub fn sender(&self) -> &[u8] {
        &self.0[self.sender_range()]
    }

    /// Header fields we put in front of the text.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        let start = self.sender_range().end;
        &self.0[start..start + self.number(16) as usize]
    }

    /// How many recipients there are.
    #[must_use]
    pub fn recipient_count(&self) -> u16 {
        (self.number(8) >> 16) as u16
    }

    /// The forward path with this index.
    ///
    /// # Panics
    /// If there is no such recipient.
    #[must_use]
    pub fn recipient(&self, index: u16) -> &[u8] {
        assert!(index < self.recipient_count(), "an index of this envelope");
        let paths = self.paths();
        let start = if index == 0 { 0 } else { self.end(index - 1) };
        &self.0[paths + start..paths + self.end(index)]
    }

    /// The forward paths, in order.
    pub fn recipients(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.recipient_count()).map(|index| self.recipient(index))
    }

    /// Whether a next host must offer 8BITMIME.
    #[must_use]
    pub fn eight_bit(&self) -> bool {
        self.flag(EIGHT_BIT)
    }

    /// Whether a next host must offer SMTPUTF8.
    #[must_use]
    pub fn utf8(&self) -> bool {
        self.flag(UTF8)
    }

    /// Whether it goes on under TLS only, to hosts that offer REQUIRETLS.
    /// [RFC 8689 §4.1](https://www.rfc-editor.org/rfc/rfc8689#section-4.1)
    #[must_use]
    pub fn requiretls(&self) -> bool {
        self.flag(REQUIRETLS)
    }

    /// Whether some line of the text starts with a dot.
    #[must_use]
    pub fn dotted(&self) -> bool {
        self.flag(DOTTED)
    }

    /// How the text is kept.
    #[must_use]
    pub fn form(&self) -> Form {
        if !self.flag(RAW) {
            return Form::Stuffed;
        }
        Form::Raw { ended: !self.flag(UNENDED), binary: self.flag(BINARY) }
    }

    /// Whether a next host must offer BINARYMIME.
    #[must_use]
    pub fn binary(&self) -> bool {
        self.flag(BINARY)
    }

    /// What is known of the message under this label.
    #[must_use]
    pub fn label(&self, label: Label) -> Option<&[u8]> {
        Fields::of(self.extra()).label(label)
    }

    /// What of that decides when and how the message leaves; its domain is each recipient's.
    #[must_use]
    pub fn way(&self) -> Way<'_> {
        if self.extra().is_empty() {
            return Way::default();
        }
        let word = |label| self.label(label).unwrap_or_default();
        let campaign = self.label(Label::Campaign).unwrap_or_else(|| word(Label::Job));
        let (pool, class, tenant) = (word(Label::Pool), word(Label::Class), word(Label::Tenant));
        Way { domain: b"", pool, class, tenant, campaign }
    }

    /// How much of the message its sender wants back if it fails, if it said so.
    #[must_use]
    pub fn returned(&self) -> Option<Return> {
        Fields::of(self.extra()).returned()
    }

    /// What its sender asked for about recipients.
    #[must_use]
    pub fn requests(&self) -> Requests<'_> {
        Requests::of(self.extra())
    }

    /// The encoded fields behind these three.
    #[must_use]
    pub fn extra(&self) -> &[u8] {
        let paths = self.paths();
        &self.0[paths - self.number(20) as usize..paths]
    }

    /// The encoded bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn flag(&self, bit: u16) -> bool {
        self.number(8) & u32::from(bit) != 0
    }

    fn sender_range(&self) -> Range<usize> {
        let start = FIXED + 4 * usize::from(self.recipient_count());
        start..start + self.number(12) as usize
    }

    /// Where the first recipient starts.
    fn paths(&self) -> usize {
        self.sender_range().end + self.number(16) as usize + self.number(20) as usize
    }

    /// Where recipient `index` ends, counted from the first.
    fn end(&self, index: u16) -> usize {
        self.number(FIXED + 4 * usize::from(index)) as usize
    }

    fn number(&self, at: usize) -> u32 {
        Take::new(&self.0[at..]).u32().expect("checked when decoded")
    }
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("sender", &String::from_utf8_lossy(self.sender()))
            .field("recipients", &self.recipient_count())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
