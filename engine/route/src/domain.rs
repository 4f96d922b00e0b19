//! The domain of a recipient, in the one spelling we use.

/// The longest domain, without the dot at its end.
/// [RFC 1035 §2.3.4](https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4)
const DOMAIN_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

/// The domain of a recipient: lower case, A-labels, no dot at its end.
///
/// `None` if there is none, or none we route by: address literals are refused, because they
/// would let anyone aim us at any host (T12).
#[must_use]
pub fn domain_of(address: &[u8]) -> Option<String> {
    // A quoted local part may hold an @, a domain may not: the last one counts.
    let at = address.iter().rposition(|byte| *byte == b'@')?;
    in_our_spelling(str::from_utf8(address.get(at + 1..)?).ok()?)
}

/// A domain name in the spelling of [`domain_of`], or `None` if it is no domain name.
///
/// Underscores are let pass, because hosts with one exist.
#[must_use]
pub fn in_our_spelling(domain: &str) -> Option<String> {
    let mut domain = if domain.is_ascii() {
        domain.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii(domain).ok()?
    };
    domain.truncate(domain.strip_suffix('.').map_or(domain.len(), str::len));
    is_domain(&domain).then_some(domain)
}

fn is_domain(domain: &str) -> bool {
    // A name that ends in a number would be read as an IPv4 address by some resolvers.
    // RFC 1123 section 2.1 rules it out.
    let last = domain.rsplit('.').next().unwrap_or_default();
    domain.len() <= DOMAIN_BYTES_MAX
        && domain.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_label(label: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && label.bytes().all(inside)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests;
