//! Small worlds, enumerated: whatever the peer answers, every recipient gets one true verdict.

use super::Transaction;
use crate::client::tests::world::Answer::{self, Code, HangUp};
use crate::client::tests::world::{Mark, World};
use crate::client::{Body, Config, Envelope, Heard, Recipient, Say, Session, Verdict};
use std::collections::BTreeMap;

/// Verdicts by transaction.
type Verdicts = BTreeMap<usize, Vec<Mark>>;

/// One connection: transactions of so many recipients each, one after the other.
struct Run {
    session: Session<usize>,
    recipients: &'static [usize],
    body: Body,
    begun: usize,
    /// Lines said that have no answer yet.
    unanswered: usize,
    /// Transactions whose text left.
    texts: Vec<usize>,
    verdicts: Verdicts,
    /// The furthest `(said, heard)` seen of each transaction.
    cursors: BTreeMap<usize, (usize, usize)>,
}

impl Run {
    fn new(recipients: &'static [usize], body: Body, pipelining: bool) -> Self {
        let session = Session::new(Config::new("me"));
        let cursors = BTreeMap::new();
        let (texts, verdicts) = (Vec::new(), Verdicts::new());
        let mut run =
            Self { session, recipients, body, begun: 0, unanswered: 1, texts, verdicts, cursors };
        run.hear("220 hi\r\n");
        let ahead = if pipelining { "250-PIPELINING\r\n" } else { "" };
        run.hear(&format!("250-hi\r\n{ahead}250-BINARYMIME\r\n250 CHUNKING\r\n"));
        run
    }

    fn say(&mut self) {
        while self.session.wants() && self.begun < self.recipients.len() {
            let recipients = vec![Recipient::from(&b"c@d"[..]); self.recipients[self.begun]];
            let envelope = Envelope {
                sender: b"a@b",
                recipients: &recipients,
                size: 1,
                counted: true,
                body: self.body,
                utf8: false,
                requiretls: false,
                ret: None,
                envid: b"",
            };
            assert_eq!(self.session.begin(self.begun, envelope), None);
            self.begun += 1;
        }
        let mut out = Vec::new();
        while let Some(say) = self.session.say(&mut out) {
            let token = match say {
                Say::Text(token) => {
                    self.unanswered += 1;
                    token
                }
                // One answer to the line and what comes with it.
                Say::Chunk(token) => token,
            };
            self.texts.push(*token);
        }
        self.unanswered += out.split_inclusive(|byte| *byte == b'\n').count();
        assert!(self.session.transactions.len() <= 2, "one text and one envelope");
        self.watch();
    }

    /// The cursors never move back, and never pass each other.
    fn watch(&mut self) {
        for Transaction { token, said, heard, lines, .. } in &self.session.transactions {
            let (last_said, last_heard) = self.cursors.entry(*token).or_default();
            assert!(*last_said <= *said && *last_heard <= *heard, "a cursor moved back");
            assert!(heard <= said && said <= lines);
            (*last_said, *last_heard) = (*said, *heard);
        }
    }

    /// False: this was the peer's last word.
    fn hear(&mut self, reply: &str) -> bool {
        self.unanswered -= 1;
        let heard = self.session.hear(reply.as_bytes());
        if let Ok((used, _)) = heard {
            assert_eq!(used, reply.len());
        }
        self.watch();
        match heard {
            Ok((_, Some(Heard::Done(token, verdicts)))) => self.settle(token, &verdicts),
            Ok((_, Some(Heard::Closing(_)))) | Err(_) => return false,
            _ => {}
        }
        self.say();
        true
    }

    fn settle(&mut self, token: usize, verdicts: &[Verdict]) {
        assert_eq!(verdicts.len(), self.recipients[token]);
        let earlier = self.verdicts.insert(token, verdicts.iter().map(Mark::from).collect());
        assert_eq!(earlier, None, "two verdicts for one transaction");
    }

    /// Answers every line as `world` has it; returns the verdicts, and whose text left.
    fn through(mut self, world: &mut World) -> (Verdicts, Vec<usize>) {
        while self.unanswered > 0 {
            match world.answer() {
                HangUp => break,
                Code(code) if !self.hear(&format!("{code} x\r\n")) => break,
                Code(_) => {}
            }
        }
        self.end()
    }

    fn end(mut self) -> (Verdicts, Vec<usize>) {
        let open = std::mem::replace(&mut self.session, Session::new(Config::new("")));
        for (token, verdicts) in open.lost() {
            self.settle(token, &verdicts);
        }
        assert!(self.verdicts.keys().copied().eq(0..self.begun), "one set of verdicts for each");
        (self.verdicts, self.texts)
    }
}

/// What must become of one transaction, from the words of RFC 5321 and RFC 2920.
struct Truth {
    marks: Vec<Option<Mark>>,
    text_left: bool,
    /// The peer took the sender, and nothing has ended that transaction.
    left_open: bool,
    /// The connection ended: what is to become of all that was not tried.
    ended: Option<Mark>,
}

