//! The file of those who may ask and order at the operator's door.

use super::document::{Place, Reader, Section};
use super::fault::{Fault, Faults, Source};
use super::mail::words;
use super::source::Label;
use super::value::Text;
use control::admin::{Role, TOKENS_MAX, Token};
use std::collections::HashSet;
use std::path::Path;
use toml::de::DeTable;

words!(Role {
    "monitor" => Role::Monitor,
    "operator" => Role::Operator,
    "admin" => Role::Admin,
});

/// What is kept of a secret.
struct Sha256(String);

impl Text for Sha256 {
    fn allowed() -> String {
        "64 hexadecimal digits, as `ringpost token` prints them".to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        Token::new("", Role::Monitor, text).map(|_| Self(text.to_owned()))
    }

    fn text(&self) -> String {
        self.0.clone()
    }
}

/// Reads the tokens in `file`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_tokens(file: &Path) -> Result<Vec<Token>, Faults> {
    let name = file.display().to_string();
    match std::fs::read_to_string(file) {
        Ok(text) => parse_tokens(&name, &text),
        Err(error) => {
            let source = Source { name: &name, text: "" };
            let wrong = format!("cannot be read: {error}");
            Err(Faults(vec![Fault::at(&source, None, wrong, String::new())]))
        }
    }
}

/// Reads tokens from `text`, which messages call `name`. As [`load_tokens`].
///
/// # Errors
/// Everything that is wrong with it, without its text: somebody may have written a secret there.
pub fn parse_tokens(name: &str, text: &str) -> Result<Vec<Token>, Faults> {
    let source = Source { name, text };
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let fault = |error: &toml::de::Error| {
            Fault::at(&source, error.span(), error.message().to_owned(), String::new())
        };
        return Err(Faults::sorted(errors.iter().map(fault).collect()).without_excerpts());
    }
    let mut reader = Reader::of_another(source);
    let tokens = reader.top(Some(table.get_ref())).tables("token", 0, read);
    check(&tokens, &mut reader);
    reader.finish().map_err(Faults::without_excerpts)?;
    Ok(tokens.into_iter().flatten().collect())
}

fn read(section: &mut Section<'_, '_>) -> Option<Token> {
    let name = section.required::<Label>("name", "Who has it.");
    let role = section.required::<Role>("role", "What its bearer may do.");
    let sha256 = section.required::<Sha256>("sha256", "The SHA-256 of the secret.");
    Token::new(&name?.0, role?, &sha256?.0)
}

fn check(tokens: &[Option<Token>], reader: &mut Reader<'_>) {
    let place = |index| Place { table: "token", index: Some(index), name: "name" };
    if tokens.is_empty() {
        let wrong = "there is no [[token]]: nobody could come in";
        reader.refuse(place(0), wrong, "one [[token]] or more");
    }
    let mut names = HashSet::new();
    for (index, token) in tokens.iter().enumerate() {
        if index == TOKENS_MAX {
            reader.refuse(place(index), "one token too many", format!("{TOKENS_MAX} at most"));
        }
        if let Some(token) = token
            && !names.insert(&token.name)
        {
            let wrong = format!("another token is called \"{}\"", token.name);
            reader.refuse(place(index), wrong, "a name used once");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse_tokens;
    use control::admin::Role;

    #[test]
    fn tokens_are_read_and_their_text_is_never_repeated() {
        let digest = "0123456789abcdef".repeat(4);
        let entry = |name: &str, role: &str, sha256: &str| {
            format!("[[token]]\nname = \"{name}\"\nrole = \"{role}\"\nsha256 = \"{sha256}\"\n")
        };
        let both = entry("anna", "operator", &digest) + &entry("prometheus", "monitor", &digest);
        let tokens = parse_tokens("tokens.toml", &both).unwrap();
        let told: Vec<_> = tokens.iter().map(|token| (&*token.name, token.role)).collect();
        assert_eq!(told, [("anna", Role::Operator), ("prometheus", Role::Monitor)]);
        for (text, word) in [
            (String::new(), "nobody could come in"),
            (entry("anna", "boss", &digest), "\"operator\""),
            (entry("anna", "admin", "my secret"), "64 hexadecimal digits"),
            (entry("a", "admin", &digest).repeat(2), "another token"),
            (entry("a", "admin", &digest) + "secret = \"my secret\"\n", "`secret`"),
        ] {
            let wrong = parse_tokens("tokens.toml", &text).unwrap_err().to_string();
            assert!(wrong.contains(word) && !wrong.contains("= \""), "{wrong}");
        }
    }
}
