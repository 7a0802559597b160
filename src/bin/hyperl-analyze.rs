//! Measures trained checkpoints; see `hyperl-analyze --help`.

fn main() -> ! {
    hyperl::cli::analyze::main()
}
