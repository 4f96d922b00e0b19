//! Connections: their bytes, their beginnings and their ends.

use super::{PATIENCE, error_of, pair, panic_of, poll_once, read_all, write};
use crate::sim::{Crash, Fault, Operation, Physics, Side, When, World};
use crate::{Buffer, Kernel, Listener, Stream};
use std::io::ErrorKind;

const SAID: &[u8] = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n";

#[test]
fn bytes_arrive_whole_and_in_order_however_they_are_cut() {
    for seed in 0..50 {
        let physics = Physics { window_bytes: 7, short_ppm: 900_000, ..Physics::default() };
        let world = World::with(seed, physics);
        let heard = world.block_on(async {
            let (client, server) = pair(&world).await;
            world.shard(world.host()).spawn(async move { write(&client, SAID).await.unwrap() });
            read_all(&server).await
        });
        assert_eq!((&*heard.0, heard.1.unwrap()), (SAID, 0), "seed {seed}");
    }
}

#[test]
fn reads_come_in_many_sizes() {
    let mut sizes = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let world = World::new(seed);
        sizes.insert(world.block_on(async {
            let (client, server) = pair(&world).await;
            write(&client, SAID).await.unwrap();
            server.read(Buffer::with_capacity(100)).await.0.unwrap()
        }));
    }
    assert!(sizes.contains(&1) && sizes.contains(&SAID.len()) && sizes.len() > 9, "{sizes:?}");
}

#[test]
fn a_writer_waits_for_a_reader() {
    let world = World::with(1, Physics { window_bytes: 100, ..Physics::default() });
    let (client, server) = world.block_on(pair(&world));
    let bell = crate::Signal::default();
    let rings = bell.clone();
    world.shard(world.host()).spawn(async move {
        write(&client, &[7; 150]).await.unwrap();
        rings.ring();
    });
    assert!(world.run_until_idle(PATIENCE));
    assert_eq!(bell.rings(), 0, "50 bytes have no room");
    let heard = world.block_on(read_all(&server));
    assert_eq!((heard.0.len(), bell.rings()), (150, 1));
}

#[test]
fn who_listens_not_is_refused_and_who_accepts_not_is_silent() {
    let world = World::with(1, Physics { backlog: 1, ..Physics::default() });
    let (client, server) = (world.shard(world.host()), world.shard(world.host()));
    let to = "127.0.0.1:25".parse().unwrap();
    world.block_on(async {
        let refused = client.connect(to, None, PATIENCE).await;
        assert_eq!(error_of(refused), Some(libc::ECONNREFUSED));
        let _listener = server.listen(to).unwrap();
        let first = client.connect(to, None, PATIENCE).await.unwrap();
        assert!(first.local().ip().is_loopback());
        let before = world.now();
        let second = client.connect(to, None, PATIENCE).await;
        assert_eq!(second.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(world.now(), before + PATIENCE);
    });
}

#[test]
fn an_address_is_shared_by_the_shards_of_one_host_only() {
    let world = World::new(3);
    let host = world.host();
    let to = "10.0.0.1:25".parse().unwrap();
    let listeners = [0, 1].map(|_| world.shard(host).listen(to).unwrap());
    let client = world.shard(world.host());
    assert_eq!(error_of(client.listen(to)), Some(libc::EADDRINUSE));
    world.block_on(async {
        for _ in 0..20 {
            client.connect(to, None, PATIENCE).await.unwrap();
        }
        for listener in &listeners {
            listener.accept().await.unwrap();
        }
    });
    let other = client.listen("10.0.0.2:0".parse().unwrap()).unwrap();
    assert_ne!(other.address().port(), 0);
}

#[test]
fn a_cut_lets_exactly_so_many_bytes_through() {
    for (bytes, side) in
        (0..=SAID.len() as u64).flat_map(|at| [(at, Side::Dialler), (at, Side::Listener)])
    {
        let world = World::new(bytes);
        let server = world.shard(world.host());
        let listener = server.listen("10.0.0.1:25".parse().unwrap()).unwrap();
        world.cut(listener.address(), 1, side, bytes);
        let heard = world.block_on(async {
            let client = world.shard(world.host());
            let dialled = client.connect(listener.address(), None, PATIENCE).await.unwrap();
            let accepted = listener.accept().await.unwrap();
            let (speaker, hearer) =
                if side == Side::Dialler { (dialled, accepted) } else { (accepted, dialled) };
            let _ = write(&speaker, SAID).await;
            let heard = read_all(&hearer).await;
            assert!(read_all(&speaker).await.1.is_err(), "both ends hear of it");
            heard
        });
        assert_eq!(heard.0, SAID[..bytes as usize]);
        assert_eq!(error_of(heard.1), Some(libc::ECONNRESET));
    }
}

#[test]
fn random_resets_come_at_random_bytes_and_are_heard_of() {
    let mut lengths = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let physics = Physics { reset_ppm: 300_000, short_ppm: 0, ..Physics::default() };
        let world = World::with(seed, physics);
        let heard = world.block_on(async {
            let (client, server) = pair(&world).await;
            for part in SAID.chunks(9) {
                let _ = write(&client, part).await;
            }
            // A connection that swallows bytes and lives on would keep the reader for ever.
            let heard = read_all(&server);
            drop(client);
            heard.await
        });
        assert_eq!(heard.0, SAID[..heard.0.len()]);
        assert!(heard.1.is_err() || heard.0 == SAID, "seed {seed}");
        lengths.insert(heard.0.len());
    }
    assert!(lengths.len() > 20, "{lengths:?}");
}

