//! Trains checkpoints; see `hyperl-train --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    hyperl::cli::train::main()
}
