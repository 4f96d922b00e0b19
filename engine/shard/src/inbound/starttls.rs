//! STARTTLS.

use super::session::Visit;
use kernel::Kernel;
use std::io;

impl<K: Kernel> Visit<K> {
    /// The peer waits for the handshake.
    #[expect(clippy::unused_async, reason = "no listener offers STARTTLS yet")]
    pub(super) async fn secure(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
