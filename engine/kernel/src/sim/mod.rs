//! A world for tests: virtual time, a network and disks in memory, faults, one seed.
//!
//! A [`World`] holds any number of hosts. Each has a disk and any number of shards, every
//! one a [`Sim`]: a [`Kernel`](crate::Kernel). All of it runs on the calling thread, one
//! task at a time; time passes only when no task is ready. The same seed and the same calls
//! give the same history, to the byte: [`World::trace`] is a hash of it.
//!
//! ```
//! use kernel::sim::World;
//! use kernel::{Kernel, Listener, Stream, Buffer};
//!
//! let world = World::new(1);
//! let (server, client) = (world.shard(world.host()), world.shard(world.host()));
//! let listener = server.listen("10.0.0.1:25".parse().unwrap()).unwrap();
//! let to = listener.address();
//! server.spawn(async move {
//!     let stream = listener.accept().await.unwrap();
//!     stream.write(kernel::Gather::from_iter([kernel::Piece::Static(b"220 hello\r\n")])).await.unwrap();
//! });
//! let read = world.block_on(async {
//!     let stream = client.connect(to, None, std::time::Duration::from_secs(5)).await.unwrap();
//!     stream.read(Buffer::with_capacity(64)).await.0.unwrap()
//! });
//! assert!(read > 0);
//! ```
//!
//! What it refuses to bear, since the real kernels lose data or descriptors over it: a read
//! or an accept that is dropped before it is done, two reads or two writes at once on a
//! socket, a journal file used after an error. Each ends the run with a panic that names
//! the seed.

mod bytes;
mod clock;
mod core;
mod dice;
mod disk;
mod executor;
mod fault;
mod file;
mod inode;
mod machine;
mod network;
mod socket;
mod transit;
mod turn;
mod world;

#[cfg(test)]
mod tests;

pub use fault::{Crash, Fault, Operation, Physics, When};
pub use file::SimFile;
pub use machine::Sim;
pub(crate) use network::EndKey as SimEnd;
pub use network::Side;
pub use socket::{SimListener, SimStream};
pub use world::{Host, World};
