use super::plan::{ENVELOPE, PREFIX_LEN, Plan, Trips};
use super::runtime::{self, Runtime};
use super::{Options, generator, relay, run, sink};
use clap::{Parser, ValueEnum};
use std::sync::mpsc;
use std::thread;

fn options(arguments: &str) -> Options {
    let directory = std::env::temp_dir().display().to_string();
    let words = ["floor", "--directory", &directory].into_iter().chain(arguments.split(' '));
    Options::try_parse_from(words).unwrap()
}

fn plan(size: u32, shards: u16, trips: Trips) -> Plan {
    Plan::new(&options("--messages 400 --sessions 4 --lanes 2"), size, shards, trips).unwrap()
}

#[test]
fn a_plan_says_the_same_to_every_process() {
    let plan = plan(1_000, 1, Trips::One);
    assert_eq!((plan.messages, plan.messages_each()), (400, 100));
    assert_eq!(plan.incoming_len(0), 1_000 + ENVELOPE.len());
    assert_eq!(plan.incoming_len(99), 1_000, "no envelope comes behind the last text");
    assert!(plan.answer(0).len() > plan.answer(99).len());
    assert_eq!(plan.outgoing_len(), PREFIX_LEN + 1_000 + ENVELOPE.len());
    let apart = Plan { trips: Trips::Two, ..plan };
    assert_eq!(apart.incoming_len(0), 1_000);
}

#[test]
fn larger_messages_are_fewer() {
    assert_eq!(plan(51_200, 1, Trips::Two).messages, 32);
    assert_eq!(plan(1 << 20, 1, Trips::Two).messages, 4, "each session sends one at least");
}

#[test]
fn a_plan_that_does_not_divide_is_refused() {
    let odd = options("--sessions 5");
    assert!(Plan::new(&odd, 4_096, 2, Trips::Two).is_err());
    assert!(Plan::new(&odd, 4_096, 1, Trips::Two).is_ok());
    assert!(Plan::new(&odd, 4_096, 3, Trips::Two).is_err());
    assert!(Plan::new(&odd, 1 << 21, 1, Trips::Two).is_err());
}

/// The whole floor in one process: every message comes out, in every shape.
#[test]
fn every_message_arrives() {
    for (size, shards, trips) in [
        (1_000, 1, Trips::Two),
        (1_000, 2, Trips::One),
        (60_000, 2, Trips::Two),
        (60_000, 1, Trips::One),
    ] {
        for accept in [false, true] {
            relayed(&Plan { accept, ..plan(size, shards, trips) });
        }
    }
}

/// Every message is taken; and sent, if that is planned.
fn relayed(plan: &Plan) {
    let shards = plan.shards;
    let (end, doors) = (run::listen().unwrap(), (0..shards).map(|_| run::listen().unwrap()));
    let doors: Vec<_> = doors.collect();
    let to = end.local_addr().unwrap();
    let relays: Vec<_> = doors.iter().map(|door| door.local_addr().unwrap()).collect();
    thread::scope(|scope| {
        let sink = scope.spawn(|| sink::answer(plan, &end).unwrap());
        let generator = scope.spawn(|| generator::play(plan, &relays).unwrap());
        let round = relay::relay(plan, doors, to).unwrap();
        assert!(round.cpu_secs_per_1000 > 0.0 && round.messages_per_sec > 0.0);
        assert!((1.0..=4.0).contains(&round.messages_per_commit));
        generator.join().unwrap();
        let sent = if plan.accept { 0 } else { plan.messages };
        assert_eq!(sink.join().unwrap(), sent);
    });
}

#[test]
fn every_runtime_hears_every_session_out() {
    for (trips, &runtime) in [Trips::Two, Trips::One]
        .iter()
        .flat_map(|trips| Runtime::value_variants().iter().map(move |runtime| (*trips, runtime)))
    {
        let plan = plan(60_000, 1, trips);
        let (say, hear) = mpsc::channel();
        thread::scope(|scope| {
            let receiver = scope.spawn(|| {
                runtime::serve(&plan, runtime, &mut |address| say.send(address).unwrap())
            });
            generator::play(&plan, &[hear.recv().unwrap()]).unwrap();
            receiver.join().unwrap().unwrap_or_else(|error| panic!("{runtime:?}: {error}"));
        });
    }
}
