//! Enhanced status codes, such as 5.1.1: what a reply means, apart from what it asks for.
//!
//! [RFC 3463 §2](https://www.rfc-editor.org/rfc/rfc3463#section-2)

use std::fmt;
use std::str::FromStr;

/// `class.subject.detail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnhancedCode {
    /// 2 it worked, 4 not now, 5 not ever.
    pub class: u8,
    /// What it is about, 0 to 999: 1 an address, 2 a mailbox, 4 the network, 7 policy.
    pub subject: u16,
    /// What exactly, 0 to 999.
    pub detail: u16,
}

impl EnhancedCode {
    /// The code `class.subject.detail`.
    #[must_use]
    pub const fn new(class: u8, subject: u16, detail: u16) -> Self {
        Self { class, subject, detail }
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// The text is not an enhanced status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotEnhanced;

impl FromStr for EnhancedCode {
    type Err = NotEnhanced;

    /// Takes exactly what RFC 3463 allows: class 2, 4 or 5, then two numbers of at most
    /// three digits without leading zeros. Anything else is text that happens to have dots.
    fn from_str(text: &str) -> Result<Self, NotEnhanced> {
        let mut parts = text.splitn(3, '.');
        let class = match parts.next() {
            Some("2") => 2,
            Some("4") => 4,
            Some("5") => 5,
            _ => return Err(NotEnhanced),
        };
        let mut number = || parts.next().and_then(sub_code).ok_or(NotEnhanced);
        Ok(Self { class, subject: number()?, detail: number()? })
    }
}

fn sub_code(digits: &str) -> Option<u16> {
    let zero_led = digits.len() > 1 && digits.starts_with('0');
    let fits = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if fits && !zero_led { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
