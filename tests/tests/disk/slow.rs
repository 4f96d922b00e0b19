//! A disk that dawdles or hangs.

use crate::check::compare;
use crate::format::Filesystem;
use crate::load::{self, Answer};
use crate::look::look;
use crate::rig::{PATIENCE, Rig};
use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tests::disk::Operation;
use tests::speaker::Speaker;
use tests::wait;

/// What each operation takes on a slow disk.
const DELAY: Duration = Duration::from_millis(20);
/// Connections that send, and messages of each.
const SENDERS: u32 = 24;
const EACH: u32 = 10;

#[test]
fn on_a_slow_disk_messages_share_commits_and_all_works() -> io::Result<()> {
    if !Filesystem::Ext4.can_be_used() {
        return Ok(());
    }
    let mut rig = Rig::new(Filesystem::Ext4)?;
    rig.start()?;
    let fast = batch(&rig, 0)?;
    rig.disk.delay(DELAY);
    let slow = batch(&rig, 1)?;
    eprintln!("messages in a commit: {fast:.1}, on the slow disk {slow:.1}");
    // How many more than on a fast one depends on the machine.
    assert!(slow > 3.0, "{fast} {slow}");
    rig.wait_for_next_host()?;
    rig.finish()?;
    kept(&mut rig)
}

/// Sends many short messages at once; says how many of them went into one block.
fn batch(rig: &Rig, round: u32) -> io::Result<f64> {
    let start = rig.disk.position();
    thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| scope.spawn(move || send_some(rig, round * SENDERS + sender)))
            .collect();
        senders.into_iter().try_for_each(|sender| sender.join().expect("a sender ends"))
    })?;
    let deliveries = rig.disk.since(start).iter().map(deliveries).collect::<Vec<_>>();
    let blocks: u32 = deliveries.iter().map(|count| count.min(&1)).sum();
    Ok(f64::from(deliveries.iter().sum::<u32>()) / f64::from(blocks))
}

fn send_some(rig: &Rig, sender: u32) -> io::Result<()> {
    let mut speaker = Speaker::connect(rig.address()?)?;
    speaker.say("EHLO client.test", "250")?;
    for at in 0..EACH {
        // Ten in twenty are short: see `load::text`.
        let number = sender * 20 + 10 + at;
        let answer = load::send(&mut speaker, &rig.ledger, number)?;
        assert_eq!(answer, Answer::Accepted, "a slow disk is no reason to refuse");
    }
    Ok(())
}

/// DELIVERY records in what was written, if that was a commit block: see FORMAT.md.
fn deliveries(operation: &Operation) -> u32 {
    const FIRST: usize = 96;
    const HEADER: usize = 32;
    const DELIVERY: u8 = 2;
    let Operation::Write(_, bytes) = operation else { return 0 };
    let number = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let (mut at, mut count) = (FIRST, 0);
    let end = number(32).map_or(0, |payload| FIRST + payload as usize);
    while bytes.starts_with(b"RPBK")
        && at < end
        && let Some(len) = number(at)
    {
        count += u32::from(bytes.get(at + 4) == Some(&DELIVERY));
        at += (HEADER + len as usize).next_multiple_of(8);
    }
    count
}

#[test]
fn a_hung_disk_shuts_the_door_until_it_goes_on() -> io::Result<()> {
    if !Filesystem::Ext4.can_be_used() {
        return Ok(());
    }
    let mut rig = Rig::new(Filesystem::Ext4)?;
    rig.start()?;
    rig.carry(0..20)?;
    rig.disk.hang();
    thread::scope(|scope| {
        // It waits for an answer, and may or may not get one.
        let waiting = scope.spawn(|| send(&rig, 20));
        let shut = wait::until("a door that is shut", PATIENCE, || {
            let reply = Speaker::connect(rig.address().ok()?).and_then(|mut speaker| {
                speaker.say("EHLO client.test", "250")?;
                speaker.say(&mail_from(), "")
            });
            reply.map_or(Some(()), |reply| reply.starts_with('4').then_some(()))
        });
        rig.disk.go_on();
        let _ = waiting.join();
        shut
    })?;
    let mut numbers = 21..;
    wait::until("mail that is accepted again", PATIENCE, || {
        (send(&rig, numbers.next()?).ok()? == Answer::Accepted).then_some(())
    })?;
    rig.wait_for_next_host()?;
    rig.finish()?;
    kept(&mut rig)
}

fn mail_from() -> String {
    format!("MAIL FROM:<{}>", load::sender(0))
}

fn send(rig: &Rig, number: u32) -> io::Result<Answer> {
    let mut speaker = Speaker::connect(rig.address()?)?;
    speaker.say("EHLO client.test", "250")?;
    load::send(&mut speaker, &rig.ledger, number)
}

/// All that was promised is on the disk.
fn kept(rig: &mut Rig) -> io::Result<()> {
    rig.mount()?;
    let held = look(&rig.spool())?;
    let compared = compare(&held, &rig.ledger.entries(), rig.disk.position());
    assert!(compared.is_ok_and(|compared| compared.kept > 0));
    rig.unmount()
}

#[test]
fn a_disk_that_hangs_for_ever_holds_up_nobody() -> io::Result<()> {
    if !Filesystem::Ext4.can_be_used() {
        return Ok(());
    }
    let mut rig = Rig::new(Filesystem::Ext4)?;
    rig.start()?;
    rig.carry(0..5)?;
    let (address, spool) = (rig.address()?, rig.spool());
    rig.disk.hang();
    let waiting = thread::spawn(move || {
        let mut speaker = Speaker::connect(address)?;
        speaker.send(&load::sender(6), &load::recipient(6), &load::text(6))
    });
    let (done, gone) = mpsc::channel();
    thread::spawn(move || {
        rig.disk.cut_off();
        drop(rig);
        // Whoever asked has lost patience, and says so.
        let _ = done.send(());
    });
    gone.recv_timeout(PATIENCE).map_err(io::Error::other)?;
    let answer = waiting.join().expect("a sender ends");
    assert!(answer.is_err(), "nothing was written: {answer:?}");
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    assert!(!mounts.contains(&spool.display().to_string()), "{mounts}");
    Ok(())
}
