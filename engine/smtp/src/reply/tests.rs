use super::Refusal;
use std::collections::BTreeSet;

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

/// Counters go by these names, and by the place in the list.
#[test]
fn every_rule_has_a_name_which_its_reply_says_if_it_says_any() {
    for (at, refusal) in Refusal::ALL.into_iter().enumerate() {
        assert_eq!(refusal as usize, at, "{refusal:?} stands elsewhere in the list");
        let (line, rule) = (refusal.line(), refusal.rule());
        let sound = |byte: u8| byte.is_ascii_lowercase() || b"-_8".contains(&byte);
        assert!(rule.bytes().all(sound), "{rule}");
        for (words, before) in
            [(" source limit ", "source_"), (" limit ", ""), (" header rule ", "")]
        {
            let Some((_, told)) = line.split_once(words) else { continue };
            let told = told.split([' ', ':', '\r']).next().unwrap();
            assert_eq!(rule, format!("{before}{told}"), "{line}");
            break;
        }
    }
    let names: BTreeSet<_> = Refusal::ALL.map(Refusal::rule).into();
    assert_eq!(names.len(), Refusal::ALL.len(), "no two are called the same");
}
