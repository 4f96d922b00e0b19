//! A relay of threads and blocking sockets, faithful but for one thing.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::{self, JoinHandle};

/// Connections it has to the sink at once.
pub(crate) const CONNECTIONS: usize = 4;
/// Messages it sends over one of them.
pub(crate) const MESSAGES_PER_CONNECTION: u32 = 100;

/// What it does wrong, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// Takes a message and forgets it.
    Loses,
    /// Delivers one twice.
    Doubles,
    /// Changes a byte of the body of one.
    Alters,
    /// Refuses one and delivers it all the same.
    DeliversRefused,
    /// Has one connection more than it may.
    ConnectsOnceMore,
    /// Begins one message more on a connection than it may.
    StaysForOneMore,
}

/// A message on its way.
struct Message {
    /// The MAIL and RCPT lines.
    envelope: Vec<u8>,
    recipients: usize,
    /// With the final dot.
    text: Vec<u8>,
    fault: Fault,
}

/// What its threads share.
struct Shared {
    sink: SocketAddr,
    fault: Fault,
    /// The message at which it goes wrong, and how many there were.
    at: u64,
    taken: AtomicU64,
    stop: AtomicBool,
    /// All connections to the sink are open.
    ready: Barrier,
    /// Held while one of them is closed and opened again.
    reopening: Mutex<()>,
}

/// A relay that runs.
pub(crate) struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<io::Result<()>>,
    delivering: Vec<JoinHandle<io::Result<()>>>,
}

impl Relay {
    /// One that delivers to `sink`, and goes wrong at this message.
    pub(crate) fn start(sink: SocketAddr, fault: Fault, at: u64) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (taken, stop, ready) =
            (AtomicU64::new(0), AtomicBool::new(false), Barrier::new(CONNECTIONS));
        let reopening = Mutex::default();
        let shared = Arc::new(Shared { sink, fault, at, taken, stop, ready, reopening });
        let (queue, queued) = channel();
        let queued = Arc::new(Mutex::new(queued));
        let deliver = |_| {
            let (shared, queued) = (Arc::clone(&shared), Arc::clone(&queued));
            thread::spawn(move || deliver(&shared, &queued))
        };
        let delivering = (0..CONNECTIONS).map(deliver).collect();
        let accepting = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || accept(&listener, &shared, &queue))
        };
        Ok(Self { address, shared, accepting, delivering })
    }

    /// Where it takes mail.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Delivers what it has taken, and ends.
    pub(crate) fn finish(self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
        for thread in [self.accepting].into_iter().chain(self.delivering) {
            thread.join().unwrap().unwrap();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, queue: &Sender<Message>) -> io::Result<()> {
    let mut taking = Vec::new();
    for stream in listener.incoming() {
        if shared.stop.load(Ordering::Relaxed) {
            break;
        }
        let (stream, shared, queue) = (stream?, Arc::clone(shared), queue.clone());
        taking.push(thread::spawn(move || take(stream, &shared, &queue)));
    }
    taking.into_iter().try_for_each(|thread| thread.join().unwrap())
}

/// One connection from the generator.
fn take(stream: TcpStream, shared: &Shared, queue: &Sender<Message>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut input, mut stream) = (BufReader::new(stream.try_clone()?), stream);
    let mut replies = b"220 mutant\r\n".to_vec();
    let (mut envelope, mut recipients) = (Vec::new(), 0);
    loop {
        if input.buffer().is_empty() {
            stream.write_all(&replies)?;
            replies.clear();
        }
        let mut line = Vec::new();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let reply: &[u8] = match line.get(..4).unwrap_or_default() {
            b"EHLO" => b"250-mutant\r\n250 PIPELINING\r\n",
            b"MAIL" | b"RCPT" => {
                recipients += usize::from(line.starts_with(b"RCPT"));
                envelope.append(&mut line);
                b"250 2.1.0 ok\r\n"
            }
            b"DATA" => {
                replies.extend_from_slice(b"354 go\r\n");
                stream.write_all(&replies)?;
                replies.clear();
                let text = text(&mut input)?;
                let envelope = std::mem::take(&mut envelope);
                let recipients = std::mem::take(&mut recipients);
                let number = shared.taken.fetch_add(1, Ordering::Relaxed);
                let fault = if number == shared.at { shared.fault } else { Fault::None };
                queue
                    .send(Message { envelope, recipients, text, fault })
                    .map_err(io::Error::other)?;
                if fault == Fault::DeliversRefused {
                    b"554 5.7.1 no\r\n"
                } else {
                    b"250 2.0.0 mine\r\n"
                }
            }
            _ => b"250 2.0.0 ok\r\n",
        };
        replies.extend_from_slice(reply);
    }
}

