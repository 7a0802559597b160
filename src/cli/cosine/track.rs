//! What lab mode measured, as events beside those of the runs.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::shared;
use crate::analysis::measure::policy_cosine::Judged;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::run::RUN;
use crate::checkpoint::tensorboard::{Events, FOLDER, GRADIENT};
use crate::error::{Error, Result};

/// Returns the run of each checkpoint.
///
/// # Errors
/// [`Error::Usage`] naming a checkpoint that lies in none.
pub(super) fn runs(checkpoints: &[Checkpoint]) -> Result<Vec<PathBuf>> {
    let run = |checkpoint: &Checkpoint| {
        let path = checkpoint.path();
        let run = path.parent().filter(|run| run.join(RUN).is_file());
        run.map(Into::into).ok_or_else(|| {
            Error::Usage(format!(
                "--track writes into the folder of a run, and {} lies in none; drop it, or take a checkpoint of a run",
                path.display()
            ))
        })
    };
    checkpoints.iter().map(run).collect()
}

/// Writes κ, gain and inside of each checkpoint into its run's folder.
///
/// # Errors
/// [`Error::Io`] naming the file.
pub(super) fn write(runs: &[PathBuf], checkpoints: &[Checkpoint], all: &[Judged]) -> Result<()> {
    let mut by_run: BTreeMap<&PathBuf, BTreeMap<u64, &Judged>> = BTreeMap::new();
    for ((run, checkpoint), judged) in runs.iter().zip(checkpoints).zip(all) {
        by_run.entry(run).or_default().insert(checkpoint.manifest().step, judged);
    }
    for (run, steps) in by_run {
        let folder = run.join(FOLDER).join(GRADIENT);
        let mut events = Events::create(&folder)?;
        for (step, Judged { score, .. }) in steps {
            let numbers = [
                ("gradient/kappa", score.policy.kappa.value),
                ("gradient/gain", score.policy.gain.value),
                ("gradient/inside", score.inside.corrected.value),
            ];
            events.scalars(step, &numbers.map(|(tag, number)| (tag.into(), number)))?;
        }
        shared::note!("wrote {}", folder.display());
    }
    Ok(())
}
