//! Connections that another shard serves, and sockets that others listen on too.

use super::{BOTH, config, dial, listener, loopback, on_both, pause, piece, read_all, run_on};
use crate::{Arrival, Kernel, Listener, Stream, mailbox};
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread;

/// From any driver to any: what was made ready for one must not confuse the other.
#[test]
fn a_connection_is_served_where_it_was_not_taken() {
    for (taker, server) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let (to_server, mut arrivals) = mailbox::<Arrival>();
        let serving = thread::spawn(move || {
            run_on(config(BOTH[server]), async |kernel| {
                arrivals.arrival().await;
                let stream = kernel.adopt(arrivals.take().unwrap()).unwrap();
                assert_eq!(read_all(&stream).await, b"late");
                stream.write(piece(b"heard")).await.unwrap();
            });
        });
        run_on(config(BOTH[taker]), async |kernel| {
            let listener = listener(&kernel);
            let ours = dial(&kernel, listener.address()).await;
            to_server.post(listener.take().await.unwrap());
            // Not there yet when it is read: the reader must wait, not fail.
            pause(&kernel, 20).await;
            ours.write(piece(b"late")).await.unwrap();
            rustix::net::shutdown(
                super::super::stream::descriptor(ours.socket()),
                rustix::net::Shutdown::Write,
            )
            .unwrap();
            assert_eq!(read_all(&ours).await, b"heard");
        });
        serving.join().unwrap();
    }
}

#[test]
fn a_connection_nobody_makes_its_own_is_closed() {
    on_both(|kernel| async move {
        let listener = listener(&kernel);
        let ours = dial(&kernel, listener.address()).await;
        drop(listener.take().await.unwrap());
        assert!(read_all(&ours).await.is_empty());
    });
}

/// Closing ours ends our accept, and leaves those who connect then to whoever comes next.
#[test]
fn a_socket_that_is_lent_outlives_our_listener() {
    on_both(|kernel| async move {
        let held = TcpListener::bind(loopback()).unwrap();
        let address = held.local_addr().unwrap();
        let first = Rc::new(kernel.listen_on(held.as_fd()).unwrap());
        let (closer, timer) = (Rc::clone(&first), kernel.clone());
        kernel.spawn(async move {
            pause(&timer, 10).await;
            closer.close();
        });
        assert!(first.accept().await.is_err());
        assert!(first.accept().await.is_err());
        let waiting = TcpStream::connect(address).unwrap();
        drop(first);
        let second = kernel.listen_on(held.as_fd()).unwrap();
        assert_eq!(second.address(), address);
        assert_eq!(second.accept().await.unwrap().peer(), waiting.local_addr().unwrap());
    });
}

#[test]
fn those_for_whom_there_is_no_room_are_told_so() {
    on_both(|kernel| async move {
        let listener = listener(&kernel);
        let clients: Vec<_> =
            (0..3).map(|_| TcpStream::connect(listener.address()).unwrap()).collect();
        assert_eq!(listener.turn_away(b"421 no room\r\n"), 3);
        assert_eq!(listener.turn_away(b"421 no room\r\n"), 0);
        let (tell, told) = channel();
        thread::spawn(move || {
            for mut client in clients {
                let mut said = String::new();
                client.read_to_string(&mut said).unwrap();
                tell.send(said).unwrap();
            }
        });
        assert!(told.iter().all(|said| said == "421 no room\r\n"));
    });
}