fn truth(world: &mut World, recipients: usize, body: Body, pipelining: bool, reset: bool) -> Truth {
    let mut truth =
        Truth { marks: vec![None; recipients], text_left: false, left_open: reset, ended: None };
    if reset && !truth.take(world.answer(), false, None) {
        return truth;
    }
    truth.left_open = false;
    let sender = world.answer();
    if !truth.take(sender, false, Some(0..recipients)) {
        return truth;
    }
    truth.left_open = sender == Code(250);
    for index in 0..recipients {
        let worth_saying = pipelining || sender == Code(250);
        if worth_saying && !truth.take(world.answer(), false, Some(index..index + 1)) {
            return truth;
        }
    }
    let chunked = body == Body::Binary;
    if (!pipelining || chunked) && !truth.marks.contains(&None) {
        return truth;
    }
    if !chunked {
        let data = world.answer();
        if !truth.take(data, true, Some(0..recipients)) || data != Code(354) {
            return truth;
        }
    }
    truth.text_left = truth.marks.contains(&None);
    let last = world.answer();
    if truth.text_left && last == Code(421) {
        truth.settle(0..recipients, Mark::Deferred(421));
    } else if truth.text_left && matches!(last, HangUp | Code(354)) {
        truth.settle(0..recipients, Mark::Unknown);
    }
    if truth.take(last, false, Some(0..recipients)) {
        truth.settle(0..recipients, Mark::Delivered);
        truth.left_open = chunked && last != Code(250);
    }
    truth
}

impl Truth {
    /// Takes the answer to a line on which these recipients depend. False: it was the last.
    fn take(
        &mut self,
        answer: Answer,
        is_data: bool,
        depend: Option<std::ops::Range<usize>>,
    ) -> bool {
        let depend = depend.unwrap_or(0..0);
        self.ended = match answer {
            Code(450) => return self.settle(depend, Mark::Deferred(450)),
            Code(550) => return self.settle(depend, Mark::Failed(550)),
            Code(250) if !is_data => return true,
            Code(354) if is_data => return true,
            Code(421) | HangUp => Some(Mark::NotTried),
            // Nothing that any server should answer.
            Code(_) => Some(Mark::Deferred(451)),
        };
        let rest = self.ended.expect("set above");
        !self.settle(0..self.marks.len(), rest)
    }

    /// Settles those still open. True, so that it reads as an answer that goes on.
    fn settle(&mut self, indices: std::ops::Range<usize>, mark: Mark) -> bool {
        for open in self.marks[indices].iter_mut().filter(|open| open.is_none()) {
            *open = Some(mark);
        }
        true
    }
}

#[test]
fn every_answer_to_a_delivery_of_two_recipients_gives_each_one_true_verdict() {
    for (body, pipelining, count) in [
        (Body::SevenBit, true, 336),
        (Body::SevenBit, false, 76),
        (Body::Binary, true, 91),
        (Body::Binary, false, 51),
    ] {
        let worlds = World::all(|world| {
            let (verdicts, texts) = Run::new(&[2], body, pipelining).through(world);
            let expected = truth(&mut world.again(), 2, body, pipelining, false);
            let marks: Vec<Mark> = expected.marks.into_iter().map(Option::unwrap).collect();
            assert_eq!(verdicts[&0], marks, "{world:?}, {body:?}, pipelining: {pipelining}");
            assert_eq!(texts == [0], expected.text_left, "{world:?}");
        });
        assert_eq!(worlds, count, "the tree of answers has changed");
    }
}

#[test]
fn every_answer_to_two_deliveries_in_flight_gives_each_one_true_verdict() {
    for (body, pipelining, count) in [
        (Body::SevenBit, true, 6_411),
        (Body::SevenBit, false, 381),
        (Body::Binary, true, 521),
        (Body::Binary, false, 261),
    ] {
        let worlds = World::all(|world| {
            let (verdicts, texts) = Run::new(&[1, 1], body, pipelining).through(world);
            let mut replayed = world.again();
            let first = truth(&mut replayed, 1, body, pipelining, false);
            assert_eq!(verdicts[&0], [first.marks[0].unwrap()], "{world:?}");
            assert_eq!(texts.contains(&0), first.text_left, "{world:?}");
            if let Some(rest) = first.ended {
                // The second may have been begun; none of it was tried.
                assert!(verdicts.get(&1).is_none_or(|marks| *marks == [rest]), "{world:?}");
            } else {
                let second = truth(&mut replayed, 1, body, pipelining, first.left_open);
                assert_eq!(verdicts[&1], [second.marks[0].unwrap()], "{world:?}");
                assert_eq!(texts.contains(&1), second.text_left, "{world:?}");
            }
        });
        assert_eq!(worlds, count, "the tree of answers has changed");
    }
}

/// The reply stream of two deliveries that go well, cut behind each of its octets.
#[test]
fn a_connection_lost_after_any_octet_leaves_each_message_one_true_verdict() {
    let replies =
        ["250 ok", "250 ok", "354 go", "250 taken", "250 ok", "250 ok", "354 go", "250 taken"];
    let stream = replies.map(|reply| format!("{reply}\r\n")).concat();
    let end_of = |count: usize| replies[..count].iter().map(|reply| reply.len() + 2).sum::<usize>();
    let expected = |cut: usize, invited: usize| match cut {
        cut if cut >= end_of(invited + 1) => Mark::Delivered,
        cut if cut >= end_of(invited) => Mark::Unknown,
        _ => Mark::NotTried,
    };
    for cut in 0..=stream.len() {
        let mut run = Run::new(&[1, 1], Body::SevenBit, true);
        let mut held = Vec::new();
        for octet in &stream.as_bytes()[..cut] {
            held.push(*octet);
            let (used, heard) = run.session.hear(&held).unwrap();
            held.drain(..used);
            if let Some(Heard::Done(token, verdicts)) = heard {
                run.settle(token, &verdicts);
            }
            run.say();
        }
        let (verdicts, _) = run.end();
        assert_eq!(verdicts[&0], [expected(cut, 3)], "cut at {cut}");
        let second = verdicts.get(&1).map_or(Mark::NotTried, |marks| marks[0]);
        assert_eq!(second, expected(cut, 7), "cut at {cut}");
    }
}
