use super::*;
use event::{MessageId, Wall};

const ENVELOPE: Place = Place { segment: 4, offset: 8_000, len: 300, crc: 1 };

fn birth(count: u64, recipients: u16) -> Birth<'static> {
    let open = Open::All(recipients);
    let (boot, accepted) = (2, Wall(7));
    Birth {
        boot,
        count,
        envelope: ENVELOPE,
        text: &[],
        accepted,
        way: Way::default(),
        copied: false,
        open,
    }
}

fn put(index: &mut Index, count: u64, recipients: &[&str]) {
    let birth = birth(count, recipients.len() as u16);
    index.born(birth, recipients.iter().map(|path| path.as_bytes()));
}

fn read(bytes: &[u8]) -> (Entries<'_>, Vec<Entry<'_>>) {
    let entries = Entries::read(3, 4, bytes).expect("an index");
    let all: Vec<_> = entries.clone().collect();
    assert_eq!(all.len(), entries.left() as usize, "all of it makes sense");
    (entries, all)
}

fn one<'e>(entries: &'e [Entry<'e>]) -> &'e Listed<'e> {
    let [Entry::Message(message)] = entries else { panic!("one message, not {entries:?}") };
    message
}

#[test]
fn what_is_settled_where_it_was_born_leaves_nothing() {
    let mut index = Index::default();
    put(&mut index, 1, &["a@one.test", "b@two.test"]);
    index.ruled(2, 1, Ruling::Due { attempt: 1, due: Wall(5) }, [0, 1].into_iter());
    index.ruled(2, 1, Ruling::Through, [0].into_iter());
    let bytes = index.encode();
    let (_, entries) = read(&bytes);
    let open: Vec<_> =
        one(&entries).open.iter().map(|open| (open.recipient, open.attempt)).collect();
    assert_eq!(open, [(1, 1)]);
    index.ruled(2, 1, Ruling::Through, [1].into_iter());
    assert!(read(&index.encode()).1.is_empty());
    put(&mut index, 2, &["a@one.test"]);
    index.ruled(2, 2, Ruling::Void, std::iter::empty());
    assert!(read(&index.encode()).1.is_empty());
}

/// The older segment that a copy came from is still there: what became of it must be said.
#[test]
fn of_a_copy_the_verdict_stays() {
    let mut index = Index::default();
    index.born(Birth { copied: true, ..birth(1, 1) }, std::iter::once(&b"a@one.test"[..]));
    index.ruled(2, 1, Ruling::Through, [0].into_iter());
    let bytes = index.encode();
    let (_, entries) = read(&bytes);
    let [Entry::Verdict(id, Ruling::Through, recipients)] = &entries[..] else {
        panic!("one verdict, not {entries:?}")
    };
    assert_eq!(*id, MessageId { log: 3, boot: 2, count: 1 });
    assert_eq!(recipients.iter().collect::<Vec<_>>(), [0]);
}

#[test]
fn each_recipient_has_its_domain() {
    let mut index = Index::default();
    let long = format!("a@{}", "x".repeat(256));
    put(&mut index, 1, &["a@One.test", "\"b@c\"@two.test", "d@one.test", "nobody", &long]);
    let bytes = index.encode();
    let (entries, all) = read(&bytes);
    let [Entry::Message(message)] = &all[..] else { panic!("one message") };
    let domains: Vec<_> = (0..6).map(|one| entries.way(message, one).domain).collect();
    assert_eq!(domains, [&b"one.test"[..], b"two.test", b"one.test", b"", b"", b""]);
    assert_eq!((message.spot.segment(), message.spot.offset()), (4, 8_000));
    assert_eq!(message.open, Open::All(5));
}

#[test]
fn each_recipient_has_the_way_of_its_message() {
    let mut index = Index::default();
    let none = Way::default();
    let ways = [
        Way { pool: b"warm", tenant: b"shop", ..none },
        none,
        Way { class: b"transactional", campaign: b"spring", ..none },
        Way { pool: b"warm", tenant: b"shop", ..none },
        // Words that are the same end to end are not the same.
        Way { pool: b"warms", tenant: b"hop", ..none },
    ];
    for (count, way) in (1..).zip(ways) {
        let birth = Birth { way, ..birth(count, 2) };
        index.born(birth, [&b"a@one.test"[..], b"b@two.test"].into_iter());
    }
    assert_eq!(index.ways.len(), 8, "what is the same is there once");
    let bytes = index.encode();
    assert!(bytes.len() <= index.room());
    let (entries, all) = read(&bytes);
    for (entry, way) in all.iter().zip(ways) {
        let Entry::Message(message) = entry else { panic!("a message") };
        assert_eq!(entries.way(message, 0), Way { domain: b"one.test", ..way });
        assert_eq!(entries.way(message, 1), Way { domain: b"two.test", ..way });
    }
}

#[test]
fn a_text_elsewhere_is_named_and_one_beside_is_not() {
    let before = Place { segment: 4, offset: 8_000 - 32 - 104, len: 99, crc: 2 };
    let older = Place { segment: 2, ..before };
    for (text, named) in [(&[before][..], 0), (&[older], 1), (&[older, before], 2)] {
        let mut index = Index::default();
        index.born(Birth { text, ..birth(1, 1) }, std::iter::once(&b"a@one.test"[..]));
        let bytes = index.encode();
        let (_, entries) = read(&bytes);
        let message = one(&entries);
        assert_eq!((message.text.len(), message.spot.text_len()), (named, 99 * text.len() as u32));
        assert_eq!(message.home(), if text[0] == older { 2 } else { 4 });
    }
}

/// The writer leaves so much room behind its blocks.
#[test]
fn it_is_never_longer_than_it_said() {
    let mut index = Index::default();
    for count in 0..50 {
        put(&mut index, count, &["a@one.test", "b@two.test", "c@three.test"]);
        index.ruled(2, count, Ruling::Through, [(count % 3) as u16].into_iter());
        index.ruled(1, count, Ruling::Due { attempt: 3, due: Wall(9) }, 0..count as u16);
        index.ruled(2, count, Ruling::Due { attempt: 1, due: Wall(9) }, 0..3);
        assert!(index.encode().len() <= index.room());
    }
}

/// Bytes that are no index are refused, or end early, and cost nobody anything.
#[test]
fn no_bytes_are_too_much() {
    let mut index = Index::default();
    put(&mut index, 1, &["a@one.test", "b@two.test"]);
    index.ruled(1, 1, Ruling::Through, 0..9);
    let bytes = index.encode();
    for cut in 0..bytes.len() {
        let read = Entries::read(3, 4, &bytes[..cut]).map_or(0, Iterator::count);
        assert!(read < 2, "cut at {cut}");
    }
    let mut dice = crate::desk::Dice(3);
    for _ in 0..20_000 {
        let mut bent = bytes.clone();
        let at = dice.roll(bent.len() as u64) as usize;
        bent[at] = dice.roll(256) as u8;
        let Some(entries) = Entries::read(3, 4, &bent) else { continue };
        for entry in entries.clone().take(1_000) {
            if let Entry::Message(message) = entry {
                assert!(entries.way(&message, 1).domain.len() <= DOMAIN_MAX);
            }
        }
    }
}
