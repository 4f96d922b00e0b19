//! Servers with every kind of certificate, and every kind of record that may know it.

use crate::connector::tests::{HOST, Pair};
use crate::{Cause, Connector, Fault, Proof, TlsFacts};
use event::{Tlsa, TlsaSet};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair,
    PublicKeyData as _,
};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use sha2::{Digest as _, Sha256, Sha512};
use std::sync::Arc;

/// A certificate, and its key as a record may hold it.
struct Made {
    whole: CertificateDer<'static>,
    spki: Vec<u8>,
    key: KeyPair,
}

/// Somebody who vouches for others, and one of those.
struct Line {
    anchor: Made,
    own: Made,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    Foreign,
    Expired,
}

fn made(key: KeyPair, certificate: &Certificate) -> Made {
    Made { whole: certificate.der().clone(), spki: key.subject_public_key_info(), key }
}

fn line(flaw: Flaw) -> Line {
    let (anchor_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let mut anchor = CertificateParams::default();
    anchor.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    anchor.distinguished_name.push(DnType::CommonName, "an authority");
    let vouches = anchor.self_signed(&anchor_key).unwrap();
    let name = if flaw == Flaw::Foreign { "elsewhere.example" } else { HOST };
    let mut own = CertificateParams::new([name.to_owned()]).unwrap();
    if flaw == Flaw::Expired {
        own.not_after = rcgen::date_time_ymd(2024, 1, 1);
    }
    let own = own.signed_by(&key, &Issuer::new(anchor, &anchor_key)).unwrap();
    Line { anchor: made(anchor_key, &vouches), own: made(key, &own) }
}

impl Line {
    /// A server that shows its own certificate, and that of whoever vouches for it, or not.
    fn server(
        &self,
        vouched: bool,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ServerConfig> {
        let mut shown = vec![self.own.whole.clone()];
        shown.extend(vouched.then(|| self.anchor.whole.clone()));
        let key = PrivateKeyDer::try_from(self.own.key.serialize_der()).unwrap();
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)
            .unwrap();
        Arc::new(builder.with_no_client_auth().with_single_cert(shown, key).unwrap())
    }
}

/// The record of `made` with these fields.
fn record((usage, selector, matching): (u8, u8, u8), made: &Made) -> Tlsa {
    let part = if selector == 0 { &made.whole[..] } else { &made.spki };
    let data = match matching {
        0 => part.to_vec(),
        1 => Sha256::digest(part).to_vec(),
        _ => Sha512::digest(part).to_vec(),
    };
    Tlsa::read(usage, selector, matching, &data).unwrap()
}

fn known(records: impl IntoIterator<Item = Tlsa>) -> Proof {
    Proof::Known(Arc::new(TlsaSet::new(HOST, records)))
}

fn meet(
    connector: &Connector,
    server: &Arc<ServerConfig>,
    proof: Proof,
) -> Result<TlsFacts, Fault> {
    Pair::new(connector, server, "what is asked for is in the records", proof)?.meet(1_000)
}

/// Who stands in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    Own,
    Anchor,
    Nobody,
}

/// RFC 6698 section 2.1 and RFC 7672 section 3.1: all fields with all that may stand in them.
#[test]
fn a_server_is_whom_its_records_know() {
    let stranger = line(Flaw::None);
    for flaw in [Flaw::None, Flaw::Foreign, Flaw::Expired] {
        let line = line(flaw);
        for (version, shown) in [(&TLS12, true), (&TLS13, true), (&TLS13, false)] {
            let server = line.server(shown, &[version]);
            for fields in (0..12).map(|n| (2 + n / 6, n / 3 % 2, n % 3)) {
                let right = (shown || fields == (2, 0, 0)) && flaw == Flaw::None;
                for (of, made, right) in [
                    (Of::Own, &line.own, fields.0 == 3),
                    // It is shown, or stands in the record whole; and all else is right.
                    (Of::Anchor, &line.anchor, fields.0 == 2 && right),
                    (Of::Nobody, &stranger.anchor, false),
                ] {
                    let case = format!("{flaw:?} {fields:?} of {of:?}, shown: {shown}");
                    is_met(&server, record(fields, made), right, &case);
                }
            }
        }
    }
}

fn is_met(server: &Arc<ServerConfig>, record: Tlsa, right: bool, case: &str) {
    let connector = Connector::new(None).unwrap();
    match meet(&connector, server, known([record])) {
        Ok(facts) => {
            assert!(right && facts.verified, "{case}");
            assert_eq!(facts.sni.as_deref(), Some(HOST));
        }
        Err(fault) => assert_eq!((right, fault.cause), (false, Cause::Certificate), "{case}"),
    }
}

#[test]
fn one_record_of_several_is_enough() {
    let connector = Connector::new(None).unwrap();
    let (line, stranger) = (line(Flaw::Expired), line(Flaw::None));
    let server = line.server(true, &[&TLS13]);
    let all = [
        record((2, 0, 1), &stranger.anchor),
        record((2, 1, 1), &line.anchor),
        record((3, 1, 1), &stranger.own),
        record((3, 1, 1), &line.own),
    ];
    assert!(meet(&connector, &server, known(all.clone())).is_ok());
    let fault = meet(&connector, &server, known(all[..3].to_vec())).unwrap_err();
    assert!(fault.to_string().contains("expired"), "{fault}");
    let fault = meet(&connector, &server, known(all[2..3].to_vec())).unwrap_err();
    assert_eq!(fault.text(), "the certificate is in none of the host's TLSA records");
}

/// RFC 7672 section 3.2.2: of a host that somebody vouches for, the domain may be the name.
#[test]
fn a_certificate_may_be_for_any_of_the_names() {
    let connector = Connector::new(None).unwrap();
    let line = line(Flaw::Foreign);
    let server = line.server(true, &[&TLS13]);
    let set = TlsaSet::new(HOST, [record((2, 0, 1), &line.anchor)]);
    for (name, right) in [("elsewhere.example", true), ("another.example", false)] {
        let known = Proof::Known(Arc::new(set.also_for(name)));
        assert_eq!(meet(&connector, &server, known).is_ok(), right, "{name}");
    }
}

/// A session with a host that was known by other records, or that nothing was asked of, proves
/// nothing.
#[test]
fn sessions_go_on_under_the_same_records_only() {
    let connector = Connector::new(None).unwrap();
    let (line, stranger) = (line(Flaw::None), line(Flaw::None));
    for version in [&TLS12, &TLS13] {
        let server = line.server(true, &[version]);
        let met = |proof| meet(&connector, &server, proof);
        let resumed = |proof| met(proof).map(|facts| facts.resumed).ok();
        let any =
            Pair::new(&connector, &server, HOST, Proof::Any).and_then(|mut pair| pair.meet(9));
        assert!(!any.unwrap().verified);
        let [own, anchor, wrong] = [
            record((3, 1, 1), &line.own),
            record((2, 1, 1), &line.anchor),
            record((3, 1, 1), &stranger.own),
        ];
        let [by_own, by_both] = [vec![own.clone()], vec![own, anchor]].map(known);
        for proof in [by_own, by_both] {
            assert_eq!(resumed(proof.clone()), Some(false));
            assert_eq!(resumed(proof), Some(true));
            assert_eq!(resumed(known([wrong.clone()])), None);
        }
    }
}
