//! Progress bars, silent when standard error is no terminal.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use super::program::Done;
use super::signals::stop_asked;
use super::terminal::note;
use crate::analysis::measure::kept::{Listener, Stopped};

/// Returns a progress bar with rate and time left.
pub(super) fn bar(length: u64, unit: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    let template = format!(
        "{{prefix}} [{{wide_bar}}] {{human_pos}}/{{human_len}} {unit}, {{per_sec}}, {{eta}} left {{msg}}"
    );
    if let Ok(style) = ProgressStyle::with_template(&template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}

/// Returns a counter for work whose length is not known.
pub(super) fn spinner(unit: &str) -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    let template = format!("{{spinner}} {unit} {{human_pos}}, {{per_sec}}, {{elapsed}}");
    if let Ok(style) = ProgressStyle::with_template(&template) {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(500));
    spinner
}

/// How far a measurement is.
pub(super) struct Progress {
    /// Counts units.
    pub(super) bar: ProgressBar,
    /// Simulated steps.
    steps: AtomicU64,
}

impl Progress {
    /// Starts a bar over so many units.
    pub(super) fn new(units: usize, unit: &str) -> Self {
        Self { bar: bar(units as u64, unit), steps: AtomicU64::new(0) }
    }

    /// Says that a signal stopped the measurement, and whether anything is kept.
    pub(super) fn stopped(&self, stopped: Stopped) -> Done {
        self.bar.abandon();
        if stopped.saved {
            note!("stopped; results are kept; run the same command to continue");
            return Done::Stopped;
        }
        note!("stopped, nothing measured yet; run the same command to start again");
        Done::StoppedUnsaved
    }
}

impl Listener for Progress {
    fn steps(&self, more: u64) {
        let made = self.steps.fetch_add(more, Ordering::Relaxed) + more;
        self.bar.set_message(format!("({} simulated steps)", HumanCount(made)));
    }

    fn unit(&self) {
        self.bar.inc(1);
    }

    fn waiting(&self, holder: &str) {
        self.bar.suspend(|| note!("waiting for {holder}, which measures the same"));
    }

    fn damaged(&self, path: &Path) {
        let path = path.display();
        self.bar.suspend(|| note!("{path} is damaged and will be measured again"));
    }

    fn stops(&self) -> bool {
        stop_asked()
    }
}
