//! `cargo run --release -p bench --bin floor`: what physics asks of the main job.

fn main() -> std::process::ExitCode {
    bench::floor::main()
}
