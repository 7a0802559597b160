//! What `weights` writes: tables, histograms, the page.

use std::collections::BTreeSet;
use std::path::Path;

use super::finding::Source;
use super::output::{self, write_figure, write_page, write_provenance};
use crate::analysis::measure::weights::{Layer, Measured, Reading, published};
use crate::checkpoint::lock::Lock;
use crate::checkpoint::{Checkpoint, disk};
use crate::error::Result;
use crate::report::text::Method;
use crate::report::weights::{
    Judged, distance_table, histograms, judge, method, readings_table, sensitivity_long,
    sensitivity_table,
};
use crate::report::{
    Appendix, Figure, Headline, MAX_PANELS, Page, PageFigure, Panel, Section, Verdict, YRange,
    short,
};

/// What a page is made of.
pub(super) struct Study {
    pub(super) title: String,
    /// The paper's claim, in our words.
    pub(super) claim: String,
    /// What was asked for, then other readings of the paper.
    pub(super) readings: Vec<Reading>,
    /// None of them: the networks were only drawn.
    pub(super) checkpoints: Vec<Checkpoint>,
    pub(super) warnings: Vec<String>,
    pub(super) command: String,
}

impl Study {
    pub(super) fn asked(&self) -> &Reading {
        &self.readings[0]
    }
}

/// Title of a page about drawn networks.
pub(super) const START_TITLE: &str =
    "Table 2 and Fig. 10: dynamic weights before training, against MLP-Small";

/// Title of a page about checkpoints.
pub(super) const TRAINED_TITLE: &str =
    "Table 2 and Fig. 11: dynamic weights of trained critics, against MLP-Small";

/// The paper's claim about initialisations.
pub(super) const START_CLAIM: &str = "Before training the dynamic weights of a primary network with PyTorch's initialisation are \
    distributed more like the weights of MLP-Small than those with the paper's initialisation.";

/// The paper's claim about training.
pub(super) const LATER_CLAIM: &str = "After 100K steps it is the other way round: with the paper's initialisation they are \
    distributed more like the weights of an MLP-Small that was trained as long.";

/// The exception in the paper's own table.
const EXCEPTION: &str = "The paper's own Table 2 contradicts both halves of its claim in one of eight places, \
    Walker2d layer 2: 30.8 against 39.6 at the start, 28.5 against 20.8 after 100K steps; \
    judged as strictly as here it would fail too. Its numbers are printed without spread.";

pub(super) fn write(folder: &Path, study: &Study) -> Result<()> {
    let _lock = Lock::folder(folder)?;
    let Reading { settings, measured } = study.asked();
    let table = distance_table(measured);
    disk::write(&folder.join("summary.csv"), table.to_csv()?.as_bytes())?;
    let long = sensitivity_long(measured);
    disk::write(&folder.join("sensitivity.csv"), long.to_csv()?.as_bytes())?;
    let source = Source::of_checkpoints(&study.command, output::origins(&study.checkpoints))
        .with(settings)?;
    write_provenance(folder, &source)?;
    let mut figures = Vec::new();
    for layer in Layer::ALL {
        figures.extend(layer_figures(folder, study, layer)?);
    }
    let judged = judge(&study.readings);
    let sections = match &judged {
        Some(judged) => start_sections(study, judged, figures),
        None => vec![trained_section(study, figures)],
    };
    write_page(folder, &Page { title: study.title.clone(), sections })
}

fn is_start(study: &Study) -> bool {
    study.checkpoints.is_empty()
}

/// Histograms of one layer, at most four environments a picture.
fn layer_figures(folder: &Path, study: &Study, layer: Layer) -> Result<Vec<PageFigure>> {
    let panels = histograms(&study.asked().measured, layer)?;
    let (number, which) = match layer {
        Layer::Hidden => (1, "first layer, W₁"),
        Layer::Output => (2, "second layer, W₂"),
    };
    let when = if is_start(study) { "before training" } else { "after training" };
    let make = |(i, panels): (usize, &[Panel])| {
        let name = match i {
            0 => format!("layer-{number}"),
            _ => format!("layer-{number}-{}", i + 1),
        };
        let title = format!("Weights {when}: {which}");
        let seeds = panels.iter().flat_map(|p| &p.series).filter_map(|s| s.n).max().unwrap_or(0);
        let (networks, band) = match seeds {
            1 => ("network", ""),
            _ => ("networks", "band: 95 % interval over networks; "),
        };
        let figure = Figure {
            subtitle: format!(
                "{seeds} {networks} each, weights of {} states pooled; {band}axes end at {}, \
                 and what lies beyond is not shown",
                study.asked().settings.states,
                if is_start(study) { "three times MLP-Small's initial bound" } else { "±2" }
            ),
            description: format!("{title}: histograms of dynamic weights and of MLP-Small's"),
            title,
            panels: panels.to_vec(),
            y_range: YRange::PerPanel,
        };
        write_figure(folder, &name, &figure)
    };
    panels.chunks(MAX_PANELS).enumerate().map(make).collect()
}

