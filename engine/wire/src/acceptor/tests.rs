//! Names, clients' certificates, protocols, and sessions that are resumed.

use super::{Acceptor, Certificates, Clients, Roots};
use crate::pair::{Pair, Wish, acceptor, made_for};
use crate::{Cause, Certificate, TlsFacts, Unusable};
use rustls::ClientConfig;
use rustls::version::{TLS12, TLS13};
use std::sync::Arc;

const HOST: &str = "mta1.example";

fn certificate((chain, key): &(String, String)) -> Certificate {
    Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap()
}

fn facts(acceptor: &Acceptor, config: &Arc<ClientConfig>, host: &str) -> TlsFacts {
    let mut pair = Pair::met(acceptor, config, host);
    // Tickets are taken when they are read.
    let sealed = pair.sealed(b"NOOP\r\n");
    pair.tell(&sealed, 1_000).unwrap();
    pair.server.facts().unwrap()
}

#[test]
fn the_certificate_is_chosen_by_name_and_the_first_is_for_the_rest() {
    let pairs = [made_for(&[HOST]), made_for(&["*.wild.example", "b.example"])];
    let certificates = Certificates::new(pairs.iter().map(certificate).collect());
    let acceptor = Acceptor::new(Arc::clone(&certificates), &Clients::Unasked).unwrap();
    let shown = |host: &str| {
        let both = format!("{}{}", pairs[0].0, pairs[1].0);
        let config = Wish::new(&both).config();
        let mut pair = Pair::new(&acceptor, &config, host);
        // A client that does not like what it is shown gives up.
        let _ = pair.meet(1_000);
        let names = pair.client.peer_certificates().map(|chain| chain[0].clone());
        let first = pair.server.facts().is_some_and(|facts| facts.sni.as_deref() == Some(host));
        (names.is_some(), first)
    };
    for host in [HOST, "b.example", "any.wild.example"] {
        assert_eq!(shown(host), (true, true), "{host}");
    }
    let default = Wish::new(&pairs[0].0).config();
    let mut pair = Pair::new(&acceptor, &default, "unknown.example");
    assert_eq!(pair.meet(1_000).unwrap_err().cause, Cause::Alert, "shown the first, for mta1");
    let other = made_for(&["c.example"]);
    certificates.replace(vec![certificate(&other)]);
    let facts = facts(&acceptor, &Wish::new(&other.0).config(), "c.example");
    assert_eq!(facts.sni.as_deref(), Some("c.example"));
}

#[test]
fn only_our_protocol_is_spoken() {
    let (acceptor, root) = acceptor(&[HOST], &Clients::Unasked);
    let meet = |protocols: &[&str]| {
        let config = Wish { protocols, ..Wish::new(&root) }.config();
        Pair::new(&acceptor, &config, HOST).meet(1_000).map_err(|fault| fault.cause)
    };
    assert_eq!(meet(&[]), Ok(()));
    assert_eq!(meet(&["h2", "smtp"]), Ok(()));
    assert_eq!(meet(&["h2", "http/1.1"]), Err(Cause::Offer));
    assert_eq!(meet(&["imap"]), Err(Cause::Offer));
}

#[test]
fn what_was_agreed_on_is_told() {
    let (acceptor, root) = acceptor(&[HOST], &Clients::Unasked);
    for (version, name, cipher) in
        [(&TLS12, "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"), (&TLS13, "TLSv1.3", "")]
    {
        let config = Wish { versions: &[version], ..Wish::new(&root) }.config();
        let facts = facts(&acceptor, &config, HOST);
        assert_eq!((facts.version, facts.sni.as_deref()), (name, Some(HOST)));
        assert!(facts.cipher.starts_with("TLS_") && facts.cipher.starts_with(cipher), "{facts:?}");
        assert!(!facts.resumed && facts.peer_subject.is_none());
    }
}

