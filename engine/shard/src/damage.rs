//! Damage in the logs, made known: each flaw a line of the delivery log.

use crate::journal::Finding;
use crate::shard::Shard;
use event::Event;
use kernel::Kernel;

impl<K: Kernel> Shard<K> {
    /// Tells of all damage that the logs have found.
    pub(crate) fn tell_damage(&self) {
        for (log, journal) in &self.journals {
            for finding in journal.findings() {
                self.tell_finding(*log, &finding);
            }
        }
    }

    fn tell_finding(&self, log: u16, finding: &Finding) {
        let Finding { damage, copy } = finding;
        let text = copy.as_ref().err().map(ToString::to_string);
        self.tell(&Event::SpoolDamaged {
            log,
            segment: damage.segment,
            start: damage.range.start,
            end: damage.range.end,
            flaw: damage.flaw.name(),
            messages: &damage.messages,
            copy: copy.as_deref().ok(),
            text: text.as_deref(),
        });
    }
}
