//! The relays that are compared, each with the settings that suit bulk mail.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use tests::postfix::Postfix;
use tests::ringpost::Ringpost;
use tests::tool;

/// What Postfix is told for bulk mail to one smart host, beyond its defaults. Every message
/// is still written to its queue and synced before the 250, as Postfix always does.
pub(super) const POSTFIX_SETTINGS: [(&str, &str); 16] = [
    // Enough processes for all sessions on both sides, kept for long.
    ("default_process_limit", "200"),
    ("max_use", "10000"),
    ("max_idle", "300s"),
    // No slowing down of who sends much.
    ("in_flow_delay", "0"),
    ("smtpd_client_connection_count_limit", "0"),
    ("smtpd_client_connection_rate_limit", "0"),
    ("qmgr_message_active_limit", "40000"),
    ("qmgr_message_recipient_limit", "40000"),
    // Many connections to the one next hop, from the start, and kept.
    ("initial_destination_concurrency", "20"),
    ("default_destination_concurrency_limit", "20"),
    ("smtp_connection_cache_destinations", "static:all"),
    ("smtp_connection_reuse_count_limit", "1000"),
    // Nothing is rewritten or looked at.
    ("local_header_rewrite_clients", ""),
    ("receive_override_options", "no_address_mappings, no_header_body_checks, no_milters"),
    ("smtpd_delay_reject", "no"),
    ("enable_original_recipient", "no"),
];

/// A relay that can take part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relay {
    /// Debian's, tuned for bulk mail.
    Postfix,
    /// Ours, with `durability = "sync"`.
    Ringpost,
}

impl Relay {
    /// Whether it can run here, or why not.
    ///
    /// # Errors
    /// What is missing.
    pub fn ready(self) -> Result<(), String> {
        match self {
            Self::Postfix if !tool::postfix_can_run() => {
                Err("Postfix must be installed (apt-get install postfix) and started by root"
                    .into())
            }
            _ => Ok(()),
        }
    }

    /// How many times as many messages it gets, so that its round takes seconds too.
    #[must_use]
    pub const fn share(self) -> u64 {
        match self {
            Self::Postfix => 1,
            Self::Ringpost => 5,
        }
    }

    /// Starts it in `folder`, with `sink` as its smart host.
    pub(super) fn start(self, folder: &Path, sink: SocketAddr) -> io::Result<Running> {
        let (host, port) = (sink.ip(), sink.port());
        match self {
            Self::Postfix => {
                let relayhost = format!("[{host}]:{port}");
                let settings = [("relayhost", relayhost.as_str())];
                let settings: Vec<_> = POSTFIX_SETTINGS.into_iter().chain(settings).collect();
                Postfix::start(folder, &settings).map(Running::Postfix)
            }
            Self::Ringpost => {
                let route = format!("[[route]]\ndomain = \"*\"\nto = [\"{sink}\"]\n");
                let many =
                    "[delivery]\nconnections_per_site = 20\nmessages_per_connection = 1000\n";
                Ringpost::start(folder, &(route + many)).map(Running::Ringpost)
            }
        }
    }
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Postfix => "Postfix",
            Self::Ringpost => "Ringpost",
        })
    }
}

/// A relay in one round. Stopped when dropped.
pub(super) enum Running {
    Postfix(Postfix),
    Ringpost(Ringpost),
}

impl Running {
    /// Where it takes mail.
    pub(super) fn address(&self) -> SocketAddr {
        match self {
            Self::Postfix(postfix) => postfix.address(),
            Self::Ringpost(ringpost) => ringpost.smtp(),
        }
    }

    /// The process whose descendants are all of it.
    pub(super) fn root(&self) -> io::Result<u32> {
        match self {
            Self::Postfix(postfix) => postfix.master().ok_or_else(|| io::Error::other("no master")),
            Self::Ringpost(ringpost) => Ok(ringpost.id()),
        }
    }
}
