//! How much MAML's updates differ: many independent updates from one checkpoint (Fig. 5, Table 1).
//!
//! Each update draws its own tasks and trajectories, changes the policy once, and is undone after the
//! changed policy was evaluated. Evaluation `k` of every update, and of the policy before any, starts from
//! the same states and draws the same noise, so that what is common to an evaluation can be taken out.
//!
//! Directions are compared through a sketch: a signed sum of the change's entries in 65 536 buckets
//! (Charikar et al. 2002), whose cosines are those of the changes with a standard error of 1/√65536 = 0.004; a
//! policy with fewer parameters is compared exactly.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::kept::Listener;
use crate::algo::maml::{Maml, Play, mean_returns};
use crate::checkpoint::kept::{self, Kept};
use crate::checkpoint::tensors::{TensorFile, TensorSet};
use crate::checkpoint::{Checkpoint, disk};
use crate::env::{Task, TaskList};
use crate::error::{Error, Result};
use crate::rng::Stream;
use crate::stats::resample::Bootstrap;
use crate::stats::summary::mean;
use crate::stats::variation::{EvaluationStreams, Updates, Variation, variation};

/// Buckets of a sketch.
const BUCKETS: usize = 1 << 16;

/// Name of the sketch in its file.
const DIRECTION: &str = "direction";

/// How the noise of a checkpoint's updates is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoiseSettings {
    pub updates: usize,
    /// Independent evaluations of each.
    pub evaluations: usize,
    /// Episodes per task of one evaluation.
    pub episodes: usize,
    /// Tasks of the evaluations.
    pub on: TaskList,
    /// Step η of adaptations in the updates; unset: that of the run.
    #[serde(default)]
    pub inner_lr: Option<f64>,
}

impl NoiseSettings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// [`Error::Usage`] naming the flag.
    pub(crate) fn check(&self) -> Result<()> {
        let ranges = [
            (self.updates > 1, "updates", "at least 2"),
            (self.evaluations > 0, "evaluations", "at least 1"),
            (self.episodes > 0, "episodes", "at least 1"),
            (self.inner_lr.is_none_or(|x| x.is_finite() && x >= 0.0), "inner-lr", "0 or more"),
        ];
        match ranges.iter().find(|(fits, ..)| !fits) {
            Some((_, name, range)) => Err(Error::Usage(format!("--{name} must be {range}"))),
            None => Ok(()),
        }
    }

    /// Returns the settings with the run's own step where none is given.
    ///
    /// # Errors
    /// [`Error::NotACheckpoint`] if the checkpoint is none of MAML.
    pub(crate) fn resolved(&self, point: &Checkpoint) -> Result<Self> {
        let own = point.maml()?.inner_lr();
        Ok(Self { inner_lr: Some(self.inner_lr.unwrap_or(own)), ..self.clone() })
    }

    /// Returns a short name of what one update's result depends on: all but the number of updates.
    pub(crate) fn key(&self) -> Result<String> {
        let one = Self { updates: 0, ..self.clone() };
        let text = serde_json::to_vec(&one).map_err(|e| Error::Table(e.to_string()))?;
        Ok(disk::hash(&text)[..8].to_owned())
    }
}

/// What one update did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateFile {
    checkpoint: String,
    /// How it was measured, but for the number of updates.
    settings: NoiseSettings,
    /// Return of the changed policy in each evaluation, `[r]`.
    returns: Vec<f64>,
    accepted: bool,
    /// Mean KL divergence of the update, nats.
    divergence: f64,
    /// Hash of the sketch's file; empty for the policy before any update.
    direction: String,
}

/// The noise of one checkpoint's updates.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Noise {
    pub env: String,
    pub model: String,
    pub seed: u64,
    /// Updates made before the checkpoint.
    pub iteration: u64,
    /// Step η of adaptations.
    pub inner_lr: f64,
    /// Mean return of the policy before any update.
    pub before: f64,
    /// Mean return of each update's policy, `[N]`.
    pub returns: Vec<f64>,
    /// Updates that no length of the line search improved.
    pub refused: usize,
    /// What follows from them.
    pub variation: Variation,
}

