//! Ringpost on a disk that remembers what was done to it, loses what was not flushed, and
//! fails, dawdles or hangs on orders. For root only: it mounts filesystems.

mod check;
mod dice;
mod faults;
mod format;
mod ledger;
mod load;
mod look;
mod power;
mod relay;
mod replay;
mod rig;
mod slow;
