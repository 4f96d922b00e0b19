//! The server side: the client's lines are given, the rest is what the session does.

use crate::notation;
use event::{MessageId, Shut};
use smtp::server::{
    Attribute, Auth, Body, Config, Denial, Door, Facts, Form, Mail, Rcpt, Refusal, Rights, Sasl,
    Session, Step,
};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::mem;
use std::sync::Arc;

/// Speaks the client's side to a fresh session, at most `packet` bytes at a time.
pub(crate) fn replay(written: &str, packet: usize) -> String {
    let client = notation::spoken(written, "C:");
    let mut stage = Stage::new(written);
    let mut read = 0;
    let flights = if is_at_once(written) { vec![client.len()] } else { flights(&client) };
    for flight in flights {
        while read < flight {
            read += (flight - read).min(packet);
            while stage.step(&client[..read], &client) {}
        }
    }
    // What was never read stays in the transcript.
    stage.transcript + &notation::show("C:", &client[stage.shown..])
}

/// The client says all of it in one breath, and does not wait where it must.
pub(crate) fn is_at_once(written: &str) -> bool {
    notation::settings(written).any(|(name, _)| name == "at_once")
}

/// Up to where a client speaks before it must hear an answer, again and again: DATA, STARTTLS and
/// AUTH end what it may say.
fn flights(client: &[u8]) -> Vec<usize> {
    let mut read = 0;
    let mut flights = Vec::new();
    for line in client.split_inclusive(|byte| *byte == b'\n') {
        read += line.len();
        let line = line.trim_ascii_end().to_ascii_uppercase();
        if line == b"DATA" || line == b"STARTTLS" || line.starts_with(b"AUTH ") {
            flights.push(read);
        }
    }
    flights.push(read);
    flights
}

struct Stage {
    session: Session,
    door: Door,
    rejection: Option<Refusal>,
    /// What becomes of each thing said in an authentication.
    verdicts: VecDeque<String>,
    replies: Vec<u8>,
    /// Text given since the last message began.
    text: Vec<u8>,
    /// Bytes used, and how many of them are in the transcript.
    used: usize,
    shown: usize,
    /// What the session asked for in the middle of a line.
    notes: String,
    transcript: String,
}

impl Stage {
    fn new(written: &str) -> Self {
        let mut config = Config::new("mx.example");
        let (mut door, mut rejection, mut verdicts) = (Door::Open, None, VecDeque::new());
        let mut rights = Rights { relay: true, xclient: false };
        for (name, value) in notation::settings(written) {
            match (name, value) {
                ("at_once", _) => {}
                ("message_bytes_max", _) => config.message_bytes_max = value.parse().unwrap(),
                ("recipients_max", _) => config.recipients_max = value.parse().unwrap(),
                ("chatter_max", _) => config.chatter_max = value.parse().unwrap(),
                ("offers", _) => {
                    (config.chunking, config.binary, config.dsn) = (false, false, false);
                    config.requiretls = false;
                    value.split(' ').for_each(|word| offer(&mut config, word));
                }
                ("recipients_refused_max", _) => {
                    config.recipients_refused_max = value.parse().unwrap();
                }
                ("door", "full") => door = Door::Shut(Shut::DiskFull),
                ("door", "draining") => door = Door::Shut(Shut::Draining),
                ("door", "refuses") => door = Door::Refused(Refusal::RelayDenied),
                ("peer", "stranger") => rights.relay = false,
                ("peer", "proxy") => rights.xclient = true,
                ("commit", "loop") => rejection = Some(Refusal::Loop),
                ("commit", "fails") => rejection = Some(Refusal::LocalError),
                ("sasl", _) => verdicts = value.split(' ').map(String::from).collect(),
                other => panic!("no such setting: {other:?}"),
            }
        }
        let session = Session::new(Arc::new(config), rights);
        let mut replies = Vec::new();
        session.greet(&mut replies);
        let transcript = notation::preamble(written) + &notation::show("S:", &replies);
        Self {
            session,
            door,
            rejection,
            verdicts,
            replies: Vec::new(),
            text: Vec::new(),
            used: 0,
            shown: 0,
            notes: String::new(),
            transcript,
        }
    }

    /// One step, if there is one in what has been `read` of what the `client` says.
    fn step(&mut self, read: &[u8], client: &[u8]) -> bool {
        let input = &read[self.used..];
        let Some((taken, step)) = self.session.step(input, self.door, &mut self.replies) else {
            return false;
        };
        self.used += taken;
        match step {
            Step::Text(text) => self.text.extend_from_slice(text),
            Step::Discard => self.note("discard"),
            Step::Close => self.note("close"),
            Step::Continue => {}
            Step::Sender(mail) => {
                self.text.clear();
                self.note(&show_mail(&mail));
            }
            Step::Recipient(rcpt) => self.note(&show_rcpt(&rcpt)),
            Step::Commit(facts) => self.commit(facts),
            Step::StartTls => {
                self.note("handshake");
                self.session.secured();
            }
            Step::Sasl(sasl) => self.judge(sasl),
            Step::Xclient(attributes) => {
                let attributes: Vec<String> = attributes.iter().map(show_attribute).collect();
                self.note(&format!("xclient {}", attributes.join(" ")));
            }
        }
        if !self.replies.is_empty() || step == Step::Close {
            self.show(client);
        }
        true
    }

