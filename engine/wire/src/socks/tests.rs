//! Every conversation a proxy may have with us.

use super::{Credentials, Socks, SocksFault, Step};

const V4: &str = "192.0.2.9:25";
const V6: &str = "[2001:db8::9]:2525";

fn login() -> Option<Credentials> {
    Credentials::new("ann", "secret")
}

/// What comes of a proxy that says this, read as it is wanted: all that we say, and the outcome;
/// and what it said that was not read.
fn talk(
    target: &str,
    credentials: Option<Credentials>,
    mut proxy: &[u8],
) -> (Vec<u8>, Result<usize, SocksFault>) {
    let (mut socks, mut said) = Socks::begin(target.parse().unwrap(), credentials);
    loop {
        let (heard, rest) = proxy.split_at(socks.wants());
        proxy = rest;
        match socks.hear(heard) {
            Ok(Step::Say(more)) => said.extend(more),
            Ok(Step::Open) => return (said, Ok(proxy.len())),
            Err(fault) => return (said, Err(fault)),
        }
    }
}

#[test]
fn it_is_asked_for_the_target_and_what_follows_is_the_hosts() {
    let bound = [5, 0, 0, 1, 10, 0, 0, 1, 0x30, 0x39];
    let proxy = [&[5, 0][..], &bound, b"220 hello\r\n"].concat();
    let request = [5, 1, 0, 1, 192, 0, 2, 9, 0, 25];
    assert_eq!(talk(V4, None, &proxy), ([&[5, 1, 0][..], &request].concat(), Ok(11)));
    let offers = [&[5, 2, 0, 2][..], &request].concat();
    assert_eq!(talk(V4, login(), &proxy), (offers, Ok(11)), "no login if none is wanted");
    let (said, open) = talk(V6, None, &proxy);
    let address = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
    assert_eq!(said, [&[5, 1, 0, 5, 1, 0, 4][..], &address, &[0x09, 0xdd]].concat());
    assert_eq!(open, Ok(11));
}

#[test]
fn replies_are_of_any_length() {
    for (address, len) in
        [(vec![1, 1, 2, 3, 4], 0), ([&[4][..], &[7; 16]].concat(), 0), (b"\x03\x03abc".to_vec(), 0)]
    {
        let proxy = [&[5, 0, 5, 0, 0][..], &address, &[0, 25]].concat();
        assert_eq!(talk(V4, None, &proxy).1, Ok(len), "{address:?}");
    }
    let empty = [5, 0, 5, 0, 0, 3, 0, 0, 25, b'2'];
    assert_eq!(talk(V4, None, &empty).1, Ok(1));
}

#[test]
fn whoever_asks_for_a_login_gets_it_once() {
    let proxy = [5, 2, 1, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    let (said, open) = talk(V4, login(), &proxy);
    let login_said = b"\x01\x03ann\x06secret";
    let expected = [&[5, 2, 0, 2][..], login_said, &[5, 1, 0, 1, 192, 0, 2, 9, 0, 25]].concat();
    assert_eq!((said, open), (expected, Ok(0)));
    assert_eq!(talk(V4, login(), &[5, 2, 1, 1]).1, Err(SocksFault::Login));
    assert_eq!(talk(V4, None, &[5, 2]).1, Err(SocksFault::Login), "it was not offered");
    assert_eq!(talk(V4, login(), &[5, 255]).1, Err(SocksFault::Login));
}

#[test]
fn its_fault_is_told_from_the_hosts() {
    for code in 1..=255_u8 {
        let fault = talk(V4, None, &[5, 0, 5, code, 0, 1, 0]).1.unwrap_err();
        assert_eq!(fault.is_the_hosts(), (3..=6).contains(&code), "{code}: {fault}");
        assert!(fault.to_string().contains(&format!("({code})")), "{fault}");
    }
    for bad in [&[4, 0][..], &[5, 1], b"HT", &[5, 0, 4, 0, 0, 1, 0], &[5, 0, 5, 0, 0, 2, 0]] {
        assert_eq!(talk(V4, None, bad).1, Err(SocksFault::Protocol), "{bad:?}");
    }
    assert_eq!(talk(V4, login(), &[5, 2, 5, 0]).1, Err(SocksFault::Protocol));
}

#[test]
fn a_password_is_not_shown_and_fits_its_byte() {
    let shown = format!("{:?}", login().unwrap());
    assert!(shown.contains("ann") && !shown.contains("secret"), "{shown}");
    for (user, password) in [("", "x"), ("x", ""), (&*"x".repeat(256), "x")] {
        assert_eq!(Credentials::new(user, password), None);
    }
}
