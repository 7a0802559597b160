//! What the contrasts of initialisations say about the paper's claim.

use super::super::tables::{Cell, Column, Table};
use super::super::theme::env_label;
use super::contrasts::{Closer, Contrast, contrasts};
use super::readings;
use crate::analysis::measure::weights::{Reading, published};
use crate::stats::resample::jackknife;
use crate::stats::{Estimate, LEVEL, summary};
use crate::study::claim::{Verdict, of_readings};

/// The verdict on the claim that `PyTorch`'s initialisation starts closer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Judged {
    /// What every reading of what the paper leaves open agrees on; undecided if they do not.
    pub verdict: Verdict,
    pub reason: String,
    /// Total variation of the paper's initialisation minus that of `PyTorch`'s in points, under the
    /// reading asked for: mean over environments and layers, interval over seeds.
    pub difference: Estimate,
    /// One line for each environment and layer, under the reading asked for.
    pub table: Table,
}

/// Judges the claim under all readings, the one asked for first; `None` if it has no pair of
/// initialisations.
pub(crate) fn judge(readings: &[Reading]) -> Option<Judged> {
    let measured = &readings.first()?.measured;
    let found = contrasts(measured, 0);
    let seeds = found.first()?.difference.n;
    let all = readings::verdicts(readings);
    let count = |wanted: Verdict| all.iter().filter(|v| **v == wanted).count();
    let verdict = of_readings(&all);
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
            readings::describe(&readings[0].settings),
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
        let sentences = [Some(open), Some(asked), Some(w1), readings::closest(readings)];
        sentences.into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
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
            Cell::text(c.closer.label()),
            Cell::Interval(c.wasserstein),
            printed.map_or(Cell::Missing, Cell::number),
            closer.map_or(Cell::Missing, |closer| Cell::text(closer.label())),
        ]);
    }
    table
}
