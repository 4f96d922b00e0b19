use super::{ROW_LEN, Reader, Row, Verdict, Writer};
use std::fs;
use std::path::PathBuf;

fn row(id: u64) -> Row {
    Row {
        id,
        recipient: 2,
        body: 3,
        at: 4,
        header: 5,
        bytes: 6,
        session: 7,
        code: 250,
        verdict: Verdict::Accepted,
    }
}

fn scratch(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("ringload-ledger-{name}-{}", std::process::id()));
    drop(fs::remove_file(&path));
    path
}

fn ids(path: &std::path::Path) -> Vec<u64> {
    Reader::open(path).unwrap().map(|row| row.unwrap().id).collect()
}

#[test]
fn a_row_survives_its_encoding_and_no_damaged_byte_goes_unseen() {
    for verdict in Verdict::ALL {
        let row = Row { verdict, ..row(u64::MAX - 1) };
        let bytes = row.encode();
        assert_eq!(Row::decode(&bytes), Some(row));
        for (at, bit) in (0..ROW_LEN).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut damaged = bytes;
            damaged[at] ^= 1 << bit;
            assert_eq!(Row::decode(&damaged), None, "{verdict:?}, byte {at}, bit {bit}");
        }
    }
    assert_eq!(Row::decode(&[0; ROW_LEN]), None);
}

#[test]
fn a_provider_row_keeps_its_number_and_name() {
    for name in ["gmail", "", "a-name-of-twenty-four-by", "été"] {
        let row = Row::provider(u32::MAX, name, 9);
        assert_eq!(Row::decode(&row.encode()), Some(row));
        assert_eq!(row.provider_name(), (u32::MAX, name.to_owned()));
    }
    let long = Row::provider(1, "a-name-of-twenty-four-bytes", 9);
    assert_eq!(long.provider_name().1, "a-name-of-twenty-four-by");
}

#[test]
fn a_ledger_cut_at_any_byte_keeps_its_whole_rows_and_can_be_continued() {
    let path = scratch("torn");
    let mut writer = Writer::open(&path).unwrap();
    (1..=3).for_each(|id| writer.add(&row(id)).unwrap());
    writer.flush().unwrap();
    let whole = fs::read(&path).unwrap();
    assert_eq!(whole.len(), 4 * ROW_LEN);
    for cut in 0..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let kept = (cut / ROW_LEN).saturating_sub(1) as u64;
        if cut == 0 || cut >= ROW_LEN {
            assert_eq!(ids(&path), (1..=kept).collect::<Vec<_>>(), "cut at {cut}");
        }
        let mut again = Writer::open(&path).unwrap();
        again.add(&row(9)).unwrap();
        again.flush().unwrap();
        assert_eq!(ids(&path), (1..=kept).chain([9]).collect::<Vec<_>>(), "cut at {cut}");
    }
    fs::remove_file(&path).unwrap();
}

#[test]
fn zeros_behind_the_last_row_are_a_torn_tail() {
    let path = scratch("zeros");
    let mut writer = Writer::open(&path).unwrap();
    writer.add(&row(1)).unwrap();
    writer.flush().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes.resize(bytes.len() + 5 * ROW_LEN, 0);
    fs::write(&path, bytes).unwrap();
    assert_eq!(ids(&path), [1]);
    fs::remove_file(&path).unwrap();
}

#[test]
fn two_writers_share_a_file_and_another_file_is_refused() {
    let path = scratch("two");
    let mut one = Writer::open(&path).unwrap();
    let mut two = one.another().unwrap();
    for id in 0..2_000 {
        one.add(&row(2 * id)).unwrap();
        two.add(&row(2 * id + 1)).unwrap();
    }
    one.flush().unwrap();
    two.flush().unwrap();
    let mut all = ids(&path);
    all.sort_unstable();
    assert_eq!(all, (0..4_000).collect::<Vec<_>>());
    fs::write(&path, [b'x'; 500]).unwrap();
    assert!(Reader::open(&path).is_err() && Writer::open(&path).is_err());
    fs::remove_file(&path).unwrap();
}
