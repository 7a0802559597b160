//! The worker threads on which networks run.
//!
//! Torch's threads are a setting of each thread, not of the process: a matrix product called from a
//! worker that was never told otherwise starts a team of its own, as large as the machine. The
//! rounding of small products then depends on the number of processors, and teams that wait for
//! each other cost most of the time. So every pool that runs networks is made here.

use std::sync::Arc;

use crate::error::{Error, Result};

/// Most workers: more than that help nowhere, and may be more than the system can start.
pub const MOST: usize = 1024;

/// Starts `threads` lasting workers, each of which computes its products alone.
///
/// # Errors
/// [`Error::Usage`] for 0 threads or more than [`MOST`], or if the system refuses them.
///
/// # Examples
/// ```
/// let workers = hyperl::nn::workers::start(2)?;
/// assert_eq!(workers.install(tch::get_num_threads), 1);
/// # Ok::<(), hyperl::Error>(())
/// ```
pub fn start(threads: usize) -> Result<Arc<rayon::ThreadPool>> {
    if threads == 0 {
        return Err(Error::Usage("--threads must be at least 1".into()));
    }
    if threads > MOST {
        return Err(Error::Usage(format!(
            "--threads must be at most {MOST}, got {threads}; as many as there are processors are best"
        )));
    }
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .start_handler(|_| tch::set_num_threads(1))
        .build()
        .map(Arc::new)
        .map_err(|e| {
            Error::Usage(format!(
                "cannot start {threads} worker threads: {e}; lower --threads or free some memory"
            ))
        })
}
