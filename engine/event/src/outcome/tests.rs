use super::Outcome;

/// The numbers are on disks out there: this test is the list that must not change.
#[test]
fn numbers_on_disk_are_these() {
    let numbers = [1, 2, 3, 4, 5].map(Outcome::from_number);
    let names = ["delivered", "deferred", "failed", "expired", "dropped"];
    for ((number, outcome), name) in (1..).zip(numbers).zip(names) {
        let outcome = outcome.unwrap();
        assert_eq!((outcome as u8, outcome.name()), (number, name));
        assert_eq!(outcome.is_final(), name != "deferred");
    }
    for number in [0].into_iter().chain(6..=u8::MAX) {
        assert_eq!(Outcome::from_number(number), None);
    }
}