/// Measures one checkpoint; `folder` keeps every update, so that an interrupted measurement goes on where it
/// stopped. There is no result if `listener` asks for a stop.
pub(crate) fn maml_noise(
    point: &Checkpoint,
    settings: &NoiseSettings,
    folder: &Path,
    workers: &Arc<rayon::ThreadPool>,
    listener: &dyn Listener,
) -> Result<Option<Noise>> {
    let settings = &settings.resolved(point)?;
    let mut config = point.maml()?.clone();
    config.inner_lr = settings.inner_lr;
    let inner_lr = config.inner_lr();
    let maml = point.restore_maml(config, Arc::clone(workers))?;
    disk::create_dir(folder)?;
    let study = Study { point, settings, folder, maml, listener };
    let before = study.kept("before", || Ok((study.evaluate()?, None)))?;
    let mut files = Vec::new();
    for update in 0..settings.updates {
        if listener.stops() {
            return Ok(None);
        }
        files.push(study.kept(&format!("update-{update:03}"), || study.update(update))?);
        listener.unit();
    }
    let returns: Vec<Vec<f64>> = files.iter().map(|file| file.returns.clone()).collect();
    let updates = Updates {
        returns: &returns,
        streams: EvaluationStreams::Shared,
        before: Some(std::slice::from_ref(&before.returns)),
        gram: Some(&study.gram(&files)?),
    };
    let stream = Stream::new(point.config().seed(), "maml-noise").child("bootstrap");
    let variation = variation(&updates, Bootstrap::default(), &stream)?;
    let config = point.config();
    Ok(Some(Noise {
        env: config.env_name().into(),
        model: config.model(),
        seed: config.seed(),
        iteration: point.manifest().step,
        inner_lr,
        before: mean(&before.returns),
        returns: returns.iter().map(|returns| mean(returns)).collect(),
        refused: files.iter().filter(|file| !file.accepted).count(),
        variation,
    }))
}

/// One measurement under way.
struct Study<'s> {
    point: &'s Checkpoint,
    settings: &'s NoiseSettings,
    folder: &'s Path,
    maml: Maml,
    listener: &'s dyn Listener,
}

/// What an update leaves: returns, whether it was accepted, divergence, sketch of the change.
type Change = (bool, f64, Tensor);

impl Study<'_> {
    /// Returns what is on disk under `name`, or measures it and puts it there.
    fn kept(
        &self,
        name: &str,
        measure: impl FnOnce() -> Result<(Vec<f64>, Option<Change>)>,
    ) -> Result<UpdateFile> {
        let path = self.folder.join(format!("{name}.json"));
        let settings = NoiseSettings { updates: 0, ..self.settings.clone() };
        if let Some(file) = self.read(name, &path) {
            if file.checkpoint != self.point.hash() || file.settings != settings {
                return Err(Error::Mismatch {
                    what: format!("measurement in {}", self.folder.display()),
                    expected: "this checkpoint and these settings".into(),
                    found: "others".into(),
                    remedy: "choose another --out, or remove that folder".into(),
                });
            }
            return Ok(file);
        }
        let (returns, change) =
            measure().map_err(|error| error.of_checkpoint(self.point.path()))?;
        let (accepted, divergence, direction) = match change {
            Some((accepted, divergence, sketch)) => {
                let mut set = TensorSet::default();
                set.add(DIRECTION.into(), &sketch)?;
                let bytes = set.to_bytes()?;
                disk::write(&self.direction(name), &bytes)?;
                (accepted, divergence, disk::hash(&bytes))
            }
            None => (false, 0.0, String::new()),
        };
        let checkpoint = self.point.hash().to_owned();
        let file = UpdateFile { checkpoint, settings, returns, accepted, divergence, direction };
        kept::write(&path, &disk::json(&file)?)?;
        Ok(file)
    }

    /// Reads what is on disk under `name`; nothing if it is not there, or not as it was written.
    fn read(&self, name: &str, path: &Path) -> Option<UpdateFile> {
        let file = match kept::read(path) {
            Kept::Whole(bytes) => serde_json::from_slice::<UpdateFile>(&bytes).ok(),
            Kept::Damaged => None,
            Kept::Missing => return None,
        };
        let Some(file) = file else {
            self.listener.damaged(path);
            return None;
        };
        let direction = self.direction(name);
        let whole = file.direction.is_empty()
            || disk::hash_part(&direction).is_ok_and(|hash| hash == file.direction);
        if !whole {
            self.listener.damaged(&direction);
        }
        whole.then_some(file)
    }

    fn direction(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.safetensors"))
    }

    /// Returns the mean return before adaptation in each evaluation, `[r]`.
    fn evaluate(&self) -> Result<Vec<f64>> {
        let tasks: &[Task] = self.settings.on.of(self.maml.tasks());
        let stream = self.maml.stream("noise").child("evaluate");
        let play = Play { episodes: self.settings.episodes, adapt: None };
        let one = |k: usize| {
            let returns = self.maml.returns(tasks, play, &stream.child(&k.to_string()))?;
            Ok(mean_returns(&returns)[0])
        };
        (0..self.settings.evaluations).map(one).collect()
    }

    /// Makes one update, evaluates it and undoes it.
    fn update(&self, index: usize) -> Result<(Vec<f64>, Option<Change>)> {
        let params = self.maml.policy().params().tensors();
        let start: Vec<Tensor> = params.iter().map(|p| p.detach().copy()).collect();
        let iteration = self.maml.iteration().to_string();
        let stream = self.maml.stream("noise").child(&iteration).child(&index.to_string());
        let (batch, _) = self.maml.sample(&stream)?;
        let update = self.maml.improve(&batch)?;
        let returns = self.evaluate();
        let change: Vec<Tensor> =
            params.iter().zip(&start).map(|(new, old)| new.detach() - old).collect();
        tch::no_grad(|| {
            for (param, value) in params.iter().zip(&start) {
                param.shallow_clone().copy_(value);
            }
        });
        Ok((returns?, Some((update.accepted, update.divergence, sketch(&change)?))))
    }

    /// Returns the inner products of all directions, `[N·N]`.
    fn gram(&self, files: &[UpdateFile]) -> Result<Vec<f64>> {
        let mut directions = Vec::new();
        for (update, file) in files.iter().enumerate() {
            let path = self.direction(&format!("update-{update:03}"));
            directions.push(TensorFile::open(&path, &file.direction)?.tensor(DIRECTION)?);
        }
        let all = Tensor::stack(&directions, 0).to_kind(Kind::Double);
        Ok(Vec::try_from(all.matmul(&all.tr()).flatten(0, -1))?)
    }
}

