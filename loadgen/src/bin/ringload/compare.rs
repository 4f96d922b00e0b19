//! `ringload compare`.

use loadgen::compare::{self, Options, THRESHOLD};
use loadgen::report::{self, Document};
use std::error::Error;
use std::io;
use std::path::PathBuf;

/// What was written on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The base and the new run: folders of `--report`, or report.json files
    #[arg(num_args = 2, value_names = ["BASE", "NEW"], required_unless_present_all = ["base", "new"])]
    runs: Vec<PathBuf>,
    /// Several runs of the base
    #[arg(long, value_name = "RUN", num_args = 1.., requires = "new", conflicts_with = "runs")]
    base: Vec<PathBuf>,
    /// Several new runs
    #[arg(long, value_name = "RUN", num_args = 1.., requires = "base")]
    new: Vec<PathBuf>,
    /// Percent by which a figure may become worse
    #[arg(long, default_value_t = 100.0 * THRESHOLD, value_name = "PERCENT", value_parser = percent)]
    threshold: f64,
    /// Decides the resamples
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Compares. True if nothing has regressed.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, Box<dyn Error>> {
    let (base, new) = match arguments.runs.as_slice() {
        [base, new] => (std::slice::from_ref(base), std::slice::from_ref(new)),
        _ => (arguments.base.as_slice(), arguments.new.as_slice()),
    };
    let options = Options { threshold: arguments.threshold / 100.0, seed: arguments.seed };
    let found = compare::compare(&read(base)?, &read(new)?, &options)?;
    println!("{found}");
    Ok(!found.has_regressed())
}

fn read(paths: &[PathBuf]) -> io::Result<Vec<Document>> {
    paths.iter().map(|path| report::read_document(path)).collect()
}

fn percent(text: &str) -> Result<f64, &'static str> {
    let percent = text.parse().ok().filter(|percent| (0.0..=1_000.0).contains(percent));
    percent.ok_or("give percent from 0 to 1000, such as 5")
}
