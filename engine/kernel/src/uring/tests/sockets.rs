//! Accepting, dialling, reading, writing, hanging up.

use super::{PATIENCE, dial, is_epoll, listener, loopback, on_both, pair, pause, piece, read_all};
use crate::uring::listener::TURN_MAX;
use crate::uring::{UringStream, stream};
use crate::{Buffer, Chunk, Gather, Kernel, Listener, Piece, Signal, Stream};
use rustix::fs::OFlags;
use rustix::io::FdFlags;
use std::cell::Cell;
use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn bytes_arrive_behind_what_the_buffer_holds() {
    on_both(|kernel| async move {
        let (ours, theirs) = pair(&kernel).await;
        ours.write(piece(b"hello")).await.unwrap();
        let mut buffer = Buffer::with_capacity(8);
        buffer.extend(b">> ");
        let (result, buffer) = theirs.read(buffer).await;
        assert_eq!((result.unwrap(), &*buffer), (5, &b">> hello"[..]));
    });
}

#[test]
fn a_read_takes_no_more_than_there_is_room_for() {
    on_both(|kernel| async move {
        let (ours, theirs) = pair(&kernel).await;
        ours.write(piece(b"123456")).await.unwrap();
        let (first, buffer) = theirs.read(Buffer::with_capacity(4)).await;
        assert_eq!((first.unwrap(), &*buffer), (4, &b"1234"[..]));
        let (rest, buffer) = theirs.read(Buffer::with_capacity(4)).await;
        assert_eq!((rest.unwrap(), &*buffer), (2, &b"56"[..]));
        drop(ours);
        assert_eq!(theirs.read(buffer).await.0.unwrap(), 0);
    });
}

/// All kinds of pieces, empty ones among them, more than one operation takes, and more bytes
/// than the socket does while the reader is slow.
#[test]
fn a_gathered_write_is_sent_whole_and_in_order() {
    on_both(|kernel| async move {
        let (ours, theirs) = pair(&kernel).await;
        let shared = Arc::new(Buffer::copy_of(&vec![b's'; 50_000]));
        let mut pieces = Gather::new();
        for round in 0..1_500_u32 {
            pieces.push(Piece::Owned(round.to_be_bytes().repeat(300)));
            pieces.push(Piece::Owned(Vec::new()));
            pieces.push(Piece::Static(b""));
            let bytes = if round % 10 == 0 { 0..50_000 } else { 7..1_007 };
            pieces.push(Piece::Shared(Chunk::new(Arc::clone(&shared), bytes)));
        }
        let expected: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
        kernel.spawn(async move { ours.write(pieces).await.unwrap() });
        pause(&kernel, 20).await;
        assert!(read_all(&theirs).await == expected);
    });
}

#[test]
fn a_write_of_nothing_sends_nothing() {
    on_both(|kernel| async move {
        let (ours, theirs) = pair(&kernel).await;
        ours.write(Gather::new()).await.unwrap();
        ours.write(piece(b"")).await.unwrap();
        drop(ours);
        assert!(read_all(&theirs).await.is_empty());
    });
}

#[test]
fn a_read_and_a_write_may_be_pending_at_once() {
    on_both(|kernel| async move {
        let (ours, theirs) = pair(&kernel).await;
        let reader = ours.clone();
        let heard = Rc::new(Cell::new(0));
        let count = Rc::clone(&heard);
        kernel.spawn(async move { count.set(read_all(&reader).await.len()) });
        let writer = ours.clone();
        kernel.spawn(async move {
            writer.write(Gather::from_iter([Piece::Owned(vec![b'x'; 8 << 20])])).await.unwrap();
            writer.hang_up(b"");
        });
        pause(&kernel, 20).await;
        theirs.write(piece(b"in between")).await.unwrap();
        assert_eq!(read_all(&theirs).await.len(), 8 << 20);
        drop(theirs);
        pause(&kernel, 20).await;
        assert_eq!(heard.get(), 10);
    });
}

#[test]
fn readable_waits_and_takes_nothing() {
    on_both(|kernel| async move {
        let (ours, theirs) = pair(&kernel).await;
        let (waiting, began) = (theirs.clone(), kernel.now());
        let speaker = kernel.clone();
        kernel.spawn(async move {
            pause(&speaker, 20).await;
            ours.write(piece(b"now")).await.unwrap();
            pause(&speaker, 20).await;
        });
        waiting.readable().await.unwrap();
        assert!(kernel.now().since(began) >= Duration::from_millis(20));
        assert_eq!(read_all(&theirs).await, b"now");
        theirs.readable().await.unwrap();
    });
}

/// A wait for readiness may be dropped, and what comes then is there for the next read.
#[test]
fn a_dropped_wait_loses_no_byte() {
    on_both(|kernel| async move {
        let (ours, theirs) = pair(&kernel).await;
        for _ in 0..50 {
            let wait = monoio::time::timeout(Duration::from_millis(1), theirs.readable());
            assert!(wait.await.is_err());
            ours.write(piece(b"word")).await.unwrap();
            let (result, buffer) = theirs.read(Buffer::with_capacity(64)).await;
            assert_eq!((result.unwrap(), &*buffer), (4, &b"word"[..]));
        }
    });
}

