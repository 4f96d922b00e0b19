use super::{Machine, Plan, Relay, Report};
use crate::peers::{Figures, Generator, Quantity, Scenario};

fn figures(delivered: f64, cpu: f64) -> Figures {
    Figures::default().with(Quantity::Delivered, delivered).with(Quantity::Cpu, cpu)
}

/// Two rounds of three relays in one scenario, one that Ringpost does not offer, one relay
/// that is not there.
fn report() -> Report {
    let plan = Plan {
        relays: vec![Relay::Postfix, Relay::Haraka, Relay::Ringpost],
        scenarios: vec![Scenario::Relay4k, Scenario::Tls],
        rounds: 2,
        messages: 10,
        backlog: 10,
        idle: 10,
        sessions: 1,
        generator: Generator::Ringload,
        syncs: true,
    };
    let machine = Machine {
        date: "2026-11-27 17:00".into(),
        commit: "0123456789ab".into(),
        processor: "A|B".into(),
        cores: 2,
        memory_gib: 23,
        kernel: "6.18".into(),
        filesystem: "ext4 rw".into(),
        load: "0.00 0.01 0.02".into(),
    };
    let absent = vec![(Relay::Exim, "run bench/peers/install".to_owned())];
    let mut report = Report { plan, machine, absent, rounds: Vec::new() };
    let rounds = [
        ("Postfix", [(500.0, 3.0), (400.0, 4.0)]),
        ("Haraka", [(300.0, 1.0), (350.0, 2.0)]),
        ("Ringpost", [(6_000.0, 0.06), (4_000.0, 0.08)]),
    ];
    for (name, figures_of) in rounds {
        for (delivered, cpu) in figures_of {
            report.add(Scenario::Relay4k, name, Ok(figures(delivered, cpu)));
        }
    }
    let syncs = Figures::default().with(Quantity::Syncs, 1.0);
    report.add(Scenario::Relay4k, "Postfix", Ok(syncs));
    report.add(Scenario::Tls, "Ringpost", Err("not offered yet\nand more".into()));
    report
}

#[test]
fn ratios_are_taken_round_by_round_over_the_best_other() {
    let of = |quantity| {
        let (best, spread) = report().ratio(Scenario::Relay4k, quantity)?;
        Some((best, spread.least, spread.most))
    };
    assert_eq!(of(Quantity::Delivered), Some(("Postfix", 10.0, 12.0)));
    assert_eq!(of(Quantity::Cpu), Some(("Haraka", 0.04, 0.06)), "less is better");
    assert_eq!(of(Quantity::Syncs), None, "no relay is better for its syncs");
    assert_eq!(of(Quantity::Accepted), None, "nobody measured it");
}

#[test]
fn the_table_says_what_was_measured_once_and_what_was_not() {
    let table = report().table();
    for quantity in [Quantity::Delivered, Quantity::Cpu, Quantity::Syncs] {
        assert_eq!(table.lines().filter(|line| line.starts_with(quantity.name())).count(), 1);
    }
    assert!(table.contains("11.0x (10.0 - 12.0) Postfix"), "{table}");
    assert!(table.contains("\nRingpost: not offered yet\n"), "{table}");
    assert!(table.contains("\nExim: takes no part; run bench/peers/install\n"), "{table}");
}

#[test]
fn json_says_the_same() {
    let json = report().json();
    let relayed = &json["scenarios"][0];
    assert_eq!(relayed["scenario"], "relay-4k");
    assert_eq!(relayed["ratios"]["delivered/s"]["spread"]["median"], 11.0);
    assert_eq!(relayed["ratios"]["delivered/s"]["over"], "Postfix");
    assert_eq!(relayed["relays"]["Postfix"]["syncs a message"]["rounds"][0], 1.0);
    assert_eq!(json["scenarios"][1]["relays"]["Ringpost"]["failure"], "not offered yet\nand more");
    assert_eq!(json["machine"]["kernel"], "6.18");
}

#[test]
fn the_page_says_the_same_and_where_it_comes_from() {
    let page = report().markdown("peers --rounds 2");
    for line in [
        "Written by `peers --rounds 2`; do not edit. Median (least - most) of 2 rounds in turn; the",
        "| date (UTC) | 2026-11-27 17:00 |",
        "| commit | 0123456789ab |",
        "| machine | A\\|B, 2 cores, 23 GiB |",
        "| load before | 0.00 0.01 0.02 |",
        "## relay-4k",
        "| | Postfix | Haraka | Ringpost | ratio |",
        "|---|---|---|---|---|",
        "| syncs a message | 1.00 (1.00 - 1.00) | - | - | |",
        "- Ringpost: not offered yet",
    ] {
        assert!(page.lines().any(|found| found == line), "{line}\nis not in\n{page}");
    }
    let row = "| delivered/s | 450 (400 - 500) | 325 (300 - 350) | 5000 (4000 - 6000) | \
               11.0x (10.0 - 12.0) Postfix |";
    assert!(page.contains(row), "{page}");
}
