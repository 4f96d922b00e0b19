//! One thread of the simulator: accepts, and drives a [`Session`] for each connection.

mod encryption;
mod faults;

use super::session::{After, Output, Session};
use super::{Shared, Simulated};
use crate::clock::{self, Nanos};
use crate::ledger::{Row, Verdict, Writer};
use crate::net::{self, Input, Listener, Open, Stream};
use crate::tls;
use encryption::Encryption;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::net::{Shutdown, TcpListener};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

const INPUT_LEN: usize = 64 * 1_024;
/// How often a thread looks whether it shall stop.
const LOOK: Duration = Duration::from_millis(20);
/// How long a peer may take to end its half of a connection we have closed.
const LINGER: Duration = Duration::from_secs(2);

/// What the tasks of a thread share.
struct Desk {
    shared: Arc<Shared>,
    ledger: RefCell<Option<Writer>>,
    open: Open,
    /// Why the ledger could not be written.
    broken: RefCell<Option<io::Error>>,
    listening: Cell<usize>,
}

/// Serves until told to stop. Returns the CPU time used.
pub(super) fn serve(
    sockets: Vec<(TcpListener, Arc<Simulated>)>,
    ledger: Option<Writer>,
    shared: Arc<Shared>,
) -> io::Result<Duration> {
    let desk = Rc::new(Desk {
        shared,
        ledger: RefCell::new(ledger),
        open: Open::default(),
        broken: RefCell::default(),
        listening: Cell::new(0),
    });
    net::run(attend(sockets, Rc::clone(&desk)))??;
    match desk.broken.take() {
        Some(error) => Err(error),
        None => Ok(clock::thread_cpu()),
    }
}

async fn attend(sockets: Vec<(TcpListener, Arc<Simulated>)>, desk: Rc<Desk>) -> io::Result<()> {
    for (socket, simulated) in &sockets {
        let listener = Listener::new(socket.try_clone()?)?;
        desk.listening.update(|count| count + 1);
        net::spawn(accept(listener, Arc::clone(simulated), Rc::clone(&desk)));
    }
    while !desk.shared.stop.load(Relaxed) && desk.broken.borrow().is_none() {
        desk.open.expire(clock::now());
        net::sleep(LOOK).await;
    }
    for (socket, _) in &sockets {
        net::close(socket);
    }
    desk.open.shutdown_all();
    while !desk.open.is_empty() || desk.listening.get() > 0 {
        net::sleep(Duration::from_millis(1)).await;
        desk.open.shutdown_all();
    }
    desk.write(&[Row::end(clock::now())]);
    Ok(())
}

impl Desk {
    /// Writes rows to the ledger; they outlive this process when it returns.
    fn write(&self, rows: &[Row]) {
        if let Some(ledger) = self.ledger.borrow_mut().as_mut() {
            let written = rows.iter().try_for_each(|row| ledger.add(row));
            if let Err(error) = written.and_then(|()| ledger.flush()) {
                self.broken.replace(Some(error));
            }
        }
    }
}

async fn accept(listener: Listener, simulated: Arc<Simulated>, desk: Rc<Desk>) {
    while !desk.shared.stop.load(Relaxed) {
        match listener.accept().await {
            Ok(stream) => {
                let number = desk.shared.connections.fetch_add(1, Relaxed) + 1;
                let stream = Rc::new(stream);
                desk.open.add(number, &stream);
                net::spawn(attend_one(stream, number, Arc::clone(&simulated), Rc::clone(&desk)));
            }
            // Out of descriptors, most likely: asking again at once would only burn the core.
            Err(_) => net::sleep(LOOK).await,
        }
    }
    desk.listening.update(|count| count - 1);
}

async fn attend_one(stream: Rc<Stream>, number: u32, simulated: Arc<Simulated>, desk: Rc<Desk>) {
    simulated.counters.connections.fetch_add(1, Relaxed);
    simulated.counters.open.fetch_add(1, Relaxed);
    // Who is gone already, has no address.
    if let Ok(source) = stream.peer() {
        let begun = simulated.watch(number, source, &stream).map(|_counted| {
            let (simulated, desk) = (Arc::clone(&simulated), Rc::clone(&desk));
            Conversation::begin(&stream, number, source, simulated, desk)
        });
        if let Some((conversation, after)) = begun {
            conversation.run(after).await;
            simulated.unwatch(number);
        }
    }
    simulated.counters.open.fetch_sub(1, Relaxed);
    desk.open.remove(number);
}

/// A connection and what is to be said on it.
struct Conversation<'s> {
    stream: &'s Stream,
    number: u32,
    session: Session,
    simulated: Arc<Simulated>,
    desk: Rc<Desk>,
    output: Output,
    /// Replies that are not due yet.
    late: VecDeque<(Nanos, Vec<u8>)>,
    delay: Duration,
    encryption: Option<Encryption>,
}

impl<'s> Conversation<'s> {
    /// Greets, which counts it; nothing is sent yet.
    fn begin(
        stream: &'s Stream,
        number: u32,
        source: IpAddr,
        simulated: Arc<Simulated>,
        desk: Rc<Desk>,
    ) -> (Self, After) {
        let session = Session::new(Arc::clone(&simulated.site), simulated.number, number, source);
        let provider = simulated.site.provider();
        // The greeting is later than other replies, which are not before it all the same.
        let delay = provider.delay() + Duration::from_millis(provider.greeting_delay_ms);
        let (output, late) = (Output::default(), VecDeque::new());
        let encryption = None;
        let mut begun =
            Self { stream, number, session, simulated, desk, output, late, delay, encryption };
        let after = begun.session.greet(clock::now(), &mut begun.output);
        (begun, after)
    }

