use super::{Fault, Outcome, Session};
use crate::message::Composer;
use crate::send::measured::{Phase, Phases};
use crate::send::{Message, Next, Options, Pipelining, Recipients};
use crate::size::Mix;

const WELCOME: &[u8] = b"250-mx\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE\r\n";

fn options(pipelining: Pipelining) -> Options {
    let target = "127.0.0.1:25".parse().unwrap();
    Options { pipelining, recipients: 2, sizes: Mix::exactly(1_024), ..Options::new(target) }
}

fn message(id: u64) -> Message {
    Message { id, due: 0, tries: 0, recipients: Recipients::All }
}

/// A session and the list of messages it is given.
struct Talk<'o> {
    session: Session<'o>,
    left: Vec<u64>,
    now: u64,
    phases: Phases,
}

impl<'o> Talk<'o> {
    /// Greeted and welcomed.
    fn new(options: &'o Options, composer: &'o Composer, welcome: &[u8]) -> Self {
        let mut talk = Self {
            session: Session::new(options, composer, 0),
            left: vec![3, 2, 1],
            now: 0,
            phases: Phases::default(),
        };
        assert_eq!(talk.say(), "");
        assert_eq!(talk.hear(b"220 mx\r\n"), "EHLO ringload.example\n");
        assert_eq!(talk.hear(welcome), "");
        talk
    }

    /// What it says now: the verbs, and `text` for a message text.
    fn say(&mut self) -> String {
        let mut out = Vec::new();
        let next = || self.left.pop().map_or(Next::Done, |id| Next::Offer(message(id)));
        assert_eq!(self.session.say(self.now, next, &mut out), None);
        verbs(&out)
    }

    fn hear(&mut self, replies: &[u8]) -> String {
        let mut out = Vec::new();
        let heard = self.session.hear(replies, self.now, &mut self.phases, &mut out);
        assert_eq!(heard, Ok(replies.len()));
        String::from_utf8(out).unwrap().replace("\r\n", "\n")
    }

    fn outcomes(&mut self) -> Vec<(u64, Vec<u16>)> {
        self.session.outcomes().map(|outcome| (outcome.message.id, codes(&outcome))).collect()
    }
}

fn hear(session: &mut Session<'_>, replies: &[u8]) -> Result<usize, Fault> {
    session.hear(replies, 0, &mut Phases::default(), &mut Vec::new())
}

fn codes(outcome: &Outcome) -> Vec<u16> {
    outcome.codes.iter().map(|(_, _, code)| *code).collect()
}

fn verbs(out: &[u8]) -> String {
    let text = String::from_utf8_lossy(out);
    let mut verbs = Vec::new();
    let mut rest = &*text;
    while !rest.is_empty() {
        let line_end = if rest.starts_with("X-Ringload-Id") {
            verbs.push("text");
            rest.find("\r\n.\r\n").unwrap() + 5
        } else {
            verbs.push(rest.split([' ', '\r']).next().unwrap());
            rest.find("\r\n").unwrap() + 2
        };
        rest = &rest[line_end..];
    }
    verbs.join(" ")
}

