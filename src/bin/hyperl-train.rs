//! Trains checkpoints; see `hyperl-train --help`.

fn main() -> ! {
    hyperl::cli::train::main()
}
