//! The runs of a sweep as a file: a line about the sweep, then a line for each run.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::cost;
use crate::algo::Algo;
use crate::checkpoint::{disk, run};
use crate::error::{Error, Result};
use crate::study::Planned;
use crate::study::selection::Selection;
use crate::study::spec::Spec;

/// File of a plan, in the folder of its sweep.
pub(crate) const PLAN: &str = "plan.jsonl";

/// Folder of the runs, in that of their sweep.
const RUNS: &str = "runs";

const FORMAT: u32 = 1;

/// A sweep and its runs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// Folder of the sweep.
    pub folder: PathBuf,
    pub about: About,
    /// Run number `i` is the `i`-th.
    pub runs: Vec<Run>,
}

/// What is the same for all runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct About {
    hyperl_sweep: u32,
    runs: usize,
    /// Analyses of each run: arguments of `hyperl-analyze` without `--ckpt` and `--out`.
    pub analyse: Vec<Vec<String>>,
    /// The file that was planned from, as text.
    pub source: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Run {
    /// Its folder, below that of all runs.
    pub folder: PathBuf,
    /// The series that it belongs to.
    pub label: String,
    pub env: String,
    pub algo: Algo,
    pub seed: u64,
    /// Steps or iterations.
    pub length: u64,
    /// The unit of `length`.
    pub unit: String,
    /// Seconds that it may take.
    pub seconds: f64,
    /// Arguments of `hyperl-train` without `--out`.
    pub words: Vec<String>,
}

/// A file that asks for runs, and for no measure of all of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Product {
    select: Selection,
    /// What is analysed of each run, such as `cosine --states 100`.
    #[serde(default)]
    analyse: Vec<String>,
}

impl Plan {
    /// Plans the runs that a spec of `analyses/` selects, or a file that has `select` and `analyse` alone.
    ///
    /// # Errors
    /// [`Error::Config`] for what is wrong in the file; those of reading it.
    pub(crate) fn make(file: &Path, folder: &Path) -> Result<Self> {
        let config = |reason: String| Error::Config { path: file.into(), reason };
        let source = String::from_utf8_lossy(&disk::read(file)?).into_owned();
        let (select, analyse) = if run::read_config::<toml::Table>(file)?.contains_key("measure") {
            (Spec::read(file)?.select, Vec::new())
        } else {
            let Product { select, analyse } = run::read_config(file)?;
            (select, analyse)
        };
        if select.length == 0
            || select.envs.is_empty()
            || select.models.is_empty()
            || select.seeds.is_empty()
        {
            return Err(config(
                "`select` must name `envs`, `models`, `seeds` and a `length` of at least 1".into(),
            ));
        }
        let planned = select.planned().map_err(|e| config(e.to_string()))?;
        let to_be = |planned: Planned| -> Result<Run> {
            let Planned { config, folder, label, arguments } = planned;
            Ok(Run {
                folder: folder.unwrap_or_default().join(config.run_name()),
                label,
                env: config.env_name().into(),
                algo: config.algo(),
                seed: config.seed(),
                length: config.length(),
                unit: config.algo().unit().name().into(),
                seconds: cost::seconds(&config)?,
                words: arguments,
            })
        };
        let runs = planned.into_iter().map(to_be).collect::<Result<Vec<_>>>()?;
        if analyse.iter().any(|line| line.trim().is_empty()) {
            return Err(config(
                "`analyse` has an empty line: give a command, such as `cosine`".into(),
            ));
        }
        let analyse = analyse.iter().map(|line| line.split_whitespace().map(Into::into).collect());
        let about =
            About { hyperl_sweep: FORMAT, runs: runs.len(), analyse: analyse.collect(), source };
        Ok(Self { folder: folder.into(), about, runs })
    }

