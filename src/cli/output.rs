//! Writes what an analysis found: tables, figure, report, page, provenance.

use std::path::Path;

use serde::Serialize;

use super::shared;
use crate::analysis::summary::Summary;
use crate::analysis::table::{self, StateRow};
use crate::checkpoint::manifest::Versions;
use crate::checkpoint::{Checkpoint, disk};
use crate::error::{Error, Result};
use crate::gradient::Settings;
use crate::report::{
    Cell, Column, Figure, Headline, Page, PageFigure, Panel, Section, Table, figure_table,
    render_curves, render_html, render_markdown, study,
};
use crate::stats::Estimate;

/// What an analysis of given checkpoints found.
pub(super) struct Output<'o> {
    pub(super) title: &'o str,
    pub(super) folder: &'o Path,
    pub(super) settings: &'o Settings,
    pub(super) checkpoints: &'o [Checkpoint],
    pub(super) rows: &'o [StateRow],
    pub(super) summaries: &'o [Summary],
    pub(super) panels: Vec<Panel>,
    pub(super) command: String,
}

/// Where the numbers come from.
#[derive(Debug, Serialize)]
pub(super) struct Provenance<'p> {
    pub(super) command: &'p str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) settings: Option<&'p Settings>,
    pub(super) versions: Versions,
    pub(super) checkpoints: Vec<Origin>,
}

/// One checkpoint behind the numbers.
#[derive(Debug, Serialize)]
pub(super) struct Origin {
    pub(super) run: String,
    pub(super) step: u64,
    pub(super) hash: String,
}

/// Returns run, step and hash of each checkpoint.
pub(super) fn origins(checkpoints: &[Checkpoint]) -> Vec<Origin> {
    let origin = |c: &Checkpoint| Origin {
        run: c.manifest().config.run_name(),
        step: c.manifest().step,
        hash: c.hash().to_owned(),
    };
    checkpoints.iter().map(origin).collect()
}

/// Writes arguments as a shell reads them.
pub(super) fn shell_words(words: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:+,@%".contains(c);
    let quoted = words.iter().map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            word.clone()
        } else {
            format!("'{}'", word.replace('\'', "'\\''"))
        }
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Writes `provenance.toml`.
pub(super) fn write_provenance(folder: &Path, provenance: &Provenance) -> Result<()> {
    let text = toml::to_string(provenance).map_err(|e| Error::Table(e.to_string()))?;
    disk::write(&folder.join("provenance.toml"), text.as_bytes())
}

/// Writes a figure with the numbers behind it; at most four panels go into one picture.
pub(super) fn write_figures(
    folder: &Path,
    (title, subtitle, description): (&str, &str, &str),
    panels: Vec<Panel>,
) -> Result<Vec<PageFigure>> {
    let mut figures = Vec::new();
    for (i, panels) in panels.chunks(crate::report::MAX_PANELS).enumerate() {
        let figure = Figure {
            title: title.into(),
            subtitle: subtitle.into(),
            description: description.into(),
            panels: panels.to_vec(),
            y_range: study::y_range(panels),
        };
        let name = if i == 0 { "figure".to_owned() } else { format!("figure-{}", i + 1) };
        let svg = render_curves(&figure)?;
        disk::write(&folder.join(format!("{name}.svg")), svg.as_bytes())?;
        let csv = figure_table(&figure).to_csv()?;
        disk::write(&folder.join(format!("{name}.csv")), csv.as_bytes())?;
        figures.push(PageFigure { file: format!("{name}.svg"), alt: description.into(), svg });
    }
    Ok(figures)
}

/// Writes `report.md` and `report.html`.
pub(super) fn write_page(folder: &Path, page: &Page) -> Result<()> {
    disk::write(&folder.join("report.md"), render_markdown(page)?.as_bytes())?;
    disk::write(&folder.join("report.html"), render_html(page)?.as_bytes())
}

impl Output<'_> {
    /// Writes everything into the folder.
    pub(super) fn write(self) -> Result<()> {
        let folder = self.folder;
        disk::create_dir(folder)?;
        table::write_parquet(&folder.join("states.parquet"), self.rows)?;
        let table = summary_table(self.summaries);
        disk::write(&folder.join("summary.csv"), table.to_csv()?.as_bytes())?;
        write_provenance(
            folder,
            &Provenance {
                command: &self.command,
                settings: Some(self.settings),
                versions: Versions::current(),
                checkpoints: origins(self.checkpoints),
            },
        )?;
        let subtitle = subtitle(self.rows, self.settings);
        let description = format!("{}. {subtitle}", self.title);
        let figures = write_figures(folder, (self.title, &subtitle, &description), self.panels)?;
        let last = self.summaries.last().map(|s| Headline {
            label: format!("mean cosine of {} on {} at step {}", s.model, s.env, s.step),
            estimate: Estimate {
                value: s.cosine.mean,
                low: s.cosine.low,
                high: s.cosine.high,
                n: s.states,
            },
            unit: String::new(),
        });
        let section = Section {
            title: self.title.into(),
            headline: last,
            figures,
            table: Some(table),
            how_measured: how_measured(self.settings),
            does_not_show: DOES_NOT_SHOW.into(),
            command: self.command,
            provenance: versions(),
            ..Section::default()
        };
        write_page(folder, &Page { title: self.title.into(), sections: vec![section] })
    }
}

