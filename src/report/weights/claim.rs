//! Which initialisation starts closer to MLP-Small, and what that says about the paper's claim.

use super::super::page::Verdict;
use super::super::tables::{Cell, Column, Table};
use super::super::theme::env_label;
use super::{Group, LEVEL, groups, tv};
use crate::analysis::measure::weights::{Layer, Measured, Start, published};
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
        Contrast { env, layer, difference, wasserstein, p: adjusted[k], closer }
    };
    (0..pairs.len()).map(judged).collect()
}

/// What became of the claim that `PyTorch`'s initialisation starts closer.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// Holds if it does in every environment and layer; fails if the contrary is clear in one.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// One line for each environment and layer.
    pub table: Table,
}

/// Judges the claim on the bins asked for, and says how it fares on the others; `None` if no pair of
/// initialisations was drawn.
pub fn judge(measured: &[Measured]) -> Option<Judged> {
    let found = contrasts(measured, 0);
    let seeds = found.first()?.difference.n;
    let of = |closer: Closer| found.iter().filter(|c| c.closer == closer).collect::<Vec<_>>();
    let (for_it, against) = (of(Closer::Pytorch), of(Closer::Paper));
    let verdict = if !against.is_empty() {
        Verdict::Fails
    } else if for_it.len() == found.len() {
        Verdict::Holds
    } else {
        Verdict::Undecided
    };
    let mut reason = vec![if seeds < 2 {
        "There is one seed: initialisations cannot be told from draws.".to_owned()
    } else {
        format!(
            "Of {} environments and layers PyTorch's initialisation is closer to MLP-Small in {} and the \
             paper's in {}{} (paired t over {seeds} seeds, Holm, 5 %).",
            found.len(),
            for_it.len(),
            against.len(),
            places(&against)
        )
    }];
    reason.extend(others(measured, found.len()));
    let w1 = found.iter().filter(|c| c.wasserstein.low > 0.0).count();
    let w1_against = found.iter().filter(|c| c.wasserstein.high < 0.0).count();
    if seeds > 1 {
        reason.push(format!(
            "By W₁, which needs no bins, PyTorch's is closer in {w1} and the paper's in {w1_against} \
             (95 % intervals)."
        ));
    }
    Some(Judged { verdict, reason: reason.join(" "), table: table(&found) })
}

/// The places of contrasts in brackets; nothing if there are none.
fn places(contrasts: &[&Contrast]) -> String {
    let place =
        |c: &&Contrast| format!("{} {}", env_label(c.env.name()), c.layer.name().replace('-', " "));
    let all: Vec<String> = contrasts.iter().map(place).collect();
    if all.is_empty() { String::new() } else { format!(" ({})", all.join(", ")) }
}

/// Says what the other choices of bins would give.
fn others(measured: &[Measured], cells: usize) -> Option<String> {
    let choices = measured.first()?.distances.binned.len();
    let count = |closer: Closer| -> Vec<usize> {
        let at = |i| contrasts(measured, i).iter().filter(|c| c.closer == closer).count();
        (1..choices).map(at).collect()
    };
    let range = |counts: &[usize]| match (counts.iter().min(), counts.iter().max()) {
        (Some(least), Some(most)) if least != most => format!("{least} to {most}"),
        (least, _) => least.map_or_else(|| "0".into(), ToString::to_string),
    };
    let (pytorch, paper) = (count(Closer::Pytorch), count(Closer::Paper));
    (!pytorch.is_empty()).then(|| {
        format!(
            "On the {} other choices of bins these counts are {} and {} of {cells}.",
            pytorch.len(),
            range(&pytorch),
            range(&paper)
        )
    })
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
