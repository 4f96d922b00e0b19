//! AUTH.

use super::session::Visit;
use kernel::Kernel;
use smtp::server::{Denial, Sasl};

impl<K: Kernel> Visit<K> {
    /// Judges what the peer said of itself.
    #[expect(clippy::unused_async, reason = "no listener offers AUTH yet")]
    pub(super) async fn sasl(&mut self, said: Sasl<'_>, replies: &mut Vec<u8>) {
        if said != Sasl::Cancelled {
            self.session.denied(Denial::Temporary, replies);
        }
    }
}
