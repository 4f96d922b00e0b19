//! What domains write in DNS for programs to read, and where single hosts are.

use super::lookup::{Names, Nothing, absolute};
use hickory_resolver::proto::rr::{RData, RecordType};
use std::net::IpAddr;

impl Names {
    /// The TXT records of a name, each with its strings joined; none if there are none.
    ///
    /// # Errors
    /// Why nobody knows.
    pub(super) async fn texts(&self, name: &str) -> Result<Vec<String>, String> {
        let Some(name) = absolute(name) else { return Ok(Vec::new()) };
        match self.records(name, RecordType::TXT).await {
            Ok(found) => Ok(found.records.iter().filter_map(|record| text(&record.data)).collect()),
            Err(Nothing::NoName | Nothing::NoRecord) => Ok(Vec::new()),
            Err(Nothing::Unknown(cause)) => Err(cause),
        }
    }

    /// The addresses of a host.
    ///
    /// # Errors
    /// Why there are none.
    pub(super) async fn places(&self, host: &str) -> Result<Vec<IpAddr>, String> {
        let nowhere = || "the host does not exist".to_owned();
        match self.addresses(absolute(host).ok_or_else(nowhere)?).await {
            Ok(found) => Ok(found.addresses),
            Err(Nothing::NoName) => Err(nowhere()),
            Err(Nothing::NoRecord) => Err("the host has no address".to_owned()),
            Err(Nothing::Unknown(cause)) => Err(cause),
        }
    }
}

/// The strings of a record, joined; `None` if that is no text.
fn text(data: &RData) -> Option<String> {
    let RData::TXT(text) = data else { return None };
    let bytes: Vec<u8> = text.txt_data.iter().flat_map(|part| part.iter().copied()).collect();
    String::from_utf8(bytes).ok()
}
