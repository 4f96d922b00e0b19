//! What a session comes to under the policy of its domain.
//!
//! | policy | went well if |
//! |---|---|
//! | TLSA records, proven by DNSSEC | there was TLS, and one of them knew the host's certificate |
//! | MTA-STS, enforced or tested | it names the host, and that proved who it is |
//! | MTA-STS, announced and not to be had | never: nobody knows what it asks for |
//! | none | there was TLS |
//!
//! Records come before a policy, as they do when mail is sent.

use super::document::{Detail, Policy, PolicyType};
use event::{TlsResult, Tlsa, TlsaForm, TlsaPart, TlsaSet, TlsaUsage};
use policy::tls_report::{Cover, Session};
use route::{StsMode, StsPolicy};
use std::fmt::Write as _;
use std::sync::Arc;

/// The longest reason that is told, in bytes: hosts may say what they like.
const REASON_BYTES_MAX: usize = 200;

/// What is known of the MTA-STS policy of a domain.
#[derive(Clone, Debug)]
pub(crate) enum Standing {
    /// There is none.
    Without,
    /// This.
    Known(Arc<StsPolicy>),
    /// There is one, and it could not be had: what kind of failure, and why.
    Missing(TlsResult, Arc<str>),
}

/// The policy a session was under, and what was wrong with it, if anything was.
pub(super) fn verdict(session: &Session, standing: &Standing) -> (Policy, Option<Detail>) {
    if let Some(set) = &session.tlsa {
        return (of_records(set), by_records(session, set));
    }
    let policy = |policy_type, policy_string, mx_host| {
        let policy_domain = session.domain.to_string();
        Policy { policy_type, policy_string, policy_domain, mx_host }
    };
    match standing {
        Standing::Known(sts) if sts.mode != StsMode::None => {
            let hosts = sts.patterns().iter().map(ToString::to_string).collect();
            (policy(PolicyType::Sts, lines(sts), hosts), by_sts(session, sts))
        }
        Standing::Missing(result, why) => {
            let failure = detail(session, *result, Some(why));
            (policy(PolicyType::Sts, Vec::new(), Vec::new()), Some(failure))
        }
        Standing::Known(_) | Standing::Without => {
            (policy(PolicyType::NoPolicyFound, Vec::new(), Vec::new()), of_cover(session, false))
        }
    }
}

fn by_records(session: &Session, set: &TlsaSet) -> Option<Detail> {
    if set.records().is_empty() {
        // There was TLS all the same, or no mail.
        let why = "no TLSA record is of use";
        return of_cover(session, false)
            .or_else(|| Some(detail(session, TlsResult::TlsaInvalid, Some(why))));
    }
    of_cover(session, true)
}

fn by_sts(session: &Session, sts: &StsPolicy) -> Option<Detail> {
    if !session.host.is_empty() && !sts.names(&session.host) {
        let why = "the policy does not name the host";
        return Some(detail(session, TlsResult::ValidationFailure, Some(why)));
    }
    of_cover(session, true)
}

/// What is wrong with what TLS there was, where the host had to prove who it is, or not.
fn of_cover(session: &Session, proof: bool) -> Option<Detail> {
    match &session.cover {
        Cover::Failed(result, why) => Some(detail(session, *result, Some(why))),
        Cover::Doubtful(result) if proof => Some(detail(session, *result, None)),
        Cover::Doubtful(_) | Cover::Proven => None,
    }
}

fn detail(session: &Session, result_type: TlsResult, why: Option<&str>) -> Detail {
    let (source, peer) = session.addresses.unzip();
    let end = |why: &str| why.floor_char_boundary(REASON_BYTES_MAX);
    Detail {
        result_type,
        sending_mta_ip: source,
        receiving_mx_hostname: (!session.host.is_empty()).then(|| session.host.to_string()),
        receiving_ip: peer,
        failed_session_count: 0,
        failure_reason_code: why.map(|why| why[..end(why)].to_owned()),
    }
}

/// A policy as it is written, as far as it was understood.
fn lines(sts: &StsPolicy) -> Vec<String> {
    let mut lines = vec!["version: STSv1".to_owned(), format!("mode: {}", sts.mode.name())];
    lines.extend(sts.patterns().iter().map(|pattern| format!("mx: {pattern}")));
    lines.push(format!("max_age: {}", sts.age_max.as_secs()));
    lines
}

/// [RFC 8460 §1.1](https://www.rfc-editor.org/rfc/rfc8460#section-1.1): the policy domain of
/// records is the name below which they are found.
fn of_records(set: &TlsaSet) -> Policy {
    Policy {
        policy_type: PolicyType::Tlsa,
        policy_string: set.records().iter().map(written).collect(),
        policy_domain: set.base().to_owned(),
        mx_host: Vec::new(),
    }
}

/// [RFC 6698 §2.2](https://www.rfc-editor.org/rfc/rfc6698#section-2.2)
fn written(record: &Tlsa) -> String {
    let usage = match record.usage {
        TlsaUsage::TrustAnchor => 2,
        TlsaUsage::EndEntity => 3,
    };
    let selector = match record.part {
        TlsaPart::Certificate => 0,
        TlsaPart::Key => 1,
    };
    let matching = match record.form {
        TlsaForm::Whole => 0,
        TlsaForm::Sha256 => 1,
        TlsaForm::Sha512 => 2,
    };
    let mut text = format!("{usage} {selector} {matching} ");
    for byte in &record.data {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests;
