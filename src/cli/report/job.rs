//! What the making of a report is handed, and what a measure hands back.

use std::path::PathBuf;

use crate::checkpoint::lock::Lock;
use crate::cli::output::Origin;
use crate::cli::threads::Threads;
use crate::report::finding::Finding;
use crate::study::Found;
use crate::study::spec::Spec;

/// A spec that was read, and the runs that it found.
pub(in crate::cli) struct Job {
    pub(in crate::cli) spec: Spec,
    pub(in crate::cli) found: Found,
    /// Folder of its report.
    pub(in crate::cli) folder: PathBuf,
    /// Folder of single measurements, shared by all reports.
    pub(in crate::cli) units: PathBuf,
    pub(in crate::cli) threads: Threads,
    /// The command that makes the report again.
    pub(in crate::cli) command: String,
}

/// What was measured for a spec.
pub(in crate::cli) struct Made {
    pub(in crate::cli) finding: Finding,
    pub(in crate::cli) settings: toml::Table,
    pub(in crate::cli) sources: Vec<Origin>,
    /// Held until the report is written.
    pub(in crate::cli) _lock: Lock,
}
