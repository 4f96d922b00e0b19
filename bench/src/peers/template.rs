//! The relays' settings files, with the places of a round filled in.

use std::io;

/// `text` with each `@NAME@` replaced by its value.
///
/// # Errors
/// If a name is left over that nobody gave a value for.
pub(super) fn filled(text: &str, places: &[(&str, &str)]) -> io::Result<String> {
    let mut filled = text.to_owned();
    for (name, value) in places {
        filled = filled.replace(&format!("@{name}@"), value);
    }
    match unfilled(&filled) {
        Some(name) => Err(io::Error::other(format!("nobody knows @{name}@ of a settings file"))),
        None => Ok(filled),
    }
}

/// A name between @ signs: capitals and `_` only, so that an address is none.
fn unfilled(text: &str) -> Option<&str> {
    let parts: Vec<&str> = text.split('@').collect();
    let between = parts.get(1..parts.len().saturating_sub(1)).unwrap_or_default();
    let named =
        |part: &str| part.len() > 1 && part.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    between.iter().copied().find(|part| named(part))
}

#[cfg(test)]
mod tests {
    use super::filled;

    #[test]
    fn places_are_filled_and_none_is_left() {
        let text = "listen @PORT@ in @FOLDER@ # ann@mail.test and bob@mail.test, @ @\n";
        let places = [("PORT", "25"), ("FOLDER", "/x")];
        let expected = "listen 25 in /x # ann@mail.test and bob@mail.test, @ @\n";
        assert_eq!(filled(text, &places).unwrap(), expected);
        let left = filled(text, &places[..1]).unwrap_err().to_string();
        assert!(left.contains("@FOLDER@"), "{left}");
    }
}
