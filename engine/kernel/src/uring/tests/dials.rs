//! Accepting and dialling.

use super::{NOBODY, PATIENCE, dial, listener, loopback, on_both, pair, pause, piece};
use crate::uring::UringStream;
use crate::uring::listener::TURN_MAX;
use crate::{Buffer, Gather, Kernel, Listener, NoSuchSource, Piece, Stream};
use socket2::{Domain, Socket, Type};
use std::cell::Cell;
use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

#[test]
fn accept_ends_when_the_listener_is_closed() {
    on_both(|kernel| async move {
        let quiet = SocketAddr::from(([127, 0, 0, 98], 0));
        let listener = Rc::new(kernel.listen(quiet).unwrap());
        let closer = Rc::clone(&listener);
        let timer = kernel.clone();
        kernel.spawn(async move {
            pause(&timer, 10).await;
            closer.close();
        });
        assert!(listener.accept().await.is_err());
        assert!(listener.accept().await.is_err());
        let refused = kernel.connect(listener.address(), None, PATIENCE).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_dropped_accept_loses_no_connection() {
    on_both(|kernel| async move {
        let listener = listener(&kernel);
        for _ in 0..50 {
            let wait = monoio::time::timeout(Duration::from_millis(1), listener.accept());
            assert!(wait.await.is_err());
            let ours = dial(&kernel, listener.address()).await;
            assert_eq!(listener.accept().await.unwrap().peer(), ours.local());
        }
    });
}

#[test]
fn shards_share_an_address() {
    on_both(|kernel| async move {
        let first = listener(&kernel);
        let second = kernel.listen(first.address()).unwrap();
        first.close();
        drop(first);
        let ours = dial(&kernel, second.address()).await;
        assert_eq!(second.accept().await.unwrap().peer(), ours.local());
    });
}

/// A flood of connections is taken a few at a time: other tasks have their turns.
#[test]
fn a_flood_of_connections_starves_nobody() {
    const FLOOD: u32 = 200;
    on_both(|kernel| async move {
        let listener = listener(&kernel);
        let mut callers: Vec<UringStream> = Vec::new();
        for _ in 0..FLOOD {
            callers.push(dial(&kernel, listener.address()).await);
        }
        let (ours, theirs) = pair(&kernel).await;
        let turns = Rc::new(Cell::new(0));
        let count = Rc::clone(&turns);
        kernel.spawn(hit_back(theirs, Rc::default()));
        kernel.spawn(hit_back(ours.clone(), count));
        ours.write(piece(b"ball")).await.unwrap();
        let before = turns.get();
        for _ in 0..FLOOD {
            listener.accept().await.unwrap();
        }
        let turns = turns.get() - before;
        assert!(turns >= FLOOD / TURN_MAX / 4, "others had {turns} turns");
    });
}

/// Sends back what comes, and counts how often.
async fn hit_back(stream: UringStream, count: Rc<Cell<u32>>) {
    loop {
        let (result, buffer) = stream.read(Buffer::with_capacity(64)).await;
        let back = Gather::from_iter([Piece::Owned(buffer.to_vec())]);
        if result.unwrap() == 0 || stream.write(back).await.is_err() {
            return;
        }
        count.set(count.get() + 1);
    }
}

#[test]
fn a_dial_leaves_from_the_address_it_is_given() {
    on_both(|kernel| async move {
        let listener = listener(&kernel);
        let from = Ipv4Addr::new(127, 0, 0, 2);
        let ours = kernel.connect(listener.address(), Some(from.into()), PATIENCE).await.unwrap();
        assert_eq!(ours.local().ip(), from);
        assert_eq!(listener.accept().await.unwrap().peer(), ours.local());
    });
}

#[test]
fn an_address_that_is_not_ours_is_told_from_all_other_faults() {
    on_both(|kernel| async move {
        let listener = listener(&kernel);
        // Set aside for documentation: nobody has it.
        let from = Ipv4Addr::new(192, 0, 2, 1).into();
        let error = kernel.connect(listener.address(), Some(from), PATIENCE).await.unwrap_err();
        assert!(NoSuchSource::is_in(&error), "{error:?}");
        assert_eq!(error.to_string(), "the source address 192.0.2.1 is not on this host");
        let refused = kernel.connect(NOBODY, None, PATIENCE).await.unwrap_err();
        assert!(!NoSuchSource::is_in(&refused));
    });
}

#[test]
fn ipv6_is_a_family_of_its_own() {
    on_both(|kernel| async move {
        let any = SocketAddr::from(([0_u16; 8], 0));
        let listener = kernel.listen(any).unwrap();
        let port = listener.address().port();
        let v6 = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port));
        let ours = kernel.connect(v6, None, PATIENCE).await.unwrap();
        assert_eq!(listener.accept().await.unwrap().peer(), ours.local());
        let v4 = SocketAddr::from(([127, 0, 0, 1], port));
        assert!(kernel.connect(v4, None, PATIENCE).await.is_err());
    });
}

#[test]
fn a_dial_that_is_refused_says_so() {
    on_both(|kernel| async move {
        let refused = kernel.connect(NOBODY, None, PATIENCE).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

/// A listener whose queue is full answers no handshake.
#[test]
fn a_dial_that_nobody_answers_times_out() {
    on_both(|kernel| async move {
        let (silent, waiting) = full_listener();
        let began = kernel.now();
        let patience = Duration::from_millis(50);
        let to = silent.local_addr().unwrap();
        let late = kernel.connect(to, None, patience).await;
        assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut);
        assert!(kernel.now().since(began) >= patience);
        drop(waiting);
    });
}

pub(super) fn full_listener() -> (TcpListener, Vec<Socket>) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.bind(&loopback().into()).unwrap();
    socket.listen(0).unwrap();
    let listener = TcpListener::from(socket);
    let to = listener.local_addr().unwrap().into();
    let dial = || {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_nonblocking(true).unwrap();
        let _ = socket.connect(&to);
        socket
    };
    (listener, std::iter::repeat_with(dial).take(8).collect())
}

#[test]
fn a_plain_peer_is_heard_and_answered() {
    on_both(|kernel| async move {
        let listener = listener(&kernel);
        let address = listener.address();
        let peer = std::thread::spawn(move || {
            let mut peer = std::net::TcpStream::connect(address).unwrap();
            let mut words = String::new();
            peer.read_to_string(&mut words).unwrap();
            words
        });
        let theirs = listener.accept().await.unwrap();
        theirs.write(piece(b"220 hello\r\n")).await.unwrap();
        drop(theirs);
        assert_eq!(peer.join().unwrap(), "220 hello\r\n");
    });
}
