//! A host of a provider, with the sessions that a load test runs against; and who sends to the relay.

use crate::chance::pause;
use crate::dialogue::Dialogue;
use kernel::sim::{Sim, SimStream};
use kernel::{Kernel, Listener, Stream};
use loadgen::ledger::{Rule, Verdict};
use loadgen::sink::provider::Provider;
use loadgen::sink::{After, Output, Session, Site};
use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

pub(super) struct Host {
    sim: Sim,
    pub(super) address: SocketAddr,
    site: Arc<Site>,
    visits: Cell<u32>,
    /// Rules of the contract that were broken.
    pub(super) broken: RefCell<Vec<&'static str>>,
}

impl Host {
    /// Listens, and serves whoever comes.
    pub(super) fn open(sim: &Sim, address: SocketAddr, provider: Provider) -> Rc<Self> {
        let provider = Provider { reputation: None, ..provider };
        let site = Arc::new(Site::new(provider, 1));
        let (visits, broken) = (Cell::new(0), RefCell::default());
        let host = Rc::new(Self { sim: sim.clone(), address, site, visits, broken });
        let listener = sim.listen(address).expect("addresses are used once");
        let this = Rc::clone(&host);
        sim.spawn(async move {
            while let Ok(stream) = listener.accept().await {
                let host = Rc::clone(&this);
                this.sim.spawn(async move {
                    // Whoever comes may go without a word.
                    let _gone: io::Result<()> = host.serve(stream).await;
                });
            }
        });
        host
    }

    async fn serve(&self, stream: SimStream) -> io::Result<()> {
        self.visits.set(self.visits.get() + 1);
        let source = stream.peer().ip();
        let mut session = Session::new(Arc::clone(&self.site), 0, self.visits.get(), source);
        let ended = self.converse(&mut session, Dialogue::new(&self.sim, stream)).await;
        session.leave(self.sim.now().0);
        ended
    }

    async fn converse(&self, session: &mut Session, mut dialogue: Dialogue) -> io::Result<()> {
        let mut output = Output::default();
        let mut after = session.greet(self.sim.now().0, &mut output);
        let mut input = Vec::new();
        loop {
            self.note(&mut output);
            let replies = std::mem::take(&mut output.replies);
            if !replies.is_empty() {
                pause(&self.sim, self.site.provider().delay()).await;
                dialogue.say(replies).await?;
            }
            if after != After::Continue {
                return Ok(());
            }
            input.extend(dialogue.anything().await?);
            loop {
                let (used, next) = session.step(&input, self.sim.now().0, &mut output);
                input.drain(..used);
                after = next;
                if used == 0 || after != After::Continue || input.is_empty() {
                    break;
                }
            }
        }
    }

    /// A connection too many is what this is about, and whoever is not told a limit may break it once.
    fn note(&self, output: &mut Output) {
        let rows = std::mem::take(&mut output.rows);
        let broken = rows.iter().filter(|row| row.verdict == Verdict::Broken);
        let rules = broken.filter_map(|row| Rule::of(row.code));
        let others = rules.filter(|rule| *rule != Rule::Connections).map(Rule::name);
        self.broken.borrow_mut().extend(others);
    }
}

/// Sends so many messages from a domain to another, with so many recipients each.
pub(super) async fn send(
    sim: &Sim,
    relay: SocketAddr,
    sender: &str,
    domain: &str,
    (count, recipients): (usize, usize),
) -> io::Result<()> {
    let stream = sim.connect(relay, None, Duration::from_secs(5)).await?;
    let mut dialogue = Dialogue::new(sim, stream);
    dialogue.reply().await?;
    dialogue.say("EHLO sender.test\r\n").await?;
    dialogue.reply().await?;
    for number in 0..count {
        let rcpt = |which| format!("RCPT TO:<{number}.{which}.{sender}@{domain}>\r\n");
        let all: String = (0..recipients).map(rcpt).collect();
        dialogue.say(format!("MAIL FROM:<{number}@{sender}>\r\n{all}DATA\r\n")).await?;
        for _ in 0..recipients + 2 {
            dialogue.reply().await?;
        }
        dialogue.say("Subject: a\r\n\r\nb\r\n.\r\n").await?;
        let (code, line) = dialogue.reply().await?;
        if code != 250 {
            return Err(io::Error::other(line));
        }
    }
    dialogue.say("QUIT\r\n").await?;
    dialogue.reply().await.map(drop)
}
