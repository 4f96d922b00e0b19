use super::write_date;
use event::Wall;

fn date(at: u64) -> String {
    let mut out = Vec::new();
    write_date(Wall(at), &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn dates_are_as_mail_writes_them() {
    assert_eq!(date(0), "Thu, 1 Jan 1970 00:00:00 +0000");
    assert_eq!(date(951_827_696_789), "Tue, 29 Feb 2000 12:34:56 +0000");
    assert_eq!(date(1_795_468_238_000), "Mon, 23 Nov 2026 21:10:38 +0000");
}

#[test]
fn no_clock_is_too_wrong_to_be_written() {
    assert_eq!(date(u64::MAX), date(0));
    assert_eq!(date(253_402_200_000_000), "Thu, 30 Dec 9999 20:00:00 +0000");
    assert_eq!(date(253_402_300_800_000), date(0));
}
