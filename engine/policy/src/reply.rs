//! What a reply to a delivery means for its recipient.
//!
//! Only the code and the class decide here. What providers say beyond that, in enhanced
//! codes and words, is for [`crate::replies`] to read.

use event::{EnhancedCode, Outcome, Response};

/// What the reply that ended a recipient's try makes of it.
///
/// A code no server should send here (1xx, 3xx, nonsense) is taken as "not now": waiting
/// loses nothing, and either other reading might lose the message.
/// [RFC 5321 §4.2.1](https://www.rfc-editor.org/rfc/rfc5321#section-4.2.1)
#[must_use]
pub fn outcome(response: &Response) -> Outcome {
    match response.code {
        200..=299 => Outcome::Delivered,
        500..=599 if asks_for_fewer_recipients(response) => Outcome::Deferred,
        500..=599 => Outcome::Failed,
        _ => Outcome::Deferred,
    }
}

/// The enhanced code, unless its class disagrees with the code: then one of the two is a
/// mistake, and the code is what the protocol runs on.
/// [RFC 2034 §4](https://www.rfc-editor.org/rfc/rfc2034#section-4)
#[must_use]
pub fn enhanced(response: &Response) -> Option<EnhancedCode> {
    response.enhanced.filter(|enhanced| u16::from(enhanced.class) == response.code / 100)
}

/// Whether the recipient was only one too many for this transaction: it may be given in
/// another one at once, and no try is counted.
///
/// 552 is how RFC 821 spelt it; it counts only with the enhanced code, since a full mailbox
/// is 552 as well.
/// [RFC 5321 §4.5.3.1.10](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1.10)
#[must_use]
pub fn asks_for_fewer_recipients(response: &Response) -> bool {
    let too_many = |enhanced: EnhancedCode| (enhanced.subject, enhanced.detail) == (5, 3);
    matches!(response.code, 452 | 552) && enhanced(response).is_some_and(too_many)
}

#[cfg(test)]
mod tests;
