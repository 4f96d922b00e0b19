//! The process that is measured.

use super::plan::Plan;
use super::report::Round;
use super::shard::{Shard, Tally};
use super::{run, shard::GREETING};
use crate::usage::{Usage, clock, pin};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

pub(super) fn play(plan: &Plan, peers: &[SocketAddr]) -> io::Result<()> {
    let sink = *peers.first().ok_or(io::ErrorKind::InvalidInput)?;
    let listeners: Vec<_> = (0..plan.shards).map(|_| run::listen()).collect::<io::Result<_>>()?;
    run::announce(&listeners)?;
    println!("{}", serde_json::to_string(&relay(plan, listeners, sink)?)?);
    Ok(())
}

/// Relays every message to `sink`, a shard behind each listener.
pub(super) fn relay(
    plan: &Plan,
    listeners: Vec<TcpListener>,
    sink: SocketAddr,
) -> io::Result<Round> {
    let ready = Arc::new(Barrier::new(listeners.len() + 1));
    let shards: Vec<_> = (0..)
        .zip(listeners)
        .map(|(index, listener)| {
            let (plan, ready) = (plan.clone(), Arc::clone(&ready));
            thread::spawn(move || play_shard(&plan, index, &listener, sink, &ready))
        })
        .collect();
    ready.wait();
    let (before, began) = (Usage::now()?, clock(libc::CLOCK_MONOTONIC));
    ready.wait();
    let mut round = Round::default();
    for shard in shards {
        let (tally, time) = shard.join().expect("a shard does not panic")?;
        round.add(tally, time);
    }
    let wall = clock(libc::CLOCK_MONOTONIC).saturating_sub(began);
    round.finish(Usage::now()?.since(before), wall, plan.messages);
    Ok(round)
}

fn play_shard(
    plan: &Plan,
    index: u16,
    listener: &TcpListener,
    sink: SocketAddr,
    ready: &Barrier,
) -> io::Result<(Tally, Duration)> {
    pin(usize::from(index));
    let connected = connect(plan, listener, sink);
    let shard = connected.and_then(|(incoming, outgoing)| {
        let greeted = incoming.iter().map(TcpStream::try_clone).collect::<io::Result<Vec<_>>>()?;
        Ok((Shard::new(plan, index, incoming, outgoing)?, greeted))
    });
    ready.wait();
    ready.wait();
    let (mut shard, greeted) = shard?;
    for mut session in greeted {
        session.write_all(GREETING)?;
    }
    let before = clock(libc::CLOCK_THREAD_CPUTIME_ID);
    let tally = shard.run()?;
    Ok((tally, clock(libc::CLOCK_THREAD_CPUTIME_ID).saturating_sub(before)))
}

fn connect(
    plan: &Plan,
    listener: &TcpListener,
    sink: SocketAddr,
) -> io::Result<(Vec<TcpStream>, Vec<TcpStream>)> {
    let outgoing = (0..plan.lanes / plan.shards).map(|_| run::dial(sink));
    let outgoing = outgoing.collect::<io::Result<_>>()?;
    let incoming = (0..plan.sessions / plan.shards).map(|_| run::accept(listener));
    Ok((incoming.collect::<io::Result<_>>()?, outgoing))
}
