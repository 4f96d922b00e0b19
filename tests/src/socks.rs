//! A small SOCKS proxy, version 5, which wants a login and connects from an address of its own.
//!
//! Threads, and nothing shared with Ringpost's own side of the conversation.
//! [RFC 1928](https://www.rfc-editor.org/rfc/rfc1928), [RFC 1929](https://www.rfc-editor.org/rfc/rfc1929)

use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Starts one that lets in whoever knows this login, and connects from `source`. It lives as long
/// as the test.
///
/// # Errors
/// If there is no port.
pub fn serve(login: (&'static str, &'static str), source: Ipv4Addr) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            thread::spawn(move || talk(client, login, source));
        }
    });
    Ok(address)
}

fn talk(mut client: TcpStream, login: (&str, &str), source: Ipv4Addr) -> io::Result<()> {
    let mut methods = vec![0; usize::from(take::<2>(&mut client)?[1])];
    client.read_exact(&mut methods)?;
    if !methods.contains(&2) {
        return client.write_all(&[5, 0xff]);
    }
    client.write_all(&[5, 2])?;
    take::<1>(&mut client)?;
    let (user, password) = (word(&mut client)?, word(&mut client)?);
    let known = (user.as_slice(), password.as_slice()) == (login.0.as_bytes(), login.1.as_bytes());
    client.write_all(&[1, u8::from(!known)])?;
    // CONNECT, to an IPv4 address.
    if !known || take::<4>(&mut client)? != [5, 1, 0, 1] {
        return client.shutdown(Shutdown::Both);
    }
    let (ip, port) = (take::<4>(&mut client)?, take::<2>(&mut client)?);
    let host = SocketAddr::from((ip, u16::from_be_bytes(port)));
    match dial(source, host) {
        Ok(host) => {
            client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
            let (mut from, mut to) = (client.try_clone()?, host.try_clone()?);
            thread::spawn(move || pass_on(&mut from, &mut to));
            pass_on(&mut &host, &mut &client);
            Ok(())
        }
        Err(_) => client.write_all(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]),
    }
}

fn dial(source: Ipv4Addr, host: SocketAddr) -> io::Result<TcpStream> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&socket, &SocketAddr::from((source, 0)))?;
    connect(&socket, &host)?;
    Ok(socket.into())
}

/// Until one side is gone: then the other hears of it.
fn pass_on(from: &mut impl Read, to: &mut impl Close) {
    // However it ends, it is over.
    let _ = io::copy(from, to);
    let _ = to.close();
}

trait Close: Write {
    fn close(&mut self) -> io::Result<()>;
}

impl Close for TcpStream {
    fn close(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

impl Close for &TcpStream {
    fn close(&mut self) -> io::Result<()> {
        self.shutdown(Shutdown::Write)
    }
}

fn take<const N: usize>(client: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn word(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut word = vec![0; usize::from(take::<1>(client)?[0])];
    client.read_exact(&mut word)?;
    Ok(word)
}
