//! One message through the load generator's own machines: what a test itself costs.

use crate::inputs::SIZES;
use loadgen::message::Composer;
use loadgen::recipient;
use loadgen::send::{self, Message, Next, Options, Phases, Pipelining, Recipients};
use loadgen::sink::{self, After, Output, Provider, Site};
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DOMAIN: &str = "bulk.test";

/// A provider takes a pipelined message: verdict, proof of its text, and the row of the ledger.
pub(super) fn provide() -> Box<dyn FnMut()> {
    let message = message();
    let site = Arc::new(Site::new(Provider::default(), 1));
    let mut session = sink::Session::new(site, 0, 1, LOOPBACK);
    let mut output = Output::default();
    session.greet(0, &mut output);
    session.step(b"EHLO relay.test\r\n", 0, &mut output);
    Box::new(move || {
        output.replies.clear();
        output.rows.clear();
        let (used, after) = session.step(black_box(&message), 1, &mut output);
        assert!(used == message.len() && after == After::Continue && output.rows.len() == 1);
    })
}

/// Envelope and text of a message that is the generator's.
fn message() -> Vec<u8> {
    let (id, to) = (42, b"ann@mail.test");
    let mut sender = Vec::new();
    recipient::sender(id, DOMAIN, &mut sender);
    let commands: [&[u8]; 5] = [b"MAIL FROM:<", &sender, b">\r\nRCPT TO:<", to, b">\r\nDATA\r\n"];
    let mut message = commands.concat();
    Composer::new(1, DOMAIN, "today").write(id, SIZES[0] as u32, false, to, &mut message);
    message.extend_from_slice(b".\r\n");
    message
}

/// The generator makes a message, offers it, and hears the answers.
pub(super) fn offer() -> Box<dyn FnMut()> {
    let target = SocketAddr::new(LOOPBACK, 25);
    // A session borrows these as long as it lives, and it lives as long as the program.
    let options: &'static Options = Box::leak(Box::new(Options {
        pipelining: Pipelining::Envelope,
        eight_bit: false,
        ..Options::new(target)
    }));
    let composer: &'static Composer = Box::leak(Box::new(Composer::new(1, DOMAIN, "today")));
    let mut session = send::Session::new(options, composer, 0);
    let (mut phases, mut out, mut id) = (Phases::default(), Vec::new(), 0);
    let mut talk = move |offer: bool, replies: &[u8]| {
        out.clear();
        let used = session.hear(replies, 1, &mut phases, &mut out);
        assert_eq!(used, Ok(replies.len()));
        id += u64::from(offer);
        let mut message =
            offer.then_some(Message { id, due: 0, tries: 0, recipients: Recipients::All });
        let next = || message.take().map_or(Next::Wait(u64::MAX), Next::Offer);
        session.say(1, next, &mut out);
        session.outcomes().count()
    };
    talk(false, b"220 mx.test\r\n");
    talk(false, b"250-mx.test\r\n250-8BITMIME\r\n250 PIPELINING\r\n");
    Box::new(move || {
        talk(true, b"");
        talk(false, black_box(b"250 2.1.0 ok\r\n250 2.1.5 ok\r\n354 go\r\n"));
        assert_eq!(talk(false, b"250 2.0.0 taken\r\n"), 1);
    })
}
