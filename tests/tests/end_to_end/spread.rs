//! Connections over shards, and what happens when there is no room for another.

use crate::common::PATIENCE;
use std::fs;
use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use tests::ringpost::{Outfit, Ringpost};
use tests::scratch::Scratch;
use tests::{port, program, wait};

/// As many as a balancer may keep.
const CONNECTIONS: usize = 50;

/// The system's own way put 1.6 times its share on the fullest of eight.
#[test]
fn a_balancers_few_connections_are_spread_evenly() -> io::Result<()> {
    for (shards, is_held) in [(2, false), (8, false), (8, true)] {
        let scratch = Scratch::new("spread")?;
        let held = is_held.then(|| TcpListener::bind(port::free()?).map(Arc::new)).transpose()?;
        let outfit = Outfit { shards: Some(shards), held, ..Outfit::default() };
        let ringpost = Ringpost::start_as(outfit, scratch.path(), "")?;
        let clients =
            (0..CONNECTIONS).map(|_| greeted(&ringpost)).collect::<io::Result<Vec<_>>>()?;
        let (name, share) = ("ringpost_connections_in", (CONNECTIONS.div_ceil(shards)) as u32);
        let [counts] = ringpost.metrics_by_shard([name])?;
        let fullest = counts.iter().copied().fold(0.0, f64::max);
        println!("{CONNECTIONS} over {shards} shards (held: {is_held}): {counts:?}");
        assert!(fullest <= 1.1 * f64::from(share), "{counts:?}");
        drop(clients);
        wait::until("all gone", PATIENCE, || {
            ringpost.metric(name).is_ok_and(|left| left < 1.0).then_some(())
        })?;
    }
    Ok(())
}

#[test]
fn without_descriptors_a_client_hears_why() -> io::Result<()> {
    /// What Ringpost itself needs, and a few clients.
    const FILES: usize = 120;
    let scratch = Scratch::new("descriptors")?;
    let starved = scratch.path().join("starved");
    let script = "#!/bin/sh\nulimit -n LIMIT\nexec \"PROGRAM\" \"$@\"\n";
    let program = program::built("ringpost")?.display().to_string();
    let script = script.replace("LIMIT", &FILES.to_string()).replace("PROGRAM", &program);
    fs::write(&starved, script)?;
    fs::set_permissions(&starved, fs::Permissions::from_mode(0o755))?;
    let outfit = Outfit { program: Some(starved), shards: Some(1), ..Outfit::default() };
    let ringpost = Ringpost::start_as(outfit, scratch.path(), "")?;
    let mut inside = Vec::new();
    let turned_away = loop {
        let mut stream = TcpStream::connect(ringpost.smtp())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut said = [0; 4];
        stream.read_exact(&mut said)?;
        if &said != b"220 " {
            let mut rest = String::new();
            stream.read_to_string(&mut rest)?;
            break String::from_utf8_lossy(&said).into_owned() + &rest;
        }
        inside.push(stream);
        assert!(inside.len() < FILES, "{} are inside", inside.len());
    };
    assert!(turned_away.starts_with("421 "), "{turned_away}");
    // Those who ask for numbers need a descriptor too.
    drop(inside);
    wait::until("room again", PATIENCE, || greeted(&ringpost).ok().map(drop))?;
    assert!(ringpost.metric("ringpost_connections_turned_away_total")? >= 1.0);
    Ok(())
}

/// A client that has heard the greeting.
fn greeted(ringpost: &Ringpost) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(ringpost.smtp())?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut greeting = [0; 4];
    stream.read_exact(&mut greeting)?;
    if &greeting == b"220 " { Ok(stream) } else { Err(io::ErrorKind::ConnectionRefused.into()) }
}
