//! A gate in front of a server: closed, it takes connections and passes nothing on, as a
//! provider does that has stopped answering. What waited goes through when it opens.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

/// Whether it is open, and the bell for when it opens.
#[derive(Debug, Default)]
struct Door {
    open: Mutex<bool>,
    opened: Condvar,
}

/// A running gate. It lives as long as the test.
#[derive(Clone, Debug)]
pub struct Gate {
    address: SocketAddr,
    door: Arc<Door>,
}

impl Gate {
    /// A closed gate in front of `server`.
    ///
    /// # Errors
    /// If there is no port.
    pub fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let door = Arc::new(Door::default());
        let passage = Arc::clone(&door);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let door = Arc::clone(&passage);
                thread::spawn(move || join(stream, server, &door));
            }
        });
        Ok(Self { address, door })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets through what comes, and what has come.
    pub fn open(&self) {
        self.door.set(true);
    }

    /// Lets nothing through.
    pub fn close(&self) {
        self.door.set(false);
    }
}

impl Door {
    fn set(&self, open: bool) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = open;
        self.opened.notify_all();
    }

    fn wait(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.opened.wait_while(open, |open| !*open).unwrap_or_else(PoisonError::into_inner));
    }
}

/// Makes one connection out of two, until either end is done with it.
fn join(near: TcpStream, server: SocketAddr, door: &Arc<Door>) -> io::Result<()> {
    door.wait();
    let far = TcpStream::connect(server)?;
    for stream in [&near, &far] {
        stream.set_nodelay(true)?;
    }
    let (back, forth) = ((far.try_clone()?, near.try_clone()?), (near, far));
    let returning = Arc::clone(door);
    thread::spawn(move || pass(back.0, back.1, &returning));
    pass(forth.0, forth.1, door)
}

fn pass(mut from: TcpStream, mut to: TcpStream, door: &Door) -> io::Result<()> {
    let mut bytes = vec![0; 64 * 1_024];
    let ended = loop {
        let count = match from.read(&mut bytes) {
            Ok(0) => break Ok(()),
            Ok(count) => count,
            Err(error) => break Err(error),
        };
        door.wait();
        if let Err(error) = to.write_all(&bytes[..count]) {
            break Err(error);
        }
    };
    // Both directions: what the one end no longer says, the other need not wait for.
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
    ended
}
