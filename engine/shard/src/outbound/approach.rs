//! On the way to a host: what it is called, what TLS it gets, and what came of that.

use super::cover::Cover;
use super::departure::Departure;
use super::link::{Failure, Link};
use crate::routing::local;
use crate::shard::Shard;
use event::{Response, TlsResult};
use kernel::Kernel;
use policy::tls_report::{self, Session};
use queue::SiteIndex;
use smtp::client::{Config, NO_STARTTLS};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use wire::{Proof, TlsFacts};

/// How a host was reached.
#[derive(Debug)]
pub struct Passage {
    /// What the host is called, by DNS or by a route.
    pub host: Box<str>,
    /// The address of ours it saw.
    pub source_address: IpAddr,
    /// How we introduced ourselves.
    pub ehlo: Arc<str>,
    /// The pool the address is of, if it is of one.
    pub pool: Option<Arc<str>>,
    /// What the handshake came to, if there was one.
    pub tls: Option<TlsFacts>,
    /// What DNS proves of its certificates, if it does: whether that is usable.
    pub dane: Option<&'static str>,
    /// Why there is no TLS although it was wanted: what the host did.
    pub in_clear: Option<Box<str>>,
}

/// One connection, until its host is ready, and what is known of the way there after.
pub(super) struct Approach {
    peer: SocketAddr,
    source_address: IpAddr,
    ehlo: Arc<str>,
    pool: Option<Arc<str>>,
    cover: Cover,
    name: Box<str>,
    tls: Option<TlsFacts>,
    /// What the handshake failed of.
    failure: Option<tls_report::Cover>,
    passage: Option<Arc<Passage>>,
}

/// There was no handshake.
pub(super) struct Uncovered {
    /// Why, and that there had to be one.
    pub(super) response: Response,
    /// There need not be one: the host may be dialled without.
    pub(super) may_be_left_out: bool,
}

impl Approach {
    /// To the host of a site at this address, which sees us at `local`, if not at another that
    /// was asked for.
    pub(super) fn new<K: Kernel>(
        shard: &Shard<K>,
        index: SiteIndex,
        peer: SocketAddr,
        (departure, local): (&Departure, IpAddr),
    ) -> Self {
        let source = departure.source();
        let ehlo = source.map_or(&shard.hostname, |source| &source.ehlo);
        let sites = shard.sites.borrow();
        let host = sites.find(index).plan.host_at(peer);
        let name =
            host.map_or_else(|| peer.ip().to_string().into(), |host| host.bare_name().into());
        Self {
            peer,
            source_address: departure.address().unwrap_or(local),
            ehlo: Arc::clone(ehlo),
            pool: source.map(|source| Arc::clone(&source.pool)),
            cover: shard.cover(index, peer),
            name,
            tls: None,
            failure: None,
            passage: None,
        }
    }

    /// What the host is called.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The address of ours it sees.
    pub(super) const fn source_address(&self) -> IpAddr {
        self.source_address
    }

    /// How we introduce ourselves there.
    pub(super) fn config(&self) -> Config {
        let (tls, requiretls) = (self.cover.spoken(), self.cover.is_onward());
        Config { tls, requiretls, ..Config::new(&self.ehlo) }
    }

