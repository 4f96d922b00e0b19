//! The simulated world does what it says.

mod disk;
mod faults;
mod history;
mod network;
mod time;

use super::{Sim, SimFile, SimStream, World};
use crate::{Buffer, File, Gather, Kernel, Listener, Open, Piece, Stream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// A connection between two new hosts: the dialler's end and the listener's.
async fn pair(world: &World) -> (SimStream, SimStream) {
    let (client, server) = (world.shard(world.host()), world.shard(world.host()));
    let listener = server.listen("10.9.9.9:0".parse().unwrap()).unwrap();
    let dialled = client.connect(listener.address(), None, PATIENCE).await.unwrap();
    (dialled, listener.accept().await.unwrap())
}

async fn write(stream: &SimStream, bytes: &[u8]) -> std::io::Result<()> {
    stream.write(Gather::from_iter([Piece::Owned(bytes.to_vec())])).await
}

/// Reads until `stream` ends, and says how.
async fn read_all(stream: &SimStream) -> (Vec<u8>, std::io::Result<usize>) {
    let mut bytes = Vec::new();
    loop {
        let (result, buffer) = stream.read(Buffer::with_capacity(1_000)).await;
        bytes.extend_from_slice(&buffer);
        if !matches!(result, Ok(1..)) {
            return (bytes, result);
        }
    }
}

async fn open(sim: &Sim, path: &str, how: Open) -> SimFile {
    sim.open(Path::new(path), how).await.unwrap()
}

async fn put(file: &SimFile, offset: u64, byte: u8, len: usize) -> std::io::Result<()> {
    file.write_at(Buffer::copy_of(&vec![byte; len]), offset).await.0
}

async fn bytes_of(sim: &Sim, path: &str) -> Option<Vec<u8>> {
    let file = sim.open(Path::new(path), Open::Read).await.ok()?;
    let mut bytes = Vec::new();
    loop {
        let (read, buffer) = file.read_at(Buffer::with_capacity(4_096), bytes.len() as u64).await;
        bytes.extend_from_slice(&buffer);
        if read.unwrap() == 0 {
            return Some(bytes);
        }
    }
}

fn error_of<T>(result: std::io::Result<T>) -> Option<i32> {
    result.err().and_then(|error| error.raw_os_error())
}

/// The message of the panic that `run` ends with.
fn panic_of(run: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(run)).expect_err("it should have panicked");
    payload.downcast_ref::<String>().cloned().unwrap_or_default()
}

/// Asks for something and no longer waits for it.
async fn poll_once<T>(asked: impl Future<Output = T>) {
    let mut asked = Box::pin(asked);
    std::future::poll_fn(|context| {
        assert!(asked.as_mut().poll(context).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
}
