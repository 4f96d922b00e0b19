//! What is pushed back is read again, and in order.

use super::Connection;
use crate::watch::Watches;
use event::Tick;
use kernel::sim::{Sim, SimStream, World};
use kernel::{Buffer, Gather, Kernel, Listener, Piece, Stream};
use std::time::Duration;

/// The dialler's end of a connection, and ours.
async fn pair(world: &World, watches: &Watches<SimStream>) -> (SimStream, Connection<Sim>) {
    let (client, server) = (world.shard(world.host()), world.shard(world.host()));
    let listener = server.listen("10.9.9.9:0".parse().unwrap()).unwrap();
    let dialled = client.connect(listener.address(), None, Duration::from_secs(5)).await.unwrap();
    let accepted = listener.accept().await.unwrap();
    (dialled, Connection::new(watches, accepted, Tick::NEVER, b"421 bye\r\n"))
}

async fn write(stream: &SimStream, bytes: &[u8]) {
    stream.write(Gather::from_iter([Piece::Owned(bytes.to_vec())])).await.unwrap();
}

/// Reads `count` bytes, at most `most` at a time.
async fn read(connection: &mut Connection<Sim>, count: usize, most: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        connection.readable().await.unwrap();
        let room = most.min(count - bytes.len());
        let (result, buffer) = connection.read(Buffer::with_capacity(room)).await;
        assert!(result.unwrap() > 0, "the peer has not ended");
        bytes.extend_from_slice(&buffer);
    }
    bytes
}

#[test]
fn what_is_pushed_back_is_read_first_at_any_size_of_read() {
    for most in 1..12 {
        let world = World::new(most);
        world.block_on(async {
            let watches = Watches::default();
            let (client, mut connection) = pair(&world, &watches).await;
            write(&client, b"PROXY EHLO x\r\n").await;
            let header = read(&mut connection, 8, 8).await;
            assert_eq!(header, b"PROXY EH");
            connection.push_back(&header[6..]);
            connection.push_back(b"");
            connection.push_back(b"[]");
            assert_eq!(read(&mut connection, 10, most as usize).await, b"[]EHLO x\r\n");
        });
    }
}

#[test]
fn whoever_is_hung_up_hears_the_last_words() {
    let world = World::new(1);
    let heard = world.block_on(async {
        let watches = Watches::default();
        let (client, connection) = pair(&world, &watches).await;
        connection.watch().idle_until(Tick::ZERO);
        watches.sweep(world.now(), |_, heard| assert_eq!(heard, b"421 bye\r\n"));
        client.read(Buffer::with_capacity(100)).await.1
    });
    assert_eq!(&*heard, b"421 bye\r\n");
}
