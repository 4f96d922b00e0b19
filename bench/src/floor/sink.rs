//! The process that receives: it counts each message's bytes, and answers.
#![allow(unsafe_code, reason = "memory lent to the ring")]

use super::plan::Plan;
use super::ring::{Ring, Token, moved};
use super::run;
use std::io;
use std::net::TcpListener;
use std::os::fd::AsRawFd;

const HEARD: u32 = 1;
const SAID: u32 = 2;

pub(super) fn play(plan: &Plan) -> io::Result<()> {
    run::leave_to_relay(plan);
    let listener = run::listen()?;
    run::announce(std::slice::from_ref(&listener))?;
    answer(plan, &listener).map(drop)
}

/// Answers until the relay has closed every lane. Returns how many messages came.
pub(super) fn answer(plan: &Plan, listener: &TcpListener) -> io::Result<u32> {
    let sockets = (0..plan.lanes).map(|_| run::accept(listener)).collect::<io::Result<Vec<_>>>()?;
    let mut ring = Ring::new()?;
    ring.register(&sockets.iter().map(AsRawFd::as_raw_fd).collect::<Vec<_>>())?;
    let verdict = Plan::verdict();
    let mut lanes: Vec<_> = sockets.iter().map(|_| (0, vec![0; 64 << 10])).collect();
    for (index, (_, room)) in (0..).zip(&mut lanes) {
        hear(&mut ring, index, room);
    }
    let mut done = Vec::new();
    let mut open = lanes.len();
    let mut messages = 0;
    while open > 0 {
        ring.turn(&mut done)?;
        for (token, result) in done.drain(..) {
            if token.what == SAID {
                continue;
            }
            // The relay has closed the lane: it is done.
            let Ok(count) = moved(result) else {
                open -= 1;
                continue;
            };
            let (heard, room) = &mut lanes[token.index as usize];
            *heard += count;
            while *heard >= plan.outgoing_len() {
                *heard -= plan.outgoing_len();
                messages += 1;
                let what = Token { what: SAID, index: token.index };
                // SAFETY: the verdict is there as long as the ring is used.
                unsafe { ring.send(what, token.index, &raw const *verdict) };
            }
            hear(&mut ring, token.index, room);
        }
    }
    Ok(messages)
}

fn hear(ring: &mut Ring, index: u32, room: &mut [u8]) {
    // SAFETY: the room is on the heap and nobody looks at what comes.
    unsafe { ring.receive(Token { what: HEARD, index }, index, &raw mut *room) };
}
