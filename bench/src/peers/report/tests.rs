use super::{Plan, Relay, Report};
use crate::peers::{Figures, Generator, Quantity};

fn figures(delivered: f64, cpu: f64) -> Figures {
    Figures { delivered_per_second: delivered, cpu_seconds_per_1000: cpu, ..Figures::default() }
}

fn report() -> Report {
    let relays = vec![Relay::Postfix, Relay::Ringpost];
    let generator = Generator::SmtpSource;
    let plan = Plan { relays, sizes: vec![4_096], rounds: 2, messages: 10, sessions: 1, generator };
    let mut report = Report::new(&plan);
    report.add(Relay::Postfix, 4_096, figures(500.0, 3.0));
    report.add(Relay::Ringpost, 4_096, figures(6_000.0, 0.06));
    report.add(Relay::Postfix, 4_096, figures(400.0, 4.0));
    report.add(Relay::Ringpost, 4_096, figures(4_000.0, 0.08));
    report.add_syncs(Relay::Postfix, 4_096, Some(1.0));
    report.add_syncs(Relay::Ringpost, 4_096, None);
    report
}

#[test]
fn ratios_are_taken_round_by_round() {
    assert_eq!(report().ratios(Quantity::Delivered, 4_096), [12.0, 10.0]);
    assert_eq!(report().ratios(Quantity::Delivered, 51_200), [0.0; 0]);
}

#[test]
fn the_table_says_every_quantity_once() {
    let table = report().table();
    for quantity in Quantity::ALL {
        assert_eq!(table.lines().filter(|line| line.starts_with(quantity.name())).count(), 1);
    }
    assert!(table.contains("11.0x (10.0 - 12.0)"), "{table}");
}

#[test]
fn json_says_the_same() {
    let json = report().json();
    assert_eq!(json["sizes"][0]["ratios"]["delivered/s"]["median"], 11.0);
    assert_eq!(json["sizes"][0]["relays"]["Postfix"]["syncs a message"], 1.0);
}