#[test]
fn the_next_envelope_rides_behind_the_final_dot() {
    let (options, composer) = (options(Pipelining::Full), Composer::new(0, "b", "d"));
    let mut talk = Talk::new(&options, &composer, WELCOME);
    assert_eq!(talk.say(), "MAIL RCPT RCPT DATA");
    talk.hear(b"250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
    assert_eq!(talk.say(), "text MAIL RCPT RCPT DATA");
    assert_eq!(talk.say(), "");
    talk.hear(b"250 taken\r\n250 ok\r\n");
    assert_eq!(talk.outcomes(), [(1, vec![250, 250])]);
    assert_eq!(talk.say(), "");
    talk.hear(b"550 no\r\n250 ok\r\n354 go\r\n");
    assert_eq!(talk.say(), "text MAIL RCPT RCPT DATA");
    talk.hear(b"452 full\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
    assert_eq!(talk.outcomes(), [(2, vec![550, 452])]);
    assert_eq!(talk.say(), "text");
    talk.hear(b"250 taken\r\n");
    assert_eq!(talk.say(), "QUIT");
    talk.hear(b"221 bye\r\n");
    assert!(talk.session.is_over());
    // What another session has given back meanwhile is not for this one.
    talk.left.push(9);
    assert_eq!((talk.say(), talk.left), (String::new(), vec![9]));
}

#[test]
fn without_pipelining_every_line_waits_for_its_reply() {
    let composer = Composer::new(0, "b", "d");
    for (options, welcome) in
        [(options(Pipelining::None), WELCOME), (options(Pipelining::Full), &b"250 mx\r\n"[..])]
    {
        let mut talk = Talk::new(&options, &composer, welcome);
        let mut said = Vec::new();
        for reply in [b"250 ok\r\n", b"250 ok\r\n", b"550 no\r\n", b"354 go\r\n", b"250 ok\r\n"] {
            said.push(talk.say());
            assert_eq!(talk.say(), "");
            talk.hear(reply);
        }
        assert_eq!(said, ["MAIL", "RCPT", "RCPT", "DATA", "text"]);
        assert_eq!(talk.outcomes(), [(1, vec![250, 550])]);
    }
}

#[test]
fn refusals_end_a_message_early_and_leave_no_open_transaction() {
    let (options, composer) = (options(Pipelining::None), Composer::new(0, "b", "d"));
    let mut talk = Talk::new(&options, &composer, WELCOME);
    assert_eq!(talk.say(), "MAIL");
    talk.hear(b"451 later\r\n");
    assert_eq!(talk.outcomes(), [(1, vec![451, 451])]);
    assert_eq!(talk.say(), "MAIL");
    talk.hear(b"250 ok\r\n");
    talk.say();
    talk.hear(b"550 no\r\n");
    talk.say();
    talk.hear(b"450 later\r\n");
    assert_eq!(talk.outcomes(), [(2, vec![550, 450])]);
    assert_eq!(talk.say(), "RSET");
    talk.hear(b"250 ok\r\n");
    assert_eq!(talk.say(), "MAIL");
}

#[test]
fn an_invitation_without_takers_is_answered_with_a_lone_dot() {
    let (options, composer) = (options(Pipelining::Envelope), Composer::new(0, "b", "d"));
    let mut talk = Talk::new(&options, &composer, WELCOME);
    talk.say();
    talk.hear(b"250 ok\r\n550 no\r\n550 no\r\n354 go\r\n");
    assert_eq!(talk.say(), ".");
    talk.hear(b"554 nobody\r\n");
    assert_eq!(talk.outcomes(), [(1, vec![550, 550])]);
}

/// Every pair of answers to a message's recipients, sender, DATA and text, pipelined.
#[test]
fn in_every_world_each_recipient_has_one_code_and_the_session_goes_on() {
    let (options, composer) = (options(Pipelining::Envelope), Composer::new(0, "b", "d"));
    for world in 0..3_usize.pow(5) {
        let yes = |at: u32| world / 3_usize.pow(at) % 3;
        let answer = |at| ["250 ok\r\n", "450 later\r\n", "550 no\r\n"][yes(at)];
        let data = ["354 go\r\n", "451 later\r\n", "554 no\r\n"][yes(3)];
        let mut talk = Talk::new(&options, &composer, WELCOME);
        talk.say();
        talk.hear([answer(0), answer(1), answer(2), data].concat().as_bytes());
        let text = talk.say();
        if text == "text" || text == "." {
            talk.hear(answer(4).as_bytes());
        }
        let mut outcomes = talk.outcomes();
        let (id, codes) = outcomes.pop().unwrap();
        assert_eq!((id, codes.len(), outcomes.len()), (1, 2, 0), "world {world}");
        for (recipient, code) in [1, 2].into_iter().zip(codes) {
            let taken = [0, recipient, 3, 4].iter().all(|at| yes(*at) == 0);
            assert_eq!(code == 250, taken, "world {world}: {code}");
        }
        let next = if matches!(text.as_str(), "text" | ".") { talk.say() } else { text };
        assert!(next.ends_with("MAIL RCPT RCPT DATA"), "world {world}: {next}");
    }
}

#[test]
fn a_lost_connection_gives_back_what_was_not_offered() {
    let (options, composer) = (options(Pipelining::Full), Composer::new(0, "b", "d"));
    let mut talk = Talk::new(&options, &composer, WELCOME);
    talk.say();
    talk.hear(b"250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n");
    talk.say();
    let refused = hear(&mut talk.session, b"421 closing\r\n");
    assert_eq!(refused, Err(Fault::Closing("421 closing".to_owned())));
    let (outcomes, back) = talk.session.lost();
    assert_eq!(back, [message(2)]);
    assert!(outcomes[0].unanswered);
    assert_eq!(codes(&outcomes[0]), [0, 550]);
}

#[test]
fn what_is_no_reply_is_a_fault_and_half_a_reply_waits() {
    let (options, composer) = (options(Pipelining::Full), Composer::new(0, "b", "d"));
    for bad in [&b"hello\r\n"[..], b"25 x\r\n", b"250_x\r\n", b"\r\n"] {
        let mut session = Session::new(&options, &composer, 0);
        assert!(matches!(hear(&mut session, bad), Err(Fault::NotAReply(_))), "{bad:?}");
    }
    let mut session = Session::new(&options, &composer, 0);
    assert_eq!(hear(&mut session, b"220-mx\r\n220 m"), Ok(0));
    assert_eq!(hear(&mut session, b"220-mx\r\n220 mx\r\n"), Ok(16));
    let unasked = hear(&mut session, b"250 mx\r\n250 ok\r\n");
    assert_eq!(unasked, Err(Fault::AnswerToNothing("250 ok".to_owned())));
}

#[test]
fn each_wait_is_counted_from_its_command_to_its_answer() {
    let (options, composer) = (options(Pipelining::Envelope), Composer::new(0, "b", "d"));
    let mut talk = Talk::new(&options, &composer, WELCOME);
    let micros = |micros: u64| micros * 1_000;
    talk.say();
    talk.now = micros(10);
    talk.hear(b"250 ok\r\n250 ok\r\n");
    talk.now = micros(30);
    talk.hear(b"250 ok\r\n354 go\r\n");
    talk.say();
    talk.now = micros(100);
    talk.hear(b"250 taken\r\n");
    let shown = |phase| {
        let of = talk.phases.of(phase).summary();
        (of.count, of.p50_micros, of.max_micros)
    };
    assert_eq!(shown(Phase::Greeting), (1, 1, 1));
    assert_eq!(shown(Phase::Ehlo), (1, 1, 1));
    assert_eq!(shown(Phase::Mail), (1, 10, 10));
    assert_eq!(shown(Phase::Rcpt), (2, 10, 30));
    assert_eq!(shown(Phase::Data), (1, 30, 30));
    assert_eq!(shown(Phase::Final), (1, 70, 70));
    assert!([Phase::Connect, Phase::Tls, Phase::Auth].map(shown).iter().all(|of| of.0 == 0));
}