#[test]
fn hang_up_ends_a_pending_read_after_the_last_words() {
    on_both(|kernel| async move {
        let (ours, theirs) = pair(&kernel).await;
        let (reader, ended) = (theirs.clone(), Signal::default());
        let bell = ended.clone();
        kernel.spawn(async move {
            assert_eq!(reader.read(Buffer::with_capacity(64)).await.0.unwrap(), 0);
            bell.ring();
        });
        pause(&kernel, 5).await;
        theirs.hang_up(b"421 too slow\r\n");
        ended.after(0).await;
        assert_eq!(read_all(&ours).await, b"421 too slow\r\n");
        assert_eq!(theirs.read(Buffer::with_capacity(64)).await.0.unwrap(), 0);
    });
}

#[test]
fn hang_up_ends_a_pending_wait_for_readiness() {
    on_both(|kernel| async move {
        let (_ours, theirs) = pair(&kernel).await;
        let (waiter, ended) = (theirs.clone(), Signal::default());
        let bell = ended.clone();
        kernel.spawn(async move {
            waiter.readable().await.unwrap();
            assert_eq!(waiter.read(Buffer::with_capacity(64)).await.0.unwrap(), 0);
            bell.ring();
        });
        pause(&kernel, 5).await;
        theirs.hang_up(b"");
        ended.after(0).await;
    });
}

/// The peer would take words inside a message for its text, were there room for them.
#[test]
fn hang_up_ends_a_pending_write_and_says_nothing_inside_it() {
    on_both(|kernel| async move {
        let listener = listener(&kernel);
        let mut ours = std::net::TcpStream::connect(listener.address()).unwrap();
        let theirs = listener.accept().await.unwrap();
        let (writer, ended) = (theirs.clone(), Signal::default());
        let bell = ended.clone();
        kernel.spawn(async move {
            let text = Gather::from_iter([Piece::Owned(vec![b'x'; 32 << 20])]);
            assert!(writer.write(text).await.is_err());
            bell.ring();
        });
        pause(&kernel, 20).await;
        let mut text = vec![0; 2 << 20];
        ours.read_exact(&mut text).unwrap();
        theirs.hang_up(b"last words");
        ended.after(0).await;
        ours.read_to_end(&mut text).unwrap();
        assert!(text.iter().all(|&byte| byte == b'x'));
    });
}

#[test]
fn a_peer_that_went_is_an_error_to_the_writer() {
    on_both(|kernel| async move {
        let (ours, theirs) = pair(&kernel).await;
        drop(ours);
        pause(&kernel, 5).await;
        let mut outcomes = Vec::new();
        for _ in 0..3 {
            outcomes.push(theirs.write(piece(b"anyone there?")).await.is_ok());
            pause(&kernel, 5).await;
        }
        assert_eq!(outcomes, [true, false, false], "the first write meets the peer's reset");
    });
}

#[test]
fn sockets_are_set_up_for_a_relay() {
    on_both(|kernel| async move {
        let (ours, theirs) = pair(&kernel).await;
        for end in [&ours, &theirs] {
            let socket = stream::descriptor(end.socket());
            assert!(rustix::net::sockopt::tcp_nodelay(socket).unwrap());
            assert!(rustix::io::fcntl_getfd(socket).unwrap().contains(FdFlags::CLOEXEC));
            let flags = rustix::fs::fcntl_getfl(socket).unwrap();
            assert_eq!(flags.contains(OFlags::NONBLOCK), is_epoll(&kernel));
        }
        assert_eq!((ours.local(), ours.peer()), (theirs.peer(), theirs.local()));
    });
}

#[test]
fn one_read_and_one_write_at_a_time_and_a_lost_write_is_not_continued() {
    on_both(|kernel| async move {
        let (_ours, theirs) = pair(&kernel).await;
        let text = Gather::from_iter([Piece::Owned(vec![b'x'; 32 << 20])]);
        let write = monoio::time::timeout(Duration::from_millis(5), theirs.write(text));
        assert!(write.await.is_err());
        kernel.spawn(async move { drop(theirs.write(piece(b"more")).await) });
        pause(&kernel, 5).await;
        assert_eq!(kernel.panics(), 1);
    });
}

#[test]
fn accept_ends_when_the_listener_is_closed() {
    on_both(|kernel| async move {
        let listener = Rc::new(listener(&kernel));
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
        let gone = TcpListener::bind(loopback()).unwrap().local_addr().unwrap();
        let refused = kernel.connect(gone, None, PATIENCE).await;
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

pub(super) fn full_listener() -> (TcpListener, Vec<std::net::TcpStream>) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&loopback().into()).unwrap();
    socket.listen(0).unwrap();
    let listener = TcpListener::from(socket);
    let to = listener.local_addr().unwrap();
    let patience = Duration::from_millis(20);
    let dials = std::iter::from_fn(|| std::net::TcpStream::connect_timeout(&to, patience).ok());
    let waiting = dials.take(16).collect();
    (listener, waiting)
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
