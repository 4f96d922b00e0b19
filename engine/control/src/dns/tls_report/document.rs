//! A report, as whoever asked for it reads it. What a day comes to is kept on disk in the same
//! words.
//!
//! [RFC 8460 §4.4](https://www.rfc-editor.org/rfc/rfc8460#section-4.4)

use event::TlsResult;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// All of a report to one domain.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Document<'a> {
    pub(super) organization_name: &'a str,
    pub(super) date_range: DateRange,
    pub(super) contact_info: &'a str,
    pub(super) report_id: &'a str,
    pub(super) policies: &'a [Tally],
}

/// The day it is about: its first second and its last.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct DateRange {
    pub(super) start_datetime: String,
    pub(super) end_datetime: String,
}

/// What sessions under one policy came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Tally {
    pub(super) policy: Policy,
    pub(super) summary: Summary,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) failure_details: Vec<Detail>,
}

/// A policy, and whose it is.
#[expect(clippy::struct_field_names, reason = "they are called as the standard calls them")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Policy {
    pub(super) policy_type: PolicyType,
    /// Line by line, or record by record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) policy_string: Vec<String>,
    /// With TLSA records, the name that they are found below.
    pub(super) policy_domain: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) mx_host: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum PolicyType {
    /// DANE.
    Tlsa,
    /// MTA-STS.
    Sts,
    NoPolicyFound,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Summary {
    pub(super) total_successful_session_count: u64,
    pub(super) total_failure_session_count: u64,
}

/// Sessions that failed alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Detail {
    pub(super) result_type: TlsResult,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sending_mta_ip: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) receiving_mx_hostname: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) receiving_ip: Option<IpAddr>,
    pub(super) failed_session_count: u64,
    /// In our words, or the host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure_reason_code: Option<String>,
}

impl Detail {
    /// Whether it tells of the same, however often.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let bare = |detail: &Self| Self { failed_session_count: 0, ..detail.clone() };
        bare(self) == bare(other)
    }
}