#[test]
fn hanging_up_says_the_last_words_and_ends_a_pending_read() {
    let world = World::new(1);
    world.block_on(async {
        let (client, server) = pair(&world).await;
        let reader = server.clone();
        let bell = crate::Signal::default();
        let rings = bell.clone();
        world.shard(world.host()).spawn(async move {
            assert_eq!(reader.read(Buffer::with_capacity(9)).await.0.unwrap(), 0);
            rings.ring();
        });
        server.hang_up(b"421 bye\r\n");
        bell.after(0).await;
        let heard = read_all(&client).await;
        assert_eq!((&*heard.0, heard.1.unwrap()), (&b"421 bye\r\n"[..], 0));
        assert_eq!(error_of(write(&server, b"more").await), Some(libc::EPIPE));
    });
}

#[test]
fn an_end_with_unread_bytes_is_a_reset() {
    let world = World::new(1);
    world.block_on(async {
        let (client, server) = pair(&world).await;
        write(&client, SAID).await.unwrap();
        server.readable().await.unwrap();
        drop(server);
        assert_eq!(error_of(read_all(&client).await.1), Some(libc::ECONNRESET));
    });
}

#[test]
fn what_is_sent_to_a_closed_end_comes_back_as_a_reset() {
    let world = World::new(1);
    world.block_on(async {
        let (client, server) = pair(&world).await;
        drop(server);
        assert_eq!(read_all(&client).await.1.unwrap(), 0);
        write(&client, SAID).await.unwrap();
        assert_eq!(error_of(read_all(&client).await.1), None, "an end stays an end");
        world.shard(world.host()).sleep_until(world.now() + PATIENCE).await;
        assert_eq!(error_of(write(&client, SAID).await), Some(libc::ECONNRESET));
    });
}

#[test]
fn a_host_holds_a_connection_until_its_last_handle_is_dropped() {
    let world = World::new(1);
    let (host, server) = (world.host(), world.shard(world.host()));
    let listener = server.listen("10.0.0.2:25".parse().unwrap()).unwrap();
    let dialled =
        world.block_on(world.shard(host).connect(listener.address(), None, PATIENCE)).unwrap();
    let other = dialled.clone();
    drop(dialled);
    assert_eq!(world.connections(host), [(other.local(), other.peer())]);
    drop(other);
    assert_eq!(world.connections(host), []);
}

#[test]
fn a_closed_listener_ends_its_accept() {
    let world = World::new(1);
    let sim = world.shard(world.host());
    let listener = std::rc::Rc::new(sim.listen("10.0.0.1:25".parse().unwrap()).unwrap());
    let closes = std::rc::Rc::clone(&listener);
    let kernel = sim.clone();
    sim.spawn(async move {
        kernel.sleep_until(kernel.now() + PATIENCE).await;
        closes.close();
    });
    world.block_on(async {
        assert!(listener.accept().await.is_err());
        assert!(listener.accept().await.is_err());
        let late = sim.connect(listener.address(), None, PATIENCE).await;
        assert_eq!(error_of(late), Some(libc::ECONNREFUSED));
    });
}

