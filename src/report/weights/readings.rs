//! What becomes of the claim, and of Table 2, under each reading of what the paper leaves open.

use super::super::numbers::fixed;
use super::super::tables::{Cell, Column, Table};
use super::contrasts::{Closer, contrasts, verdict};
use super::groups;
use super::tables::off_paper;
use crate::analysis::measure::weights::{Heads, Reading, Scaling, WeightSettings};
use crate::study::claim::Verdict;

/// Choices of bins that are read: as many as asked for, on the reference and on both.
const BINNINGS: usize = 2;

/// Returns the verdict under every reading and both places of the bins.
pub(super) fn verdicts(readings: &[Reading]) -> Vec<Verdict> {
    let of = |reading: &Reading| {
        let at = |i| verdict(&contrasts(&reading.measured, i));
        (0..BINNINGS).map(at).collect::<Vec<_>>()
    };
    readings.iter().flat_map(of).collect()
}

pub(super) fn describe(settings: &WeightSettings) -> String {
    let scaling = match settings.scaling {
        Scaling::Raw => "raw observations",
        Scaling::Standardised => "standardised observations",
    };
    let heads = match settings.heads {
        Heads::Pytorch => "heads reset too",
        Heads::Hyper => "heads as in the paper",
    };
    format!("{scaling}, {heads}, {} {} bins", settings.bins, settings.binning)
}

/// Says under which reading Table 2 is closest, for half the total variation and for all of it; `None` if
/// the paper has no numbers.
pub(super) fn closest(readings: &[Reading]) -> Option<String> {
    let best = |share: f64| {
        let of = |reading: &Reading| {
            let all = groups(&reading.measured);
            let on_bins = |i: usize| {
                let binning = reading.measured[0].distances.binned[i].binning;
                let settings = WeightSettings { binning, ..reading.settings };
                (off_paper(&all, i, share), describe(&settings))
            };
            (0..BINNINGS).map(on_bins).collect::<Vec<_>>()
        };
        let all = readings.iter().flat_map(of).filter(|(off, _)| off.is_finite());
        all.min_by(|a, b| a.0.total_cmp(&b.0))
    };
    let ((half, which), (whole, _)) = (best(0.5)?, best(1.0)?);
    Some(format!(
        "Table 2 is closest to half the total variation under {which}: {} points off on average, against {} \
         at best for the whole; that is picked among {} choices after seeing them.",
        fixed(half, 1),
        fixed(whole, 1),
        2 * BINNINGS * readings.len()
    ))
}

/// One line for each reading: in how many places either initialisation is closer, and how far Table 2 is.
pub(crate) fn readings_table(readings: &[Reading]) -> Table {
    let places = readings.first().map_or(0, |reading| contrasts(&reading.measured, 0).len());
    let columns = [
        ("observations", String::new()),
        ("heads of PyTorch's", String::new()),
        ("binning", String::new()),
        ("PyTorch's closer", format!("of {places}")),
        ("paper's closer", format!("of {places}")),
        ("claim", String::new()),
        ("|paper − TV|", "points".into()),
        ("|paper − TV/2|", "points".into()),
    ];
    let mut table = Table::new(columns.map(|(name, unit)| Column::new(name, unit)));
    for Reading { settings, measured } in readings {
        let all = groups(measured);
        for i in 0..BINNINGS {
            let found = contrasts(measured, i);
            let count = |closer: Closer| found.iter().filter(|c| c.closer == closer).count();
            table.rows.push(vec![
                Cell::text(settings.scaling.name()),
                Cell::text(settings.heads.name()),
                Cell::text(measured[0].distances.binned[i].binning.name()),
                Cell::text(count(Closer::Pytorch)),
                Cell::text(count(Closer::Paper)),
                Cell::text(verdict(&found)),
                Cell::number(off_paper(&all, i, 1.0)),
                Cell::number(off_paper(&all, i, 0.5)),
            ]);
        }
    }
    table.without_empty_columns()
}
