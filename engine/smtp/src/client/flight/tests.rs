//! Two messages on one connection, said ahead of their answers: whatever the peer answers, each
//! recipient gets one true verdict, and no envelope joins another.
//!
//! What is true is found out by a peer that sees nothing but the octets that were said.

use crate::client::tests::world::Answer::Code;
use crate::client::tests::world::{Mark, World};
use crate::client::{
    AHEAD_BYTES_MAX, Body, Config, Envelope, Heard, PeerFault, Recipient, Say, Session, Verdict,
};
use std::collections::VecDeque;

mod room;

const OFFERS: &str = "250-hi\r\n250-PIPELINING\r\n250-BINARYMIME\r\n250 CHUNKING\r\n";

/// One message of a plan: its recipients, and its octets.
type Letter = (usize, u64);

const SMALL: u64 = 5;
const LARGE: u64 = AHEAD_BYTES_MAX + 1;

/// What was said, as the peer reads it. Messages and recipients have their numbers in their
/// addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Reset,
    Mail(usize),
    Rcpt(usize),
    Data,
    /// The text of a message, and its final dot.
    Text(usize),
    /// A final dot alone.
    Dot,
    /// BDAT and the octets of a message.
    Chunk(usize),
}

impl Said {
    /// A line without a text.
    fn read(line: &str) -> Self {
        let number = || {
            let digit = line.bytes().find(u8::is_ascii_digit).expect("an address has a number");
            usize::from(digit - b'0')
        };
        match line.split([' ', ':']).next().unwrap_or_default() {
            "RSET" => Self::Reset,
            "MAIL" => Self::Mail(number()),
            "RCPT" => Self::Rcpt(number()),
            "DATA" => Self::Data,
            "." => Self::Dot,
            other => panic!("nobody knows {other}"),
        }
    }
}

/// What the peer has answered about a message.
#[derive(Clone, Debug, Default)]
struct Answered {
    mail: Option<u16>,
    rcpt: Vec<Option<u16>>,
    /// To its text or chunk.
    text: Option<u16>,
    text_left: bool,
}

/// How the conversation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// All was answered.
    Well,
    Lost,
    Closing,
    Fault,
}

/// A peer that forgets nothing of its own accord.
#[derive(Debug, Default)]
struct Peer {
    answered: Vec<Answered>,
    /// Its envelope: of which message, and for whom.
    open: Option<(usize, Vec<usize>)>,
    /// What it has taken responsibility for.
    taken: Vec<(usize, usize)>,
}

impl Peer {
    fn answers(&mut self, said: Said, code: u16) {
        match said {
            Said::Reset | Said::Dot => self.open = None,
            Said::Mail(message) => {
                assert_eq!(self.open, None, "the envelope of {message} joins another");
                self.answered[message].mail = Some(code);
                self.open = (code == 250).then_some((message, Vec::new()));
            }
            Said::Rcpt(recipient) => {
                if let Some((_, recipients)) = &mut self.open
                    && code == 250
                {
                    recipients.push(recipient);
                }
                let message = self.answered.iter().rposition(|answered| answered.mail.is_some());
                self.answered[message.unwrap()].rcpt.push(Some(code));
            }
            Said::Data => (),
            Said::Text(message) => self.judge(message, code, true),
            // It may hold on to what it refused.
            Said::Chunk(message) => self.judge(message, code, code == 250),
        }
    }

    fn judge(&mut self, message: usize, code: u16, is_over: bool) {
        self.answered[message].text = Some(code);
        if let Some((sender, recipients)) = self.open.as_ref().filter(|_| code == 250) {
            assert_eq!(*sender, message, "its text went out in the envelope of another");
            self.taken.extend(recipients.iter().map(|recipient| (message, *recipient)));
        }
        if is_over {
            self.open = None;
        }
    }

    /// What must become of a recipient, from the words of RFC 5321, RFC 2920 and RFC 3030.
    fn truth(&self, message: usize, recipient: usize, data: Option<u16>, ended: Ended) -> Mark {
        let Answered { mail, rcpt, text, text_left } = &self.answered[message];
        let rcpt = rcpt.get(recipient).copied().flatten();
        let said_no = |code: &u16| matches!(*code, 450 | 550);
        let refusal = [*mail, rcpt, data].into_iter().flatten().find(said_no);
        match (refusal.or(text.filter(said_no)), *text, ended) {
            (Some(450), ..) => Mark::Deferred(450),
            (Some(code), ..) => Mark::Failed(code),
            (None, Some(250), _) => Mark::Delivered,
            (None, Some(421), _) => Mark::Deferred(421),
            (None, _, Ended::Closing) => Mark::NotTried,
            (None, ..) if *text_left => Mark::Unknown,
            (None, _, Ended::Fault) => Mark::Deferred(451),
            (None, ..) => Mark::NotTried,
        }
    }
}

