//! One relay thread: sessions in, a log, lanes out, and nothing between but byte counts.
#![allow(unsafe_code, reason = "memory lent to the ring")]

use super::log::Log;
use super::plan::{ENVELOPE, GO_AHEAD, Plan};
use super::pool::Pool;
use super::ring::{Ring, Token, moved};
use std::collections::VecDeque;
use std::io;
use std::net::TcpStream;
use std::os::fd::AsRawFd;

/// Said to each session when all is ready.
pub(super) const GREETING: &[u8] = b"220 relay.example ESMTP\r\n";

/// Messages under way in a shard, from their first byte to their delivery, for each session.
const BUFFERS_EACH: u32 = 8;

const SESSION_HEARD: u32 = 1;
const SAID: u32 = 2;
const LANE_HEARD: u32 = 3;
const DURABLE: u32 = 4;

/// A shard of the relay.
pub(super) struct Shard {
    plan: Plan,
    ring: Ring,
    log: Log,
    pool: Pool,
    sessions: Vec<Session>,
    lanes: Vec<Lane>,
    idle: Vec<u32>,
    ready: VecDeque<u32>,
    /// Sessions that wait for a buffer.
    starved: VecDeque<u32>,
    go_ahead: Vec<u8>,
    delivered: u32,
    /// Sends on their way.
    unsaid: u32,
    /// Kept open until the end.
    _sockets: Vec<TcpStream>,
}

/// An incoming connection: what it sends next, and how much of that has come.
struct Session {
    /// The message it is at; its first envelope comes before all.
    message: u32,
    begun: bool,
    heard: usize,
    buffer: u32,
    envelope: Box<[u8; ENVELOPE.len()]>,
    answer: Vec<u8>,
}

/// An outgoing connection.
struct Lane {
    heard: usize,
    buffer: u32,
    reply: Vec<u8>,
}

/// What a shard did.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) enters: u64,
    pub(super) commits: u64,
    pub(super) bytes: u64,
}

impl Shard {
    pub(super) fn new(
        plan: &Plan,
        index: u16,
        incoming: Vec<TcpStream>,
        outgoing: Vec<TcpStream>,
    ) -> io::Result<Self> {
        let mut ring = Ring::new()?;
        let buffers = u32::from(plan.sessions / plan.shards) * BUFFERS_EACH;
        let log = Log::new(plan, index, buffers)?;
        let sockets: Vec<TcpStream> = incoming.into_iter().chain(outgoing).collect();
        let mut files: Vec<_> = sockets.iter().map(AsRawFd::as_raw_fd).collect();
        files.push(log.descriptor());
        ring.register(&files)?;
        let verdict = Plan::verdict();
        let sessions = (0..plan.sessions / plan.shards).map(|_| Session::new()).collect();
        let lanes: Vec<_> =
            (0..plan.lanes / plan.shards).map(|_| Lane::new(verdict.len())).collect();
        Ok(Self {
            plan: plan.clone(),
            ring,
            log,
            pool: Pool::new(plan, buffers),
            sessions,
            idle: (0..lanes.len() as u32).collect(),
            lanes,
            ready: VecDeque::new(),
            starved: VecDeque::new(),
            go_ahead: GO_AHEAD.to_vec(),
            delivered: 0,
            unsaid: 0,
            _sockets: sockets,
        })
    }

    /// Relays every message of its sessions.
    pub(super) fn run(&mut self) -> io::Result<Tally> {
        let wanted = self.plan.messages_each() * self.sessions.len() as u32;
        for session in 0..self.sessions.len() as u32 {
            self.hear_session(session);
        }
        let mut done = Vec::new();
        while self.delivered < wanted || self.unsaid > 0 {
            self.ring.turn(&mut done)?;
            for (token, result) in done.drain(..) {
                self.completed(token, moved(result)?)?;
            }
            let file = (self.sessions.len() + self.lanes.len()) as u32;
            self.log.commit(&mut self.ring, Token { what: DURABLE, index: 0 }, file);
        }
        Ok(Tally { enters: self.ring.enters, commits: self.log.commits, bytes: self.log.bytes })
    }

    fn completed(&mut self, token: Token, count: usize) -> io::Result<()> {
        match token.what {
            SESSION_HEARD => self.session_heard(token.index, count),
            LANE_HEARD => self.lane_heard(token.index, count),
            DURABLE => {
                for session in self.log.committed(count)? {
                    self.durable(session);
                }
            }
            _ => self.unsaid -= 1,
        }
        Ok(())
    }

