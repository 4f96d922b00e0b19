use super::RouteFailure;

#[test]
fn failures_are_told_like_this() {
    let temporary = RouteFailure::Temporary("SERVFAIL\u{1b}".into());
    for (failure, told) in [
        (RouteFailure::bad_address(), "553 5.1.3 the address has no domain that mail is routed by"),
        (RouteFailure::NullMx, "556 5.1.10 the domain takes no mail (null MX)"),
        (RouteFailure::NoDomain, "550 5.1.2 the domain does not exist"),
        (RouteFailure::NoAddress, "550 5.4.4 no mail host of the domain has an address"),
        (
            RouteFailure::Prohibited,
            "550 5.4.4 no mail host of the domain has an address on the public network",
        ),
        (
            RouteFailure::Unproven,
            "550 5.7.10 REQUIRETLS: neither DNSSEC nor an MTA-STS policy proves which hosts take \
             mail for the domain",
        ),
        (RouteFailure::Loop, "554 5.4.6 mail for the domain would come back to this host"),
        (temporary, r"451 4.4.3 the name servers gave no answer: SERVFAIL\u{1b}"),
    ] {
        let response = failure.response();
        assert_eq!(response.to_string(), told);
        assert_eq!(failure.is_permanent(), response.code >= 500, "{failure:?}");
    }
}
