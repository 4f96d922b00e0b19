//! The ring by hand.
#![allow(unsafe_code, reason = "memory lent to the ring")]

use super::Script;
use crate::floor::plan::Plan;
use crate::floor::ring::{Ring, Token, moved};
use crate::floor::run;
use crate::floor::shard::GREETING;
use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsRawFd;

const HEARD: u32 = 1;
const SAID: u32 = 2;

struct Session {
    script: Script,
    heard: usize,
    room: Vec<u8>,
    answer: Vec<u8>,
}

pub(super) fn serve(
    plan: &Plan,
    listener: &TcpListener,
    announce: &mut dyn FnMut(SocketAddr),
) -> io::Result<()> {
    announce(listener.local_addr()?);
    let mut sockets =
        (0..plan.sessions).map(|_| run::accept(listener)).collect::<io::Result<Vec<_>>>()?;
    let mut ring = Ring::new()?;
    ring.register(&sockets.iter().map(AsRawFd::as_raw_fd).collect::<Vec<_>>())?;
    for socket in &mut sockets {
        socket.write_all(GREETING)?;
    }
    let session = || Session {
        script: Script::default(),
        heard: 0,
        room: vec![0; plan.incoming_len(0)],
        answer: Vec::new(),
    };
    let mut sessions: Vec<_> = sockets.iter().map(|_| session()).collect();
    for (session, index) in sessions.iter_mut().zip(0..) {
        session.listen(plan, &mut ring, index);
    }
    let (mut open, mut done) = (sessions.len(), Vec::new());
    while open > 0 {
        ring.turn(&mut done)?;
        for (token, result) in done.drain(..) {
            let (count, session) = (moved(result)?, &mut sessions[token.index as usize]);
            if token.what == HEARD {
                session.hear(count, plan, &mut ring, token.index);
                session.listen(plan, &mut ring, token.index);
            } else if session.script.awaits(plan).is_none() {
                // Its last answer is out.
                open -= 1;
            }
        }
    }
    Ok(())
}

impl Session {
    /// Asks for what is still to come, if anything is.
    fn listen(&mut self, plan: &Plan, ring: &mut Ring, index: u32) {
        let Some(awaited) = self.script.awaits(plan) else { return };
        let room = &raw mut self.room[self.heard..awaited];
        // SAFETY: the room is on the heap, and nobody looks at it before it is filled.
        unsafe { ring.receive(Token { what: HEARD, index }, index, room) };
    }

    fn hear(&mut self, count: usize, plan: &Plan, ring: &mut Ring, index: u32) {
        self.heard += count;
        if Some(self.heard) == self.script.awaits(plan) {
            self.heard = 0;
            self.answer = self.script.answer(plan);
            // SAFETY: the peer says no more before it has this answer, so it is not changed.
            unsafe { ring.send(Token { what: SAID, index }, index, &raw const *self.answer) };
        }
    }
}
