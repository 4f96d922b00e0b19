use super::connector;
use crate::settings::{Host, load};
use std::{env, fs, process};

#[test]
fn a_file_that_vouches_for_nobody_is_told_with_its_line() {
    let folder = env::temp_dir().join(format!("ringpost-server-ca-{}", process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (settings, ca) = (folder.join("ringpost.toml"), folder.join("ca.pem"));
    let text = format!("[delivery]\ntls = \"verified\"\nserver_ca = \"{}\"\n", ca.display());
    fs::write(&settings, text).unwrap();
    let host = Host { cores: 1, name: "mta1.example.com".to_owned() };
    let wrong = || connector(&load(Some(&settings), &host).unwrap()).map(drop);
    let absent = wrong().unwrap_err().to_string();
    fs::write(&ca, "hello\n").unwrap();
    let empty = wrong().unwrap_err().to_string();
    let made = rcgen::generate_simple_self_signed(["mx.example".to_owned()]).unwrap();
    fs::write(&ca, made.cert.pem()).unwrap();
    let right = wrong();
    fs::remove_dir_all(&folder).unwrap();
    for (said, words) in [(absent, "cannot be read"), (empty, "holds no certificate")] {
        let place = format!("{}:3: {} {words}", settings.display(), ca.display());
        assert!(said.starts_with(&place), "{said}");
    }
    assert!(right.is_ok(), "{right:?}");
}