/// Returns the sketch of a list of tensors, `f64`; the list itself if it is short.
fn sketch(parts: &[Tensor]) -> Result<Tensor> {
    let flat: Vec<Tensor> = parts.iter().map(|part| part.flatten(0, -1)).collect();
    let flat = Tensor::cat(&flat, 0);
    if flat.numel() <= BUCKETS {
        return Ok(flat.to_kind(Kind::Double));
    }
    let values = Vec::<f32>::try_from(flat)?;
    let mut buckets = vec![0.0; BUCKETS];
    for (index, value) in values.into_iter().enumerate() {
        let word = mixed(index as u64);
        let sign = if word >> 63 == 0 { 1.0 } else { -1.0 };
        buckets[word as usize % BUCKETS] += sign * f64::from(value);
    }
    Ok(Tensor::from_slice(&buckets))
}

/// A fixed hash of an index: the finaliser of splitmix64 (Steele et al. 2014).
fn mixed(index: u64) -> u64 {
    let mut z = index.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_of_sketches_are_those_of_the_vectors() {
        let mut stream = Stream::new(0, "sketch");
        let mut draw = || -> Vec<f64> { (0..400_000).map(|_| stream.normal()).collect() };
        let (a, noise) = (draw(), draw());
        let b: Vec<f64> = a.iter().zip(&noise).map(|(a, n)| 0.6 * a + 0.8 * n).collect();
        let tensor = |x: &[f64]| Tensor::from_slice(x).to_kind(Kind::Float);
        let cosine = |a: &Tensor, b: &Tensor| {
            f64::try_from(a.dot(b) / (a.dot(a) * b.dot(b)).sqrt()).unwrap()
        };
        let exact = cosine(&tensor(&a), &tensor(&b));
        let sketched = cosine(&sketch(&[tensor(&a)]).unwrap(), &sketch(&[tensor(&b)]).unwrap());
        // One standard error is 1/√65536 = 0.004.
        assert!((exact - sketched).abs() < 0.016, "{exact} {sketched}");
    }

    #[test]
    fn a_short_list_is_kept_as_it_is() {
        let parts = [Tensor::from_slice(&[1.0f32, 2.0]), Tensor::from_slice(&[3.0f32])];
        assert_eq!(Vec::<f64>::try_from(sketch(&parts).unwrap()).unwrap(), [1.0, 2.0, 3.0]);
    }
}
