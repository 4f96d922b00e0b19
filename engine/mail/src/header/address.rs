//! Whether a field has an address in it.

/// Whether `value` has a mailbox with an `@` in it, outside comments and quoted words.
///
/// It is no parser of addresses: it tells a sender from none, as in `From: undisclosed:;`.
/// [RFC 5322 §3.4](https://www.rfc-editor.org/rfc/rfc5322#section-3.4)
pub(super) fn is_in(value: &[u8]) -> bool {
    let mut rest = value;
    let mut word = false;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'"' => {
                rest = behind_quoted(rest);
                word = true;
            }
            b'(' => rest = behind_comment(rest),
            b'@' if word && begins_domain(behind_blanks(rest)) => return true,
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'<' | b'>' | b',' | b';' | b':' | b'@' => word = false,
            _ => word = true,
        }
    }
    false
}

fn begins_domain(text: &[u8]) -> bool {
    let begins = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'[' || !byte.is_ascii();
    text.first().is_some_and(begins)
}

/// What follows folds, spaces and comments: they may stand around any part of an address.
///
/// [RFC 5322 §3.2.3](https://www.rfc-editor.org/rfc/rfc5322#section-3.2.3)
fn behind_blanks(text: &[u8]) -> &[u8] {
    let mut rest = text;
    while let Some((b'(' | b' ' | b'\t' | b'\r' | b'\n', behind)) = rest.split_first() {
        rest = if rest.starts_with(b"(") { behind_comment(behind) } else { behind };
    }
    rest
}

/// What follows the closing quote.
fn behind_quoted(text: &[u8]) -> &[u8] {
    let mut rest = text;
    while let Some((byte, behind)) = rest.split_first() {
        rest = match byte {
            b'"' => return behind,
            b'\\' => behind.get(1..).unwrap_or_default(),
            _ => behind,
        };
    }
    rest
}

/// What follows the closing bracket; comments nest.
fn behind_comment(text: &[u8]) -> &[u8] {
    let mut rest = text;
    let mut depth = 1_u32;
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return rest,
            b')' => depth -= 1,
            b'\\' => rest = behind.get(1..).unwrap_or_default(),
            _ => {}
        }
    }
    rest
}
