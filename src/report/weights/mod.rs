//! Distances of weight distributions: from measured networks to figures, tables and a verdict.
//!
//! | file | what it makes |
//! |---|---|
//! | `figures.rs` | histograms (Figs. 10 and 11) |
//! | `tables.rs` | Table 2 beside ours, and how much it hangs on the bins |
//! | `readings.rs` | what becomes of the claim, and of Table 2, as the paper may be read |
//! | `contrasts.rs` | which initialisation is closer, place by place |
//! | `claim.rs` | what that says about the claim |

mod claim;
mod contrasts;
mod figures;
mod method;
mod readings;
mod tables;

pub(crate) use claim::{Judged, judge};
pub(crate) use figures::histograms;
pub(crate) use method::method;
pub(crate) use readings::readings_table;
pub(crate) use tables::{distance_table, sensitivity_long, sensitivity_table};

use crate::analysis::measure::weights::distance::Binned;
use crate::analysis::measure::weights::{Layer, Measured, Start, published};
use crate::analysis::summary::Interval;
use crate::env::EnvId;
use crate::stats::resample::jackknife;
use crate::stats::{Estimate, LEVEL, summary};

/// All networks of one environment, layer and initialisation.
#[derive(Debug, Clone)]
pub(crate) struct Group<'m> {
    pub env: EnvId,
    pub layer: Layer,
    /// Which hypernetworks.
    pub start: Start,
    networks: Vec<&'m Measured>,
}

/// Gathers networks, in the order of their first appearance, layer by layer.
pub(crate) fn groups(measured: &[Measured]) -> Vec<Group<'_>> {
    let mut all: Vec<Group<'_>> = Vec::new();
    for layer in Layer::ALL {
        for one in measured.iter().filter(|one| one.layer == layer) {
            let same =
                |g: &&mut Group<'_>| (g.env, g.layer, g.start) == (one.env, one.layer, one.start);
            if let Some(group) = all.iter_mut().find(same) {
                group.networks.push(one);
            } else {
                all.push(Group { env: one.env, layer, start: one.start, networks: vec![one] });
            }
        }
    }
    all
}

impl Group<'_> {
    /// Returns a number for each run or drawn network, in order of seeds; the two critics of a
    /// checkpoint are averaged, for they saw the same data.
    fn values(&self, number: impl Fn(&Measured) -> f64) -> Vec<f64> {
        let mut runs: Vec<(u64, Vec<f64>)> = Vec::new();
        for one in &self.networks {
            match runs.iter_mut().find(|(seed, _)| *seed == one.seed) {
                Some((_, values)) => values.push(number(one)),
                None => runs.push((one.seed, vec![number(one)])),
            }
        }
        runs.sort_by_key(|(seed, _)| *seed);
        runs.iter().map(|(_, values)| summary::mean(values)).collect()
    }

    /// Returns the mean of a number with its interval over seeds.
    fn mean(&self, number: impl Fn(&Measured) -> f64) -> Estimate {
        jackknife(&self.values(number), summary::mean, LEVEL)
    }

    /// Returns what the paper's Table 2 prints for this group, in percent.
    pub(crate) fn published(&self) -> Option<f64> {
        published::of(self.env, self.layer, self.start)
    }

    /// Returns total variation in percent on the `i`-th choice of bins.
    fn tv(&self, i: usize) -> Estimate {
        self.mean(|one| tv(&one.distances.binned[i]))
    }

    /// Returns all distances of equals in percent on the `i`-th choice of bins.
    fn nulls(&self, i: usize) -> Vec<f64> {
        let nulls = self.networks.iter().flat_map(|one| &one.distances.binned[i].nulls);
        nulls.map(|null| 100.0 * null).collect()
    }

    /// Returns the mean of [`Self::nulls`] with the range that holds 95 % of them.
    fn null(&self, i: usize) -> Estimate {
        let all = self.nulls(i);
        let value = summary::mean(&all);
        if all.len() < 2 {
            return Estimate::without_interval(value, all.len());
        }
        let [low, high] = [0.025, 0.975].map(|share| summary::quantile(&all, share));
        Estimate { value, low, high, n: all.len() }
    }

    /// Returns total variation beyond that of equals, in percentage points.
    fn excess(&self, i: usize) -> Estimate {
        self.mean(|one| {
            let binned = &one.distances.binned[i];
            tv(binned) - 100.0 * binned.null()
        })
    }

    /// Returns the 1-Wasserstein distance in units of MLP-Small's initial bound.
    fn wasserstein(&self) -> Estimate {
        let bound = self.layer.bound(self.env);
        self.mean(|one| one.distances.wasserstein / bound)
    }

    /// Returns the Kolmogorov-Smirnov distance in percent.
    fn kolmogorov_smirnov(&self) -> Estimate {
        self.mean(|one| 100.0 * one.distances.kolmogorov_smirnov)
    }

    /// Returns what is known of this group, on the bins asked for.
    pub(crate) fn summary(&self) -> GroupSummary {
        let tv = self.tv(0);
        GroupSummary {
            env: self.env,
            layer: self.layer,
            start: self.start,
            networks: tv.n,
            tv: tv.into(),
            half_tv: half(&tv).into(),
            null: self.null(0).into(),
            excess: self.excess(0).into(),
            wasserstein: self.wasserstein().into(),
            kolmogorov_smirnov: self.kolmogorov_smirnov().into(),
            beyond: self.mean(|one| 100.0 * one.beyond).value,
            uniform: self.mean(|one| 100.0 * one.uniform).into(),
            std: [0, 1].map(|which| self.mean(|one| one.std[which]).value),
            published: self.published(),
        }
    }
}

fn half(estimate: &Estimate) -> Estimate {
    let Estimate { value, low, high, n } = *estimate;
    Estimate { value: value / 2.0, low: low / 2.0, high: high / 2.0, n }
}

fn tv(binned: &Binned) -> f64 {
    100.0 * binned.tv
}

/// What is known of a group, as `--json` prints it; distances in percent.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub(crate) struct GroupSummary {
    pub env: EnvId,
    pub layer: Layer,
    /// Which hypernetworks.
    pub start: Start,
    pub networks: usize,
    pub tv: Interval,
    /// Half of it, which is what the paper's table most likely prints.
    pub half_tv: Interval,
    /// Mean and 95 % range of the distance between two MLP-Smalls.
    pub null: Interval,
    /// Total variation beyond that.
    pub excess: Interval,
    /// 1-Wasserstein distance in units of MLP-Small's initial bound.
    pub wasserstein: Interval,
    pub kolmogorov_smirnov: Interval,
    /// Share of weights beyond MLP-Small's initial bound.
    pub beyond: f64,
    /// Total variation from the uniform distribution itself.
    pub uniform: Interval,
    /// Standard deviations of the weights and of MLP-Small's, means over networks.
    pub std: [f64; 2],
    pub published: Option<f64>,
}

#[cfg(test)]
mod tests;