    fn commit(&mut self, facts: Facts) {
        assert_eq!(self.text.len() as u64, facts.bytes);
        assert_eq!(facts.eight_bit, !self.text.is_ascii());
        assert_eq!(facts.ends_with_crlf, self.text.is_empty() || self.text.ends_with(b"\r\n"));
        let dotted = if facts.dots > 0 { " dotted" } else { "" };
        let eight_bit = if facts.eight_bit { " 8bit" } else { "" };
        let raw = if facts.form == Form::Raw { " raw" } else { "" };
        let open = if facts.ends_with_crlf { "" } else { " open" };
        self.note(&format!("commit {} octets{dotted}{eight_bit}{raw}{open}", facts.bytes));
        if let Some(refusal) = self.rejection {
            self.session.rejected(refusal, &mut self.replies);
        } else {
            let id = MessageId { log: 0, boot: 1, count: 1 };
            self.session.committed(id, &mut self.replies);
        }
    }

    /// Does what the transcript says next.
    fn judge(&mut self, sasl: Sasl<'_>) {
        let shown = match sasl {
            Sasl::Begin { mechanism, initial: None } => mechanism.name().to_owned(),
            Sasl::Begin { mechanism, initial: Some(initial) } => {
                format!("{} \"{}\"", mechanism.name(), String::from_utf8_lossy(initial))
            }
            Sasl::Answer(answer) => format!("answer \"{}\"", String::from_utf8_lossy(answer)),
            Sasl::Cancelled => return self.note("sasl cancelled"),
        };
        self.note(&format!("sasl {shown}"));
        let replies = &mut self.replies;
        match self.verdicts.pop_front().expect("a verdict for each").as_str() {
            "ok" => self.session.authenticated(replies),
            "no" => self.session.denied(Denial::Credentials, replies),
            "later" => self.session.denied(Denial::Temporary, replies),
            "malformed" => self.session.denied(Denial::Malformed, replies),
            challenge => self.session.challenge(challenge.as_bytes(), replies),
        }
    }

    fn note(&mut self, note: &str) {
        writeln!(self.notes, "= {note}").unwrap();
    }

    /// Shows the lines heard since the last time (to the end of the line, should the session have
    /// given up in the middle of it), what was asked, and what was answered.
    fn show(&mut self, client: &[u8]) {
        if self.shown < self.used {
            let rest = &client[self.used - 1..];
            let in_line = rest.windows(2).position(|pair| pair == b"\r\n").map(|at| at + 1);
            let whole = if rest.starts_with(b"\n") && client[..self.used].ends_with(b"\r\n") {
                0
            } else {
                in_line.unwrap_or(rest.len() - 1)
            };
            let end = self.used + whole;
            self.transcript += &notation::show("C:", &client[self.shown..end]);
            self.shown = end;
        }
        self.transcript += &mem::take(&mut self.notes);
        self.transcript += &notation::show("S:", &mem::take(&mut self.replies));
    }
}

fn offer(config: &mut Config, word: &str) {
    match word {
        "nothing" => {}
        "starttls" => config.starttls = true,
        "tls_required" => config.tls_required = true,
        "auth" => config.auth = Auth::Always,
        "auth_under_tls" => config.auth = Auth::UnderTls,
        "auth_required" => config.auth_required = true,
        "chunking" => config.chunking = true,
        "binary" => config.binary = true,
        "dsn" => config.dsn = true,
        "requiretls" => config.requiretls = true,
        other => panic!("no such offer: {other}"),
    }
}

fn show_mail(mail: &Mail<'_>) -> String {
    let mut shown = format!("sender <{}>", text(mail.path));
    for (name, value) in [
        ("size", mail.size.map(|size| size.to_string())),
        ("ret", mail.ret.map(|ret| format!("{ret:?}"))),
        ("envid", mail.envid.map(text)),
        ("auth", mail.auth.map(text)),
    ] {
        shown += &value.map_or_else(String::new, |value| format!(" {name} {value}"));
    }
    shown += match mail.body {
        Body::SevenBit => "",
        Body::EightBit => " 8bit",
        Body::Binary => " binary",
    };
    shown += if mail.utf8 { " utf8" } else { "" };
    shown + if mail.requiretls { " requiretls" } else { "" }
}

fn show_rcpt(rcpt: &Rcpt<'_>) -> String {
    let mut shown = format!("recipient <{}>", text(rcpt.path.mailbox));
    if let Some(notify) = rcpt.notify {
        write!(shown, " notify {}", notify.bits()).unwrap();
    }
    if let Some(orcpt) = rcpt.orcpt {
        write!(shown, " orcpt {}", text(orcpt)).unwrap();
    }
    shown
}

fn show_attribute(attribute: Attribute<'_>) -> String {
    let (name, value) = match attribute {
        Attribute::Name(name) => ("name", name.map(text)),
        Attribute::Addr(address) => ("addr", address.map(|address| address.to_string())),
        Attribute::Port(port) => ("port", port.map(|port| port.to_string())),
        Attribute::Proto(dialect) => ("proto", dialect.map(|dialect| format!("{dialect:?}"))),
        Attribute::Helo(helo) => ("helo", helo.map(text)),
        Attribute::Login(login) => ("login", login.map(text)),
        Attribute::DestAddr(address) => ("destaddr", address.map(|address| address.to_string())),
        Attribute::DestPort(port) => ("destport", port.map(|port| port.to_string())),
    };
    format!("{name} {}", value.as_deref().unwrap_or("unknown"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
