//! Who signed a message, as its header says. No signature is checked.

/// Signatures looked at.
pub(super) const SIGNERS_MAX: usize = 8;

/// The domains in the d= tags of a header's DKIM-Signature fields, in lower case.
///
/// [RFC 6376 §3.5](https://www.rfc-editor.org/rfc/rfc6376#section-3.5)
pub(super) fn signers(header: &[u8]) -> Vec<String> {
    const NAME: &[u8] = b"DKIM-Signature:";
    let mut signers = Vec::new();
    let mut lines = header.split_inclusive(|byte| *byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        let Some((name, value)) = line.split_at_checked(NAME.len()) else { continue };
        if !name.eq_ignore_ascii_case(NAME) {
            continue;
        }
        let mut field = value.to_vec();
        while let Some(more) =
            lines.next_if(|line| line.starts_with(b" ") || line.starts_with(b"\t"))
        {
            field.extend_from_slice(more);
        }
        signers.extend(domain(&field));
        if signers.len() == SIGNERS_MAX {
            break;
        }
    }
    signers
}

fn domain(field: &[u8]) -> Option<String> {
    let tag =
        field.split(|byte| *byte == b';').find_map(|tag| tag.trim_ascii().strip_prefix(b"d"))?;
    let value = tag.trim_ascii_start().strip_prefix(b"=")?.trim_ascii();
    String::from_utf8(value.to_ascii_lowercase()).ok().filter(|domain| !domain.is_empty())
}

#[cfg(test)]
mod tests {
    use super::signers;

    #[test]
    fn the_signing_domains_are_found_however_the_field_is_folded() {
        let header = b"Subject: d=no.example\r\nDKIM-Signature: v=1; a=rsa-sha256; d=One.example;\r\n\ts=k; bh=x\r\n\
                       dkim-signature: v=1;\r\n  d =\r\n two.example ; h=from\r\nDKIM-Signature: v=1; s=d\r\n\r\n";
        assert_eq!(signers(header), ["one.example", "two.example"]);
        let many = b"DKIM-Signature: d=x\r\n".repeat(20);
        assert_eq!(signers(&many).len(), super::SIGNERS_MAX);
    }
}