/// Until the line that is a dot.
fn text(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    loop {
        let start = text.len();
        if input.read_until(b'\n', &mut text)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if &text[start..] == b".\r\n" {
            return Ok(text);
        }
    }
}

/// A connection to the sink.
struct Connection {
    stream: BufReader<TcpStream>,
    messages: u32,
}

impl Connection {
    fn open(sink: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(sink)?;
        stream.set_nodelay(true)?;
        let mut connection = Self { stream: BufReader::new(stream), messages: 0 };
        connection.hear(b"220")?;
        connection.say(b"EHLO mutant\r\n")?;
        connection.hear(b"250")?;
        Ok(connection)
    }

    fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// A whole reply, which must be this.
    fn hear(&mut self, code: &[u8]) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            self.stream.read_until(b'\n', &mut line)?;
            if !line.starts_with(code) {
                return Err(io::Error::other(String::from_utf8_lossy(&line).into_owned()));
            }
            if line.get(3) == Some(&b' ') {
                return Ok(());
            }
        }
    }

    fn deliver(&mut self, message: &Message) -> io::Result<()> {
        self.say(&[&message.envelope[..], b"DATA\r\n"].concat())?;
        (0..=message.recipients).try_for_each(|_| self.hear(b"250"))?;
        self.hear(b"354")?;
        self.say(&message.text)?;
        self.messages += 1;
        self.hear(b"250")
    }

    fn quit(mut self) -> io::Result<()> {
        self.say(b"QUIT\r\n")?;
        self.hear(b"221")
    }
}

/// One of the connections to the sink, again and again.
fn deliver(shared: &Shared, queued: &Mutex<Receiver<Message>>) -> io::Result<()> {
    let mut connection = Connection::open(shared.sink)?;
    shared.ready.wait();
    let mut stays = false;
    loop {
        let Ok(mut message) = queued.lock().unwrap().recv() else { return connection.quit() };
        let copies = match message.fault {
            Fault::Loses => 0,
            Fault::Doubles => 2,
            _ => 1,
        };
        if message.fault == Fault::Alters {
            let middle = message.text.len() * 3 / 4;
            message.text[middle] ^= 1;
        }
        stays |= message.fault == Fault::StaysForOneMore;
        if message.fault == Fault::ConnectsOnceMore {
            one_too_many(shared)?;
        }
        for _ in 0..copies {
            if connection.messages == MESSAGES_PER_CONNECTION {
                let _alone = shared.reopening.lock().unwrap();
                if std::mem::take(&mut stays) {
                    connection.say(&message.envelope)?;
                    connection.hear(b"421")?;
                    drop(connection);
                } else {
                    connection.quit()?;
                }
                connection = Connection::open(shared.sink)?;
            }
            connection.deliver(&message)?;
        }
    }
}

/// Opens a connection beside the others, which are all open.
fn one_too_many(shared: &Shared) -> io::Result<()> {
    let _alone = shared.reopening.lock().unwrap();
    match Connection::open(shared.sink) {
        Err(refused) if refused.to_string().starts_with("421") => Ok(()),
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::other("the sink takes more than it may")),
    }
}
