//! Worker threads.

use std::num::NonZero;
use std::sync::Arc;
use std::thread::available_parallelism;

use clap::Args;
use rayon::ThreadPool;

use crate::error::Result;
use crate::nn::workers;

/// The number of worker threads on the command line.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Threads {
    /// Worker threads; results do not depend on it [default: the processors]
    #[arg(long)]
    threads: Option<usize>,
}

impl Threads {
    pub(super) fn workers(self) -> Result<Arc<ThreadPool>> {
        start(self.threads)
    }
}

/// Starts so many workers, by default one for each processor.
pub(super) fn start(threads: Option<usize>) -> Result<Arc<ThreadPool>> {
    let processors = || available_parallelism().map_or(1, NonZero::get).min(workers::MOST);
    workers::start(threads.unwrap_or_else(processors))
}
