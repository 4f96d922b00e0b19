use super::{Cover, Ledger, SESSIONS_MAX, Session};
use event::TlsResult;

fn session(domain: &str, cover: Cover) -> Session {
    let host = "mx.example".into();
    Session { domain: domain.into(), host, addresses: None, tlsa: None, cover }
}

#[test]
fn alike_sessions_are_one_count_whatever_the_shard() {
    let ledger = Ledger::new(2, "tls@us.example");
    let failed = Cover::Failed(TlsResult::StarttlsNotSupported, "does not offer it".into());
    for (shard, cover) in
        [(0, &Cover::Proven), (0, &Cover::Proven), (0, &failed), (1, &failed), (1, &failed)]
    {
        ledger.note(shard, session("a.example", cover.clone()));
    }
    let taken = ledger.take();
    let count = |cover: &Cover| -> u64 {
        let alike = taken.iter().filter(|(session, _)| session.cover == *cover);
        alike.map(|(_, count)| count).sum()
    };
    assert_eq!((taken.len(), count(&Cover::Proven), count(&failed)), (3, 2, 3));
    assert!(ledger.take().is_empty(), "what was taken is gone");
    assert!(ledger.is_reporter(b"tls@us.example") && !ledger.is_reporter(b""));
}

#[test]
fn what_does_not_fit_is_told_as_a_number() {
    let ledger = Ledger::new(1, "");
    for n in 0..SESSIONS_MAX + 3 {
        ledger.note(0, session(&format!("n{n}.example"), Cover::Proven));
    }
    ledger.note(0, session("n0.example", Cover::Proven));
    let taken = ledger.take();
    assert_eq!((taken.len(), ledger.lost()), (SESSIONS_MAX, 3));
    let counted: u64 = taken.iter().map(|(_, count)| count).sum();
    assert_eq!(counted, SESSIONS_MAX as u64 + 1, "what is known already still counts");
    ledger.note(0, session("late.example", Cover::Proven));
    assert_eq!(ledger.take().len(), 1, "there is room again");
}
