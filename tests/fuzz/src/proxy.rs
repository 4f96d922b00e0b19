//! The PROXY header, as a balancer might write it or somebody who is none.

use proxy_header::{ParseConfig, ProxyHeader};
use smtp::proxy::{BYTES_MAX, Header, Origin, V1_BYTES_MAX, V2_BYTES_MAX, Versions, read};

/// Any bytes as what a connection begins with.
///
/// # Panics
/// If what is found hangs on what stands behind the header or on how the bytes come, more is
/// waited for than a header may have, or the crate `proxy-header` reads one that we take in
/// another way.
pub fn proxy(input: &[u8]) {
    let whole = read(input, Versions::Any);
    for arrived in 0..input.len().min(BYTES_MAX + 1) {
        let found = read(&input[..arrived], Versions::Any);
        assert!(found == Ok(None) || found == whole, "a header is known at once or not yet");
    }
    let own = match input.first() {
        Some(b'P') => (Versions::V1, V1_BYTES_MAX),
        _ => (Versions::V2, V2_BYTES_MAX),
    };
    assert_eq!(read(input, own.0), whole, "who takes any version takes each of them");
    match whole {
        Ok(Some((header, used))) => {
            assert!(used <= own.1, "no header is longer");
            assert_eq!(read(&input[..used], Versions::Any), whole, "nothing behind it is read");
            assert!(header.unique_id.is_none_or(|id| id.len() <= 128));
            compare(&input[..used], &header);
        }
        Ok(None) => assert!(input.len() < own.1, "no more is waited for"),
        Err(_) => (),
    }
}

fn compare(bytes: &[u8], header: &Header<'_>) {
    let theirs = ProxyHeader::parse(bytes, ParseConfig::default());
    // They want a family that they know even of a balancer that speaks for itself.
    let Ok((theirs, used)) = theirs else {
        return assert_eq!(header.origin, Origin::Balancer);
    };
    assert_eq!(used, bytes.len());
    let source = theirs.proxied_address().map(|address| address.source);
    let client = match header.origin {
        Origin::Client(client) => Some(client),
        Origin::Balancer | Origin::Unknown => None,
    };
    let canonical = source.map(|source| (source.ip().to_canonical(), source.port()));
    assert_eq!(client.map(|client| (client.ip(), client.port())), canonical);
    if header.origin != Origin::Balancer {
        assert_eq!(header.unique_id, theirs.unique_id());
        let under_tls = theirs.ssl().is_some_and(|ssl| ssl.client_ssl());
        assert_eq!(header.tls.is_some(), under_tls);
    }
}
