//! Which initialisation starts closer to MLP-Small, and what that says about the paper's claim.

use super::super::page::Verdict;
use super::super::tables::{Cell, Column, Table};
use super::super::theme::env_label;
use super::{Group, LEVEL, groups, readings, tv};
use crate::analysis::measure::weights::{Layer, Measured, Reading, Start, published};
use crate::env::EnvId;
use crate::stats::hypothesis::{holm, paired_t};
use crate::stats::resample::jackknife;
use crate::stats::{Estimate, summary};

/// Chance of any error among the environments and layers of one choice of bins.
const ALPHA: f64 = 0.05;

/// Which initialisation is closer to MLP-Small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Closer {
    /// `PyTorch`'s.
    Pytorch,
    /// The paper's.
    Paper,
    /// Neither beyond chance.
    Neither,
}

impl Closer {
    fn words(self) -> &'static str {
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
    env: EnvId,
    layer: Layer,
    /// Total variation of the paper's minus that of `PyTorch`'s, in points, paired by seed.
    difference: Estimate,
    /// The same in W₁, in bounds.
    wasserstein: Estimate,
    /// p-value against no difference in total variation, after Holm.
    p: f64,
    pub(super) closer: Closer,
    /// The differences in total variation, one for each seed.
    by_seed: Vec<f64>,
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

/// What became of the claim that `PyTorch`'s initialisation starts closer.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// What every reading of what the paper leaves open agrees on; undecided if they do not.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// Total variation of the paper's initialisation minus that of `PyTorch`'s in points, under the
    /// reading asked for: mean over environments and layers, interval over seeds.
    pub difference: Estimate,
    /// One line for each environment and layer, under the reading asked for.
    pub table: Table,
}

/// What becomes of the claim under one reading: it holds if it does in every environment and layer, and
/// fails if the contrary is clear in one.
pub(super) fn verdict(found: &[Contrast]) -> Verdict {
    let all = |closer: Closer| found.iter().all(|c| c.closer == closer);
    if found.iter().any(|c| c.closer == Closer::Paper) {
        Verdict::Fails
    } else if !found.is_empty() && all(Closer::Pytorch) {
        Verdict::Holds
    } else {
        Verdict::Undecided
    }
}

/// Judges the claim under all readings, the one asked for first; `None` if it has no pair of
/// initialisations.
pub fn judge(readings: &[Reading]) -> Option<Judged> {
    let measured = &readings.first()?.measured;
    let found = contrasts(measured, 0);
    let seeds = found.first()?.difference.n;
    let all = readings::verdicts(readings);
    let agreed = |wanted: Verdict| all.iter().all(|v| *v == wanted);
    let count = |wanted: Verdict| all.iter().filter(|v| **v == wanted).count();
    let verdict = [Verdict::Holds, Verdict::Fails].into_iter().find(|v| agreed(*v));
    let reason = if seeds < 2 {
        "There is one seed: initialisations cannot be told from draws.".to_owned()
    } else {
        let which =
            |closer: Closer| found.iter().filter(|c| c.closer == closer).collect::<Vec<_>>();
        let (for_it, against) = (which(Closer::Pytorch), which(Closer::Paper));
        let open = format!(
            "It hangs on what the paper does not say: of {} readings (observations raw or standardised, \
             heads reset or not, bins on the reference or on both) it holds in {}, fails in {} and is \
             undecided in {}.",
            all.len(),
            count(Verdict::Holds),
            count(Verdict::Fails),
            count(Verdict::Undecided)
        );
        let asked = format!(
            "Under the one asked for, {}, PyTorch's initialisation is closer to MLP-Small in {} of {} \
             environments and layers{} and the paper's in {}{} (paired t over {seeds} seeds, Holm, 5 %).",
            readings::words(&readings[0].settings),
            for_it.len(),
            found.len(),
            places(&for_it),
            against.len(),
            places(&against)
        );
        let closer = |sign: f64| {
            found
                .iter()
                .filter(|c| sign * c.wasserstein.value > 0.0 && !c.wasserstein.covers(0.0))
                .count()
        };
        let w1 = format!(
            "By W₁, which needs no bins, PyTorch's is closer there in {} and the paper's in {} (95 % \
             intervals).",
            closer(1.0),
            closer(-1.0)
        );
        let parts = [Some(open), Some(asked), Some(w1), readings::closest(readings)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    let verdict = verdict.unwrap_or(Verdict::Undecided);
    Some(Judged { verdict, reason, difference: difference(&found), table: table(&found) })
}

/// The mean difference over all places, with its interval over seeds.
fn difference(found: &[Contrast]) -> Estimate {
    let seeds = found.iter().map(|c| c.by_seed.len()).min().unwrap_or(0);
    let of = |seed| summary::mean(&found.iter().map(|c| c.by_seed[seed]).collect::<Vec<_>>());
    jackknife(&(0..seeds).map(of).collect::<Vec<f64>>(), summary::mean, LEVEL)
}

/// The places of contrasts in brackets; nothing if there are none.
fn places(contrasts: &[&Contrast]) -> String {
    let place =
        |c: &&Contrast| format!("{} {}", env_label(c.env.name()), c.layer.name().replace('-', " "));
    let all: Vec<String> = contrasts.iter().map(place).collect();
    if all.is_empty() { String::new() } else { format!(" ({})", all.join(", ")) }
}

fn table(found: &[Contrast]) -> Table {
    let columns = [
        ("layer", ""),
        ("environment", ""),
        ("TV, paper's − PyTorch's", "points"),
        ("p", "Holm"),
        ("closer here", ""),
        ("W₁, paper's − PyTorch's", "bounds"),
        ("Table 2, paper's − PyTorch's", "points"),
        ("closer in Table 2", ""),
    ];
    let mut table = Table::new(columns.map(|(name, unit)| Column::new(name, unit)));
    for c in found {
        let printed = published::closer(c.env, c.layer).map(|[start, _]| start);
        let closer = printed.map(|d| if d > 0.0 { Closer::Pytorch } else { Closer::Paper });
        table.rows.push(vec![
            Cell::text(c.layer.name()),
            Cell::text(env_label(c.env.name())),
            Cell::Interval(c.difference),
            Cell::number(c.p),
            Cell::text(c.closer.words()),
            Cell::Interval(c.wasserstein),
            printed.map_or(Cell::Missing, Cell::number),
            closer.map_or(Cell::Missing, |closer| Cell::text(closer.words())),
        ]);
    }
    table
}
