//! TLS at the door: before the first word, or when the peer asks for it.

use super::session::Visit;
use kernel::Kernel;
use std::io;
use std::sync::Arc;

impl<K: Kernel> Visit<K> {
    /// Goes through the handshake; the conversation begins anew under TLS.
    ///
    /// # Errors
    /// There was none. The connection is of no use.
    pub(super) async fn secure(&mut self) -> io::Result<()> {
        let security = self.door.gate.security.as_ref();
        let acceptor = security.map(|security| Arc::clone(&security.acceptor));
        let acceptor = acceptor.ok_or(io::ErrorKind::Unsupported)?;
        self.connection.secure(&self.shard, &acceptor).await?;
        self.session.secured();
        Ok(())
    }
}
