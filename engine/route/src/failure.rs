//! Why mail for a domain goes nowhere, now or ever, and how that is told.

use event::{EnhancedCode, Response};
use std::sync::Arc;

/// Why mail for a domain goes nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteFailure {
    /// The recipient has no domain we route by.
    BadAddress,
    /// The domain takes no mail, and says so.
    NullMx,
    /// There is no such domain.
    NoDomain,
    /// None of its hosts has an address.
    NoAddress,
    /// Its hosts have addresses, none of which we connect to.
    Prohibited,
    /// We are its best host, and it is not ours to keep.
    Loop,
    /// Its MTA-STS policy names none of its hosts; which policy, and which hosts.
    Policy(Arc<str>),
    /// Its sender requires TLS, and whoever forges DNS could have named the hosts of the domain.
    Unproven,
    /// DNS could not say, and why.
    Temporary(Arc<str>),
}

impl RouteFailure {
    /// The recipient has no domain we route by.
    #[must_use]
    pub const fn bad_address() -> Self {
        Self::BadAddress
    }

    /// Whether trying again is of no use.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        !matches!(self, Self::Temporary(_) | Self::Policy(_))
    }

    /// What we say for the peer there is none of.
    #[must_use]
    pub fn response(&self) -> Response {
        let (code, subject, detail, text) = match self {
            Self::BadAddress => (553, 1, 3, "the address has no domain that mail is routed by"),
            // https://www.rfc-editor.org/rfc/rfc7505#section-4.2
            Self::NullMx => (556, 1, 10, "the domain takes no mail (null MX)"),
            Self::NoDomain => (550, 1, 2, "the domain does not exist"),
            Self::NoAddress => (550, 4, 4, "no mail host of the domain has an address"),
            Self::Prohibited => {
                (550, 4, 4, "no mail host of the domain has an address on the public network")
            }
            Self::Loop => (554, 4, 6, "mail for the domain would come back to this host"),
            // https://www.rfc-editor.org/rfc/rfc8689#section-4.2.1
            Self::Unproven => {
                let text = "REQUIRETLS: neither DNSSEC nor an MTA-STS policy proves which hosts \
                            take mail for the domain";
                (550, 7, 10, text)
            }
            Self::Policy(text) => {
                return Response::local(451, EnhancedCode::new(4, 7, 5), text);
            }
            Self::Temporary(cause) => {
                let text = format!("the name servers gave no answer: {cause}");
                return Response::local(451, EnhancedCode::new(4, 4, 3), &text);
            }
        };
        Response::local(code, EnhancedCode::new(5, subject, detail), text)
    }
}

#[cfg(test)]
mod tests;
