//! XCLIENT: a filter in front of us says for whom it speaks.

use super::session::Visit;
use kernel::Kernel;
use smtp::server::{Attributes, Rights};

impl<K: Kernel> Visit<K> {
    /// From now on the peer is whom it names, with that one's rights. It may speak for others
    /// still: it is the same socket.
    pub(super) fn proxied(&mut self, attributes: Attributes<'_>) {
        self.peer.speak_for(attributes);
        let Rights { relay, .. } = self.door.gate.rights(self.peer.address.ip());
        self.session.grant(Rights { relay, xclient: true });
    }
}