    /// Reads the plan of a sweep.
    ///
    /// # Errors
    /// [`Error::Usage`] if there is none; [`Error::Corrupt`] naming the line that is not as it was written.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(PLAN);
        if !path.is_file() {
            return Err(Error::Usage(format!(
                "{} holds no {PLAN}: make one with hyperl-train sweep plan FILE --out {}",
                folder.display(),
                folder.display()
            )));
        }
        let bytes = disk::read(&path)?;
        let text = String::from_utf8_lossy(&bytes);
        let corrupt = |line: usize, reason: String| Error::Corrupt {
            path: path.clone(),
            reason: format!("line {line}: {reason}"),
        };
        let mut lines = text.lines();
        let about: About = serde_json::from_str(lines.next().unwrap_or_default())
            .map_err(|e| corrupt(1, e.to_string()))?;
        if about.hyperl_sweep != FORMAT {
            let reason = format!("plan of version {}, expected {FORMAT}", about.hyperl_sweep);
            return Err(corrupt(1, reason));
        }
        let read = |(i, line): (usize, &str)| {
            serde_json::from_str(line).map_err(|e| corrupt(i + 2, e.to_string()))
        };
        let runs = lines.enumerate().map(read).collect::<Result<Vec<Run>>>()?;
        if runs.len() != about.runs {
            let reason = format!("{} runs, expected {}", runs.len(), about.runs);
            return Err(corrupt(runs.len() + 1, reason));
        }
        Ok(Self { folder: folder.into(), about, runs })
    }

    /// Writes the plan into the folder of its sweep.
    ///
    /// # Errors
    /// [`Error::Usage`] if another plan is there, whose runs may be under way; those of writing.
    pub(crate) fn write(&self) -> Result<()> {
        let path = self.folder.join(PLAN);
        if path.is_file() && Self::read(&self.folder)? != *self {
            return Err(Error::Usage(format!(
                "{} is another plan, whose runs may be under way; choose another --out",
                path.display()
            )));
        }
        let line = |value: serde_json::Result<String>| value.expect("plain data") + "\n";
        let mut text = line(serde_json::to_string(&self.about));
        text.extend(self.runs.iter().map(|run| line(serde_json::to_string(run))));
        disk::create_dir(&self.folder)?;
        disk::write(&path, text.as_bytes())
    }

    pub(crate) fn folder_of(&self, run: &Run) -> PathBuf {
        self.folder.join(RUNS).join(&run.folder)
    }

    /// Returns the folder of the pages of one of a run's analyses.
    pub(crate) fn analysis(&self, run: &Run, number: usize) -> PathBuf {
        let name = self.about.analyse[number].first().map_or("", |word| word);
        self.folder.join("analysis").join(&run.folder).join(format!("{}-{name}", number + 1))
    }

    /// Returns the file that says why a run failed.
    pub(crate) fn failure(&self, run: usize) -> PathBuf {
        self.folder.join("failed").join(format!("{run:06}.txt"))
    }

    /// Returns the arguments of `hyperl-train` that train or resume a run.
    pub(crate) fn train(&self, run: &Run, threads: usize) -> Vec<String> {
        let parent = self.folder_of(run);
        let out = parent.parent().unwrap_or(&parent).to_string_lossy().into_owned();
        let place = ["--resume", "--threads", &threads.to_string(), "--out", &out].map(Into::into);
        run.words.iter().cloned().chain(place).collect()
    }

    /// Returns the arguments of `hyperl-analyze` for one of a run's analyses.
    pub(crate) fn analyse(&self, run: &Run, number: usize, threads: usize) -> Vec<String> {
        let text = |path: PathBuf| path.to_string_lossy().into_owned();
        let place = [
            "--ckpt".into(),
            text(self.folder_of(run)),
            "--threads".into(),
            threads.to_string(),
            "--out".into(),
            text(self.analysis(run, number)),
        ];
        self.about.analyse[number].iter().cloned().chain(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutated::{copies, mutated};
    use crate::rng::Stream;

    #[test]
    fn a_damaged_plan_is_refused_without_a_crash() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("sweep.toml");
        let text = "[select]\nalgo = \"td3\"\nenvs = [\"hopper\"]\nmodels = [\"mlp-small\"]\nseeds = [0, 1]\n\
                    length = 60\ncheckpoint_every = 30\n";
        std::fs::write(&file, text).unwrap();
        let plan = Plan::make(&file, place.path()).unwrap();
        plan.write().unwrap();
        assert_eq!(Plan::read(place.path()).unwrap(), plan);
        let whole = std::fs::read(place.path().join(PLAN)).unwrap();
        let mut stream = Stream::new(0, "mutations");
        let mut refused = 0;
        for _ in 0..copies() {
            std::fs::write(place.path().join(PLAN), mutated(&whole, &mut stream)).unwrap();
            refused += u64::from(Plan::read(place.path()).is_err());
            std::fs::write(&file, mutated(text.as_bytes(), &mut stream)).unwrap();
            refused += u64::from(Plan::make(&file, place.path()).is_err());
        }
        assert!(refused > copies(), "{refused}");
    }
}
