//! A figure of several rounds.

use serde_json::{Value, json};

/// A median and how far the rounds lie around it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Spread {
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let half = sorted.len() / 2;
        let median = f64::midpoint(*sorted.get(half)?, *sorted.get((sorted.len() - 1) / 2)?);
        Some(Self { least: *sorted.first()?, median, most: *sorted.last()? })
    }

    pub(crate) fn text(self, unit: &str) -> String {
        format!("{}{unit} ({} - {})", digits(self.median), digits(self.least), digits(self.most))
    }

    pub(crate) fn json(self) -> Value {
        json!({ "least": self.least, "median": self.median, "most": self.most })
    }
}

/// Three digits are all a noisy machine can mean.
pub(crate) fn digits(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        0.1.. => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn a_median_lies_between_the_middle_two() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(
            Spread::of(&[4.0, 1.0, 3.0, 2.0]),
            Some(Spread { least: 1.0, median: 2.5, most: 4.0 })
        );
        assert_eq!(
            Spread::of(&[9.0, 1.0, 3.0]),
            Some(Spread { least: 1.0, median: 3.0, most: 9.0 })
        );
    }
}
