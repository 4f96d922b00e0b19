//! What may be done away with, and what of it a limiter means.

use policy::survey::Limiter;

/// Something that would let mail go, if it is what keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lift {
    /// An operator ends a pause.
    Resume,
    /// An operator has all tried that waits.
    Flush,
    /// More connections: to each site, to the site of a name, from a source, to each site from one
    /// source.
    DeliveryLimit,
    SiteLimit,
    SourceLimit,
    /// A source reaches the hosts.
    SourceFits,
    EachLimit,
    /// The host is there.
    HostAnswers,
    /// It takes what comes.
    HostTakes,
    /// DNS says where mail goes.
    DnsAnswers,
}

impl Lift {
    pub(super) const ALL: [Self; 10] = [
        Self::Resume,
        Self::Flush,
        Self::DeliveryLimit,
        Self::SiteLimit,
        Self::SourceLimit,
        Self::SourceFits,
        Self::EachLimit,
        Self::HostAnswers,
        Self::HostTakes,
        Self::DnsAnswers,
    ];

    /// What a limiter says would change it.
    pub(super) fn meant_by(limiter: &Limiter) -> Vec<Self> {
        match limiter {
            Limiter::Paused { .. } => vec![Self::Resume],
            Limiter::SiteConnections { key, .. } | Limiter::SharedConnections { key, .. } => {
                vec![match (key.table, key.name) {
                    (_, "connections_per_source") => Self::EachLimit,
                    ("site", _) => Self::SiteLimit,
                    ("pool.source", _) => Self::SourceLimit,
                    _ => Self::DeliveryLimit,
                }]
            }
            Limiter::SourceConnections { .. } => vec![Self::SourceLimit],
            // Its dials failed for that, and it rests.
            Limiter::SourcesOut { .. } => vec![Self::SourceFits, Self::Flush],
            // The host decides, and the time that it has asked for must pass.
            Limiter::Asked { .. } => vec![Self::HostTakes],
            Limiter::Resting { .. } => vec![Self::HostAnswers, Self::Flush],
            Limiter::PutOff { .. } => vec![Self::HostTakes, Self::Flush],
            Limiter::Unanswered { .. } | Limiter::Probing { .. } => vec![Self::HostAnswers],
            Limiter::DnsAsked => vec![Self::DnsAnswers],
            _ => Vec::new(),
        }
    }
}
