use super::super::document::{Detail, Document, Policy, PolicyType, Summary, Tally};
use super::{DETAILS_MAX, DOMAINS_MAX, Day, POLICIES_MAX};
use event::{TlsResult, Wall};
use serde_json::Value;

fn policy(domain: &str) -> Policy {
    Policy {
        policy_type: PolicyType::NoPolicyFound,
        policy_string: Vec::new(),
        policy_domain: domain.to_owned(),
        mx_host: Vec::new(),
    }
}

fn failure(reason: &str) -> Detail {
    Detail {
        result_type: TlsResult::ValidationFailure,
        sending_mta_ip: None,
        receiving_mx_hostname: None,
        receiving_ip: None,
        failed_session_count: 0,
        failure_reason_code: Some(reason.to_owned()),
    }
}

/// [RFC 8460 §B](https://www.rfc-editor.org/rfc/rfc8460#appendix-B), without the
/// `additional-information` that we have none of, and with `mx-host` as the list it was meant to be.
#[test]
fn a_report_has_the_fields_of_the_example() {
    let day = Day { number: 16_892, ..Day::default() };
    assert_eq!(day.date(), "2016-04-01");
    let detail = |result_type, [source, name, peer]: [&str; 3], count, reason: &str| Detail {
        result_type,
        sending_mta_ip: source.parse().ok(),
        receiving_mx_hostname: Some(format!("{name}.mail.company-y.example")),
        receiving_ip: peer.parse().ok(),
        failed_session_count: count,
        failure_reason_code: (!reason.is_empty()).then(|| reason.to_owned()),
    };
    let tally = Tally {
        policy: Policy {
            policy_type: PolicyType::Sts,
            policy_string: ["version: STSv1", "mode: testing", "mx: *.mail.company-y.example"]
                .into_iter()
                .chain(["max_age: 86400"])
                .map(ToOwned::to_owned)
                .collect(),
            policy_domain: "company-y.example".to_owned(),
            mx_host: vec!["*.mail.company-y.example".to_owned()],
        },
        summary: Summary {
            total_successful_session_count: 5_326,
            total_failure_session_count: 303,
        },
        failure_details: vec![
            detail(TlsResult::CertificateExpired, ["2001:db8:abcd:12::1", "mx1", ""], 100, ""),
            detail(
                TlsResult::StarttlsNotSupported,
                ["2001:db8:abcd:13::1", "mx2", "203.0.113.56"],
                200,
                "",
            ),
            detail(
                TlsResult::ValidationFailure,
                ["198.51.100.62", "mx-backup", "203.0.113.58"],
                3,
                "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED",
            ),
        ],
    };
    let document = Document {
        organization_name: "Company-X",
        date_range: day.range(),
        contact_info: "sts-reporting@company-x.example",
        report_id: "5065427c-23d3-47ca-b6e0-946ea0e8c4be",
        policies: &[tally],
    };
    let example: Value = serde_json::from_str(include_str!("example.json")).unwrap();
    assert_eq!(serde_json::to_value(&document).unwrap(), example);
}

#[test]
fn results_are_called_as_the_standard_calls_them() {
    let name = |result| serde_json::to_value(result).unwrap();
    for (result, written) in [
        (TlsResult::StarttlsNotSupported, "starttls-not-supported"),
        (TlsResult::CertificateHostMismatch, "certificate-host-mismatch"),
        (TlsResult::CertificateExpired, "certificate-expired"),
        (TlsResult::CertificateNotTrusted, "certificate-not-trusted"),
        (TlsResult::ValidationFailure, "validation-failure"),
        (TlsResult::TlsaInvalid, "tlsa-invalid"),
        (TlsResult::DnssecInvalid, "dnssec-invalid"),
        (TlsResult::DaneRequired, "dane-required"),
        (TlsResult::StsPolicyFetchError, "sts-policy-fetch-error"),
        (TlsResult::StsPolicyInvalid, "sts-policy-invalid"),
        (TlsResult::StsWebpkiInvalid, "sts-webpki-invalid"),
    ] {
        assert_eq!(name(result), written);
    }
    let types = [PolicyType::Tlsa, PolicyType::Sts, PolicyType::NoPolicyFound];
    assert_eq!(serde_json::to_string(&types).unwrap(), r#"["tlsa","sts","no-policy-found"]"#);
}

#[test]
fn a_day_counts_by_policy_and_by_failure() {
    let mut day = Day::of(Wall(1_795_824_000_000));
    for (domain, reason, count) in
        [("a.example", "", 2), ("a.example", "x", 3), ("a.example", "y", 1), ("a.example", "x", 4)]
    {
        let failure = (!reason.is_empty()).then(|| failure(reason));
        assert!(day.add(domain, policy(domain), failure, count));
    }
    assert!(day.add("a.example", policy("mx.example"), None, 1), "another policy of it");
    let [first, other] = &day.domains["a.example"][..] else { panic!("{day:?}") };
    assert_eq!(first.summary.total_successful_session_count, 2);
    assert_eq!(first.summary.total_failure_session_count, 8);
    let counts = first.failure_details.iter().map(|detail| detail.failed_session_count);
    assert_eq!(counts.collect::<Vec<_>>(), [7, 1]);
    assert_eq!(other.summary.total_successful_session_count, 1);
    let written = serde_json::to_vec(&day).unwrap();
    assert_eq!(serde_json::from_slice::<Day>(&written).unwrap(), day);
    assert_eq!((day.date().as_str(), day.end()), ("2026-11-28", Wall(1_795_910_400_000)));
}

#[test]
fn what_a_day_holds_is_bounded() {
    let mut day = Day::default();
    for n in 0..DETAILS_MAX + 5 {
        assert!(day.add("a.example", policy("a.example"), Some(failure(&n.to_string())), 1));
    }
    let tally = &day.domains["a.example"][0];
    assert_eq!(tally.failure_details.len(), DETAILS_MAX);
    let all = tally.summary.total_failure_session_count;
    assert_eq!(all, DETAILS_MAX as u64 + 5, "they are told apart no more, and count");
    let more = (0..POLICIES_MAX).map(|n| policy(&format!("mx{n}.example")));
    let room = more.map(|policy| day.add("a.example", policy, None, 1)).collect::<Vec<_>>();
    assert_eq!(room.iter().filter(|room| **room).count(), POLICIES_MAX - 1);
    for n in 1..DOMAINS_MAX {
        assert!(day.add(&format!("n{n}.example"), policy(""), None, 1));
    }
    assert!(!day.add("late.example", policy(""), None, 1));
    assert!(day.add("n1.example", policy(""), None, 1), "what is known still counts");
}