#[test]
fn after_a_power_loss_the_peer_hears_nothing_until_the_host_is_back() {
    let world = World::new(1);
    let (host, client) = (world.host(), world.shard(world.host()));
    let to = "10.0.0.1:25".parse().unwrap();
    let listener = world.shard(host).listen(to).unwrap();
    let dialled = world.block_on(async {
        let dialled = client.connect(to, None, PATIENCE).await.unwrap();
        listener.accept().await.map(std::mem::forget).unwrap();
        dialled
    });
    world.crash(host, Crash::Power);
    let reader = dialled.clone();
    let bell = crate::Signal::default();
    let rings = bell.clone();
    client.spawn(async move {
        assert_eq!(error_of(read_all(&reader).await.1), Some(libc::ECONNRESET));
        rings.ring();
    });
    world.block_on(write(&dialled, SAID)).unwrap();
    assert!(world.run_until_idle(PATIENCE));
    assert_eq!(bell.rings(), 0, "half open");
    let dialled_again = world.block_on(client.connect(to, None, PATIENCE));
    assert_eq!(dialled_again.unwrap_err().kind(), ErrorKind::TimedOut);
    world.restart(host);
    world.block_on(write(&dialled, SAID)).unwrap();
    world.block_on(bell.after(0));
    assert_eq!(
        error_of(world.block_on(client.connect(to, None, PATIENCE))),
        Some(libc::ECONNREFUSED)
    );
}

#[test]
fn after_a_kill_the_peer_hears_an_end() {
    let world = World::new(1);
    let (host, client) = (world.host(), world.shard(world.host()));
    let listener = world.shard(host).listen("10.0.0.1:25".parse().unwrap()).unwrap();
    let dialled = world.block_on(client.connect(listener.address(), None, PATIENCE)).unwrap();
    let accepted = world.block_on(listener.accept()).unwrap();
    world.crash(host, Crash::Kill);
    assert_eq!(world.block_on(read_all(&dialled)).1.unwrap(), 0);
    drop(accepted);
}

#[test]
fn a_read_that_is_dropped_ends_the_run() {
    let world = World::new(5);
    let (_client, server) = world.block_on(pair(&world));
    let said = panic_of(|| world.block_on(poll_once(server.read(Buffer::with_capacity(9)))));
    assert!(said.contains("seed 5") && said.contains("dropped before it was done"), "{said}");
}

#[test]
fn two_reads_at_once_end_the_run() {
    let world = World::new(5);
    let (_client, server) = world.block_on(pair(&world));
    let again = server.clone();
    for stream in [server, again] {
        world.shard(world.host()).spawn(async move {
            stream.read(Buffer::with_capacity(9)).await.0.unwrap();
        });
    }
    let said = panic_of(|| world.run_for(PATIENCE));
    assert!(said.contains("while another was pending"), "{said}");
}

#[test]
fn a_planned_error_resets_the_connection_unless_it_passes() {
    for (error, rest) in [(libc::EIO, Err(Some(libc::ECONNRESET))), (libc::EINTR, Ok(SAID))] {
        let world = World::new(1);
        let (host, server) = (world.host(), world.shard(world.host()));
        let listener = server.listen("10.0.0.2:25".parse().unwrap()).unwrap();
        let client = world.shard(host);
        world.plan(host, Operation::Write, When::Nth(1), Fault::Error(error));
        let heard = world.block_on(async {
            let dialled = client.connect(listener.address(), None, PATIENCE).await.unwrap();
            let accepted = listener.accept().await.unwrap();
            assert_eq!(error_of(write(&dialled, SAID).await), Some(error));
            let _ = write(&dialled, SAID).await;
            drop(dialled);
            read_all(&accepted).await
        });
        assert_eq!(heard.1.map(|_| &*heard.0).map_err(|error| error.raw_os_error()), rest);
    }
}
