//! Repeats work for as long as a sample takes, and says how long it took.

use std::time::Instant;

use hyperl::Result;
use hyperl::algo::Algo;
use hyperl::env::EnvId;
use hyperl::nn::critic::CriticKind;
use serde::Serialize;

/// One timed figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Timing {
    /// `train-step`, `train-loop`, `env-steps`, `rollout-steps`, `evaluation`, `evaluation-ratio`,
    /// `intervals` or `matrix-product`.
    pub(crate) what: &'static str,
    /// The algorithm, for training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) algo: Option<&'static str>,
    /// The critic, for training and evaluations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<&'static str>,
    /// The environment, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) env: Option<&'static str>,
    /// The estimator, for evaluations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<&'static str>,
    /// Environment steps in one unit of the work, for evaluations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) steps: Option<u64>,
    /// Worker threads.
    pub(crate) threads: usize,
    /// Median of the samples.
    pub(crate) median: f64,
    /// Smallest sample.
    pub(crate) min: f64,
    /// Largest sample.
    pub(crate) max: f64,
    /// `ms` per step or product, steps per second `1/s`, `s` per evaluation or set of intervals, or `×`
    /// for a ratio.
    pub(crate) unit: &'static str,
}

impl Timing {
    /// Seconds per unit of work, from the samples in ascending order.
    pub(crate) fn per_unit(
        what: &'static str,
        env: Option<EnvId>,
        workers: &rayon::ThreadPool,
        times: &[f64],
    ) -> Self {
        let [min, median, max] = [0, times.len() / 2, times.len() - 1].map(|i| times[i]);
        let (env, threads) = (env.map(EnvId::name), workers.current_num_threads());
        let (algo, model, mode, steps) = (None, None, None, None);
        Self { what, algo, model, env, mode, steps, threads, median, min, max, unit: "s" }
    }

    /// Units of work per second.
    pub(crate) fn rate(
        what: &'static str,
        env: EnvId,
        workers: &rayon::ThreadPool,
        times: &[f64],
    ) -> Self {
        let seconds = Self::per_unit(what, Some(env), workers, times);
        let [median, min, max] = [seconds.median, seconds.max, seconds.min].map(|s| 1.0 / s);
        Self { median, min, max, unit: "1/s", ..seconds }
    }

    pub(crate) fn of(self, algo: Algo, critic: CriticKind) -> Self {
        Self { algo: Some(algo.name()), model: Some(critic.name()), ..self }
    }

    pub(crate) fn in_milliseconds(self) -> Self {
        let [median, min, max] = [self.median, self.min, self.max].map(|seconds| seconds * 1e3);
        Self { median, min, max, unit: "ms", ..self }
    }
}

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Effort {
    /// Samples, of which the median is reported.
    pub(crate) samples: usize,
    /// Seconds that a sample takes at least.
    pub(crate) seconds: f64,
}

impl Effort {
    /// A rough figure in seconds.
    pub(crate) const QUICK: Self = Self { samples: 3, seconds: 0.3 };
    /// Enough for a table.
    pub(crate) const FULL: Self = Self { samples: 7, seconds: 2.0 };
}

/// Repeats `work`, which returns the units it did; returns seconds per unit of each sample, ascending.
pub(crate) fn sample(effort: Effort, mut work: impl FnMut() -> Result<f64>) -> Result<Vec<f64>> {
    work()?;
    let one = |_| one_sample(effort, &mut work);
    let mut samples = (0..effort.samples).map(one).collect::<Result<Vec<f64>>>()?;
    samples.sort_by(f64::total_cmp);
    Ok(samples)
}

/// Repeats `work` for as long as a sample takes; returns seconds per unit.
pub(crate) fn one_sample(effort: Effort, mut work: impl FnMut() -> Result<f64>) -> Result<f64> {
    let started = Instant::now();
    let mut units = 0.0;
    while started.elapsed().as_secs_f64() < effort.seconds {
        units += work()?;
    }
    Ok(started.elapsed().as_secs_f64() / units)
}

/// Samples two pieces of work, each of which returns the units it did, as neighbours: first and second,
/// second and first, …, so that a drift of the machine favours neither. Seconds per unit, pair by pair.
pub(crate) fn in_turn(
    effort: Effort,
    mut first: impl FnMut() -> Result<f64>,
    mut second: impl FnMut() -> Result<f64>,
) -> Result<[Vec<f64>; 2]> {
    first()?;
    second()?;
    let (mut of_first, mut of_second) = (Vec::new(), Vec::new());
    for pair in 0..effort.samples {
        if pair.is_multiple_of(2) {
            of_first.push(one_sample(effort, &mut first)?);
            of_second.push(one_sample(effort, &mut second)?);
        } else {
            of_second.push(one_sample(effort, &mut second)?);
            of_first.push(one_sample(effort, &mut first)?);
        }
    }
    Ok([of_first, of_second])
}
