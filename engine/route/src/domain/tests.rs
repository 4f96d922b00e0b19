use super::{domain_of, in_our_spelling};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

#[test]
fn recipients_have_these_domains() {
    let label = "x".repeat(63);
    let longest = [&label; 4].map(String::as_str).join(".")[..253].to_owned();
    for (address, domain) in [
        ("a@example.com", Some("example.com")),
        ("a@EXAMPLE.Com", Some("example.com")),
        ("a@example.com.", Some("example.com")),
        ("\"a@b\"@example.com", Some("example.com")),
        ("a@b@example.com", Some("example.com")),
        ("@example.com", Some("example.com")),
        ("a@localhost", Some("localhost")),
        ("a@mail_1.example.com", Some("mail_1.example.com")),
        ("a@bücher.example", Some("xn--bcher-kva.example")),
        ("a@BÜCHER.example", Some("xn--bcher-kva.example")),
        ("a@XN--BCHER-KVA.example", Some("xn--bcher-kva.example")),
        ("a@пример。испытание", Some("xn--e1afmkfd.xn--80akhbyknj4f")),
        ("a@3.example", Some("3.example")),
        (&format!("a@{longest}"), Some(&*longest)),
        (&format!("a@{longest}x"), None),
        (&format!("a@{label}x.example"), None),
        ("postmaster", None),
        ("", None),
        ("a@", None),
        ("a@.", None),
        ("a@..", None),
        ("a@.example.com", None),
        ("a@example..com", None),
        ("a@example.com..", None),
        ("a@-example.com", None),
        ("a@example-.com", None),
        ("a@exa mple.com", None),
        ("a@exa\0mple.com", None),
        ("a@exa\r\nmple.com", None),
        ("a@example.com:25", None),
        ("a@[127.0.0.1]", None),
        ("a@[IPv6:::1]", None),
        ("a@127.0.0.1", None),
        ("a@example.1", None),
        ("a%b@[10.0.0.1]", None),
        ("a@ex\u{ff0e}", Some("ex")),
        ("a@1\u{3002}2", None),
    ] {
        assert_eq!(domain_of(address.as_bytes()).as_deref(), domain, "{address:?}");
    }
    assert_eq!(domain_of(b"a@\xff.example"), None, "not UTF-8");
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    })]

    #[test]
    fn our_spelling_is_spelt_like_itself(domain in "[a-zA-Z0-9_.ü€-]{1,40}|\\PC{1,20}") {
        if let Some(ours) = in_our_spelling(&domain) {
            prop_assert_eq!(in_our_spelling(&ours), Some(ours.clone()));
            prop_assert!(ours.is_ascii() && !ours.bytes().any(|byte| byte.is_ascii_uppercase()));
        }
    }
}
