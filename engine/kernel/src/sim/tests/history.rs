//! One seed, one history.

use super::{PATIENCE, put, read_all, write};
use crate::sim::{Crash, Fault, Host, Operation, Physics, When, World};
use crate::{File, Kernel, Listener, Open};
use std::path::Path;
use std::time::Duration;

/// A host whose every connection is written to a file, and answered when that is synced.
fn serve(world: &World, host: Host) {
    let sim = world.shard(host);
    let listener = sim.listen("10.0.0.1:25".parse().unwrap()).unwrap();
    let kernel = sim.clone();
    sim.spawn(async move {
        while let Ok(stream) = listener.accept().await {
            let shard = kernel.clone();
            kernel.spawn(async move {
                let path = format!("/{}", shard.random() % 4);
                let file = shard.open(Path::new(&path), Open::Create).await.unwrap();
                let heard = read_all(&stream).await.0;
                put(&file, 0, b'x', heard.len().max(1)).await.unwrap_or_default();
                let _ = file.sync().await;
                let _ = write(&stream, b"250").await;
            });
        }
    });
}

/// Clients, short reads, resets, failing writes, crashes: the hash of all that happened.
fn history(seed: u64) -> u64 {
    let physics = Physics { reset_ppm: 50_000, window_bytes: 500, ..Physics::default() };
    let world = World::with(seed, physics);
    let (host, clients) = (world.host(), world.host());
    world.plan(host, Operation::FileWrite, When::Chance(100_000), Fault::Error(libc::EIO));
    world.plan(host, Operation::FileSync, When::Nth(9), Fault::CrashDuring(Crash::Power));
    serve(&world, host);
    let client = world.shard(clients);
    for number in 0..30_u32 {
        let kernel = client.clone();
        client.spawn(async move {
            kernel.sleep_until(kernel.now() + Duration::from_millis(u64::from(number))).await;
            let to = "10.0.0.1:25".parse().unwrap();
            let Ok(stream) = kernel.connect(to, None, PATIENCE).await else { return };
            let _ = write(&stream, &vec![b'm'; 100 * number as usize]).await;
        });
    }
    for _ in 0..20 {
        world.run_for(Duration::from_millis(7));
        if !world.is_up(host) {
            world.restart(host);
            serve(&world, host);
        }
    }
    assert_eq!(world.panics(host) + world.panics(clients), 0);
    let len_of =
        |path: std::path::PathBuf| world.durable(host, &path).map_or(0, |bytes| bytes.len() as u64);
    let files = world.durable_names(host).into_iter().map(len_of).sum::<u64>();
    world.trace() ^ files
}

#[test]
fn the_same_seed_gives_the_same_history() {
    let first: Vec<u64> = (0..40).map(history).collect();
    let second: Vec<u64> = (0..40).map(history).collect();
    assert_eq!(first, second);
    let different: std::collections::BTreeSet<u64> = first.into_iter().collect();
    assert_eq!(different.len(), 40, "and another seed another one");
}
