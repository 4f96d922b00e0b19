//! `ringload verify` joins ledgers far longer than the rows it may hold, in memory that does not
//! grow with them. `RINGLOAD_ROWS=100000000` joins as many (10 GB below the folder for scratch).
#![expect(clippy::unwrap_used, reason = "a test may end by a panic")]

use loadgen::ledger::{Row, Verdict, Writer};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// Rows of both ledgers together, if the environment names no number.
const ROWS: u64 = 400_000;
/// Rows held in memory: 4.8 MB of them.
const ROWS_HELD: u64 = 100_000;
/// What a process may take up that holds so many, whatever else there is.
const MEMORY_MAX: u64 = 48 * 1_024 * 1_024;
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Ten minutes of looks: 10^8 rows take one.
const LOOKS_MAX: u32 = 300_000;

#[test]
fn ledgers_longer_than_memory_are_joined() {
    let rows: u64 = std::env::var("RINGLOAD_ROWS").map_or(ROWS, |rows| rows.parse().unwrap());
    let messages = rows / 2;
    let scratch = Scratch::new();
    let (sent, received) = (scratch.0.join("sent"), scratch.0.join("received"));
    let (lost, doubled, altered) = (messages / 3, messages / 2, messages / 5);
    write(&sent, Verdict::Accepted, messages, |id| vec![row(id, Verdict::Accepted)]);
    write(&received, Verdict::Delivered, messages, |id| {
        let row = row(id, Verdict::Delivered);
        match id {
            id if id == lost => Vec::new(),
            id if id == doubled => vec![row, row],
            id if id == altered => vec![Row { body: row.body ^ 1, ..row }],
            _ => vec![row],
        }
    });
    let (proof, memory) = verify(&sent, &received, &scratch.0);
    // What came twice came unchanged.
    assert_eq!(proof["exact"], messages - 2, "{proof}");
    assert_eq!(proof["missing"], 1, "{proof}");
    assert_eq!(proof["duplicates"], 1, "{proof}");
    assert_eq!(proof["corrupt"], 1, "{proof}");
    assert!(memory <= MEMORY_MAX, "{memory} bytes for {rows} rows");
}

/// What became of all messages, in an order that is nobody's.
fn write(path: &Path, verdict: Verdict, messages: u64, rows: impl Fn(u64) -> Vec<Row>) {
    let mut writer = Writer::open(path).unwrap();
    // An odd step and a power of two have no common factor: every number comes once.
    let size = messages.next_power_of_two();
    let step = if verdict == Verdict::Accepted { 0x9e37_79b1 } else { 0x85eb_ca77 };
    for turn in 0..size {
        let id = turn.wrapping_mul(step) % size;
        for row in (id < messages).then(|| rows(id)).into_iter().flatten() {
            writer.add(&row).unwrap();
        }
    }
    writer.add(&Row::end(messages)).unwrap();
    writer.flush().unwrap();
}

fn row(id: u64, verdict: Verdict) -> Row {
    let (recipient, body) = (id.wrapping_mul(0x0123_4567_89ab_cdef), !id);
    let code = 250;
    Row {
        id,
        recipient,
        body,
        header: id as u32,
        bytes: 4_096,
        session: 1,
        code,
        verdict,
        ..Row::end(id)
    }
}

/// What `ringload verify` finds, and the most memory it was seen to take up.
fn verify(sent: &Path, received: &Path, scratch: &Path) -> (serde_json::Value, u64) {
    let out = scratch.join("proof.json");
    let mut verify = Command::new(env!("CARGO_BIN_EXE_ringload"))
        .args(["verify", "--json", "--rows-max", &ROWS_HELD.to_string()])
        .args([Path::new("--sent"), sent, Path::new("--received"), received])
        .args([Path::new("--scratch"), scratch])
        .stdout(Stdio::from(fs::File::create(&out).unwrap()))
        .spawn()
        .unwrap();
    let (failed, memory) = watch(&mut verify);
    assert!(failed, "one is lost, one came twice and one was altered");
    (serde_json::from_slice(&fs::read(out).unwrap()).unwrap(), memory)
}

/// Waits for its end. Whether it failed, and its largest resident size as last seen.
fn watch(child: &mut Child) -> (bool, u64) {
    let mut memory = 0;
    for _ in 0..LOOKS_MAX {
        if let Some(status) = child.try_wait().unwrap() {
            return (!status.success(), memory);
        }
        memory = peak(child.id()).unwrap_or(memory);
        thread::sleep(LOOK_EVERY);
    }
    child.kill().unwrap();
    panic!("verify takes too long");
}

/// The largest resident size of a process so far, in bytes.
fn peak(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1_024)
}

/// A folder that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("large-ledger-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
