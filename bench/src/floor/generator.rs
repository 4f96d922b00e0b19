//! The process that sends: each session says what is next, and waits until that is answered.
#![allow(unsafe_code, reason = "memory lent to the ring")]

use super::plan::{ENVELOPE, GO_AHEAD, Plan, Trips};
use super::ring::{Ring, Token, moved};
use super::run;
use super::shard::GREETING;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

const SAID: u32 = 1;
const HEARD: u32 = 2;

/// One connection to the relay.
struct Caller {
    /// The message it is at; its first envelope comes before all.
    message: u32,
    inside: bool,
    heard: usize,
    reply: Vec<u8>,
}

pub(super) fn play(plan: &Plan, relays: &[SocketAddr]) -> io::Result<()> {
    run::leave_to_relay(plan);
    let mut sockets = Vec::new();
    for relay in relays {
        for _ in 0..plan.sessions / plan.shards {
            sockets.push(run::dial(*relay)?);
        }
    }
    for socket in &mut sockets {
        socket.read_exact(&mut [0; GREETING.len()])?;
    }
    let mut ring = Ring::new()?;
    ring.register(&sockets.iter().map(AsRawFd::as_raw_fd).collect::<Vec<_>>())?;
    // All callers say the same: an envelope, and a text with an envelope behind it.
    let words = [ENVELOPE, &vec![b'x'; plan.text_len], ENVELOPE].concat();
    let caller = || Caller { message: 0, inside: false, heard: 0, reply: vec![0; 512] };
    let mut callers: Vec<_> = sockets.iter().map(|_| caller()).collect();
    for (index, caller) in (0..).zip(&mut callers) {
        caller.say(plan, &words, &mut ring, index);
    }
    listen(plan, &words, &mut ring, &mut callers)
}

fn listen(plan: &Plan, words: &[u8], ring: &mut Ring, callers: &mut [Caller]) -> io::Result<()> {
    let mut talking = callers.len();
    let mut done = Vec::new();
    while talking > 0 {
        ring.turn(&mut done)?;
        for (token, result) in done.drain(..) {
            let count = moved(result)?;
            if token.what == HEARD {
                let caller = &mut callers[token.index as usize];
                talking -= usize::from(!caller.heard(count, plan, words, ring, token.index));
            }
        }
    }
    Ok(())
}

impl Caller {
    /// Says its next words, and listens.
    fn say(&mut self, plan: &Plan, words: &[u8], ring: &mut Ring, index: u32) {
        let part = if self.inside {
            ENVELOPE.len()..ENVELOPE.len() + plan.incoming_len(self.message)
        } else {
            0..ENVELOPE.len()
        };
        // SAFETY: the words are there as long as the ring is used, and nobody changes them.
        unsafe { ring.send(Token { what: SAID, index }, index, &raw const words[part]) };
        self.listen(ring, index);
    }

    fn listen(&mut self, ring: &mut Ring, index: u32) {
        let room = &raw mut self.reply[self.heard..];
        // SAFETY: the reply is on the heap and only looked at when the token is back.
        unsafe { ring.receive(Token { what: HEARD, index }, index, room) };
    }

    /// Whether it has more to say or to hear.
    fn heard(
        &mut self,
        count: usize,
        plan: &Plan,
        words: &[u8],
        ring: &mut Ring,
        index: u32,
    ) -> bool {
        self.heard += count;
        let expected = if self.inside { plan.answer(self.message).len() } else { GO_AHEAD.len() };
        if self.heard < expected {
            self.listen(ring, index);
            return true;
        }
        self.heard = 0;
        if self.inside {
            self.message += 1;
            self.inside = plan.trips == Trips::One;
        } else {
            self.inside = true;
        }
        let more = self.message < plan.messages_each();
        if more {
            self.say(plan, words, ring, index);
        }
        more
    }
}
