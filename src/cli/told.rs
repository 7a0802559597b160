//! What a user hears of a measurement while it goes on.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{HumanCount, ProgressBar};

use super::shared::{self, Done};
use crate::analysis::measure::kept::{Listener, Stopped};

/// Tells the user how a measurement goes.
pub(super) struct Told {
    /// Counts what is there.
    pub(super) bar: ProgressBar,
    /// Simulated steps.
    steps: AtomicU64,
}

impl Told {
    /// Nothing of so many units is there.
    pub(super) fn new(units: usize, unit: &str) -> Self {
        Self { bar: shared::progress_bar(units as u64, unit), steps: AtomicU64::new(0) }
    }

    /// Says what becomes of a measurement that a signal stopped.
    pub(super) fn stopped(&self, stopped: Stopped) -> Done {
        self.bar.abandon();
        if stopped.saved {
            shared::note!("stopped; what was measured is kept, run the same command to go on");
            return Done::Stopped;
        }
        shared::note!("stopped, nothing measured yet; run the same command to start again");
        Done::StoppedUnsaved
    }
}

impl Listener for Told {
    fn steps(&self, more: u64) {
        let made = self.steps.fetch_add(more, Ordering::Relaxed) + more;
        self.bar.set_message(format!("({} simulated steps)", HumanCount(made)));
    }

    fn unit(&self) {
        self.bar.inc(1);
    }

    fn waiting(&self, holder: &str) {
        self.bar.suspend(|| shared::note!("waiting for {holder}, which measures the same"));
    }

    fn damaged(&self, path: &Path) {
        let path = path.display();
        self.bar.suspend(|| shared::note!("{path} is not as it was written: measured again"));
    }

    fn stops(&self) -> bool {
        shared::stop_asked()
    }
}
