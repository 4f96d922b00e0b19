//! What we relay is what we received, byte for byte, behind our own header fields.

use crate::ledger::{Ledger, Standing};

/// Compares what a provider got with what was sent.
pub(crate) fn compare(book: &mut Ledger, sender: &str, recipient: &str, text: &[u8]) {
    let Some(token) = book.fates.get(recipient).map(|fate| fate.token) else { return };
    let message = &book.messages[&token];
    let mut problem = None;
    if message.sender != sender {
        problem = Some(format!("came from {sender:?}"));
    }
    if message.standing == Standing::Begun {
        problem = Some("was delivered without its final dot".to_owned());
    }
    match text.strip_suffix(&*message.text) {
        None => problem = Some("is not what was sent".to_owned()),
        Some(prefix) if !is_ours(prefix) => {
            problem = Some(format!("stands behind {:?}", String::from_utf8_lossy(prefix)));
        }
        Some(_) => (),
    }
    if let Some(problem) = problem {
        book.violation(format!("message {token} to {recipient} {problem}"));
    }
}

/// Exactly one Received field, whole, and nothing else.
fn is_ours(prefix: &[u8]) -> bool {
    let Some(text) = std::str::from_utf8(prefix).ok().and_then(|text| text.strip_suffix("\r\n"))
    else {
        return false;
    };
    let mut lines = text.split("\r\n");
    lines.next().is_some_and(|first| first.starts_with("Received: from "))
        && lines.all(|folded| folded.starts_with([' ', '\t']))
}
