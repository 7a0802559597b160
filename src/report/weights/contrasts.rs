//! Which initialisation starts closer to MLP-Small, place by place.

use super::{Group, groups, tv};
use crate::analysis::measure::weights::{Layer, Measured, Start};
use crate::env::EnvId;
use crate::stats::hypothesis::{holm, paired_t};
use crate::stats::resample::jackknife;
use crate::stats::{Estimate, LEVEL, summary};
use crate::study::claim::{Evidence, Verdict};

/// Chance of any error among the environments and layers of one choice of bins.
const ALPHA: f64 = 0.05;

/// Which initialisation is closer to MLP-Small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Closer {
    Pytorch,
    Paper,
    /// Neither beyond chance.
    Neither,
}

impl Closer {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Pytorch => "PyTorch's",
            Self::Paper => "the paper's",
            Self::Neither => "not told apart",
        }
    }
}

/// The two initialisations in one environment and layer, on one choice of bins.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Contrast {
    pub(super) env: EnvId,
    pub(super) layer: Layer,
    /// Total variation of the paper's minus that of `PyTorch`'s, in points, paired by seed.
    pub(super) difference: Estimate,
    /// The same in W₁, in bounds.
    pub(super) wasserstein: Estimate,
    /// p-value against no difference in total variation, after Holm.
    pub(super) p: f64,
    pub(super) closer: Closer,
    /// The differences in total variation, one for each seed.
    pub(super) by_seed: Vec<f64>,
}

/// Compares the two initialisations wherever both were drawn, on the `i`-th choice of bins.
pub(super) fn contrasts(measured: &[Measured], i: usize) -> Vec<Contrast> {
    let all = groups(measured);
    let pytorch = |hyper: &Group<'_>| {
        all.iter()
            .find(|g| (g.env, g.layer, g.start) == (hyper.env, hyper.layer, Start::Pytorch))
            .cloned()
    };
    let pairs: Vec<_> = all
        .iter()
        .filter(|g| g.start == Start::Hyper)
        .filter_map(|hyper| Some((hyper, pytorch(hyper)?)))
        .collect();
    let differences = |number: &dyn Fn(&Measured) -> f64| -> Vec<Vec<f64>> {
        let minus = |(hyper, pytorch): &(&Group<'_>, Group<'_>)| {
            let (a, b) = (hyper.values(number), pytorch.values(number));
            a.iter().zip(b).map(|(a, b)| a - b).collect()
        };
        pairs.iter().map(minus).collect()
    };
    let in_tv = differences(&|one| tv(&one.distances.binned[i]));
    let in_w1 = differences(&|one| one.distances.wasserstein / one.layer.bound(one.env));
    let plain = in_tv.iter().map(|d| paired_t(d).p_two_sided);
    let adjusted = holm(&plain.map(|p| if p.is_nan() { 1.0 } else { p }).collect::<Vec<_>>());
    let estimate = |d: &[f64]| jackknife(d, summary::mean, LEVEL);
    let judged = |k: usize| {
        let difference = estimate(&in_tv[k]);
        let closer = match adjusted[k] <= ALPHA {
            true if difference.value > 0.0 => Closer::Pytorch,
            true => Closer::Paper,
            false => Closer::Neither,
        };
        let (env, layer) = (pairs[k].0.env, pairs[k].0.layer);
        let wasserstein = estimate(&in_w1[k]);
        let by_seed = in_tv[k].clone();
        Contrast { env, layer, difference, wasserstein, p: adjusted[k], closer, by_seed }
    };
    (0..pairs.len()).map(judged).collect()
}

/// The verdict on the claim under one reading: it is about every environment and layer.
pub(super) fn verdict(found: &[Contrast]) -> Verdict {
    let say = |c: &Contrast| match c.closer {
        Closer::Pytorch => Verdict::Holds,
        Closer::Paper => Verdict::Fails,
        Closer::Neither => Verdict::Undecided,
    };
    let seeds = found.iter().map(|c| c.difference.n).min().unwrap_or(0);
    Evidence::of(found.iter().map(say).collect(), seeds, 2).verdict()
}
