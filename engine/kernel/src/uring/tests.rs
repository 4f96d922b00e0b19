//! Every test here runs on the ring and on epoll, on sockets of the loopback interface.
#![allow(unsafe_code, reason = "descriptors and filters are made by hand")]

use super::{Driver, DriverChoice, RingConfig, RunReport, Uring, UringListener, UringStream, run};
use crate::{Buffer, Gather, Kernel, Listener, Piece, Stream};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

mod arrivals;
mod descriptors;
mod dials;
mod drivers;
mod files;
mod memory;
mod shard;
mod sockets;
mod threads;

const BOTH: [DriverChoice; 2] = [DriverChoice::Uring, DriverChoice::Epoll];

/// Ends a test that hangs, and says so.
const PATIENCE: Duration = Duration::from_secs(30);

/// Nobody listens here. (A port that was just free may be another test's by now.)
const NOBODY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 99)), 9);

fn config(driver: DriverChoice) -> RingConfig {
    RingConfig { entries: 256, driver, panicked: |_| (), ..RingConfig::default() }
}

/// Runs `main` as a shard, within [`PATIENCE`].
fn run_on<F: Future>(config: RingConfig, main: impl FnOnce(Uring) -> F) -> RunReport<F::Output> {
    let ran = run(config, async |kernel| {
        monoio::time::timeout(PATIENCE, main(kernel)).await.expect("the test hangs")
    });
    ran.expect("this host has a driver")
}

/// Runs `main` on each driver.
fn on_both<F: Future>(main: impl Fn(Uring) -> F) {
    for driver in BOTH {
        run_on(config(driver), &main);
    }
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

async fn dial(kernel: &Uring, to: SocketAddr) -> UringStream {
    kernel.connect(to, None, PATIENCE).await.unwrap()
}

/// Two ends of a connection: ours, and the accepted one.
async fn pair(kernel: &Uring) -> (UringStream, UringStream) {
    let listener = kernel.listen(loopback()).unwrap();
    let ours = dial(kernel, listener.address()).await;
    (ours, listener.accept().await.unwrap())
}

fn piece(bytes: &'static [u8]) -> Gather {
    Gather::from_iter([Piece::Static(bytes)])
}

/// Reads until the end.
async fn read_all(stream: &UringStream) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = Buffer::with_capacity(64 * 1024);
    loop {
        let (result, back) = stream.read(buffer).await;
        buffer = back;
        if result.unwrap() == 0 {
            return all;
        }
        all.extend_from_slice(&buffer);
        buffer.set_len(0);
    }
}

/// Lets every task that can go on do so.
async fn pause(kernel: &Uring, millis: u64) {
    kernel.sleep_until(kernel.now() + Duration::from_millis(millis)).await;
}

/// Waits for something that must come soon; how soon depends on how busy the machine is.
async fn until(kernel: &Uring, mut come: impl FnMut() -> bool) {
    while !come() {
        pause(kernel, 1).await;
    }
}

/// More than any socket takes while nobody reads.
static LONG_TEXT: [u8; 32 << 20] = [0; 32 << 20];

fn is_epoll(kernel: &Uring) -> bool {
    kernel.driver().driver == Driver::Epoll
}

fn listener(kernel: &Uring) -> UringListener {
    kernel.listen(loopback()).unwrap()
}
