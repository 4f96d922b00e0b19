//! What crosses shards. Never a body: at most a counted reference to one.

use crate::gates::Asked;
use crate::inbound::Newcomer;
use crate::message::{Delivery, Message};
use crate::outbound::Passage;
use crate::recall::Recall;
use crate::reload::Reload;
use crate::spread::Loan;
use crate::submission::Submission;
use crate::survey::{Inquiry, Scheduled};
use event::{MessageId, Outcome, ReplyClass, Response, Stages, Wall};
use policy::login::Verdict;
use route::{Answer, SitePlan};
use spool::Tried;
use std::net::SocketAddr;
use std::sync::Arc;

/// One hand-over to a shard.
#[derive(Debug)]
pub enum Letter {
    /// To a site's home: deliver this there.
    Deliver(Arc<SitePlan>, Delivery),
    /// Between the home of a site, which is named, and another shard: who has its connections.
    Loan(Arc<str>, Loan),
    /// To a site's home: a host asks for this.
    Asked(Arc<SitePlan>, Box<Asked>),
    /// To a message's owner: this became of these recipients.
    Report(Box<Report>),
    /// To a message's owner: an operator has put these recipients off.
    Scheduled(Box<Scheduled>),
    /// To a message's owner: its text is no longer where we were told; say where, and send it on.
    Locate(Delivery),
    /// To a message's owner: what lies on disk of it does not check.
    Suspect(MessageId),
    /// From the directory: what it knows of a domain we asked about.
    Resolved(String, Answer),
    /// From a shard that learnt more of a domain: what waits for it here goes elsewhere.
    Recall(Box<Recall>),
    /// From whoever checks logins: what came of the one with this number.
    Verdict(u64, Verdict),
    /// From an operator, by way of control: how things stand, or what is to be done.
    Inquiry(Box<Inquiry>),
    /// From the program: these settings hold from now on.
    Reload(Box<Reload>),
    /// From the program: send this.
    Submit(Box<Submission>),
    /// From a shard that has more connections than we: serve this one.
    Connection(Box<Newcomer>),
    /// From the program: take no new mail, finish what is in flight, sync, and end.
    Drain,
    /// From another shard that drains: none of its lanes will report again.
    LanesEnded,
}

/// One attempt, as its lane saw it.
#[derive(Debug)]
pub struct Report {
    /// The message.
    pub id: MessageId,
    /// The same in memory, if it was when this was written.
    pub message: Option<Arc<Message>>,
    /// The site's name.
    pub site: Arc<str>,
    /// Who answered, if somebody did.
    pub peer: Option<SocketAddr>,
    /// How it was reached.
    pub passage: Option<Arc<Passage>>,
    /// The peer was told what the sender asked, so what it takes it reports on.
    pub passed_on: bool,
    /// What that makes of the attempts.
    pub tried: Tried,
    /// It is this attempt behind which mail is late.
    pub turned_late: bool,
    /// When the time of those that are tried again is up.
    pub expires: Wall,
    /// When things happened.
    pub stages: Stages,
    /// One for each recipient of the attempt.
    pub verdicts: Vec<Settled>,
}

impl Report {
    /// The same attempt, as far as it is about these.
    pub(crate) fn about(&self, verdicts: Vec<Settled>) -> Self {
        let (site, message) = (Arc::clone(&self.site), self.message.clone());
        let passage = self.passage.clone();
        Self { message, site, passage, verdicts, ..*self }
    }
}

/// What became of one recipient.
#[derive(Clone, Debug)]
pub struct Settled {
    /// Its index in the envelope.
    pub recipient: u16,
    /// The outcome.
    pub outcome: Outcome,
    /// The peer's words, or ours in its place.
    pub response: Response,
    /// Why it was not taken, if it was not.
    pub class: Option<ReplyClass>,
    /// When it is tried again, if it is.
    pub next: Option<Wall>,
    /// The text was out and no answer came: the peer may have it.
    pub duplicate_possible: bool,
}
