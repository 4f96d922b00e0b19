use super::{PolicyType, REASON_BYTES_MAX, Standing, verdict};
use event::{TlsResult, Tlsa, TlsaSet};
use policy::tls_report::{Cover, Session};
use route::StsPolicy;
use std::sync::Arc;

fn session(host: &str, cover: Cover) -> Session {
    let addresses = Some(("192.0.2.1".parse().unwrap(), "192.0.2.25".parse().unwrap()));
    Session { domain: "a.example".into(), host: host.into(), addresses, tlsa: None, cover }
}

fn sts(mode: &str) -> Standing {
    let text = format!("version: STSv1\nmode: {mode}\nmx: *.a.example\nmax_age: 86400\n");
    Standing::Known(Arc::new(StsPolicy::parse("1", text.as_bytes()).unwrap()))
}

fn records(records: &[Tlsa]) -> Arc<TlsaSet> {
    Arc::new(TlsaSet::new("mx.b.example", records.to_vec()))
}

#[test]
fn what_a_session_comes_to_is_for_its_policy_to_say() {
    use TlsResult::{
        CertificateExpired as Expired, StarttlsNotSupported as Bare, StsWebpkiInvalid as Web,
        TlsaInvalid, ValidationFailure as Other,
    };
    let failed = || Cover::Failed(Bare, "does not offer STARTTLS".into());
    let doubtful = || Cover::Doubtful(Expired);
    let missing = || Standing::Missing(Web, "expired".into());
    let known = Tlsa::read(3, 1, 1, &[0xAB; 32]).unwrap();
    let none = Standing::Without;
    let usable = Some(records(std::slice::from_ref(&known)));
    let unusable = Some(records(&[]));
    let (named, other) = ("mx.a.example", "mx.b.example");
    for (tlsa, standing, host, cover, kind, result) in [
        (None, none.clone(), named, Cover::Proven, PolicyType::NoPolicyFound, None),
        (None, none.clone(), named, doubtful(), PolicyType::NoPolicyFound, None),
        (None, none.clone(), named, failed(), PolicyType::NoPolicyFound, Some(Bare)),
        (None, sts("none"), other, doubtful(), PolicyType::NoPolicyFound, None),
        (None, sts("enforce"), named, Cover::Proven, PolicyType::Sts, None),
        (None, sts("testing"), named, Cover::Proven, PolicyType::Sts, None),
        (None, sts("testing"), named, doubtful(), PolicyType::Sts, Some(Expired)),
        (None, sts("testing"), named, failed(), PolicyType::Sts, Some(Bare)),
        (None, sts("testing"), other, Cover::Proven, PolicyType::Sts, Some(Other)),
        (None, sts("enforce"), "", failed(), PolicyType::Sts, Some(Bare)),
        (None, missing(), named, Cover::Proven, PolicyType::Sts, Some(Web)),
        (usable.clone(), sts("testing"), other, Cover::Proven, PolicyType::Tlsa, None),
        (usable.clone(), none.clone(), named, failed(), PolicyType::Tlsa, Some(Bare)),
        (usable, missing(), named, doubtful(), PolicyType::Tlsa, Some(Expired)),
        (unusable.clone(), none.clone(), named, doubtful(), PolicyType::Tlsa, Some(TlsaInvalid)),
        (unusable, none, named, failed(), PolicyType::Tlsa, Some(Bare)),
    ] {
        let session = Session { tlsa, ..session(host, cover) };
        let (policy, detail) = verdict(&session, &standing);
        let found = detail.as_ref().map(|detail| detail.result_type);
        assert_eq!((policy.policy_type, found), (kind, result), "{session:?} under {standing:?}");
    }
}

#[test]
fn policies_are_written_as_their_domains_have_them() {
    let (policy, detail) = verdict(&session("mx.a.example", Cover::Proven), &sts("testing"));
    let lines = ["version: STSv1", "mode: testing", "mx: *.a.example", "max_age: 86400"];
    assert_eq!((policy.policy_string, detail), (lines.map(String::from).to_vec(), None));
    assert_eq!(
        (policy.policy_domain.as_str(), policy.mx_host),
        ("a.example", vec!["*.a.example".to_owned()])
    );
    let tlsa = records(&[
        Tlsa::read(3, 1, 1, &[0xAB; 32]).unwrap(),
        Tlsa::read(2, 0, 2, &[0x0C; 64]).unwrap(),
    ]);
    let session = Session { tlsa: Some(tlsa), ..session("mx.b.example", Cover::Proven) };
    let (policy, _) = verdict(&session, &sts("enforce"));
    let records = [format!("3 1 1 {}", "ab".repeat(32)), format!("2 0 2 {}", "0c".repeat(64))];
    assert_eq!(
        (policy.policy_string, policy.policy_domain),
        (records.to_vec(), "mx.b.example".to_owned())
    );
    assert!(policy.mx_host.is_empty());
}

#[test]
fn a_failure_says_where_and_why() {
    let why = "é".repeat(REASON_BYTES_MAX);
    let cover = Cover::Failed(TlsResult::ValidationFailure, why.as_str().into());
    let (_, detail) = verdict(&session("mx.a.example", cover.clone()), &Standing::Without);
    let detail = detail.unwrap();
    assert_eq!(detail.sending_mta_ip, Some("192.0.2.1".parse().unwrap()));
    assert_eq!(detail.receiving_ip, Some("192.0.2.25".parse().unwrap()));
    assert_eq!(detail.receiving_mx_hostname.as_deref(), Some("mx.a.example"));
    assert_eq!(detail.failure_reason_code.unwrap().len(), REASON_BYTES_MAX);
    let nowhere = Session { addresses: None, ..session("", cover) };
    let (_, detail) = verdict(&nowhere, &sts("enforce"));
    let detail = detail.unwrap();
    assert_eq!((detail.receiving_mx_hostname, detail.sending_mta_ip), (None, None));
}