    /// The host waits for a handshake: makes it. Nothing is being read meanwhile.
    pub(super) async fn secure<K: Kernel>(
        &mut self,
        shard: &Shard<K>,
        link: &Link<K>,
    ) -> Result<(), Uncovered> {
        let (name, proof) = (self.cover.base().unwrap_or(&self.name), self.cover.proof());
        let is_known = matches!(proof, Proof::Known(_));
        let tls = shard.live.borrow().connector.connect(name, self.peer.ip(), proof);
        let met = match tls {
            Ok(tls) => link.secure(&shard.kernel, tls).await,
            Err(fault) => Err(Failure::Fault(fault)),
        };
        let may_be_left_out = self.cover.may_be_left_out();
        if met.is_ok() || may_be_left_out {
            shard.note_handshake(self.peer, met.is_ok());
        }
        let meters = shard.meters();
        match met {
            Ok(facts) => {
                meters.tls_out_handshakes.add(1);
                meters.tls_out_resumed.add(u64::from(facts.resumed));
                meters.tls_out_verified.add(u64::from(facts.verified));
                meters.tls_out_dane.add(u64::from(is_known));
                self.tls = Some(facts);
                Ok(())
            }
            Err(failure) => {
                failure.count(meters).add(1);
                let (result, why) = (failure.result(), failure.to_string());
                self.failure = Some(tls_report::Cover::Failed(result, why.into()));
                meters.tls_out_dane_failed.add(u64::from(is_known && failure.is_of_certificate()));
                let needed = if may_be_left_out { "TLS" } else { "TLS is required (`tls`) and" };
                // RFC 8689 section 4.2.1: who requires TLS hears so at once, unless it may be that
                // the next handshake is better.
                let for_good = self.cover.is_onward() && failure.is_of_certificate();
                let (code, enhanced) = if for_good { (550, (5, 7, 10)) } else { (451, (4, 7, 5)) };
                let response = local(code, enhanced, &format!("{needed} failed: {failure}"));
                Err(Uncovered { response, may_be_left_out })
            }
        }
    }

    /// The host is ready for mail. `bare`: why there is no TLS, if the session asked for it.
    pub(super) fn arrive<K: Kernel>(&mut self, shard: &Shard<K>, bare: Option<&str>) {
        let in_clear = bare.or_else(|| self.cover.in_clear()).map(Into::into);
        shard.meters().tls_out_in_clear.add(u64::from(in_clear.is_some()));
        let (host, tls) = (self.name.clone(), self.tls.take());
        let (source_address, pool) = (self.source_address, self.pool.clone());
        let (ehlo, dane) = (Arc::clone(&self.ehlo), self.cover.dane());
        let passage = Passage { host, source_address, ehlo, pool, tls, dane, in_clear };
        self.passage = Some(Arc::new(passage));
    }

    /// What we say for the host, with who it is that asks for TLS.
    pub(super) fn told(&self, response: Response) -> Response {
        if !response.local {
            return response;
        }
        let text = response.text.replace("(`tls`)", &format!("({})", self.cover.asked_by()));
        Response { text: text.into(), ..response }
    }

    /// How the host was reached, once it has been.
    pub(super) fn passage(&self) -> Option<Arc<Passage>> {
        self.passage.clone()
    }

    /// What TLS it came to, if any was wanted, once the host is ready.
    pub(super) fn cover(&self) -> Option<tls_report::Cover> {
        let passage = self.passage.as_deref()?;
        match (&passage.tls, &passage.in_clear) {
            (Some(facts), _) if facts.verified => Some(tls_report::Cover::Proven),
            (Some(facts), _) => {
                let doubt = facts.doubt.unwrap_or(TlsResult::ValidationFailure);
                Some(tls_report::Cover::Doubtful(doubt))
            }
            (None, Some(why)) => Some(bare(why)),
            (None, None) => None,
        }
    }

    /// Why it came to no TLS, if it did not. `why`: what the host said instead of a handshake.
    pub(super) fn missed(&self, why: Option<&str>) -> Option<tls_report::Cover> {
        self.failure.clone().or_else(|| why.map(bare))
    }

    /// What a domain is told of it.
    pub(super) fn session(&self, domain: &str, cover: tls_report::Cover) -> Session {
        let is_well = matches!(cover, tls_report::Cover::Proven);
        let addresses = (!is_well).then(|| (self.source_address, self.peer.ip()));
        let (domain, host) = (domain.into(), self.name.clone());
        Session { domain, host, addresses, tlsa: self.cover.tlsa(), cover }
    }
}

/// Why there was no handshake.
fn bare(why: &str) -> tls_report::Cover {
    // Whatever else is said is of a host that has it.
    let result = if why == NO_STARTTLS {
        TlsResult::StarttlsNotSupported
    } else {
        TlsResult::ValidationFailure
    };
    tls_report::Cover::Failed(result, why.into())
}