/// Returns a section with what is said of all measured networks.
fn section(study: &Study, figures: Vec<PageFigure>, method: Method) -> Section {
    let Method { how_measured, does_not_show } = method;
    Section {
        claim: study.claim.clone(),
        figures,
        warnings: study.warnings.clone(),
        how_measured,
        does_not_show,
        command: study.command.clone(),
        provenance: output::versions(),
        ..Section::default()
    }
}

fn start_sections(study: &Study, judged: &Judged, figures: Vec<PageFigure>) -> Vec<Section> {
    let Reading { settings, measured } = study.asked();
    let start = Section {
        title: "Before training".into(),
        verdict: judged.verdict,
        reason: format!("{} {EXCEPTION}", judged.reason),
        headline: Some(Headline {
            label: "TV with the paper's initialisation − with PyTorch's, mean over environments and layers, \
                    as asked for"
                .into(),
            estimate: judged.difference,
            unit: "points".into(),
        }),
        table: Some(judged.table.clone()),
        appendices: vec![
            appendix("What the paper leaves open", readings_table(&study.readings)),
            appendix("Distances, and Table 2 as printed", distance_table(measured)),
            appendix("How the distances depend on the bins", sensitivity_table(measured)),
        ],
        ..section(study, figures, method(*settings, true))
    };
    let later = Section {
        title: "After 100K steps".into(),
        claim: LATER_CLAIM.into(),
        verdict: Verdict::NotTested,
        reason:
            "No network was trained here: `hyperl-analyze weights --ckpt` measures checkpoints."
                .into(),
        ..Section::default()
    };
    vec![start, later]
}

fn trained_section(study: &Study, figures: Vec<PageFigure>) -> Section {
    let Reading { settings, measured } = study.asked();
    Section {
        title: "Trained critics".into(),
        verdict: Verdict::Undecided,
        reason: format!("{} {EXCEPTION}", scarce(measured)),
        table: Some(distance_table(measured)),
        appendices: vec![appendix(
            "How the distances depend on the bins",
            sensitivity_table(measured),
        )],
        warnings: study.warnings.iter().cloned().chain(other_length(measured)).collect(),
        ..section(study, figures, method(*settings, false))
    }
}

/// Warns if the paper's numbers are of another number of steps.
fn other_length(measured: &[Measured]) -> Option<String> {
    let steps: BTreeSet<u64> = measured.iter().map(|one| one.step).collect();
    let other = steps.iter().any(|step| *step != published::LATER);
    let steps: Vec<String> = steps.iter().map(|step| short(*step as f64)).collect();
    other.then(|| {
        format!(
            "The numbers of Table 2 are of {} steps, those here of {}.",
            short(published::LATER as f64),
            steps.join(", ")
        )
    })
}

/// Says why the trained critics decide nothing yet.
fn scarce(measured: &[Measured]) -> String {
    let runs: BTreeSet<_> = measured.iter().map(|one| (one.env, one.seed)).collect();
    let steps = measured.iter().map(|one| one.step).max().unwrap_or(0);
    let envs: BTreeSet<_> = runs.iter().map(|(env, _)| env).collect();
    format!(
        "The claim compares runs from either initialisation over several seeds after 100K steps in four \
         environments. Measured here: {} of the paper's initialisation, up to {} steps, in {}; none that \
         started from PyTorch's.",
        if runs.len() == 1 { "one run".to_owned() } else { format!("{} runs", runs.len()) },
        short(steps as f64),
        if envs.len() == 1 {
            "one environment".to_owned()
        } else {
            format!("{} environments", envs.len())
        }
    )
}

fn appendix(title: &str, table: crate::report::Table) -> Appendix {
    Appendix { title: title.into(), table, folded: false }
}
