//! LOGIN: what we ask with. It was never more than a draft (`draft-murchison-sasl-login`), whose
//! words these are: some clients look at them.

/// Asks for the name.
pub(super) const NAME_PROMPT: &[u8] = b"Username:";
/// Asks for the password.
pub(super) const PASSWORD_PROMPT: &[u8] = b"Password:";
