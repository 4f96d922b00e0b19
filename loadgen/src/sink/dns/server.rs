//! The thread that answers questions.

use super::{Transport, Zone};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::{Semaphore, oneshot};

/// Connections served at once; others wait.
const CONNECTIONS_MAX: usize = 64;
/// How long a connection may be silent.
const IDLE: Duration = Duration::from_secs(10);
/// How often a port is looked for that is free for UDP and for TCP.
const TRIES_MAX: usize = 32;

/// A running DNS server. Stops when dropped.
#[derive(Debug)]
pub struct Dns {
    /// Where it listens, with the port the system chose.
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Serves `zone` at `address`, over UDP and TCP; port 0 lets the system choose.
///
/// # Errors
/// What bind and listen say.
pub fn serve(address: SocketAddr, zone: Zone) -> io::Result<Dns> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (udp, tcp) = runtime.block_on(bind(address)).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot answer questions at {address}: {error}"))
    })?;
    let address = udp.local_addr()?;
    let (stop, stopped) = oneshot::channel();
    let zone = Arc::new(zone);
    let serving = async move {
        tokio::select! {
            _ = stopped => (),
            () = datagrams(&udp, &zone) => (),
            () = connections(&tcp, &zone) => (),
        }
    };
    let thread = thread::Builder::new().name("sink-dns".to_owned());
    let thread = thread.spawn(move || runtime.block_on(serving))?;
    Ok(Dns { address, stop: Some(stop), thread: Some(thread) })
}

impl Drop for Dns {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed; there is nothing to add.
            drop(thread.join());
        }
    }
}

/// Both sockets at one port. Another program may have for TCP what the system chose for UDP.
async fn bind(address: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut tries = 0;
    loop {
        let udp = UdpSocket::bind(address).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(_) if address.port() == 0 && tries < TRIES_MAX => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

async fn datagrams(udp: &UdpSocket, zone: &Zone) {
    let mut question = vec![0; usize::from(u16::MAX)];
    loop {
        // An error is about a datagram sent earlier, to somebody who is gone.
        let Ok((length, from)) = udp.recv_from(&mut question).await else { continue };
        if let Some(answer) = zone.answer(&question[..length], Transport::Udp) {
            drop(udp.send_to(&answer, from).await);
        }
    }
}

async fn connections(tcp: &TcpListener, zone: &Arc<Zone>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = tcp.accept().await else {
            // Out of descriptors, most likely: asking again at once would only burn the core.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let zone = Arc::clone(zone);
        tokio::spawn(async move {
            let _place = place;
            drop(converse(stream, &zone).await);
        });
    }
}

/// Questions with their length in front, until the other side has enough.
///
/// [RFC 1035 §4.2.2](https://www.rfc-editor.org/rfc/rfc1035#section-4.2.2)
async fn converse(mut stream: TcpStream, zone: &Zone) -> io::Result<()> {
    let mut question = Vec::new();
    loop {
        let length = tokio::time::timeout(IDLE, stream.read_u16()).await??;
        question.resize(usize::from(length), 0);
        tokio::time::timeout(IDLE, stream.read_exact(&mut question)).await??;
        let Some(answer) = zone.answer(&question, Transport::Tcp) else { return Ok(()) };
        let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes()[..], &answer].concat()).await?;
    }
}
