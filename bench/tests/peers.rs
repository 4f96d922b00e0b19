//! A tiny round of every relay that is there: its settings are understood, mail goes through.

use bench::peers::{Generator, Plan, Quantity, Relay, Scenario, run};

#[test]
fn mail_goes_through_every_relay_that_is_there() {
    let (there, absent): (Vec<_>, Vec<_>) =
        Relay::ALL.into_iter().partition(|relay| relay.ready().is_ok());
    for relay in absent {
        eprintln!("not run with {relay}: {}", relay.ready().unwrap_err());
    }
    let plan = Plan {
        relays: there.clone(),
        scenarios: vec![Scenario::Relay4k],
        rounds: 1,
        messages: 10,
        backlog: 10,
        idle: 10,
        sessions: 2,
        generator: Generator::Ringload,
        syncs: false,
    };
    let report = run(&plan, |line| eprintln!("{line}")).json();
    let relays = &report["scenarios"][0]["relays"];
    for relay in there {
        let figures = &relays[relay.name()];
        assert!(figures["failure"].is_null(), "{relay}: {}", figures["failure"]);
        for quantity in [Quantity::Accepted, Quantity::Delivered, Quantity::Memory] {
            let measured = figures[quantity.name()]["rounds"][0].as_f64();
            assert!(measured.is_some_and(|value| value > 0.0), "{relay}: {figures:#}");
        }
    }
}
