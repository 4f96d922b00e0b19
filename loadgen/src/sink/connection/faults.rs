//! Connections that go wrong on purpose.

use super::{Conversation, LOOK};
use crate::clock;
use crate::net::{self, Input};
use crate::sink::session::ENDLESS_LINE;
use std::io;
use std::net::Shutdown;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

impl Conversation<'_> {
    /// Sends what there is to say byte by byte.
    pub(super) async fn drip(&mut self, pause: Duration) -> io::Result<()> {
        for byte in std::mem::take(&mut self.output.replies) {
            self.nap(pause).await?;
            self.stream.write(vec![byte]).await.0?;
        }
        Ok(())
    }

    /// Says a line of a reply again and again, until the peer has enough.
    pub(super) async fn endless(mut self, pause: Duration) {
        self.say_late().await;
        self.delay = Duration::ZERO;
        loop {
            self.output.replies.extend_from_slice(ENDLESS_LINE);
            if self.reply().await.is_err() || self.nap(pause).await.is_err() {
                break;
            }
        }
        self.session.leave(clock::now());
        self.stream.shutdown(Shutdown::Both);
    }

    /// Listens and says nothing, until the peer has enough.
    pub(super) async fn mute(mut self, mut input: Input) {
        self.say_late().await;
        loop {
            input.consume(input.unread().len());
            let (read, returned) = self.stream.read(input).await;
            input = returned;
            if !read.is_ok_and(|count| count > 0) {
                break;
            }
        }
        self.session.leave(clock::now());
        self.stream.shutdown(Shutdown::Both);
    }

    /// Throws the connection away: the close that follows is a reset.
    pub(super) fn reset(mut self) {
        self.session.leave(clock::now());
        if self.stream.will_reset().is_err() {
            self.stream.shutdown(Shutdown::Both);
        }
    }

    /// Waits, and looks often whether the simulator stops.
    async fn nap(&self, span: Duration) -> io::Result<()> {
        let mut left = span;
        while !left.is_zero() {
            let part = left.min(LOOK);
            net::sleep(part).await;
            left -= part;
            if self.desk.shared.stop.load(Relaxed) {
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
        Ok(())
    }
}
