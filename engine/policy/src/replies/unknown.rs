//! What hosts said that no rule knows, and how often: the rules that are wanted next.
//!
//! Texts are folded, so that one saying with many numbers, addresses and queue names in it is one. The
//! table is bounded by the space-saving algorithm (Metwally, Agrawal, El Abbadi, 2005): what comes
//! new takes the place, and the count, of the least frequent, so that whatever was said in more than one of
//! [`UNKNOWN_MAX`] cases is in the table, and no count is too low.

use event::Response;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The most sayings kept.
pub const UNKNOWN_MAX: usize = 256;
/// The longest saying kept, in bytes.
pub const SAYING_BYTES_MAX: usize = 200;

/// A word of so many bytes with so many digits names something of the host's own, such as an entry
/// of its queue.
const NAME_BYTES_MIN: usize = 12;
const NAME_DIGITS_MIN: usize = 3;

/// Sayings that no rule knows.
#[derive(Debug, Default)]
pub struct Unknown {
    counts: BTreeMap<Box<str>, u64>,
    saying: String,
}

impl Unknown {
    /// Notes what a host of `provider` said, `-` for one without a name.
    pub fn note(&mut self, provider: &str, response: &Response) {
        fold(provider, response, &mut self.saying);
        if let Some(count) = self.counts.get_mut(self.saying.as_str()) {
            *count += 1;
            return;
        }
        let mut count = 0;
        if self.counts.len() >= UNKNOWN_MAX
            && let Some((saying, fewest)) = self.counts.iter().min_by_key(|(_, count)| **count)
        {
            count = *fewest;
            let saying = saying.clone();
            self.counts.remove(&saying);
        }
        self.counts.insert(self.saying.as_str().into(), count + 1);
    }

    /// Sayings, the most frequent first, each with how often it was heard at most.
    #[must_use]
    pub fn rows(&self) -> Vec<(&str, u64)> {
        let mut rows: Vec<_> =
            self.counts.iter().map(|(saying, count)| (&**saying, *count)).collect();
        rows.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        rows
    }
}

/// Writes down a reply without what is different each time it is said.
fn fold(provider: &str, response: &Response, saying: &mut String) {
    saying.clear();
    // Writing to a String does not fail.
    let _ = write!(saying, "{provider} {}", response.code);
    if let Some(enhanced) = response.enhanced {
        let _ = write!(saying, " {enhanced}");
    }
    for word in response.text.split_ascii_whitespace() {
        saying.push(' ');
        fold_word(word, saying);
        if saying.len() > SAYING_BYTES_MAX {
            break;
        }
    }
    saying.truncate(saying.floor_char_boundary(SAYING_BYTES_MAX));
}

fn fold_word(word: &str, saying: &mut String) {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let is_name = word.len() >= NAME_BYTES_MIN && digits >= NAME_DIGITS_MIN;
    if word.contains('@') {
        saying.push('@');
    } else if is_name && !word.contains("://") {
        saying.push('#');
    } else {
        let mut in_number = false;
        for character in word.chars() {
            // The dots of an address are in the midst of its number.
            let is_digit = character.is_ascii_digit() || (in_number && character == '.');
            if !is_digit {
                saying.push(character);
            } else if !in_number {
                saying.push('#');
            }
            in_number = is_digit;
        }
    }
}
