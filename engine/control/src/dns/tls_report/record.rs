//! Where a domain wants its reports.
//!
//! [RFC 8460 §3](https://www.rfc-editor.org/rfc/rfc8460#section-3)

use route::in_our_spelling;

/// The most places that one report goes to. Those that come first count.
pub(super) const PLACES_MAX: usize = 4;

/// Where a report goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// By mail to this address.
    Mail(String),
    /// By HTTPS to this host, at this path.
    Web { host: String, path: String },
}

/// Why a domain gets no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadRecord {
    /// It asks for none.
    Absent,
    /// It has several records: then none counts.
    Several,
    /// A field is no field.
    Field,
    /// It does not say where to.
    NoPlace,
    /// None of the places is one that we reach.
    Places,
}

/// Reads it among the TXT records of `_smtp._tls.` and the domain, each with its strings joined.
pub(super) fn places<'t>(
    records: impl IntoIterator<Item = &'t str>,
) -> Result<Vec<Place>, BadRecord> {
    let mut ours = records.into_iter().filter_map(fields);
    let first = ours.next().ok_or(BadRecord::Absent)?;
    if ours.next().is_some() {
        return Err(BadRecord::Several);
    }
    let mut rua = None;
    // One delimiter may stand at the end.
    let first = first.trim_matches(SPACE);
    for field in first.strip_suffix(';').unwrap_or(first).split(';') {
        let (name, value) = field.trim_matches(SPACE).split_once('=').ok_or(BadRecord::Field)?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
        if !(1..=32).contains(&name.len()) || !name.bytes().all(is_name) || value.is_empty() {
            return Err(BadRecord::Field);
        }
        if name == "rua" {
            rua = rua.or(Some(value));
        }
    }
    let all = rua.ok_or(BadRecord::NoPlace)?.split(',');
    let places = all.filter_map(|uri| place(uri.trim_matches(SPACE)));
    let places: Vec<Place> = places.take(PLACES_MAX).collect();
    if places.is_empty() { Err(BadRecord::Places) } else { Ok(places) }
}

const SPACE: [char; 2] = [' ', '\t'];

/// What stands behind the version; all other records are none of ours.
fn fields(record: &str) -> Option<&str> {
    record.strip_prefix("v=TLSRPTv1")?.trim_start_matches(SPACE).strip_prefix(';')
}

/// A place, if it is of a kind that we know.
fn place(uri: &str) -> Option<Place> {
    let (scheme, rest) = uri.split_once(':')?;
    match scheme.to_ascii_lowercase().as_str() {
        "mailto" => mailbox(rest).map(Place::Mail),
        "https" => web(rest.strip_prefix("//")?),
        _ => None,
    }
}

/// [RFC 6068 §2](https://www.rfc-editor.org/rfc/rfc6068#section-2): a subject and the like, which
/// may stand behind it, are not for us.
fn mailbox(text: &str) -> Option<String> {
    let address = decoded(text.split('?').next()?)?;
    let (local, domain) = address.rsplit_once('@')?;
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte);
    let fits = (1..=64).contains(&local.len()) && local.bytes().all(inside);
    let domain =
        in_our_spelling(domain).filter(|_| fits && !local.split('.').any(str::is_empty))?;
    Some(format!("{local}@{domain}"))
}

