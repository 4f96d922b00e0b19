//! What hosts said last where it was no, a few words of each site.

use event::{MessageId, ReplyClass, Response, Wall};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

/// Replies kept of a site.
pub(crate) const REPLIES_MAX: usize = 8;
/// Sites of which some are kept; past it, those that said no longest ago are forgotten.
const SITES_MAX: usize = 2_000;
/// What is kept of the words.
const TEXT_BYTES_MAX: usize = 256;

/// The last replies of all sites.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    sites: BTreeMap<Arc<str>, Replies>,
    /// The same sites by when they said something last.
    ages: BTreeSet<(u64, Arc<str>)>,
    /// Counts what was said.
    count: u64,
}

#[derive(Debug, Default)]
struct Replies {
    /// The oldest first.
    last: VecDeque<Heard>,
    age: u64,
}

/// A reply that said no.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) at: Wall,
    pub(crate) peer: Option<SocketAddr>,
    /// What the host is called, if that is known.
    pub(crate) host: Option<Box<str>>,
    pub(crate) message: Option<MessageId>,
    pub(crate) response: Response,
    pub(crate) class: Option<ReplyClass>,
    /// How often it was said one after the other.
    pub(crate) times: u64,
}

impl Evidence {
    /// A host of this site said no. The same words once more only count; and not at all where no
    /// host said them: then they are what became of a delivery for what a host said before.
    pub(crate) fn note(&mut self, site: &Arc<str>, heard: Heard) {
        self.count += 1;
        let count = self.count;
        if !self.sites.contains_key(site) {
            self.make_room();
        }
        let replies = self.sites.entry(Arc::clone(site)).or_default();
        self.ages.remove(&(replies.age, Arc::clone(site)));
        replies.age = count;
        self.ages.insert((count, Arc::clone(site)));
        let response = cut(heard.response);
        match replies.last.back_mut() {
            Some(last) if last.response == response && heard.peer.is_none() => (),
            Some(last) if last.response == response && last.peer == heard.peer => {
                last.times += 1;
                (last.at, last.message) = (heard.at, heard.message.or(last.message));
            }
            _ => {
                if replies.last.len() == REPLIES_MAX {
                    replies.last.pop_front();
                }
                replies.last.push_back(Heard { response, ..heard });
            }
        }
    }

    /// What a site's hosts said, the oldest first.
    pub(crate) fn of(&self, site: &str) -> impl Iterator<Item = &Heard> {
        self.sites.get(site).into_iter().flat_map(|replies| &replies.last)
    }

    fn make_room(&mut self) {
        if self.sites.len() >= SITES_MAX
            && let Some((_, oldest)) = self.ages.pop_first()
        {
            self.sites.remove(&oldest);
        }
    }
}

fn cut(response: Response) -> Response {
    let end = response.text.floor_char_boundary(TEXT_BYTES_MAX);
    if end == response.text.len() {
        return response;
    }
    Response { text: response.text[..end].into(), ..response }
}

#[cfg(test)]
mod tests {
    use super::{Evidence, Heard, REPLIES_MAX, SITES_MAX, TEXT_BYTES_MAX};
    use event::{Response, Wall};

    fn heard(at: u64, text: &str, port: u16) -> Heard {
        Heard {
            at: Wall(at),
            peer: (port > 0).then(|| ([192, 0, 2, 1], port).into()),
            host: None,
            message: None,
            response: Response::new(451, None, text),
            class: None,
            times: 1,
        }
    }

    #[test]
    fn the_last_words_of_a_site_are_kept_and_the_same_only_count() {
        let mut evidence = Evidence::default();
        let site = "a".into();
        for at in 0..20 {
            evidence.note(&site, heard(at, &format!("no {}", at / 2), 25));
        }
        evidence.note(&site, heard(20, "no 9", 0));
        let said: Vec<_> = evidence.of("a").map(|one| (&*one.response.text, one.times)).collect();
        assert_eq!(said.len(), REPLIES_MAX);
        assert_eq!((said[0], said[7]), (("no 2", 2), ("no 9", 2)));
        assert_eq!(evidence.of("a").last().unwrap().at, Wall(19));
        assert_eq!(evidence.of("b").count(), 0);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut evidence = Evidence::default();
        let long = "x".repeat(4 * TEXT_BYTES_MAX);
        evidence.note(&"first".into(), heard(0, &long, 25));
        assert_eq!(evidence.of("first").next().unwrap().response.text.len(), TEXT_BYTES_MAX);
        evidence.note(&"second".into(), heard(0, "no", 25));
        evidence.note(&"first".into(), heard(1, "no", 25));
        for site in 2..=SITES_MAX {
            evidence.note(&site.to_string().into(), heard(2, "no", 25));
        }
        assert_eq!(evidence.sites.len(), SITES_MAX);
        assert_eq!(evidence.ages.len(), SITES_MAX);
        assert_eq!((evidence.of("second").count(), evidence.of("first").count()), (0, 2));
    }
}
