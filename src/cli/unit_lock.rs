//! A measurement that commands share is made by one process at a time; others wait for it and read it back.

use std::path::Path;
use std::time::Duration;

use super::shared::{note, stop_asked};
use crate::checkpoint::lock::Lock;
use crate::error::{Error, Result};

/// Locks the measurement kept under `path`; `None` if a signal asked for a stop before its turn came.
pub(super) fn take(path: &Path) -> Result<Option<Lock>> {
    let mut told = false;
    loop {
        match Lock::beside(path) {
            Err(Error::InUse { holder, .. }) => {
                if !told {
                    note!("waiting for {holder}, which measures the same");
                    told = true;
                }
                if stop_asked() {
                    return Ok(None);
                }
                std::thread::sleep(Duration::from_millis(500));
            }
            taken => return taken.map(Some),
        }
    }
}
