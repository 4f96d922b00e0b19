//! How much goes to one site in a time.

use super::document::Section;
use super::value::Text;
use policy::pace::{Counted, Rates};
use policy::rate::Rate;

/// A rate, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ceiling(Option<Rate>);

/// What there is instead of a rate.
const NONE: &str = "none";

impl Text for Ceiling {
    fn allowed() -> String {
        format!("{}, or \"{NONE}\"", <Rate as Text>::allowed())
    }

    fn parse(text: &str) -> Option<Self> {
        if text == NONE {
            Some(Self(None))
        } else {
            <Rate as Text>::parse(text).map(Some).map(Self)
        }
    }

    fn text(&self) -> String {
        self.0.map_or_else(|| NONE.to_owned(), |rate| rate.text())
    }
}

/// What the rates of a site are explained with.
pub(super) struct Words {
    pub(super) messages: &'static str,
    pub(super) bytes: &'static str,
    pub(super) connections: &'static str,
}

pub(super) const USUAL: Words = Words {
    messages: "The most messages (transactions) sent to one site in any time this long, such as \
               \"100/s\" or \"83/5s\": spread over it, with a twentieth at once. \"none\": as many \
               as its connections carry.",
    bytes: "The most octets of messages to one site in a time. One message that is larger goes, and \
            what follows waits for that. \"none\": as many as there are.",
    connections: "The most connections opened to one site in a time, be they of use or not. \
                  \"none\": as many as there is mail for.",
};

pub(super) const OF_A_SITE: Words = Words {
    messages: "The most messages (transactions) in any time this long, for all its domains together; \
               \"none\": as many as its connections carry. Left out: as in [delivery].",
    bytes: "The most octets of messages in a time. Left out: as in [delivery].",
    connections: "The most connections opened in a time. Left out: as in [delivery].",
};

/// The same of what each source may have.
pub(super) const USUAL_PER_SOURCE: Words = Words {
    messages: "The most messages sent to one site from one source in any time this long: one address \
               of a [[pool]], or this host where no pool is named. Another source of the pool has \
               its turn meanwhile. `message_rate` holds besides. \"none\": no limit but that.",
    bytes: "The most octets of messages to one site from one source in a time; `byte_rate` holds \
            besides. \"none\": no limit but that.",
    connections: "The most connections opened to one site from one source in a time; \
                  `connection_rate` holds besides. \"none\": no limit but that.",
};

pub(super) const OF_A_SITE_PER_SOURCE: Words = Words {
    messages: "The most messages from one source in any time this long: one address of a [[pool]], or \
               this host where no pool is named. `message_rate` holds besides. Left out: as in \
               [delivery].",
    bytes: "The most octets of messages from one source in a time; `byte_rate` holds besides. Left \
            out: as in [delivery].",
    connections: "The most connections opened from one source in a time; `connection_rate` holds \
                  besides. Left out: as in [delivery].",
};

/// The rates of `section`; of those that are left out, what is `usual`.
pub(super) fn read(section: &mut Section<'_, '_>, words: &Words, usual: Rates) -> Rates {
    read_as(section, words, usual, Counted::key)
}

/// The same of each source.
pub(super) fn read_per_source(section: &mut Section<'_, '_>, words: &Words, usual: Rates) -> Rates {
    read_as(section, words, usual, Counted::key_per_source)
}

fn read_as(
    section: &mut Section<'_, '_>,
    words: &Words,
    usual: Rates,
    key: fn(Counted) -> &'static str,
) -> Rates {
    let mut rate =
        |counted: Counted, help| section.key(key(counted), Ceiling(usual.of(counted)), help).0;
    Rates {
        messages: rate(Counted::Messages, words.messages),
        bytes: rate(Counted::Bytes, words.bytes),
        connections: rate(Counted::Connections, words.connections),
    }
}
