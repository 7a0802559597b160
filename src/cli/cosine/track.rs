//! What lab mode measured, as events beside those of the runs.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::super::terminal;
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
        let place = fs::canonicalize(path).map_err(Error::io("read", path))?;
        let run = place.parent().filter(|run| run.join(RUN).is_file());
        run.map(Into::into).ok_or_else(|| {
            Error::Usage(format!(
                "--track writes into the folder of a run, and {} lies in none; drop it, or take a checkpoint of a run",
                path.display()
            ))
        })
    };
    checkpoints.iter().map(run).collect()
}

/// Writes κ, gain and inside of each checkpoint into its run's folder, in place of what was measured before; what the
/// rollouts cannot resolve is left out.
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
        let mut events = Events::anew(&folder)?;
        for (step, Judged { score, .. }) in steps {
            let numbers = [
                ("kappa", score.policy.resolved, score.policy.kappa),
                ("gain", score.policy.resolved, score.policy.gain),
                ("inside", score.inside.resolved, score.inside.corrected),
            ];
            let known = numbers.into_iter().filter(|(_, resolved, _)| *resolved);
            let known = known.map(|(name, _, found)| (format!("gradient/{name}"), found.value));
            events.scalars(step, &known.collect::<Vec<_>>())?;
        }
        terminal::note!("wrote {}", folder.display());
    }
    Ok(())
}
