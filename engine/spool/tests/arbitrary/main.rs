//! Whatever has become of a log, recovery reads it to its end without a panic, and gives out no
//! message that nobody wrote: each survivor has the envelope that was put in with it, and the text,
//! or one that is seen to be damaged. What goes on behind it is found again, with all the rest.

#![allow(clippy::redundant_pub_crate, reason = "`unreachable_pub` asks for the opposite")]

mod log;

use log::{Found, Log, SALT, Scribe, Segments, recover, text_of, written};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use spool::{BLOCK_ALIGN, Envelope, SegmentHeader};
use std::collections::BTreeSet;
use std::sync::LazyLock;

static SOUND: LazyLock<Log> = LazyLock::new(|| written(SALT));
/// Another log with the same names in it: what a recycled file may hold.
static OTHER: LazyLock<Log> = LazyLock::new(|| written(SALT + 1));

/// A way to mangle a log. Positions are taken modulo what there is.
#[derive(Clone, Debug)]
enum Harm {
    Flip(usize, usize, u8),
    Scribble(usize, usize, Vec<u8>),
    /// The file ends here.
    Cut(usize, usize),
    /// So many pages are zeros.
    Erase(usize, usize, usize),
    /// Two pages change places.
    Swap((usize, usize), (usize, usize)),
    /// So many pages are at a second place too.
    Repeat((usize, usize), (usize, usize), usize),
    /// So many pages come from the other log.
    Splice(usize, usize, usize),
    /// The whole file is gone.
    Remove(usize),
    /// The whole file is another's.
    Replace(usize),
}

fn harms() -> impl Strategy<Value = Vec<Harm>> {
    let at = || (0..64_usize, any::<usize>());
    let few = || 1..6_usize;
    let harm = prop_oneof![
        6 => (at(), 0..8_u8).prop_map(|((segment, byte), bit)| Harm::Flip(segment, byte, bit)),
        3 => (at(), prop::collection::vec(any::<u8>(), 1..200))
            .prop_map(|((segment, byte), bytes)| Harm::Scribble(segment, byte, bytes)),
        2 => at().prop_map(|(segment, byte)| Harm::Cut(segment, byte)),
        2 => (at(), few()).prop_map(|((segment, page), count)| Harm::Erase(segment, page, count)),
        3 => (at(), at()).prop_map(|(one, other)| Harm::Swap(one, other)),
        3 => (at(), at(), few()).prop_map(|(from, to, count)| Harm::Repeat(from, to, count)),
        3 => (at(), few()).prop_map(|((segment, page), count)| Harm::Splice(segment, page, count)),
        1 => (0..64_usize).prop_map(Harm::Remove),
        1 => (0..64_usize).prop_map(Harm::Replace),
    ];
    prop::collection::vec(harm, 1..6)
}

impl Harm {
    fn befall(&self, segments: &mut Segments) {
        match self {
            Self::Flip(segment, at, bit) => {
                write(segments, *segment, *at, |byte| byte[0] ^= 1 << bit);
            }
            Self::Scribble(segment, at, bytes) => write(segments, *segment, *at, |rest| {
                let count = bytes.len().min(rest.len());
                rest[..count].copy_from_slice(&bytes[..count]);
            }),
            Self::Cut(segment, at) => {
                if let Some(bytes) = nth(segments, *segment) {
                    bytes.truncate(at % (bytes.len() + 1));
                }
            }
            Self::Erase(segment, page, count) => {
                put_pages(segments, (*segment, *page), &vec![0; count * BLOCK_ALIGN]);
            }
            Self::Swap(one, other) => {
                let (first, second) = (pages(segments, *one, 1), pages(segments, *other, 1));
                put_pages(segments, *one, &second);
                put_pages(segments, *other, &first);
            }
            Self::Repeat(from, to, count) => {
                let bytes = pages(segments, *from, *count);
                put_pages(segments, *to, &bytes);
            }
            Self::Splice(segment, page, count) => {
                let bytes = pages(&OTHER.segments, (*segment, *page), *count);
                put_pages(segments, (*segment, *page), &bytes);
            }
            Self::Remove(segment) => {
                let number = segments.keys().nth(segment % segments.len().max(1)).copied();
                number.map(|number| segments.remove(&number));
            }
            Self::Replace(segment) => {
                let number = segments.keys().nth(segment % segments.len().max(1)).copied();
                let other = number.and_then(|number| Some((number, OTHER.segments.get(&number)?)));
                other.map(|(number, bytes)| segments.insert(number, bytes.clone()));
            }
        }
    }
}

fn befall(harms: &[Harm], segments: &mut Segments) {
    for harm in harms {
        harm.befall(segments);
    }
}

fn nth(segments: &mut Segments, nth: usize) -> Option<&mut Vec<u8>> {
    let count = segments.len().max(1);
    segments.values_mut().nth(nth % count)
}

/// Changes the bytes from `at` on, at least one, if there are any.
fn write(segments: &mut Segments, segment: usize, at: usize, change: impl FnOnce(&mut [u8])) {
    let Some(bytes) = nth(segments, segment).filter(|bytes| !bytes.is_empty()) else { return };
    let at = at % bytes.len();
    change(&mut bytes[at..]);
}

