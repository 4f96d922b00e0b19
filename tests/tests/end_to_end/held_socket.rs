//! A listening socket that somebody else holds: Ringpost comes and goes, and nobody who
//! connects is refused.

use crate::common::{PATIENCE, RETRY_SOON, route};
use crate::load::{Load, Sink, told};
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::{port, wait};

/// How often Ringpost is stopped and started again.
const RESTARTS: usize = 4;

#[test]
fn restarts_under_load_refuse_no_connection() -> io::Result<()> {
    let scratch = Scratch::new("held")?;
    let sink = Sink::start(scratch.path(), 0.1)?;
    let socket = Arc::new(TcpListener::bind(port::free()?)?);
    let outfit = Outfit { held: Some(socket), shards: Some(3), ..Outfit::default() };
    let settings = route("*", sink.address()) + RETRY_SOON;
    let mut ringpost = Ringpost::start_as(outfit, scratch.path(), &settings)?;
    let load = Load::start_short(scratch.path(), ringpost.smtp(), 500.0)?;
    for _ in 0..RESTARTS {
        load.wait_for(300)?;
        let status = ringpost.drain()?;
        assert!(status.success(), "{status}: {}", ringpost.said());
        ringpost.restart()?;
    }
    load.wait_for(300)?;
    assert!(load.connections() > 1_000, "{}", load.connections());
    assert_eq!(load.dials_failed(), 0, "connections refused");
    let proof = load.prove(&ringpost, sink, 0)?;
    assert!(proof.holds && proof.missing == 0 && proof.duplicates == 0, "{}", told(&proof));
    Ok(())
}

#[test]
fn a_socket_that_is_no_listeners_is_named() -> io::Result<()> {
    let scratch = Scratch::new("held-stray")?;
    let socket = Arc::new(TcpListener::bind(port::free()?)?);
    let address = socket.local_addr()?;
    let outfit = Outfit { held: Some(socket), ..Outfit::default() };
    let mut ringpost = Ringpost::start_as(outfit, scratch.path(), "")?;
    let status = ringpost.drain()?;
    assert!(status.success(), "{status}");
    ringpost.rewrite(|settings| settings.replace(&address.to_string(), "127.0.0.1:1"))?;
    let refused = ringpost.restart().expect_err("the socket is nobody's").to_string();
    let complaint = format!("the socket \"smtp\" that was handed to us listens on {address}");
    assert!(refused.contains(&complaint) && refused.contains("no [[listener]]"), "{refused}");
    wait::until("its end", PATIENCE, || ringpost.ended().map(drop))
}
