use super::TlsaForm::{Sha256, Sha512, Whole};
use super::{TLSA_RECORDS_MAX, Tlsa, TlsaSet};

fn record(fields: (u8, u8, u8), bytes: usize) -> Option<Tlsa> {
    Tlsa::read(fields.0, fields.1, fields.2, &vec![7; bytes])
}

/// Every usage, selector and matching type with every length that may be right for one of them.
#[test]
fn what_is_of_use_is_what_mail_reads() {
    for usage in 0..=u8::MAX {
        for selector in [0, 1, 2, 255] {
            for matching in [0, 1, 2, 3, 255] {
                for bytes in [0, 1, 20, 32, 64, 8_192, 8_193] {
                    let fits = match matching {
                        0 => (1..=8_192).contains(&bytes),
                        1 => bytes == 32,
                        2 => bytes == 64,
                        _ => false,
                    };
                    let wanted = matches!(usage, 2 | 3) && selector <= 1 && fits;
                    let read = record((usage, selector, matching), bytes);
                    assert_eq!(read.is_some(), wanted, "{usage} {selector} {matching}: {bytes}");
                }
            }
        }
    }
}

/// RFC 7671 section 9: of the digests of one thing the best counts, and what is no digest always.
#[test]
fn the_best_digest_counts() {
    let all = [(3, 1, 1), (3, 1, 2), (3, 0, 1), (2, 1, 1), (3, 1, 0)];
    let records = all.map(|fields| record(fields, [32, 32, 64][usize::from(fields.2)]).unwrap());
    let set = TlsaSet::new("mx.example", records);
    let forms: Vec<_> = set.records().iter().map(|record| record.form).collect();
    assert_eq!(forms, [Sha512, Sha256, Sha256, Whole]);
}

#[test]
fn a_host_goes_by_another_name_only_where_somebody_vouches_for_it() {
    for (usage, names) in
        [(3, &["mx.example"] as &[&str]), (2, &["mx.example", "example"] as &[&str])]
    {
        let set = TlsaSet::new("mx.example", record((usage, 1, 1), 32));
        let set = set.also_for("mx.example").also_for("example");
        let known: Vec<&str> = set.names().iter().map(|name| &**name).collect();
        assert_eq!((known.as_slice(), set.base()), (names, "mx.example"));
    }
}

#[test]
fn a_host_with_many_records_has_a_few() {
    let many = (0..100).map(|_| record((3, 1, 1), 32).unwrap());
    assert_eq!(TlsaSet::new("mx.example", many).records().len(), TLSA_RECORDS_MAX);
    assert!(TlsaSet::new("mx.example", None).records().is_empty());
}
