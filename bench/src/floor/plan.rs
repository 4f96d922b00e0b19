//! What is sent in which order, known to all three processes beforehand.

use super::Options;
use std::io;
use std::path::PathBuf;

/// Both ends count bytes, so all that matters of these is their length.
pub(super) const ENVELOPE: &[u8] =
    b"MAIL FROM:<newsletter@sender.example> SIZE=51200 BODY=8BITMIME\r\n\
RCPT TO:<someone.or.other@provider.example>\r\nDATA\r\n";
/// What is said to an envelope.
pub(super) const GO_AHEAD: &[u8] = b"250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n\
354 end with <CRLF>.<CRLF>\r\n";
/// What is said to a text.
pub(super) const ACCEPTED: &[u8] = b"250 2.0.0 accepted 0123456789abcdef0123456789abcdef\r\n";
/// Bytes of the Received field that goes before each text.
pub(super) const PREFIX_LEN: usize = 220;

/// Round trips for an incoming message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trips {
    /// The envelope, then the text.
    Two,
    /// The text with the next envelope behind it.
    One,
}

/// One round.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Bytes of a text.
    pub(super) text_len: usize,
    /// Messages in all; a multiple of the sessions.
    pub(super) messages: u32,
    pub(super) sessions: u16,
    pub(super) lanes: u16,
    pub(super) shards: u16,
    pub(super) trips: Trips,
    /// Nothing is sent: what is durable is done.
    pub(super) accept: bool,
    pub(super) directory: PathBuf,
}

impl Plan {
    /// The plan of a process that was started for one round.
    pub(super) fn of(options: &Options) -> io::Result<Self> {
        let one = |list: &[u32]| list.first().copied().ok_or(io::ErrorKind::InvalidInput);
        let shards = options.shards.first().copied().ok_or(io::ErrorKind::InvalidInput)?;
        let trips = if options.pipelined { Trips::One } else { Trips::Two };
        Self::new(options, one(&options.sizes)?, shards, trips)
    }

    /// A round of `options` with these particulars.
    pub(super) fn new(options: &Options, size: u32, shards: u16, trips: Trips) -> io::Result<Self> {
        let fits = (64..=1 << 20).contains(&size)
            && (1..=2).contains(&shards)
            && options.sessions.is_multiple_of(shards)
            && options.lanes.is_multiple_of(shards)
            && (shards..=1_000).contains(&options.sessions)
            && (shards..=1_000).contains(&options.lanes);
        if !fits {
            let rule =
                "1 or 2 shards that divide sessions and lanes (at most 1,000), 64 B to 1 MiB";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, rule));
        }
        let sessions = u32::from(options.sessions);
        let wanted = u64::from(options.messages) * 4_096 / u64::from(size.max(4_096));
        let each = (u32::try_from(wanted).unwrap_or(u32::MAX) / sessions).max(1);
        Ok(Self {
            text_len: size as usize,
            messages: each * sessions,
            sessions: options.sessions,
            lanes: options.lanes,
            shards,
            trips,
            accept: options.accept,
            directory: options.directory.clone(),
        })
    }

    /// Messages that one session sends.
    pub(super) fn messages_each(&self) -> u32 {
        self.messages / u32::from(self.sessions)
    }

    /// Bytes that come with the `index`th message of a session, behind its first envelope.
    pub(super) fn incoming_len(&self, index: u32) -> usize {
        let next = self.trips == Trips::One && index + 1 < self.messages_each();
        self.text_len + if next { ENVELOPE.len() } else { 0 }
    }

    /// What the relay answers to it.
    pub(super) fn answer(&self, index: u32) -> Vec<u8> {
        let next = self.trips == Trips::One && index + 1 < self.messages_each();
        [ACCEPTED, if next { GO_AHEAD } else { b"" }].concat()
    }

    /// Bytes of an outgoing message: our field, the text, the next envelope.
    pub(super) fn outgoing_len(&self) -> usize {
        PREFIX_LEN + self.text_len + ENVELOPE.len()
    }

    /// Bytes of what the sink says to it.
    pub(super) fn verdict() -> Vec<u8> {
        [ACCEPTED, GO_AHEAD].concat()
    }
}