    /// Asks for what is left of the session's envelope, or of its message.
    fn hear_session(&mut self, index: u32) {
        let session = &mut self.sessions[index as usize];
        let room = if session.begun {
            let len = self.plan.incoming_len(session.message);
            &mut self.pool.incoming(session.buffer)[session.heard..len]
        } else {
            &mut session.envelope[session.heard..]
        };
        // SAFETY: envelopes and buffers are boxed, and this one is the session's until all of
        // it has come.
        unsafe { self.ring.receive(token(SESSION_HEARD, index), index, &raw mut *room) };
    }

    fn session_heard(&mut self, index: u32, count: usize) {
        let session = &mut self.sessions[index as usize];
        session.heard += count;
        if !session.begun {
            if session.heard < ENVELOPE.len() {
                return self.hear_session(index);
            }
            self.say_session(index, &raw const *self.go_ahead);
            return self.begin(index);
        }
        if session.heard < self.plan.incoming_len(session.message) {
            return self.hear_session(index);
        }
        self.log.append(self.pool.record(session.buffer), index);
    }

    /// The session's next text may come, if there is a buffer for it.
    fn begin(&mut self, index: u32) {
        let Some(buffer) = self.pool.take() else { return self.starved.push_back(index) };
        let session = &mut self.sessions[index as usize];
        (session.begun, session.heard, session.buffer) = (true, 0, buffer);
        self.hear_session(index);
    }

    fn say_session(&mut self, index: u32, words: *const [u8]) {
        self.unsaid += 1;
        // SAFETY: words are those of the shard or of the session, which says nothing else
        // before the peer has answered them.
        unsafe { self.ring.send(token(SAID, index), index, words) };
    }

    fn durable(&mut self, index: u32) {
        let session = &mut self.sessions[index as usize];
        let buffer = session.buffer;
        session.answer = self.plan.answer(session.message);
        let envelope_came = self.plan.incoming_len(session.message) > self.plan.text_len;
        session.message += 1;
        session.heard = 0;
        session.begun = false;
        let answer = &raw const *session.answer;
        let more = session.message < self.plan.messages_each();
        self.say_session(index, answer);
        match (more, envelope_came) {
            (true, true) => self.begin(index),
            (true, false) => self.hear_session(index),
            (false, _) => {}
        }
        if self.plan.accept {
            return self.done(buffer);
        }
        self.ready.push_back(buffer);
        self.send();
    }

    /// Nobody waits for this message any more.
    fn done(&mut self, buffer: u32) {
        self.pool.give_back(buffer);
        self.delivered += 1;
        if let Some(session) = self.starved.pop_front() {
            self.begin(session);
        }
    }

    /// Gives ready messages to idle lanes.
    fn send(&mut self) {
        while let (Some(&lane), Some(&buffer)) = (self.idle.last(), self.ready.front()) {
            self.unsaid += 1;
            self.idle.pop();
            self.ready.pop_front();
            self.lanes[lane as usize].buffer = buffer;
            let file = self.sessions.len() as u32 + lane;
            let bytes = &raw const *self.pool.outgoing(buffer);
            // SAFETY: the buffer is the lane's until the peer has answered all of it.
            unsafe { self.ring.send(token(SAID, lane), file, bytes) };
            self.hear_lane(lane);
        }
    }

    fn hear_lane(&mut self, index: u32) {
        let file = self.sessions.len() as u32 + index;
        let lane = &mut self.lanes[index as usize];
        let room = &raw mut lane.reply[lane.heard..];
        // SAFETY: replies are on the heap, and nobody else looks at this one.
        unsafe { self.ring.receive(token(LANE_HEARD, index), file, room) };
    }

    fn lane_heard(&mut self, index: u32, count: usize) {
        let lane = &mut self.lanes[index as usize];
        lane.heard += count;
        if lane.heard < lane.reply.len() {
            return self.hear_lane(index);
        }
        lane.heard = 0;
        let buffer = lane.buffer;
        self.idle.push(index);
        self.log.settle();
        self.done(buffer);
        self.send();
    }
}

impl Session {
    fn new() -> Self {
        Self {
            message: 0,
            begun: false,
            heard: 0,
            buffer: 0,
            envelope: Box::new([0; ENVELOPE.len()]),
            answer: Vec::new(),
        }
    }
}

impl Lane {
    fn new(reply_len: usize) -> Self {
        Self { heard: 0, buffer: 0, reply: vec![0; reply_len] }
    }
}

const fn token(what: u32, index: u32) -> Token {
    Token { what, index }
}