    /// Speaks until either side ends it.
    async fn run(mut self, mut after: After) {
        self.settle();
        let mut input = Input::with_room(INPUT_LEN);
        loop {
            let replied = self.reply().await;
            match after {
                _ if replied.is_err() => break,
                After::StartTls if self.start_tls().is_err() => break,
                After::Continue | After::StartTls => (),
                After::Close => return self.close(input).await,
                After::Reset => return self.reset(),
                After::Endless(pause) => return self.endless(pause).await,
                After::Mute => return self.mute(input).await,
            }
            self.delay = self.simulated.site.provider().delay();
            let (read, returned) = self.read_while_replying(input).await;
            input = returned;
            if !read.is_ok_and(|count| count > 0) {
                break;
            }
            let Ok(next) = self.step(&mut input) else {
                // The alert says why.
                drop(self.reply().await);
                break;
            };
            after = next;
            self.settle();
        }
        self.session.leave(clock::now());
        self.stream.shutdown(Shutdown::Both);
    }

    /// Hands on what was read, out of its encryption if it has one.
    fn step(&mut self, input: &mut Input) -> Result<After, tls::Fault> {
        let (now, output) = (clock::now(), &mut self.output);
        let Some(encryption) = &mut self.encryption else {
            let (used, after) = self.session.step(input.unread(), now, output);
            input.consume(used);
            return Ok(after);
        };
        encryption.take(input)?;
        let (used, after) = self.session.step(&encryption.plain, now, output);
        encryption.plain.drain(..used);
        Ok(after)
    }

    /// Writes down what a step decided, before anybody is told.
    fn settle(&mut self) {
        let counters = &self.simulated.counters;
        let output = &mut self.output;
        let add = |counter: &AtomicU64, count: u64| {
            if count > 0 {
                counter.fetch_add(count, Relaxed);
            }
        };
        if !output.rows.is_empty() {
            self.desk.write(&output.rows);
        }
        for row in output.rows.drain(..) {
            add(
                match row.verdict {
                    Verdict::Delivered => &counters.delivered,
                    Verdict::Deferred => &counters.deferred,
                    Verdict::Failed => &counters.failed,
                    Verdict::Reported => &counters.reported,
                    Verdict::Broken => &counters.broken,
                    _ => &counters.strangers,
                },
                1,
            );
        }
        add(&counters.messages, std::mem::take(&mut output.messages));
        add(&counters.bytes, std::mem::take(&mut output.bytes));
        add(&counters.corrupt, std::mem::take(&mut output.corrupt));
        add(&counters.turned_away, std::mem::take(&mut output.turned_away));
    }

    /// Sends the replies of the last step, or puts them by until they are due.
    async fn reply(&mut self) -> io::Result<()> {
        if let Some(encryption) = &mut self.encryption {
            encryption.give(&mut self.output.replies)?;
        }
        if self.output.replies.is_empty() {
            return Ok(());
        }
        if let Some(pause) = self.session.drips() {
            return self.drip(pause).await;
        }
        if self.delay > Duration::ZERO || !self.late.is_empty() {
            let due = clock::now() + u64::try_from(self.delay.as_nanos()).unwrap_or(u64::MAX / 2);
            self.late.push_back((due, std::mem::take(&mut self.output.replies)));
            return Ok(());
        }
        let (result, replies) = self.stream.write(std::mem::take(&mut self.output.replies)).await;
        self.output.replies = replies;
        result
    }

    /// Reads, and meanwhile sends what falls due. The read itself is never dropped.
    async fn read_while_replying(&mut self, input: Input) -> (io::Result<usize>, Input) {
        let stream = self.stream;
        if self.late.is_empty() {
            return stream.read(input).await;
        }
        let mut read = pin!(stream.read(input));
        while let Some((due, _)) = self.late.front() {
            let wait = Duration::from_nanos(due.saturating_sub(clock::now()));
            tokio::select! {
                biased;
                done = &mut read => return done,
                () = net::sleep(wait) => (),
            }
            let Some((_, replies)) = self.late.pop_front() else { continue };
            if stream.write(replies).await.0.is_err() {
                stream.shutdown(Shutdown::Both);
            }
        }
        read.await
    }

    /// Says what is late, as it falls due.
    async fn say_late(&mut self) {
        while let Some((due, replies)) = self.late.pop_front() {
            net::sleep(Duration::from_nanos(due.saturating_sub(clock::now()))).await;
            if self.stream.write(replies).await.0.is_err() {
                break;
            }
        }
    }

    /// Says the last words, ends our half, and waits for the peer to end its own: closing with
    /// bytes unread would reset the connection and could destroy our last reply on its way.
    async fn close(mut self, mut input: Input) {
        self.say_late().await;
        if let Some(encryption) = &mut self.encryption {
            let goodbye = encryption.close();
            drop(self.stream.write(goodbye).await);
        }
        self.stream.shutdown(Shutdown::Write);
        let patience = clock::now() + u64::try_from(LINGER.as_nanos()).unwrap_or(0);
        self.desk.open.expect(self.number, Some(patience));
        loop {
            input.consume(input.unread().len());
            let (read, returned) = self.stream.read(input).await;
            input = returned;
            if !read.is_ok_and(|count| count > 0) {
                return self.stream.shutdown(Shutdown::Both);
            }
        }
    }
}
