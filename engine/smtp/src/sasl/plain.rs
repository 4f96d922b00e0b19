//! PLAIN: `[authzid] NUL authcid NUL passwd`.

use super::{Fault, Login, name, password};

/// Who it says it is.
///
/// Nobody may act for somebody else, so whom it wants to act for is itself or nobody.
/// [RFC 4616 §2](https://www.rfc-editor.org/rfc/rfc4616#section-2)
pub(super) fn login(message: &[u8]) -> Result<Login, Fault> {
    let mut parts = message.split(|byte| *byte == 0);
    let (Some(acts_for), Some(own), Some(secret), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Fault::Malformed);
    };
    let own = name(own)?;
    if !acts_for.is_empty() && name(acts_for)? != own {
        return Err(Fault::Denied);
    }
    Ok(Login { name: own, password: password(secret)? })
}
