//! Rules a header can break, and which it did.

/// A rule of [RFC 5322 §3.6](https://www.rfc-editor.org/rfc/rfc5322#section-3.6) and what it
/// stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// There is no Date.
    DateMissing,
    /// A Date that is none.
    DateUnreadable,
    /// A name with characters that no name has, or a line that is no field.
    FieldName,
    /// A field that may stand once stands twice.
    FieldTwice,
    /// A From without an address.
    FromAddress,
    /// There is no From.
    FromMissing,
    /// There are two From fields: whose mail it is depends on who looks.
    FromTwice,
    /// A line of more than 998 octets.
    LineLength,
    /// A Message-ID without a value.
    MessageIdEmpty,
    /// There is no Message-ID.
    MessageIdMissing,
}

impl Rule {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::DateMissing,
        Self::DateUnreadable,
        Self::FieldName,
        Self::FieldTwice,
        Self::FromAddress,
        Self::FromMissing,
        Self::FromTwice,
        Self::LineLength,
        Self::MessageIdEmpty,
        Self::MessageIdMissing,
    ];

    /// What it is called in replies, logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DateMissing => "date-missing",
            Self::DateUnreadable => "date-unreadable",
            Self::FieldName => "field-name",
            Self::FieldTwice => "field-twice",
            Self::FromAddress => "from-address",
            Self::FromMissing => "from-missing",
            Self::FromTwice => "from-twice",
            Self::LineLength => "line-length",
            Self::MessageIdEmpty => "message-id-empty",
            Self::MessageIdMissing => "message-id-missing",
        }
    }
}

/// A set of rules that were broken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults(u16);

impl Faults {
    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this rule was broken.
    #[must_use]
    pub const fn has(self, rule: Rule) -> bool {
        self.0 & (1 << rule as u16) != 0
    }

    /// The rules, in order.
    pub fn iter(self) -> impl Iterator<Item = Rule> {
        Rule::ALL.into_iter().filter(move |rule| self.has(*rule))
    }

    /// Those of them that `keep` names.
    #[must_use]
    pub fn only(self, keep: impl Fn(Rule) -> bool) -> Self {
        let kept = self.iter().filter(|rule| keep(*rule));
        Self(kept.fold(0, |set, rule| set | 1 << rule as u16))
    }

    pub(super) const fn add_if(&mut self, broken: bool, rule: Rule) {
        if broken {
            self.0 |= 1 << rule as u16;
        }
    }
}
