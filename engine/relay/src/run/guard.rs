//! From settings to what listeners bear: sources, and limits on peers.

use crate::settings::{Defence, Network, Settings, SourceRule};
use arc_swap::ArcSwap;
use policy::source::Source;
use shard::{Allowance, Callers, Guard, Networks, Pace, Sources};
use std::sync::Arc;

/// Who gives us mail, the same for all listeners.
pub(super) fn sources(settings: &Settings) -> Arc<ArcSwap<Sources>> {
    Arc::new(ArcSwap::from_pointee(Sources::new(rules(settings))))
}

/// The rules of the settings about that.
pub(super) fn rules(settings: &Settings) -> Vec<shard::SourceRule> {
    settings.sources.iter().map(source).collect()
}

/// What each listener bears, in their order.
pub(super) fn guards(settings: &Settings, sources: &Arc<ArcSwap<Sources>>) -> Vec<Arc<Guard>> {
    let guard = |defence: &Defence| {
        Arc::new(Guard {
            sources: Arc::clone(sources),
            callers: Arc::new(Callers::new(allowance(defence))),
            pace: Pace {
                idle_crowded: defence.pace.idle_crowded,
                rate_min: defence.pace.data_rate_min,
                grace: defence.pace.data_rate_grace,
            },
            early_talk: defence.early_talk,
            commands: defence.commands,
            header_fields_max: defence.header_fields_max,
            header_bytes_max: defence.header_bytes_max,
        })
    };
    settings.listeners.iter().map(|listener| guard(&listener.defence)).collect()
}

/// A set of addresses.
pub(super) fn networks(list: &[Network]) -> Networks {
    let list = list.to_vec();
    Networks(Arc::new(move |peer| list.iter().any(|network| network.contains(peer))))
}

fn source(rule: &SourceRule) -> shard::SourceRule {
    shard::SourceRule {
        from: rule.from.as_deref().map(networks),
        listeners: rule.listener.clone(),
        users: rule.users.clone(),
        source: Arc::new(Source::new(&rule.name, rule.terms.clone())),
    }
}

fn allowance(defence: &Defence) -> Allowance {
    let callers = &defence.callers;
    Allowance {
        address_max: callers.per_address,
        network_max: callers.per_network,
        prefix_v4: callers.prefix_v4,
        prefix_v6: callers.prefix_v6,
    }
}
