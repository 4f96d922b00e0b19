//! The sockets of [`Null`], on threads of their own.

use super::null::{After, Null};
use crate::net::{self, Input, Listener, Open, Stream};
use crate::send::{Encryption, Options};
use crate::tls::{self, Tls};
use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::Duration;

const GREETING: &[u8] = b"220 \r\n";
/// Whose certificate it has.
const NAME: &str = "localhost";
const INPUT_LEN: usize = 64 * 1_024;
/// How often a thread looks whether it shall stop.
const LOOK: Duration = Duration::from_millis(5);

/// What a connection begins with.
#[derive(Clone, Debug)]
struct Manners {
    proxy: bool,
    implicit: bool,
    tls: tls::Server,
}

/// A running server.
pub(super) struct Server {
    address: SocketAddr,
    tls: tls::Server,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<io::Result<()>>>,
}

/// Listens on loopback, on as many threads as the generator has.
pub(super) fn start(options: &Options) -> io::Result<Server> {
    let manners = Manners {
        proxy: options.proxy.is_some(),
        implicit: matches!(options.encryption, Encryption::Implicit(_)),
        tls: tls::Server::self_signed(&[NAME]).map_err(io::Error::other)?,
    };
    let ip = match options.target.ip() {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::LOCALHOST),
    };
    let count = options.threads.max(1);
    let first = net::bind(SocketAddr::new(ip, 0), count)?;
    let address = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..count {
        sockets.push(net::bind(address, count)?);
    }
    let tls = manners.tls.clone();
    let mut server = Server { address, tls, stop: Arc::default(), threads: Vec::new() };
    for socket in sockets {
        let (stop, manners) = (Arc::clone(&server.stop), manners.clone());
        let thread = thread::Builder::new().name("null".to_owned());
        let serve = move || net::run(serve(socket, manners, stop)).and_then(|served| served);
        server.threads.push(thread.spawn(serve)?);
    }
    Ok(server)
}

impl Server {
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The encryption of a run, for this server: it costs the same.
    pub(super) fn encryption(&self, of_run: &Encryption) -> io::Result<Encryption> {
        let client = |client: &tls::Client| client.like(&self.tls, NAME).map_err(io::Error::other);
        Ok(match of_run {
            Encryption::None => Encryption::None,
            Encryption::StartTls(of_run) => Encryption::StartTls(client(of_run)?),
            Encryption::Implicit(of_run) => Encryption::Implicit(client(of_run)?),
        })
    }

    /// Ends all connections.
    pub(super) fn stop(mut self) -> io::Result<()> {
        self.stop.store(true, Relaxed);
        std::mem::take(&mut self.threads).into_iter().try_for_each(|thread| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("the null server panicked")))
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}

async fn serve(socket: TcpListener, manners: Manners, stop: Arc<AtomicBool>) -> io::Result<()> {
    let listener = Listener::new(socket.try_clone()?)?;
    let (open, listening) = (Open::default(), Rc::new(Cell::new(true)));
    let accepting =
        accept(listener, manners, open.clone(), Arc::clone(&stop), Rc::clone(&listening));
    net::spawn(accepting);
    while !stop.load(Relaxed) {
        net::sleep(LOOK).await;
    }
    net::close(&socket);
    while listening.get() || !open.is_empty() {
        open.shutdown_all();
        net::sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}

async fn accept(
    listener: Listener,
    manners: Manners,
    open: Open,
    stop: Arc<AtomicBool>,
    listening: Rc<Cell<bool>>,
) {
    let mut number = 0;
    while !stop.load(Relaxed) {
        let Ok(stream) = listener.accept().await else {
            net::sleep(LOOK).await;
            continue;
        };
        number += 1;
        let stream = Rc::new(stream);
        open.add(number, &stream);
        net::spawn(attend(stream, number, manners.clone(), open.clone()));
    }
    listening.set(false);
}

async fn attend(stream: Rc<Stream>, number: u32, manners: Manners, open: Open) {
    // Whatever ends a connection here shows at the generator's end of it.
    drop(Conversation::new(&stream, &manners).run().await);
    stream.shutdown(Shutdown::Both);
    open.remove(number);
}

/// One connection.
struct Conversation<'c> {
    stream: &'c Stream,
    manners: &'c Manners,
    null: Null,
    tls: Option<Tls>,
    input: Input,
    /// Of the input, what TLS has opened and nobody used.
    plain: Vec<u8>,
    /// What TLS has to say.
    sealed: Vec<u8>,
    out: Vec<u8>,
}

impl<'c> Conversation<'c> {
    fn new(stream: &'c Stream, manners: &'c Manners) -> Self {
        Self {
            stream,
            manners,
            null: Null::new(manners.proxy, manners.implicit),
            tls: None,
            input: Input::with_room(INPUT_LEN),
            plain: Vec::new(),
            sealed: Vec::new(),
            out: Vec::new(),
        }
    }

    async fn run(mut self) -> io::Result<()> {
        if !self.manners.implicit {
            self.out.extend_from_slice(GREETING);
        } else if !self.manners.proxy {
            self.encrypt()?;
        }
        loop {
            self.flush().await?;
            let input = std::mem::replace(&mut self.input, Input::with_room(0));
            let (read, input) = self.stream.read(input).await;
            self.input = input;
            if read? == 0 {
                return Ok(());
            }
            match self.take()? {
                After::Continue => (),
                After::Encrypt => {
                    self.flush().await?;
                    self.encrypt()?;
                }
                After::Close => return self.flush().await,
            }
        }
    }

    fn take(&mut self) -> io::Result<After> {
        let Some(tls) = &mut self.tls else {
            let (used, after) = self.null.take(self.input.unread(), &mut self.out);
            self.input.consume(used);
            return Ok(after);
        };
        let taken = tls.take(self.input.unread(), &mut self.plain, &mut self.sealed);
        self.input.consume(self.input.unread().len());
        taken.map_err(io::Error::other)?;
        let (used, after) = self.null.take(&self.plain, &mut self.out);
        self.plain.drain(..used);
        Ok(after)
    }

    /// What is left of the input is the beginning of the handshake.
    fn encrypt(&mut self) -> io::Result<()> {
        self.tls = Some(self.manners.tls.accept().map_err(io::Error::other)?);
        if self.manners.implicit {
            self.out.extend_from_slice(GREETING);
        }
        self.take().map(drop)
    }

    async fn flush(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            tls.give(&self.out, &mut self.sealed).map_err(io::Error::other)?;
            self.out.clear();
            std::mem::swap(&mut self.out, &mut self.sealed);
        }
        if self.out.is_empty() {
            return Ok(());
        }
        let (written, out) = self.stream.write(std::mem::take(&mut self.out)).await;
        self.out = out;
        written
    }
}