/// What no cosine shows.
pub(super) const DOES_NOT_SHOW: &str = "A low cosine is not yet a wrong critic: where a plane explains \
    little of the returns (see adjusted R²), an exactly right critic would show a low cosine too. \
    A random direction exceeds a threshold with the probability given as chance. One seed says \
    nothing about another.";

/// Name and value of what makes the numbers.
pub(super) fn versions() -> Vec<(String, String)> {
    let Versions { hyperl, libtorch, mujoco } = Versions::current();
    [("hyperl", hyperl), ("libtorch", libtorch), ("MuJoCo", mujoco)]
        .map(|(name, version)| (name.to_owned(), version))
        .into()
}

/// The settings in a sentence.
pub(super) fn how_measured(settings: &Settings) -> String {
    let Settings { mode, states, rollouts, std, tail, seed, .. } = settings;
    format!(
        "Mode `{}`: {states} states of each checkpoint, {rollouts} rollouts of each state, \
         perturbations of standard deviation {std}, states from {:?}, rollouts cut at {}, seed {seed}. \
         Intervals: 95 %, jackknife-t over states for one seed, over seeds for several; Wilson for \
         shares of states.",
        mode.name(),
        settings.source(),
        match (settings.mode, settings.horizon) {
            (crate::gradient::Mode::AsReleased, _) => "the time limit".into(),
            (_, Some(h)) => format!("{h} steps"),
            (_, None) => format!("γʰ < {tail}"),
        },
    )
}

/// Environments, seeds, states, and what the band is.
pub(super) fn subtitle(rows: &[StateRow], settings: &Settings) -> String {
    let mut seeds: Vec<u64> = rows.iter().map(|r| r.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let over = if seeds.len() > 1 { "seeds" } else { "states" };
    format!(
        "{} mode, {} states × {} rollouts per checkpoint, {} seed{}; band: 95 % interval over {over}",
        settings.mode.name(),
        settings.states,
        settings.rollouts,
        seeds.len(),
        if seeds.len() == 1 { "" } else { "s" },
    )
}

/// One line for each checkpoint.
pub(super) fn summary_table(summaries: &[Summary]) -> Table {
    let names = [
        "environment",
        "critic",
        "seed",
        "step",
        "states",
        "cosine",
        "above 0.25",
        "chance 0.25",
        "above 0.75",
        "chance 0.75",
        "adjusted R²",
        "fell",
        "clipped",
        "undefined",
        "rank deficient",
        "projected",
        "unresolved",
    ];
    let mut table = Table::new(names.map(|name| Column::new(name, "")).to_vec());
    for s in summaries {
        let interval = |i: crate::analysis::summary::Interval| {
            Cell::Interval(Estimate { value: i.mean, low: i.low, high: i.high, n: s.states })
        };
        let flag = |name: &str| Cell::text(s.flags.get(name).copied().unwrap_or(0).to_string());
        table.rows.push(vec![
            Cell::text(s.env.clone()),
            Cell::text(s.model.clone()),
            Cell::text(s.seed.to_string()),
            Cell::text(s.step.to_string()),
            Cell::text(s.states.to_string()),
            interval(s.cosine),
            interval(s.learnable_interval["0.25"]),
            Cell::number(s.chance["0.25"]),
            interval(s.learnable_interval["0.75"]),
            Cell::number(s.chance["0.75"]),
            Cell::number(s.adjusted_r2),
            Cell::number(s.fell),
            Cell::number(s.clipped),
            flag("undefined"),
            flag("rank_deficient"),
            flag("projected"),
            flag("unresolved"),
        ]);
    }
    table
}

/// Prints the summaries as a table to standard output.
pub(super) fn print_summaries(summaries: &[Summary]) -> Result<()> {
    shared::say!(
        "{:13} {:13} {:>4} {:>9}  {:24} {:>16} {:>7}",
        "environment",
        "critic",
        "seed",
        "step",
        "cosine [95 %]",
        "above .25 (chance)",
        "adj. R²"
    );
    for s in summaries {
        let c = s.cosine;
        shared::say!(
            "{:13} {:13} {:>4} {:>9}  {:6.3} [{:6.3}, {:6.3}] {:>12.2} ({:.2}) {:>9.3}",
            s.env,
            s.model,
            s.seed,
            s.step,
            c.mean,
            c.low,
            c.high,
            s.learnable["0.25"],
            s.chance["0.25"],
            s.adjusted_r2
        );
    }
    Ok(())
}