#[test]
fn sessions_are_resumed_by_ticket_and_by_id() {
    let (acceptor, root) = acceptor(&[HOST], &Clients::Unasked);
    for (version, session_ids_only) in [(&TLS13, false), (&TLS12, false), (&TLS12, true)] {
        let config = Wish { versions: &[version], session_ids_only, ..Wish::new(&root) }.config();
        assert!(!facts(&acceptor, &config, HOST).resumed);
        assert!(facts(&acceptor, &config, HOST).resumed, "{version:?} {session_ids_only}");
    }
    let (other, root) = self::acceptor(&[HOST], &Clients::Unasked);
    let other = other.forgetful();
    let config = Wish { versions: &[&TLS13], ..Wish::new(&root) }.config();
    assert!(!facts(&other, &config, HOST).resumed);
    assert!(!facts(&other, &config, HOST).resumed, "forgetful");
}

#[test]
fn clients_show_certificates_as_they_are_asked_to() {
    let (ours, theirs) = (made_for(&["client.example"]), made_for(&["client.example"]));
    let roots = Roots::from_pem(ours.0.as_bytes()).unwrap();
    let (optional, required) = (Clients::Optional(roots.clone()), Clients::Required(roots));
    let shown = |pair: &(String, String)| Some((pair.0.clone(), pair.1.clone()));
    for (clients, shows, came_to) in [
        (&Clients::Unasked, shown(&ours), Ok(None)),
        (&optional, None, Ok(None)),
        (&optional, shown(&ours), Ok(Some("CN=client.example".into()))),
        (&optional, shown(&theirs), Err(Cause::Certificate)),
        (&required, shown(&ours), Ok(Some("CN=client.example".into()))),
        (&required, None, Err(Cause::Certificate)),
        (&required, shown(&theirs), Err(Cause::Certificate)),
    ] {
        for version in [&TLS12, &TLS13] {
            let (acceptor, root) = acceptor(&[HOST], clients);
            let pair = shows.as_ref().map(|(chain, key)| (chain.as_str(), key.as_str()));
            let wish = Wish { versions: &[version], shows: pair, ..Wish::new(&root) };
            let config = wish.config();
            for _ in 0..2 {
                let mut pair = Pair::new(&acceptor, &config, HOST);
                let met = pair.meet(1_000).map_err(|fault| fault.cause);
                let subject = met.map(|()| pair.server.facts().unwrap().peer_subject);
                assert_eq!(subject, came_to, "{clients:?}");
                pair.said();
            }
        }
    }
}

#[test]
fn who_vouches_for_clients_changes_and_no_session_carries_one_past_it() {
    let (ours, theirs) = (made_for(&["client.example"]), made_for(&["client.example"]));
    let required = |(chain, _): &(String, String)| {
        Clients::Required(Roots::from_pem(chain.as_bytes()).unwrap())
    };
    for version in [&TLS12, &TLS13] {
        let (acceptor, root) = acceptor(&[HOST], &required(&ours));
        let [one, other] = [&ours, &theirs].map(|(chain, key)| {
            let shows = Some((chain.as_str(), key.as_str()));
            Wish { versions: &[version], shows, ..Wish::new(&root) }.config()
        });
        let refused = |config: &_| {
            let met = Pair::new(&acceptor, config, HOST).meet(1_000);
            met.map_err(|fault| fault.cause) == Err(Cause::Certificate)
        };
        assert!(!facts(&acceptor, &one, HOST).resumed);
        assert!(facts(&acceptor, &one, HOST).resumed && refused(&other));
        acceptor.replace_clients(&required(&theirs)).unwrap();
        assert!(refused(&one), "it has a session, and nobody vouches for it any more");
        assert!(!facts(&acceptor, &other, HOST).resumed);
    }
}

#[test]
fn pairs_that_do_not_fit_are_told_apart() {
    let (one, other) = (made_for(&[HOST]), made_for(&[HOST]));
    let wrong = |chain: &str, key: &str| {
        Certificate::from_pem(chain.as_bytes(), key.as_bytes()).unwrap_err()
    };
    let broken = one.0.replace("MII", "MIA");
    assert!(matches!(wrong("", &one.1), Unusable::Chain(_)));
    assert!(matches!(wrong(&broken, &one.1), Unusable::Chain(_)));
    assert!(matches!(wrong(&one.0, ""), Unusable::Key(_)));
    assert!(matches!(wrong(&one.0, &one.0), Unusable::Key(_)));
    let mismatch = wrong(&one.0, &other.1).to_string();
    assert_eq!(mismatch, "is not the key to the certificate");
    assert!(Roots::from_pem(b"").is_err() && Roots::from_pem(broken.as_bytes()).is_err());
}
