use super::absent;
use crate::settings::{Host, parse};

#[test]
fn an_address_that_is_not_here_is_told_with_its_line() {
    let text = "[[pool]]\nname = \"warm\"\n[[pool.source]]\naddress = \"127.0.0.7\"\n\
                [[pool]]\nname = \"cold\"\n[[pool.source]]\naddress = \"127.0.0.8\"\n\
                [[pool.source]]\naddress = \"192.0.2.1\"\n";
    let host = Host { cores: 1, name: "mta.example".to_owned() };
    let told = absent(&parse("ringpost.toml", text, &host).unwrap());
    let expected = "ringpost.toml:10: 192.0.2.1 is not on this host: nothing leaves from it\n    \
                    address = \"192.0.2.1\"\n              ^^^^^^^^^^^";
    assert_eq!(told, [expected]);
}
