use super::{allowed, met_at, own_addresses};

#[test]
fn who_listens_everywhere_is_met_at_each_address() {
    let listeners = ["0.0.0.0:25", "127.0.0.1:2525"].map(|address| address.parse().unwrap());
    let own = ["192.0.2.7", "2001:db8::7"].map(|address| address.parse().unwrap());
    let met: Vec<_> = met_at(&listeners, &own).iter().map(ToString::to_string).collect();
    assert_eq!(met, ["0.0.0.0:25", "127.0.0.1:2525", "192.0.2.7:25", "[2001:db8::7]:25"]);
}

#[test]
fn what_is_found_of_our_own_can_be_listened_at() {
    for address in own_addresses() {
        assert!(std::net::TcpListener::bind((address, 0)).is_ok(), "{address}");
    }
}

#[test]
fn processors_are_read_from_the_kernels_list() {
    let list = |text: &str| allowed(&format!("Name:\tx\nCpus_allowed_list:\t{text}\nMems:\t0\n"));
    assert_eq!(list("0-3,8"), [0, 1, 2, 3, 8]);
    assert_eq!(list("5"), [5]);
    assert_eq!(list(""), [0_usize; 0]);
    assert_eq!(allowed(""), [0_usize; 0]);
}
