//! What stands in front of us: a balancer that says whose connection it passes on, and asks
//! how we are.

use super::document::{Place, Reader, Section};
use super::mail::{Network, words};
use super::{Agent, Drain, Listener, Security};
use std::time::Duration;

/// Which PROXY headers a listener wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proxy {
    /// None: whoever connects is the client.
    Off,
    /// Version 1, a line of text.
    V1,
    /// Version 2.
    V2,
    /// Either.
    Any,
}

words!(Proxy { "off" => Self::Off, "v1" => Self::V1, "v2" => Self::V2, "any" => Self::Any });

/// The part of `[[listener]]` that is about who is in front of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Front {
    /// Which PROXY header every connection begins with.
    pub proxy: Proxy,
    /// Where the balancers are. Nobody else may connect, if `proxy` is not off.
    pub proxy_from: Vec<Network>,
    /// Whether the header's word counts that the client came under TLS.
    pub proxy_tls: bool,
    /// Who may say for whom it speaks, by XCLIENT.
    pub xclient_from: Vec<Network>,
}

impl Front {
    pub(super) fn read(listener: &mut Section<'_, '_>) -> Self {
        Self {
            proxy: listener.key(
                "proxy",
                Proxy::Off,
                "The PROXY header that every connection must begin with: \"v1\", \"v2\" or \
                 \"any\" of them. The client it names is then the one that rules and logs see.",
            ),
            proxy_from: listener.key(
                "proxy_from",
                Vec::new(),
                "The networks of the balancers that send PROXY headers; all others are closed \
                 unheard. Needed if `proxy` is not \"off\".",
            ),
            proxy_tls: listener.key(
                "proxy_tls",
                false,
                "Whether a client counts as under TLS whose TLS the balancer has ended, as a \
                 PROXY header of version 2 says: the network behind the balancer is then as \
                 good as encrypted. It may log in, and Received says ESMTPS.",
            ),
            xclient_from: listener.key(
                "xclient_from",
                Vec::new(),
                "The networks of filters and relays that may say by XCLIENT whose mail they pass \
                 on.",
            ),
        }
    }

    fn check(&self, index: usize, begins_secure: bool, reader: &mut Reader<'_>) {
        let place = |name| Place { table: "listener", index: Some(index), name };
        if self.proxy != Proxy::Off && self.proxy_from.is_empty() {
            let wrong = "`proxy` without `proxy_from`: anybody could claim to be anyone";
            let allowed = "the balancers' networks, such as proxy_from = [\"10.0.0.0/24\"]";
            reader.refuse(place("proxy"), wrong, allowed);
        }
        if self.proxy == Proxy::Off && !self.proxy_from.is_empty() {
            let wrong = "`proxy_from` without `proxy`: no header would be read";
            reader.refuse(place("proxy_from"), wrong, "`proxy` as \"v1\", \"v2\" or \"any\"");
        }
        if self.proxy_tls && !matches!(self.proxy, Proxy::V2 | Proxy::Any) {
            let wrong = "only a PROXY header of version 2 says whether there was TLS";
            reader.refuse(place("proxy_tls"), wrong, "`proxy` as \"v2\" or \"any\", or false");
        } else if self.proxy_tls && begins_secure {
            let wrong =
                "a listener whose `tls` is \"implicit\" meets no client whose TLS has ended";
            reader.refuse(place("proxy_tls"), wrong, "false, or another `tls`");
        }
    }
}

/// Refuses what leaves open who is in front.
pub(super) fn check(listeners: &[Listener], reader: &mut Reader<'_>) {
    for (index, listener) in listeners.iter().enumerate() {
        let begins_secure = listener.tls.security == Security::Implicit;
        listener.front.check(index, begins_secure, reader);
    }
}

/// The longest time mail is still taken after we were told to stop. With it, a drain is over
/// in less than the 30 seconds it may take.
pub(crate) const DELAY_MAX: Duration = Duration::from_secs(15);

impl Drain {
    pub(super) fn read(drain: &mut Section<'_, '_>) -> Self {
        Self {
            delay: drain.bounded(
                "delay",
                Duration::ZERO..=DELAY_MAX,
                Duration::ZERO,
                "How long mail is still taken after SIGTERM, while /readyz and the agent port \
                 already tell balancers to go elsewhere: as long as they need to notice.",
            ),
        }
    }
}

impl Agent {
    pub(super) fn read(agent: &mut Section<'_, '_>) -> Self {
        Self {
            address: agent.optional(
                "address",
                "Where HAProxy's agent-check is answered with one line: how much we can take, \
                 in percent, or \"drain\" or \"maint\". Left out: nowhere.",
            ),
        }
    }
}
