//! XCLIENT: a filter in front of us says for whom it speaks.

use super::session::Visit;
use kernel::Kernel;
use smtp::server::{Attribute, Attributes, Refusal, Rights};
use smtp::xtext;
use std::sync::Arc;

impl<K: Kernel> Visit<K> {
    /// From now on the peer is whom it names, with that one's rights and limits. It may speak for
    /// others still: it is the same socket.
    ///
    /// # Errors
    /// If there is no room for one more of those it speaks for.
    pub(super) fn proxied(&mut self, attributes: Attributes<'_>) -> Result<(), Refusal> {
        (self.login, self.user) = (None, None);
        self.peer.speak_for(attributes);
        let (gate, address) = (&self.door.gate, self.peer.address.ip());
        let Rights { relay, .. } = gate.rights(address);
        self.session.reconfigure(Arc::clone(gate.config_for(address)));
        self.session.grant(Rights { relay, xclient: true });
        let login = |attribute| match attribute {
            Attribute::Login(login) => Some(login),
            _ => None,
        };
        let login = attributes.iter().filter_map(login).last().flatten();
        if let Some(name) = login.and_then(xtext::decode) {
            self.vouch_for(&name);
        }
        self.come_in()
    }
}
