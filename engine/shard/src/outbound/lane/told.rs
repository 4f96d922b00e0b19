//! What a connection is counted as, for the reports of TLS that domains ask for.
//!
//! A session is told once to each domain whose mail it carries; one that came to no mail, to the
//! domain whose mail is next. That costs a look at one pointer a message.
//!
//! [RFC 8460 §4.1](https://www.rfc-editor.org/rfc/rfc8460#section-4.1)

use super::Lane;
use crate::domains::Domain;
use crate::outbound::text::Transfer;
use crate::shard::Shard;
use kernel::Kernel;
use policy::tls_report::{Cover, Session};
use queue::SiteIndex;
use route::Question;
use smallvec::SmallVec;

/// Domains of a connection that are remembered. With more, one may hear of it twice.
const DOMAINS_MAX: usize = 16;

/// The domains that a connection was counted for, the last one last.
#[derive(Default)]
pub(super) struct Told(SmallVec<[Domain; 1]>);

impl Told {
    /// Whether this domain has heard of the connection.
    fn knows(&mut self, domain: &Domain) -> bool {
        if self.0.last().is_some_and(|last| last.is(domain)) {
            return true;
        }
        let Some(place) = self.0.iter().position(|known| known.is(domain)) else { return false };
        self.0[place..].rotate_left(1);
        true
    }

    /// It does from now on.
    fn add(&mut self, domain: &Domain) {
        if self.0.len() == DOMAINS_MAX {
            self.0.remove(0);
        }
        self.0.push(domain.clone());
    }
}

impl<K: Kernel> Lane<K> {
    /// The connection carries this.
    pub(super) fn tell_session(&mut self, transfer: &Transfer) {
        let Some(ledger) = &self.shard.tls_ledger else { return };
        let domain = &transfer.delivery.domain;
        if self.told.knows(domain) || ledger.is_reporter(transfer.message.envelope.sender()) {
            return;
        }
        self.told.add(domain);
        if let Some(cover) = self.approach.cover()
            && self.shard.is_told(domain)
        {
            ledger.note(self.shard.index, self.approach.session(domain, cover));
        }
    }

    /// It ends, and it may be that it never came to mail for want of TLS.
    pub(super) fn tell_missed(&self) {
        let Some(ledger) = self.shard.tls_ledger.as_ref().filter(|_| !self.ready) else { return };
        if let Some(cover) = self.approach.missed(self.session.bare())
            && let Some(domain) = self.shard.next_domain(self.index)
            && self.shard.is_told(&domain)
        {
            ledger.note(self.shard.index, self.approach.session(&domain, cover));
        }
    }
}

impl<K: Kernel> Shard<K> {
    /// Whether a domain is one that may hear of its sessions: its own DNS says where its mail goes,
    /// and TLS is wanted. What a route leads elsewhere is the operator's affair.
    fn is_told(&self, domain: &str) -> bool {
        matches!(self.live.borrow().routing.table.question(domain), Question::Mail(Some(_)))
    }

    /// Whose mail is next at a site.
    fn next_domain(&self, index: SiteIndex) -> Option<Domain> {
        self.queue.borrow_mut().first(index).map(|delivery| delivery.domain.clone())
    }

    /// No host of a domain may have its mail, by its own policy.
    pub(crate) fn tell_nowhere(&self, domain: &str, text: &str) {
        let Some(ledger) = &self.tls_ledger else { return };
        let cover = Cover::Failed(event::TlsResult::ValidationFailure, text.into());
        let (domain, host) = (domain.into(), "".into());
        let session = Session { domain, host, addresses: None, tlsa: None, cover };
        ledger.note(self.index, session);
    }
}

#[cfg(test)]
mod tests {
    use super::{DOMAINS_MAX, Told};
    use crate::domains::Domains;
    use crate::egress::Exit;

    #[test]
    fn a_domain_hears_of_a_connection_once() {
        let domains = Domains::default();
        let of = |n: usize| domains.of(format!("n{n}.test").as_bytes(), Exit::Any);
        let mut told = Told::default();
        let mut is_news = |n: usize| {
            let news = !told.knows(&of(n));
            if news {
                told.add(&of(n));
            }
            (news, told.0.len())
        };
        for (n, news) in [(0, true), (1, true), (0, false), (1, false), (2, true), (0, false)] {
            assert_eq!(is_news(n).0, news, "{n}");
        }
        for n in 3..DOMAINS_MAX {
            assert!(is_news(n).0, "{n}");
        }
        assert_eq!(is_news(DOMAINS_MAX), (true, DOMAINS_MAX));
        assert!(!is_news(0).0, "it came after 1");
        assert!(is_news(1).0, "it made room");
        let elsewhere = Domains::default().of(b"n1.test", Exit::Any);
        assert!(told.knows(&elsewhere), "another shard's is the same");
    }
}
