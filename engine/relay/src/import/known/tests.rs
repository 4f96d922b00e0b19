use super::{KNOWN, site_of};

#[test]
fn domains_are_known_by_what_they_are() {
    let site = |domain| site_of(domain).map(|(site, _)| site);
    for (domain, expected) in [
        ("gmail.com", Some("google")),
        ("GMAIL.COM", Some("google")),
        ("hotmail.co.uk", Some("outlook")),
        ("yahoo.com.br", Some("yahoo")),
        ("yahoo.co.jp", Some("yahoo-japan")),
        ("aol.com", Some("yahoo")),
        ("yahoo.example.com", None),
        ("yahoo.a.b.c", None),
        ("notgmail.com", None),
        ("live.", None),
        ("", None),
    ] {
        assert_eq!(site(domain), expected, "{domain}");
    }
}

#[test]
fn a_site_and_a_host_stand_there_once() {
    let mut names: Vec<_> = KNOWN.iter().map(|known| known.site).collect();
    let mut hosts: Vec<_> = KNOWN.iter().flat_map(|known| known.mx).collect();
    let count = (names.len(), hosts.len());
    names.sort_unstable();
    names.dedup();
    hosts.sort_unstable();
    hosts.dedup();
    assert_eq!((names.len(), hosts.len()), count);
}
