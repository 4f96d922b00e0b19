use super::{cpu, descendants, memory, threads};
use crate::{tool, wait};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Burns 0.2 s in each of three children that end, then holds 64 MiB in one that stays.
const LOAD: &str = "
import subprocess, sys, time
burn = 'import time\\nwhile time.process_time() < 0.2: pass'
for _ in range(3): subprocess.run([sys.executable, '-S', '-c', burn])
hold = 'import sys; held = bytearray(b\"x\" * (64 << 20)); print(1, flush=True); sys.stdin.read()'
held = subprocess.Popen([sys.executable, '-S', '-c', hold], stdin=subprocess.PIPE)
held.wait()
";

/// A known load, ready when it has said a line.
fn load() -> Child {
    let mut load = Command::new("python3");
    let mut child =
        load.args(["-S", "-c", LOAD]).stdout(Stdio::piped()).spawn().expect("it starts");
    let said = child.stdout.take().expect("it is a pipe");
    BufReader::new(said).lines().next().expect("it says a line").expect("and it is text");
    child
}

#[test]
fn a_known_load_is_measured() {
    if !tool::all_there(&["python3"]) {
        return;
    }
    let mut child = load();
    let (used, held) = (cpu(child.id()), memory(child.id()));
    let family = descendants(child.id());
    child.kill().expect("it was running");
    child.wait().expect("it is ours");
    assert!(family.len() == 2, "{family:?}");
    assert!(
        (0.58..1.5).contains(&used.as_secs_f64()),
        "0.6 s in ended children, and little else: {used:?}"
    );
    assert!((64 << 20..128 << 20).contains(&held), "64 MiB in a living one: {held}");
    let gone = || (cpu(child.id()) == Duration::ZERO).then_some(());
    wait::until("nothing of what is gone", Duration::from_secs(5), gone).expect("it is reaped");
}

#[test]
fn a_thread_is_found_by_its_name() {
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::Builder::new().name("burns (all)".into());
    let thread = thread.spawn(move || {
        while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
            std::hint::spin_loop();
        }
    });
    let thread = thread.expect("it starts");
    let worked = || {
        let all = threads(std::process::id()).ok()?;
        let one = all.into_iter().find(|thread| thread.name == "burns (all)")?;
        (one.cpu >= Duration::from_millis(50)).then_some(())
    };
    wait::until("some work", Duration::from_secs(20), worked).expect("it burns");
    drop(stop);
    thread.join().expect("it does not panic");
}