/// A conversation about some letters.
struct Run<'l> {
    session: Session<usize>,
    letters: &'l [Letter],
    /// The next begins when the one before is over, and not sooner.
    in_turn: bool,
    begun: usize,
    /// What has no answer yet.
    said: VecDeque<Said>,
    /// What DATA was answered, by message.
    data: Vec<Option<u16>>,
    peer: Peer,
    verdicts: Vec<Option<Vec<Mark>>>,
}

impl<'l> Run<'l> {
    fn new(letters: &'l [Letter], in_turn: bool) -> Self {
        let session = open(2, OFFERS);
        let count = letters.len();
        let peer = Peer { answered: vec![Answered::default(); count], ..Peer::default() };
        let (said, data, verdicts) = (VecDeque::new(), vec![None; count], vec![None; count]);
        Self { session, letters, in_turn, begun: 0, said, data, peer, verdicts }
    }

    fn say(&mut self) {
        let waits = |run: &Self| run.in_turn && !run.session.is_idle();
        while self.begun < self.letters.len() && self.session.wants() && !waits(self) {
            begin(&mut self.session, self.begun, self.letters[self.begun]);
            self.begun += 1;
        }
        let mut out = Vec::new();
        loop {
            let text = self.session.say(&mut out).map(|say| match say {
                Say::Text(message) => Said::Text(*message),
                Say::Chunk(message) => Said::Chunk(*message),
            });
            let mut lines: Vec<_> =
                str::from_utf8(&out).unwrap().split_terminator("\r\n").collect();
            if let Some(Said::Chunk(message)) = text {
                let octets = self.letters[message].1;
                assert_eq!(lines.pop(), Some(format!("BDAT {octets} LAST").as_str()));
            }
            self.said.extend(lines.into_iter().map(Said::read).chain(text));
            let Some(Said::Text(message) | Said::Chunk(message)) = text else { return };
            self.peer.answered[message].text_left = true;
            out.clear();
        }
    }

    /// `Some`: that was the peer's last word.
    fn hear(&mut self, reply: &[u8]) -> Option<Ended> {
        match self.session.hear(reply) {
            Err(_) => Some(Ended::Fault),
            Ok((_, Some(Heard::Closing(_)))) => Some(Ended::Closing),
            Ok((_, Some(Heard::Done(message, verdicts)))) => {
                self.settle(message, &verdicts);
                None
            }
            Ok(_) => None,
        }
    }

    fn settle(&mut self, message: usize, verdicts: &[Verdict]) {
        let marks = verdicts.iter().map(Mark::from).collect();
        let earlier = self.verdicts[message].replace(marks);
        assert_eq!(earlier, None, "two verdicts for one message");
    }

    /// The connection has ended.
    fn close(&mut self) {
        let open = std::mem::replace(&mut self.session, Session::new(Config::new("")));
        for (message, verdicts) in open.lost() {
            self.settle(message, &verdicts);
        }
    }

    fn through(&mut self, world: &mut World) -> Ended {
        loop {
            self.say();
            let Some(said) = self.said.pop_front() else { return Ended::Well };
            let Code(code) = world.answer() else { return Ended::Lost };
            let is_text = matches!(said, Said::Text(_) | Said::Chunk(_));
            if code != 421 && (code != 354 || said == Said::Data) || code == 421 && is_text {
                self.peer.answers(said, code);
            }
            if said == Said::Data {
                let message = self.peer.answered.iter().rposition(|one| one.mail.is_some());
                self.data[message.unwrap()] = Some(code);
            }
            if let Some(ended) = self.hear(format!("{code} x\r\n").as_bytes()) {
                return ended;
            }
        }
    }

    /// One verdict for each recipient of what was begun, and each is true.
    fn end(mut self, ended: Ended, world: &World) {
        self.close();
        for message in 0..self.begun {
            let marks = self.verdicts[message].as_ref().expect("each has a verdict");
            assert_eq!(marks.len(), self.letters[message].0);
            for (recipient, mark) in marks.iter().enumerate() {
                let truth = self.peer.truth(message, recipient, self.data[message], ended);
                assert_eq!(*mark, truth, "{recipient} of {message}, {ended:?}, {world:?}");
                let is_taken = self.peer.taken.contains(&(message, recipient));
                assert_eq!(*mark == Mark::Delivered, is_taken, "{message}, {world:?}");
            }
        }
    }
}

/// A connection on which a message was answered.
fn open(depth: u16, offers: &str) -> Session<usize> {
    let mut session = greeted(depth, offers);
    begin(&mut session, usize::MAX, (1, LARGE));
    for reply in ["250 ok\r\n", "250 ok\r\n", "354 go on\r\n", "250 ok\r\n"] {
        while session.say(&mut Vec::new()).is_some() {}
        session.hear(reply.as_bytes()).unwrap();
    }
    assert!(session.is_idle());
    session
}

