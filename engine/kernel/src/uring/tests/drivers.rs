//! What the host allows, and what is said when it does not.

use super::{config, listener, pair, pause, piece, run_on};
use crate::uring::driver::{Cause, explain};
use crate::uring::{Driver, DriverChoice, UringStream, probe, run};
use crate::{Buffer, Kernel, Listener, Stream};
use std::cell::Cell;
use std::io;
use std::net::TcpStream;
use std::rc::Rc;
use std::thread;

#[test]
fn this_host_allows_the_ring_with_every_flag() {
    let report = probe();
    assert_eq!(report.driver, Driver::Uring, "{report}");
    assert_eq!(report.flags, ["CQSIZE", "SUBMIT_ALL", "COOP_TASKRUN", "SINGLE_ISSUER"]);
    assert_eq!(report.to_string(), "io_uring (CQSIZE, SUBMIT_ALL, COOP_TASKRUN, SINGLE_ISSUER)");
}

#[test]
fn epoll_can_be_asked_for() {
    let report = run_on(config(DriverChoice::Epoll), async |kernel| kernel.driver().clone());
    assert_eq!(report.output, report.driver);
    assert_eq!(report.driver.cause, Some(Cause::Asked));
    assert_eq!(report.driver.to_string(), "epoll: the settings ask for it");
}

#[test]
fn the_cause_is_told_apart() {
    let because = |errno, sysctl, filter| {
        explain(
            &io::Error::from_raw_os_error(errno),
            sysctl,
            &format!("Name:\tx\nSeccomp:\t{filter}\n"),
        )
    };
    assert_eq!(because(libc::EPERM, "2\n", 2), Cause::Sysctl(2));
    assert_eq!(because(libc::EPERM, "1\n", 0), Cause::Sysctl(1));
    assert_eq!(because(libc::EPERM, "0\n", 2), Cause::Seccomp);
    assert_eq!(because(libc::ENOSYS, "", 2), Cause::Seccomp);
    assert_eq!(because(libc::ENOSYS, "", 0), Cause::Absent);
    let other = because(libc::ENOMEM, "0\n", 2).to_string();
    assert!(other.contains("Cannot allocate memory"), "{other}");
    assert!(Cause::Sysctl(2).to_string().contains("sysctl kernel.io_uring_disabled=0"));
    assert!(Cause::Seccomp.to_string().contains("--security-opt seccomp="));
}

/// As in a container: a filter on this thread alone answers EPERM to `io_uring_setup`.
#[test]
fn under_a_seccomp_filter_a_shard_runs_on_epoll_and_says_why() {
    let filtered = thread::spawn(|| {
        forbid_rings();
        assert_eq!(probe().cause, Some(Cause::Seccomp));
        let refused = run(config(DriverChoice::Uring), async |_| ()).unwrap_err();
        assert!(refused.to_string().contains("seccomp"), "{refused}");
        run_on(config(DriverChoice::Auto), async |kernel| {
            let (ours, theirs) = pair(&kernel).await;
            ours.write(piece(b"still works")).await.unwrap();
            let (result, buffer) = theirs.read(Buffer::with_capacity(64)).await;
            assert_eq!((result.unwrap(), &*buffer), (11, &b"still works"[..]));
        })
    });
    let report = filtered.join().unwrap();
    assert_eq!((report.driver.driver, report.driver.cause), (Driver::Epoll, Some(Cause::Seccomp)));
}

fn forbid_rings() {
    let statement = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let setup = u32::try_from(libc::SYS_io_uring_setup).unwrap();
    let errno = libc::SECCOMP_RET_ERRNO | libc::EPERM.unsigned_abs();
    // Load the number of the call, which is the first word; is it this one; answer.
    let mut program = [
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, setup),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, errno),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the filter is copied by the call, and binds this thread alone.
    let done = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const filter)
    };
    assert_eq!(done, 0, "{}", io::Error::last_os_error());
}

/// Far more completions at once than the completion queue holds.
#[test]
fn a_completion_queue_that_overflows_loses_nothing() {
    const PEERS: usize = 3_000;
    for driver in super::BOTH {
        run_on(config(driver), async |kernel| {
            let listener = listener(&kernel);
            let (heard, mut peers) = (Rc::new(Cell::new(0)), Vec::new());
            for _ in 0..PEERS {
                peers.push(TcpStream::connect(listener.address()).unwrap());
                let stream = listener.accept().await.unwrap();
                kernel.spawn(hear(stream, Rc::clone(&heard)));
            }
            pause(&kernel, 1).await;
            for peer in &mut peers {
                io::Write::write_all(peer, b"now").unwrap();
            }
            while heard.get() < PEERS {
                pause(&kernel, 1).await;
            }
        });
    }
}

async fn hear(stream: UringStream, heard: Rc<Cell<usize>>) {
    stream.readable().await.unwrap();
    let (result, _) = stream.read(Buffer::with_capacity(8)).await;
    assert_eq!(result.unwrap(), 3);
    heard.set(heard.get() + 1);
}
