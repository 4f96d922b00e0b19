//! The client side: envelopes and the server's lines are given, the rest is what the session does.

use crate::{notation, server};
use smtp::client::{
    Body, Config, Envelope, Heard, Notify, Recipient, Ret, Say, Session, Tls, Verdict,
};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::mem;

/// Answers a fresh session with the server's side, at most `packet` bytes at a time.
pub(crate) fn replay(written: &str, packet: usize) -> String {
    let server = notation::spoken(written, "S:");
    let mut stage = Stage::new(written);
    let (mut read, mut used) = (0, 0);
    stage.say();
    while read < server.len() && stage.session.is_some() {
        read += (server.len() - read).min(packet);
        while let Some(taken) = stage.hear(&server[used..read]) {
            used += taken;
        }
    }
    stage.lose();
    stage.transcript + &notation::show("S:", &server[used..])
}

struct Stage<'w> {
    /// Until the connection is lost.
    session: Option<Session<&'w str>>,
    envelopes: VecDeque<Order<'w>>,
    quits: bool,
    /// The server says nothing behind its answer to STARTTLS until the handshake is over.
    patient: bool,
    /// That answer is what we wait for.
    asked_for_tls: bool,
    transcript: String,
}

/// `+ name <sender> [envid X] [full] <recipient> [notify N] [orcpt X]... [size N] [about N] [8bit]
/// [binary] [utf8] [requiretls]`
struct Order<'w> {
    name: &'w str,
    sender: &'w [u8],
    recipients: Vec<Recipient<'w>>,
    size: u64,
    counted: bool,
    body: Body,
    utf8: bool,
    requiretls: bool,
    ret: Option<Ret>,
    envid: &'w [u8],
}

impl<'w> Order<'w> {
    fn parse(line: &'w str) -> Self {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let mut order = Order {
            name,
            sender: b"",
            recipients: Vec::new(),
            size: 100,
            counted: true,
            body: Body::SevenBit,
            utf8: false,
            requiretls: false,
            ret: None,
            envid: b"",
        };
        let path = |word: &'w str| {
            let path = word.strip_prefix('<').and_then(|path| path.strip_suffix('>'));
            path.expect("a path in brackets").as_bytes()
        };
        order.sender = path(words.next().unwrap());
        while let Some(word) = words.next() {
            let last = order.recipients.last_mut();
            match word {
                "size" => order.size = words.next().unwrap().parse().unwrap(),
                "about" => {
                    order.size = words.next().unwrap().parse().unwrap();
                    order.counted = false;
                }
                "8bit" => order.body = Body::EightBit,
                "binary" => order.body = Body::Binary,
                "utf8" => order.utf8 = true,
                "requiretls" => order.requiretls = true,
                "full" => order.ret = Some(Ret::Full),
                "envid" => order.envid = words.next().unwrap().as_bytes(),
                "orcpt" => last.unwrap().original = words.next().unwrap().as_bytes(),
                "notify" => {
                    let bits = words.next().unwrap().parse().unwrap();
                    last.unwrap().notify = Notify::from_bits(bits);
                }
                word => order.recipients.push(path(word).into()),
            }
        }
        order
    }
}

impl<'w> Stage<'w> {
    fn new(written: &'w str) -> Self {
        let lines = written.lines().filter_map(|line| line.strip_prefix("+ "));
        let tls = notation::settings(written).find(|(name, _)| *name == "tls");
        let tls = match tls.map(|(_, value)| value) {
            None => Tls::Off,
            Some("opportunistic") => Tls::Opportunistic,
            Some("required") => Tls::Required,
            Some(other) => panic!("no such TLS: {other}"),
        };
        let requiretls = notation::settings(written).any(|(name, _)| name == "requiretls");
        let config = Config { tls, requiretls, ..Config::new("me.example") };
        Self {
            session: Some(Session::new(config)),
            envelopes: lines.map(Order::parse).collect(),
            quits: notation::settings(written).any(|(name, _)| name == "quit"),
            patient: !server::is_at_once(written),
            asked_for_tls: false,
            transcript: notation::preamble(written),
        }
    }

    /// Begins what may begin, and shows what is said.
    fn say(&mut self) {
        let Some(session) = &mut self.session else { return };
        while session.wants()
            && let Some(order) = self.envelopes.pop_front()
        {
            let Order { name, sender, ref recipients, .. } = order;
            let Order { size, counted, body, utf8, requiretls, ret, envid, .. } = order;
            let envelope =
                Envelope { sender, recipients, size, counted, body, utf8, requiretls, ret, envid };
            if let Some((name, verdicts)) = session.begin(name, envelope) {
                self.transcript += &show("done", name, &verdicts);
            }
        }
        if self.quits && self.envelopes.is_empty() {
            session.quit();
        }
        let mut out = Vec::new();
        while let Some(say) = session.say(&mut out) {
            let text = match say {
                Say::Text(name) => format!("C: (text of {name})\nC: .\n"),
                Say::Chunk(name) => format!("C: (octets of {name})\n"),
            };
            self.transcript += &notation::show("C:", &mem::take(&mut out));
            self.transcript += &text;
        }
        self.asked_for_tls = out.ends_with(b"STARTTLS\r\n");
        self.transcript += &notation::show("C:", &out);
    }

    /// Hears one reply, and shows what it meant; `None` if it is not all there.
    fn hear(&mut self, input: &[u8]) -> Option<usize> {
        let line = input.iter().position(|byte| *byte == b'\n').map_or(input.len(), |end| end + 1);
        let alone = self.patient && self.asked_for_tls;
        let input = if alone { &input[..line] } else { input };
        let heard = self.session.as_mut()?.hear(input);
        let (taken, heard) = match heard {
            Ok((taken, heard)) => (taken, heard?),
            Err(fault) => {
                writeln!(self.transcript, "= fault: {fault}").unwrap();
                self.lose();
                return None;
            }
        };
        self.transcript += &notation::show("S:", &input[..taken]);
        match heard {
            Heard::Nothing => {}
            Heard::StartTls => {
                self.transcript += "= handshake\n";
                self.session.as_mut()?.secured();
            }
            Heard::Ready => self.transcript += "= ready\n",
            Heard::Done(name, verdicts) => self.transcript += &show("done", name, &verdicts),
            Heard::Closing(response) => writeln!(self.transcript, "= closing: {response}").unwrap(),
        }
        self.say();
        Some(taken)
    }

    fn lose(&mut self) {
        for (name, verdicts) in self.session.take().into_iter().flat_map(Session::lost) {
            self.transcript += &show("lost", name, &verdicts);
        }
    }
}

fn show(what: &str, name: &str, verdicts: &[Verdict]) -> String {
    let verdicts: Vec<String> = verdicts
        .iter()
        .map(|verdict| match verdict {
            Verdict::Delivered(response) => format!("delivered ({response})"),
            Verdict::Deferred(response) => format!("deferred ({response})"),
            Verdict::Failed(response) => format!("failed ({response})"),
            Verdict::NotTried => "not tried".into(),
            Verdict::Unknown => "unknown".into(),
        })
        .collect();
    format!("= {what} {name}: {}\n", verdicts.join(", "))
}
