//! Names that rcgen writes are read; what is no certificate has none.

use super::subject;
use rcgen::{CertificateParams, DnType, KeyPair};

fn certificate(names: &[(DnType, &str)]) -> Vec<u8> {
    let mut params = CertificateParams::new(vec!["mta1.example".to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    for (kind, name) in names {
        params.distinguished_name.push(kind.clone(), *name);
    }
    let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    made.der().to_vec()
}

#[test]
fn names_are_read_in_their_order() {
    let long = "x".repeat(300);
    for (names, shown) in [
        (&[(DnType::CommonName, "mta1")][..], Some("CN=mta1".to_owned())),
        (
            &[(DnType::OrganizationName, "Bücher, Inc"), (DnType::CommonName, "a\r\nb")][..],
            Some("O=Bücher? Inc,CN=a??b".to_owned()),
        ),
        (&[(DnType::CommonName, long.as_str())][..], Some(format!("CN={}", &long[..253]))),
        (&[][..], None),
    ] {
        assert_eq!(subject(&certificate(names)).as_deref(), shown.as_deref());
    }
}

#[test]
fn what_is_cut_short_or_spoilt_has_no_name_or_another() {
    let whole = certificate(&[(DnType::CommonName, "mta1")]);
    for len in 0..whole.len() {
        assert_eq!(subject(&whole[..len]), None, "cut at {len}");
    }
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut spoilt = whole.clone();
            spoilt[at] ^= 1 << bit;
            // It may find something or nothing, but it ends.
            let _ = subject(&spoilt);
        }
    }
}
