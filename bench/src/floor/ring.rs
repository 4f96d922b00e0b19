//! A thin hand on the ring: operations with a token, and turns.
#![allow(unsafe_code, reason = "memory lent to the ring")]

use io_uring::{IoUring, opcode, squeue, types};
use std::io;
use std::os::fd::RawFd;

/// An operation's name, given back with its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) what: u32,
    pub(super) index: u32,
}

/// A ring, and how often the kernel was entered for it.
pub(super) struct Ring {
    ring: IoUring,
    pub(super) enters: u64,
}

const ENTRIES: u32 = 1_024;

/// `IORING_RECVSEND_POLL_FIRST`: we ask before it comes, so do not try at once.
const POLL_FIRST: u16 = 1;

impl Ring {
    /// A ring for this thread alone.
    pub(super) fn new() -> io::Result<Self> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_submit_all()
            .setup_cqsize(4 * ENTRIES)
            .build(ENTRIES)?;
        Ok(Self { ring, enters: 0 })
    }

    /// Makes `descriptors` known: later ones are named by their place among them.
    pub(super) fn register(&mut self, descriptors: &[RawFd]) -> io::Result<()> {
        self.ring.submitter().register_files(descriptors)
    }

    /// # Safety
    /// `room` stays where it is, and ours, until the token comes back.
    pub(super) unsafe fn receive(&mut self, token: Token, file: u32, room: *mut [u8]) {
        let fixed = types::Fixed(file);
        let entry = opcode::Recv::new(fixed, room.cast(), room.len() as u32).ioprio(POLL_FIRST);
        // SAFETY: our caller's promise is passed on.
        unsafe { self.push(entry.build(), token) }
    }

    /// Sends all of `bytes`.
    ///
    /// # Safety
    /// `bytes` stay where and as they are until the token comes back.
    pub(super) unsafe fn send(&mut self, token: Token, file: u32, bytes: *const [u8]) {
        let entry = opcode::Send::new(types::Fixed(file), bytes.cast(), bytes.len() as u32)
            .flags(libc::MSG_WAITALL | libc::MSG_NOSIGNAL);
        // SAFETY: our caller's promise is passed on.
        unsafe { self.push(entry.build(), token) }
    }

    /// # Safety
    /// `bytes` stay where and as they are until the token comes back.
    pub(super) unsafe fn write(&mut self, token: Token, file: u32, bytes: *const [u8], at: u64) {
        let entry = opcode::Write::new(types::Fixed(file), bytes.cast(), bytes.len() as u32);
        // SAFETY: our caller's promise is passed on.
        unsafe { self.push(entry.offset(at).build(), token) }
    }

    /// # Safety
    /// What `entry` points at stays until the token comes back.
    unsafe fn push(&mut self, entry: squeue::Entry, token: Token) {
        let entry = entry.user_data(u64::from(token.what) << 32 | u64::from(token.index));
        // SAFETY: our caller's promise is passed on.
        while unsafe { self.ring.submission().push(&entry) }.is_err() {
            self.enters += 1;
            // A queue that stays full shows as a round that its alarm ends.
            let _ = self.ring.submit();
        }
    }

    /// Submits, waits for a completion, and hands over all there are.
    pub(super) fn turn(&mut self, done: &mut Vec<(Token, i32)>) -> io::Result<()> {
        self.enters += 1;
        match self.ring.submit_and_wait(1) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        done.extend(self.ring.completion().map(|completion| {
            let data = completion.user_data();
            (Token { what: (data >> 32) as u32, index: data as u32 }, completion.result())
        }));
        Ok(())
    }
}

/// The bytes an operation moved, or how it failed: here every failure ends the round.
pub(super) fn moved(result: i32) -> io::Result<usize> {
    match result {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        1.. => Ok(result.unsigned_abs() as usize),
        _ => Err(io::Error::from_raw_os_error(-result)),
    }
}