/// What `%2C` and the like stand for.
fn decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(code, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// Whoever writes a record must not choose the port that we knock at (T17).
fn web(text: &str) -> Option<Place> {
    let text = text.split('#').next()?;
    let end = text.find(['/', '?']).unwrap_or(text.len());
    let (authority, path) = text.split_at(end);
    let host = in_our_spelling(authority.strip_suffix(":443").unwrap_or(authority))?;
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    path.bytes().all(|byte| byte.is_ascii_graphic()).then_some(Place::Web { host, path })
}

#[cfg(test)]
mod tests {
    use super::{BadRecord, PLACES_MAX, Place, places};

    fn mail(address: &str) -> Place {
        Place::Mail(address.to_owned())
    }

    fn web(host: &str, path: &str) -> Place {
        Place::Web { host: host.to_owned(), path: path.to_owned() }
    }

    #[test]
    fn a_domain_says_where_to() {
        let hook = || web("hook.example", "/");
        for (record, wanted) in [
            ("v=TLSRPTv1;rua=mailto:r@a.example", vec![mail("r@a.example")]),
            ("v=TLSRPTv1; rua=mailto:r@a.example;", vec![mail("r@a.example")]),
            ("v=TLSRPTv1 ;\tx-y=1 ; rua=MAILTO:R@A.Example?subject=x", vec![mail("R@a.example")]),
            ("v=TLSRPTv1;rua=mailto:a%2Bb@a.example", vec![mail("a+b@a.example")]),
            ("v=TLSRPTv1;rua=https://hook.example", vec![hook()]),
            ("v=TLSRPTv1;rua=https://hook.example:443/", vec![hook()]),
            (
                "v=TLSRPTv1;rua=https://Hook.example/v1/tls-rpt?token=x#y",
                vec![web("hook.example", "/v1/tls-rpt?token=x")],
            ),
            ("v=TLSRPTv1;rua=https://hook.example?x", vec![web("hook.example", "/?x")]),
            (
                "v=TLSRPTv1;rua=mailto:r@a.example , https://hook.example,ftp://b.example",
                vec![mail("r@a.example"), hook()],
            ),
            ("v=TLSRPTv1;rua=mailto:r@a.example;rua=mailto:s@a.example", vec![mail("r@a.example")]),
        ] {
            assert_eq!(places([record, "v=spf1 -all"]), Ok(wanted), "{record}");
        }
        let many = format!("v=TLSRPTv1;rua={}", ["mailto:r@a.example"; 9].join(","));
        assert_eq!(places([many.as_str()]).unwrap().len(), PLACES_MAX);
    }

    #[test]
    fn whatever_else_is_no_record() {
        for (records, wrong) in [
            (&[] as &[&str], BadRecord::Absent),
            (&["v=spf1 -all"], BadRecord::Absent),
            (&["v=TLSRPTv1"], BadRecord::Absent),
            (&["v=tlsrptv1;rua=mailto:r@a.example"], BadRecord::Absent),
            (&["v=TLSRPTv2;rua=mailto:r@a.example"], BadRecord::Absent),
            (&[" v=TLSRPTv1;rua=mailto:r@a.example"], BadRecord::Absent),
            (&["v=TLSRPTv1;rua=mailto:r@a.example"; 2], BadRecord::Several),
            (&["v=TLSRPTv1;"], BadRecord::Field),
            (&["v=TLSRPTv1;rua"], BadRecord::Field),
            (&["v=TLSRPTv1;rua="], BadRecord::Field),
            (&["v=TLSRPTv1;;rua=mailto:r@a.example"], BadRecord::Field),
            (&["v=TLSRPTv1;r a=1;rua=mailto:r@a.example"], BadRecord::Field),
            (&["v=TLSRPTv1;x=1"], BadRecord::NoPlace),
            (&["v=TLSRPTv1;RUA=mailto:r@a.example"], BadRecord::NoPlace),
        ] {
            assert_eq!(places(records.iter().copied()), Err(wrong), "{records:?}");
        }
        for place in [
            "r@a.example",
            "mailto:a.example",
            "mailto:@a.example",
            "mailto:r@",
            "mailto:r@[192.0.2.1]",
            "mailto:r..s@a.example",
            "mailto:r%0As@a.example",
            "mailto:r%4",
            "mailto:r%zz@a.example",
            "mailto:r s@a.example",
            "mailto:<r@a.example>",
            "http://hook.example/",
            "https:hook.example",
            "https://",
            "https://hook.example:8443/",
            "https://user@hook.example/",
            "https://192.0.2.1/",
            "https://[::1]/",
            "https://hook.example/a b",
            "gopher://a.example",
        ] {
            let record = format!("v=TLSRPTv1;rua={place}");
            assert_eq!(places([record.as_str()]), Err(BadRecord::Places), "{place}");
        }
    }
}
