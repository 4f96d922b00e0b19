use super::Refusal;

/// [RFC 2034 §4](https://www.rfc-editor.org/rfc/rfc2034#section-4): the second code is of the
/// first one's class. [RFC 5321 §4.5.3.1.5]: a reply line has at most 512 octets.
#[test]
fn every_refusal_is_a_well_formed_reply() {
    for refusal in Refusal::ALL {
        let line = refusal.line();
        let mut words = line.split([' ', '.']);
        let (code, class) = (words.next().unwrap(), words.next().unwrap());
        assert!(code.starts_with(class) && "45".contains(class), "{line}");
        assert!(line.ends_with("\r\n") && line.len() <= 512, "{line}");
        assert_eq!(refusal.code().to_string(), code);
        assert!(refusal.code() != 421 || refusal.ends_connection(), "{line}");
    }
}