fn greeted(depth: u16, offers: &str) -> Session<usize> {
    let mut session = Session::new(Config::new("me"));
    session.set_depth(depth);
    session.hear(b"220 hi\r\n").unwrap();
    session.say(&mut Vec::new());
    session.hear(offers.as_bytes()).unwrap();
    session
}

fn begin(session: &mut Session<usize>, message: usize, (recipients, size): Letter) {
    let paths: Vec<String> = (0..recipients).map(|number| format!("{number}@c.d")).collect();
    let to: Vec<Recipient<'_>> = paths.iter().map(|path| path.as_bytes().into()).collect();
    let sender = format!("{message}@a.b");
    let (sender, recipients) = (sender.as_bytes(), to.as_slice());
    let (counted, body, utf8) = (true, Body::SevenBit, false);
    let (requiretls, ret) = (false, None);
    let envelope =
        Envelope { sender, recipients, size, counted, body, utf8, requiretls, ret, envid: b"" };
    assert_eq!(session.begin(message, envelope), None);
}

/// All of them, and each cut behind every answer. A small letter leaves whole, a large one waits
/// for the answer to DATA.
#[test]
fn every_answer_to_two_messages_on_their_way_gives_each_recipient_one_true_verdict() {
    let worlds = |letters: [Letter; 2], in_turn: bool| {
        World::all(|world| {
            let mut run = Run::new(&letters, in_turn);
            let ended = run.through(world);
            run.end(ended, world);
        })
    };
    let counts = [
        worlds([(2, SMALL), (2, SMALL)], false),
        worlds([(2, SMALL), (1, LARGE)], false),
        worlds([(1, LARGE), (2, SMALL)], false),
        worlds([(2, LARGE), (2, LARGE)], false),
        worlds([(1, SMALL), (1, SMALL)], true),
        worlds([(1, SMALL), (1, LARGE)], true),
    ];
    assert_eq!(
        counts,
        [49_206, 27_336, 11_541, 57_711, 2_631, 4_386],
        "the tree of answers has changed"
    );
}

/// The replies to two messages that go well, cut behind each of their octets: what is answered is
/// delivered, and what is not may be.
#[test]
fn a_flight_that_breaks_after_any_octet_leaves_each_message_one_true_verdict() {
    let replies = ["250-ok\r\n250 ok", "250 ok", "250 ok", "250-it is\r\n250-all\r\n250 taken"];
    let replies = replies.map(|reply| format!("{reply}\r\n"));
    let first = replies.concat();
    let stream = format!("{first}250 reset\r\n{first}");
    for cut in 0..=stream.len() {
        let mut run = Run::new(&[(2, SMALL), (2, SMALL)], false);
        run.say();
        let mut held = Vec::new();
        for octet in &stream.as_bytes()[..cut] {
            held.push(*octet);
            let (used, heard) = run.session.hear(&held).unwrap();
            held.drain(..used);
            if let Some(Heard::Done(message, verdicts)) = heard {
                run.settle(message, &verdicts);
            }
        }
        run.close();
        let expected = |end| if cut >= end { Mark::Delivered } else { Mark::Unknown };
        assert_eq!(run.verdicts[0], Some(vec![expected(first.len()); 2]), "cut at {cut}");
        assert_eq!(run.verdicts[1], Some(vec![expected(stream.len()); 2]), "cut at {cut}");
    }
}

/// Whoever answers more than was said, or without end, is not listened to any longer; what was
/// answered before stands.
#[test]
fn answers_beyond_what_was_said_change_no_verdict() {
    let all = "250 ok\r\n".repeat(9);
    let endless = "250-and\r\n".repeat(64 * 1_024 / 9);
    let cases = [
        (format!("{all}250 one more\r\n"), PeerFault::AnswerToNothing, [Mark::Delivered; 2]),
        (format!("{}{endless}", "250 ok\r\n".repeat(4)), PeerFault::TooLong, {
            [Mark::Delivered, Mark::Unknown]
        }),
        (format!("250 ok\r\n{endless}"), PeerFault::TooLong, [Mark::Unknown; 2]),
    ];
    for (replies, fault, [first, second]) in cases {
        let mut run = Run::new(&[(2, SMALL), (2, SMALL)], false);
        run.say();
        let mut rest = replies.as_bytes();
        let found = loop {
            match run.session.hear(rest) {
                Err(found) => break found,
                Ok((used, heard)) => {
                    rest = &rest[used..];
                    if let Some(Heard::Done(message, verdicts)) = heard {
                        run.settle(message, &verdicts);
                    }
                }
            }
        };
        run.close();
        assert_eq!(found, fault);
        assert_eq!(run.verdicts, [Some(vec![first; 2]), Some(vec![second; 2])]);
    }
}
