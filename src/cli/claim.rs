//! What became of a claim, as a section of a report: the same for every measure.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::output::{self, write_figures};
use crate::checkpoint::disk;
use crate::error::Result;
use crate::report::contrast::{Contrast, RunValues, contrast, table as contrast_table};
use crate::report::verdict::{Part, Scope, judge};
use crate::report::{Appendix, Headline, Panel, Section, Table, Verdict};

/// What a spec says of its figure.
#[derive(Clone, Copy)]
pub(super) struct Figure<'c> {
    pub(super) name: &'c str,
    pub(super) title: &'c str,
    pub(super) claim: &'c str,
    pub(super) caveat: &'c str,
    /// Commands that make the runs nobody has trained.
    pub(super) missing: &'c [String],
    /// Runs that the claim is about, those included.
    pub(super) asked: usize,
}

/// Where a report goes, and how it is made.
pub(super) struct Place<'p> {
    pub(super) folder: &'p Path,
    /// Folder of single measurements, shared by all reports.
    pub(super) units: PathBuf,
    pub(super) threads: usize,
    pub(super) command: String,
}

/// What a spec's measure gave.
pub(super) struct Measured {
    pub(super) panels: Vec<Panel>,
    pub(super) contrasts: Vec<Contrast>,
    pub(super) parts: Vec<Part>,
    /// How far the measurement reaches.
    pub(super) scope: Scope,
    pub(super) noise: Option<String>,
    /// The numbers behind it, for `summary.csv`.
    pub(super) summary: Table,
    pub(super) appendices: Vec<Appendix>,
    pub(super) warnings: Vec<String>,
    pub(super) subtitle: String,
    pub(super) how: String,
    pub(super) does_not_show: String,
}

impl Figure<'_> {
    /// Returns the heading: figure and title.
    pub(super) fn heading(&self) -> String {
        format!("{}: {}", self.name, self.title)
    }

    /// Says which runs are missing, if any are.
    pub(super) fn lack(&self) -> Option<String> {
        let first = self.missing.first()?;
        let (missing, asked) = (self.missing.len(), self.asked);
        Some(format!(
            "{missing} of the {asked} runs of the claim were not trained, or not long enough to be \
             measured; the first missing one is made by `{first}`."
        ))
    }
}

/// Judges the claim by its contrasts, and writes figures and tables into `folder`.
pub(super) fn section(
    figure: &Figure,
    measured: Measured,
    (folder, command): (&Path, String),
) -> Result<Section> {
    let scope = &measured.scope;
    let (verdict, reason) = judge(&measured.contrasts, &measured.parts, scope);
    let reason = [Some(reason), measured.noise].into_iter().flatten().collect::<Vec<_>>();
    let heading = figure.heading();
    let text = (heading.as_str(), measured.subtitle.as_str(), figure.title);
    let later = scope.shortness().map(|short| format!("Later training: {short}."));
    let does_not_show =
        [Some(figure.caveat.into()), Some(measured.does_not_show), later, figure.lack()];
    let does_not_show: Vec<String> =
        does_not_show.into_iter().flatten().filter(|text: &String| !text.is_empty()).collect();
    let table = contrast_table(&measured.contrasts);
    disk::write(&folder.join("contrasts.csv"), table.to_csv()?.as_bytes())?;
    if !measured.summary.rows.is_empty() {
        disk::write(&folder.join("summary.csv"), measured.summary.to_csv()?.as_bytes())?;
    }
    Ok(Section {
        title: figure.name.into(),
        claim: figure.claim.into(),
        verdict,
        reason: reason.join(" "),
        headline: measured.contrasts.first().map(headline),
        figures: write_figures(folder, text, measured.panels)?,
        table: (!table.rows.is_empty()).then_some(table),
        appendices: measured.appendices,
        warnings: measured.warnings,
        how_measured: measured.how,
        does_not_show: does_not_show.join("\n\n"),
        command,
        provenance: output::versions(),
    })
}

/// The first contrast as the number of the report.
fn headline(c: &Contrast) -> Headline {
    let within = c.over_seeds.n < 2 && c.within_runs.half_width().is_finite();
    Headline {
        label: format!(
            "difference {} − {} in {} on {}{}",
            c.better,
            c.worse,
            c.quantity,
            c.envs.join(", "),
            if within { ", interval within these runs only" } else { "" }
        ),
        estimate: if within { c.within_runs } else { c.over_seeds },
        unit: String::new(),
    }
}

/// Compares the models of the claim environment by environment: returns have no common scale.
pub(super) fn contrasts_of_returns(runs: &[RunValues], pairs: &[[String; 2]]) -> Vec<Contrast> {
    let envs: BTreeSet<&str> = runs.iter().map(|run| run.env.as_str()).collect();
    let of_env = |env: &str| -> Vec<Contrast> {
        let runs: Vec<RunValues> = runs.iter().filter(|run| run.env == env).cloned().collect();
        let of = |[better, worse]: &[String; 2]| {
            contrast(&runs, [better, worse], "mean return over training")
        };
        pairs.iter().filter_map(of).collect()
    };
    envs.into_iter().flat_map(of_env).collect()
}

/// A table as an appendix; none if it has no rows.
pub(super) fn appendix(title: &str, table: &Table, folded: bool) -> Option<Appendix> {
    let appendix = Appendix { title: title.into(), table: table.clone(), folded };
    (!table.rows.is_empty()).then_some(appendix)
}

/// Puts a claim and its verdict into a section. While runs are missing it neither holds nor fails.
pub(super) fn judged(
    figure: &Figure,
    (verdict, reason, headline): (Verdict, String, Option<Headline>),
    section: Section,
) -> Section {
    let lack = figure.lack();
    let verdict = match verdict {
        Verdict::Holds | Verdict::Fails if lack.is_some() => Verdict::Undecided,
        other => other,
    };
    let limits = [Some(figure.caveat.into()), Some(section.does_not_show), lack];
    let limits: Vec<String> =
        limits.into_iter().flatten().filter(|text| !text.is_empty()).collect();
    Section {
        title: figure.name.into(),
        claim: figure.claim.into(),
        verdict,
        reason,
        headline,
        does_not_show: limits.join("\n\n"),
        ..section
    }
}
