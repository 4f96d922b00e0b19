//! A message became ours, and how it came.

use super::Labels;
use super::line::Line;
use crate::MessageId;
use std::net::SocketAddr;

/// A message became durable with us: from now on it is ours.
#[derive(Clone, Copy, Debug)]
pub struct Accepted<'a> {
    /// Its identity.
    pub id: MessageId,
    /// Its sender; empty for a bounce.
    pub sender: &'a str,
    /// How many recipients it has.
    pub recipients: u32,
    /// Bytes of message text, our own header fields included.
    pub bytes: u64,
    /// How it came; `None` if we wrote it ourselves.
    pub entrance: Option<Entrance<'a>>,
    /// What it is called.
    pub labels: Labels<'a>,
}

/// How a message came in.
#[derive(Clone, Copy, Debug)]
pub struct Entrance<'a> {
    /// Who gave it to us: the client, where a balancer is in front.
    pub peer: SocketAddr,
    /// By which of our addresses.
    pub listener: SocketAddr,
    /// The source it is of; empty if nothing was said of it.
    pub source: &'a str,
    /// As which user the peer logged in, if it did.
    pub user: Option<&'a str>,
    /// What was spoken, as in a Received field: `ESMTPSA`.
    pub protocol: &'a str,
    /// What encrypted it: the connection itself, or a balancer, of which less is known.
    pub tls: Option<Encryption<'a>>,
    /// What a balancer in front of us calls the connection: with it, its log and ours are one.
    pub connection: Option<&'a str>,
}

/// What encrypted a connection.
#[derive(Clone, Copy, Debug)]
pub struct Encryption<'a> {
    /// `TLSv1.2`, `TLSv1.3`, or what a balancer calls it.
    pub version: &'a str,
    /// The cipher suite.
    pub cipher: &'a str,
    /// Whose certificate the client showed, if it showed one that is trusted.
    pub client: Option<&'a str>,
}

impl Accepted<'_> {
    /// The fields of its log line, behind the event and the time.
    pub(super) fn fields<'o>(&self, line: Line<'o>) -> Line<'o> {
        let Labels { tenant, pool, job, campaign } = self.labels;
        let entrance = self.entrance;
        let tls = entrance.and_then(|entrance| entrance.tls);
        line.id("id", self.id)
            .text("sender", self.sender)
            .number("recipients", u64::from(self.recipients))
            .number("bytes", self.bytes)
            .peer("peer", entrance.map(|entrance| entrance.peer))
            .peer("listener", entrance.map(|entrance| entrance.listener))
            .text_or_null("source", entrance.map(|entrance| entrance.source))
            .text_or_null("user", entrance.and_then(|entrance| entrance.user))
            .text_or_null("protocol", entrance.map(|entrance| entrance.protocol))
            .text_or_null("tls", tls.map(|tls| tls.version))
            .text_or_null("cipher", tls.map(|tls| tls.cipher))
            .text_or_null("client", tls.and_then(|tls| tls.client))
            .text_if_any("connection", entrance.and_then(|entrance| entrance.connection))
            .text_if_any("tenant", tenant)
            .text_if_any("pool", pool)
            .text_if_any("job", job)
            .text_if_any("campaign", campaign)
    }
}
