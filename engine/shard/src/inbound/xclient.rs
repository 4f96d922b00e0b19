//! XCLIENT.

use super::session::Visit;
use kernel::Kernel;
use smtp::server::{Attributes, Rights};

impl<K: Kernel> Visit<K> {
    /// The peer speaks for somebody else, who may nothing until we know who that is.
    pub(super) fn proxied(&mut self, _: Attributes<'_>) {
        self.session.grant(Rights::default());
    }
}
