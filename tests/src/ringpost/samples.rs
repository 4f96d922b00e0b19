//! The samples of a metric on a page in the text format of Prometheus.

/// Of all samples of the metric `name`, if there are any.
pub(super) fn sum(text: &str, name: &str) -> Option<f64> {
    samples(text, name).reduce(|sum, sample| sum + sample)
}

/// Whether the flag `name` is set wherever there is one, and there is one.
pub(super) fn all_are(text: &str, name: &str) -> bool {
    let mut samples = samples(text, name).peekable();
    samples.peek().is_some() && samples.all(|sample| sample > 0.0)
}

/// All of the metric `name`, whatever their labels.
pub(super) fn samples(text: &str, name: &str) -> impl Iterator<Item = f64> {
    text.lines().filter_map(move |line| {
        let rest = line.strip_prefix(name)?;
        let labelled = rest.starts_with(['{', ' ']);
        labelled.then(|| rest.rsplit_once(' ')?.1.parse::<f64>().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::{all_are, sum};

    #[test]
    fn samples_are_summed_over_their_labels() {
        let text = "# HELP a x\na{shard=\"0\"} 2\na{shard=\"1\"} 3\na_total 7\n";
        assert_eq!(sum(text, "a"), Some(5.0));
        assert_eq!(sum(text, "b"), None);
    }

    #[test]
    fn a_flag_is_set_if_it_is_set_everywhere() {
        let text = "a{shard=\"0\"} 1\na{shard=\"1\"} 1\nb{shard=\"0\"} 1\nb{shard=\"1\"} 0\n";
        assert_eq!(["a", "b", "c"].map(|name| all_are(text, name)), [true, false, false]);
    }
}
