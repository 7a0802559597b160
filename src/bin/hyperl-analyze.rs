//! Measures trained checkpoints; see `hyperl-analyze --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    hyperl::cli::analyze::main()
}
