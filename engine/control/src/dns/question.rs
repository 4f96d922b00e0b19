//! Questions that ask besides whether the answer is authentic.
//!
//! A resolver that validates says so by the AD bit of its answer, if that of the question asks for
//! it: [RFC 6840 §5.7](https://www.rfc-editor.org/rfc/rfc6840#section-5.7). Nobody else does, and
//! whoever can change what comes from it can say so as well: the way to it must be safe.

use hickory_resolver::config::ConnectionConfig;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::{DnsExchange, DnsHandle};
use hickory_resolver::proto::op::DnsRequest;
use hickory_resolver::{ConnectionProvider, PoolContext, Resolver};
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;

/// Looks names up, and asks whether answers are authentic, if anybody's word for it is taken.
pub(super) type Inquirer = Resolver<Provider>;

/// Whose word is taken for it that an answer is authentic.
/// [RFC 7672 §2.1.3](https://www.rfc-editor.org/rfc/rfc7672#section-2.1.3)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// Nobody's: nothing is.
    Nobody,
    /// That of all servers, if all are on this host: nobody else comes between.
    #[default]
    Host,
    /// That of all servers, wherever they are.
    Everybody,
}

/// Containers find it there: it hands on what other servers say, bit by bit.
const HANDS_ON: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

impl Trust {
    /// Whether these servers are trusted.
    pub(super) fn covers(self, servers: impl IntoIterator<Item = IpAddr>) -> bool {
        let is_here = |server: IpAddr| server.is_loopback() && server != HANDS_ON;
        match self {
            Self::Nobody => false,
            Self::Host => servers.into_iter().all(is_here),
            Self::Everybody => true,
        }
    }
}

/// Makes connections to servers.
#[derive(Clone)]
pub(super) struct Provider {
    runtime: TokioRuntimeProvider,
    asks: bool,
}

impl Provider {
    /// One over which it is asked whether answers are authentic, or not.
    pub(super) fn new(asks: bool) -> Self {
        Self { runtime: TokioRuntimeProvider::default(), asks }
    }
}

impl ConnectionProvider for Provider {
    type Conn = Connection;
    type FutureConn = Pin<Box<dyn Future<Output = Result<Connection, NetError>> + Send>>;
    type RuntimeProvider = TokioRuntimeProvider;

    fn new_connection(
        &self,
        ip: IpAddr,
        config: &ConnectionConfig,
        context: &PoolContext,
    ) -> Result<Self::FutureConn, NetError> {
        let connecting = self.runtime.new_connection(ip, config, context)?;
        let asks = self.asks;
        Ok(Box::pin(async move { Ok(Connection { exchange: connecting.await?, asks }) }))
    }

    fn runtime_provider(&self) -> &TokioRuntimeProvider {
        &self.runtime
    }
}

/// A connection to a server.
#[derive(Clone)]
pub(super) struct Connection {
    exchange: DnsExchange<TokioRuntimeProvider>,
    asks: bool,
}

impl DnsHandle for Connection {
    type Response = <DnsExchange<TokioRuntimeProvider> as DnsHandle>::Response;
    type Runtime = TokioRuntimeProvider;

    fn send(&self, mut request: DnsRequest) -> Self::Response {
        request.metadata.authentic_data = self.asks;
        self.exchange.send(request)
    }
}

#[cfg(test)]
mod tests {
    use super::Trust;

    #[test]
    fn by_default_only_servers_on_this_host_are_trusted() {
        for (servers, host) in [
            (&["127.0.0.1"] as &[&str], true),
            (&["127.0.0.53", "::1"], true),
            (&["127.0.0.11"], false),
            (&["127.0.0.1", "192.0.2.1"], false),
            (&["10.0.0.1"], false),
        ] {
            let covers = |trust: Trust| trust.covers(servers.iter().map(|ip| ip.parse().unwrap()));
            assert_eq!(covers(Trust::default()), host, "{servers:?}");
            assert!(covers(Trust::Everybody) && !covers(Trust::Nobody));
        }
    }
}