fn pages(segments: &Segments, (segment, page): (usize, usize), count: usize) -> Vec<u8> {
    let Some(bytes) = segments.values().nth(segment % segments.len().max(1)) else {
        return Vec::new();
    };
    let all = (bytes.len() / BLOCK_ALIGN).max(1);
    let start = page % all * BLOCK_ALIGN;
    bytes.get(start..bytes.len().min(start + count * BLOCK_ALIGN)).unwrap_or_default().to_vec()
}

fn put_pages(segments: &mut Segments, (segment, page): (usize, usize), new: &[u8]) {
    let Some(bytes) = nth(segments, segment) else { return };
    let all = (bytes.len() / BLOCK_ALIGN).max(1);
    let start = (page % all * BLOCK_ALIGN).min(bytes.len());
    let count = new.len().min(bytes.len() - start);
    bytes[start..start + count].copy_from_slice(&new[..count]);
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}

/// No message that nobody wrote, none twice, and no more said of the damage than there are pages.
fn check(log: &Log, found: &Found) -> BTreeSet<event::MessageId> {
    let mut names = BTreeSet::new();
    for survivor in &found.survivors {
        let id = survivor.id;
        assert!(names.insert(id), "{id} is there twice");
        let message = log.put.get(&id).expect("somebody wrote it");
        assert_eq!(survivor.envelope, message.envelope, "{id}");
        let text = text_of(&log.segments, &survivor.text);
        assert!(text.is_none_or(|text| text == message.text), "{id} has another's text");
        let open: Vec<u16> = survivor.open.iter().map(|open| open.recipient).collect();
        assert!(matches!(open[..], [0 | 1] | [0, 1]), "{id}: {open:?}");
    }
    let pages: usize = log.segments.values().map(|bytes| bytes.len() / BLOCK_ALIGN).sum();
    assert!(found.damage.len() <= pages + 8, "{} flaws in {pages} pages", found.damage.len());
    assert!(found.live == found.survivors.len());
    names
}

#[test]
fn the_sound_log_has_everything_in_it() {
    let found = recover(&SOUND.segments);
    assert_eq!(SOUND.segments.len(), 4);
    // Ten fell to failed writes, three are through, and four were taken back.
    assert_eq!(SOUND.put.len(), 76);
    assert_eq!(check(&SOUND, &found).len(), 59);
    assert!(
        found.survivors.iter().all(|survivor| text_of(&SOUND.segments, &survivor.text).is_some())
    );
    assert_eq!(found.damage, []);
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn recovery_gives_out_nothing_that_nobody_wrote(harms in harms()) {
        let mut log = SOUND.clone();
        befall(&harms, &mut log.segments);
        let found = recover(&log.segments);
        let names = check(&log, &found);
        let Some(mut scribe) = Scribe::go_on(log, found) else { return Ok(()) };
        let late = scribe.put(&[b"behind all that"]);
        scribe.commit(false);
        let again = recover(&scribe.log.segments);
        let mut there = check(&scribe.log, &again);
        prop_assert!(there.remove(&late), "what is written after a start is there after the next");
        prop_assert_eq!(there, names, "and so is what was found");
    }

    #[test]
    fn a_segment_header_is_whole_or_refused(harms in harms(), noise in prop::collection::vec(any::<u8>(), 0..5_000)) {
        let mut segments = SOUND.segments.clone();
        befall(&harms, &mut segments);
        for (number, bytes) in &segments {
            if let Ok(header) = SegmentHeader::decode(bytes) {
                let known = [&SOUND, &OTHER].into_iter().filter_map(|log| log.segments.get(&header.segment));
                let known: Vec<_> = known.map(|bytes| SegmentHeader::decode(bytes)).collect();
                prop_assert!(known.contains(&Ok(header)), "segment {} has a header of its own", number);
            }
        }
        prop_assert!(SegmentHeader::decode(&noise).is_err());
    }

    #[test]
    fn an_envelope_is_what_its_bytes_say_or_refused(
        nth in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in 0..40_usize,
        noise in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let message = nth.get(&SOUND.put.values().collect::<Vec<_>>()).envelope.bytes();
        let mut bytes = message[..message.len() - cut.min(message.len() - 1) / 2].to_vec();
        for (at, byte) in &changes {
            *at.get_mut(&mut bytes) = *byte;
        }
        for bytes in [&bytes, &noise] {
            if let Some(envelope) = Envelope::decode(bytes) {
                prop_assert_eq!(envelope.bytes(), &bytes[..]);
                let paths: usize = envelope.recipients().map(<[u8]>::len).sum();
                let named = envelope.sender().len() + envelope.prefix().len() + paths;
                prop_assert!(named <= bytes.len());
            }
            // The same bytes where a DELIVERY is expected.
            if let Some((envelope, _)) = spool::envelope_of(bytes) {
                prop_assert!(bytes.ends_with(envelope.bytes()));
            }
        }
    }
}
