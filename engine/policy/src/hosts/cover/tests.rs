use super::{BROKEN_FOR, Cover};
use event::Tick;

#[test]
fn what_is_broken_is_tried_again_after_an_hour() {
    let mut cover = Cover::default();
    let now = Tick(1);
    assert!(!cover.is_broken(now));
    cover.broke(now);
    let last = now + BROKEN_FOR;
    assert!(cover.is_broken(now) && cover.is_broken(Tick(last.0 - 1)));
    assert!(!cover.is_broken(last));
    cover.broke(last);
    assert!(cover.is_broken(last));
}

#[test]
fn what_holds_is_not_remembered() {
    let mut cover = Cover::default();
    cover.broke(Tick(1));
    cover.held();
    assert_eq!(cover, Cover::default());
}
