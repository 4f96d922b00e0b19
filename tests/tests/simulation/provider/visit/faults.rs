//! Connections that go wrong as the profile asks: what the session's driver does about it.

use super::Visit;
use crate::chance::pause;
use loadgen::sink::ENDLESS_LINE;
use std::io;
use std::time::Duration;

impl Visit<'_> {
    /// Says a line of a reply again and again, until the relay has enough.
    pub(super) async fn endless(&self, between: Duration) -> io::Result<()> {
        loop {
            self.dialogue.say(ENDLESS_LINE).await?;
            pause(&self.provider.sim, between).await;
        }
    }

    /// Listens and says nothing, until the relay has enough.
    pub(super) async fn mute(&mut self) -> io::Result<()> {
        loop {
            self.dialogue.anything().await?;
        }
    }

    /// Says it byte by byte.
    pub(super) async fn drip(&self, replies: Vec<u8>, between: Duration) -> io::Result<()> {
        for byte in replies {
            if self.provider.faulty.get() {
                pause(&self.provider.sim, between).await;
            }
            self.dialogue.say([byte]).await?;
        }
        Ok(())
    }
}
