//! A path that names one checkpoint.

use std::path::Path;

use super::terminal::note;
use crate::analysis::select;
use crate::checkpoint::Checkpoint;
use crate::error::Result;

/// Opens the one checkpoint that a path names; of a run, the newest, and says so.
pub(super) fn one_checkpoint(path: &Path) -> Result<Checkpoint> {
    let mut found = select::checkpoints(&[path.to_owned()])?;
    let count = found.len();
    let newest = found.remove(count - 1);
    if count > 1 {
        let (path, step) = (path.display(), newest.manifest().step);
        note!("{path} holds {count} checkpoints: taking step {step}");
    }
    Ok(newest)
}
