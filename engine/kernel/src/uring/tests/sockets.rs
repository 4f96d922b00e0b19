//! Reading, writing, hanging up.

use super::{LONG_TEXT, is_epoll, listener, on_both, pair, pause, piece, read_all, until};
use crate::uring::stream;
use crate::{Buffer, Chunk, Gather, Kernel, Listener, Piece, Signal, Stream};
use rustix::fs::OFlags;
use rustix::io::FdFlags;
use std::cell::Cell;
use std::io::Read;
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

/// Neither a look nor the end of the stream is a byte.
#[test]
fn what_has_come_is_seen_without_being_read() {
    on_both(|kernel| async move {
        let (ours, theirs) = pair(&kernel).await;
        assert!(!theirs.has_unread());
        ours.write(piece(b"12")).await.unwrap();
        theirs.readable().await.unwrap();
        assert!(theirs.has_unread() && theirs.has_unread());
        let (result, buffer) = theirs.read(Buffer::with_capacity(4)).await;
        assert_eq!((result.unwrap(), &*buffer), (2, &b"12"[..]));
        drop(ours);
        theirs.readable().await.unwrap();
        assert!(!theirs.has_unread());
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
            writer.write(piece(&LONG_TEXT)).await.unwrap();
            writer.hang_up(b"");
        });
        pause(&kernel, 20).await;
        theirs.write(piece(b"in between")).await.unwrap();
        assert_eq!(read_all(&theirs).await.len(), LONG_TEXT.len());
        drop(theirs);
        until(&kernel, || heard.get() == 10).await;
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
            assert!(writer.write(piece(&LONG_TEXT)).await.is_err());
            bell.ring();
        });
        pause(&kernel, 20).await;
        let mut text = Vec::new();
        ours.set_nonblocking(true).unwrap();
        assert!(ours.read_to_end(&mut text).is_err(), "it reads what has come so far");
        theirs.hang_up(b"last words");
        ended.after(0).await;
        ours.set_nonblocking(false).unwrap();
        ours.read_to_end(&mut text).unwrap();
        assert!(text.iter().all(|&byte| byte == 0));
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
        let write = theirs.write(piece(&LONG_TEXT));
        let write = monoio::time::timeout(Duration::from_millis(5), write);
        assert!(write.await.is_err());
        kernel.spawn(async move { drop(theirs.write(piece(b"more")).await) });
        pause(&kernel, 5).await;
        assert_eq!(kernel.panics(), 1);
    });
}
