//! Writes what an analysis found: tables, figure, report, page, provenance.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::Serialize;

use super::method::moment;
use super::shared;
use crate::analysis::summary::{Interval, NoiseCorrected, Summary};
use crate::analysis::table::{self, StateRow};
use crate::analysis::task_difference::TaskDifference;
use crate::checkpoint::manifest::Versions;
use crate::checkpoint::{Checkpoint, disk};
use crate::error::{Error, Result};
use crate::gradient::Settings;
use crate::report::{
    Appendix, Cell, Column, Figure, Headline, Page, PageFigure, Panel, Section, Table,
    figure_table, fixed, render_curves, render_html, render_markdown, study,
};

/// What an analysis of given checkpoints found.
pub(super) struct Output<'o> {
    pub(super) title: &'o str,
    pub(super) folder: &'o Path,
    pub(super) settings: &'o Settings,
    pub(super) origins: Vec<Origin>,
    pub(super) rows: &'o [StateRow],
    pub(super) summaries: &'o [Summary],
    pub(super) words: Words,
    pub(super) panels: Vec<Panel>,
    pub(super) command: String,
}

/// What is said about it.
pub(super) struct Words {
    /// The number that a reader sees first.
    pub(super) headline: Option<Headline>,
    pub(super) subtitle: String,
    pub(super) warnings: Vec<String>,
    pub(super) how_measured: String,
    pub(super) does_not_show: String,
    /// Further tables.
    pub(super) appendices: Vec<Appendix>,
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
    checkpoints.iter().map(origin).collect()
}

/// Returns run, step and hash of a checkpoint.
pub(super) fn origin(checkpoint: &Checkpoint) -> Origin {
    Origin {
        run: checkpoint.config().run_name(),
        step: checkpoint.manifest().step,
        hash: checkpoint.hash().to_owned(),
    }
}

/// Writes arguments as a shell reads them; bytes that are no UTF-8 as `$'\xff'`.
pub(super) fn shell_words(words: &[impl AsRef<OsStr>]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:+,@%".contains(c);
    let escaped = |byte: &u8| match *byte {
        b'\\' | b'\'' => format!("\\{}", char::from(*byte)),
        b' '..=b'~' => char::from(*byte).to_string(),
        other => format!("\\x{other:02x}"),
    };
    let quoted = words.iter().map(|word| match word.as_ref().to_str() {
        Some(word) if !word.is_empty() && word.chars().all(plain) => word.to_owned(),
        Some(word) => format!("'{}'", word.replace('\'', "'\\''")),
        None => format!("$'{}'", word.as_ref().as_bytes().iter().map(escaped).collect::<String>()),
    });
    quoted.collect::<Vec<_>>().join(" ")
}

/// Writes `provenance.toml`.
pub(super) fn write_provenance(folder: &Path, provenance: &impl Serialize) -> Result<()> {
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
        figures.push(write_figure(folder, &name, &figure)?);
    }
    Ok(figures)
}

/// Writes `NAME.svg`, and the numbers behind it as `NAME.csv`.
pub(super) fn write_figure(folder: &Path, name: &str, figure: &Figure) -> Result<PageFigure> {
    let svg = render_curves(figure)?;
    disk::write(&folder.join(format!("{name}.svg")), svg.as_bytes())?;
    let csv = figure_table(figure).to_csv()?;
    disk::write(&folder.join(format!("{name}.csv")), csv.as_bytes())?;
    Ok(PageFigure { file: format!("{name}.svg"), alt: figure.description.clone(), svg })
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
                checkpoints: self.origins,
            },
        )?;
        let Words { headline, subtitle, warnings, how_measured, does_not_show, appendices } =
            self.words;
        let description = format!("{}. {subtitle}", self.title);
        let figures = write_figures(folder, (self.title, &subtitle, &description), self.panels)?;
        let section = Section {
            title: self.title.into(),
            headline,
            figures,
            table: Some(table),
            appendices,
            warnings,
            how_measured,
            does_not_show,
            command: self.command,
            provenance: versions(),
            ..Section::default()
        };
        write_page(folder, &Page { title: self.title.into(), sections: vec![section] })
    }
}

/// The mean cosine of a checkpoint.
pub(super) fn headline(s: &Summary) -> Headline {
    let Summary { model, step, .. } = s;
    Headline {
        label: format!("mean cosine of {model} on {} at {} {step}", place(s), moment(s)),
        estimate: s.cosine.over(units(s, s.usable)),
        unit: String::new(),
    }
}

/// The environment of a summary, with the tasks if there are some.
fn place(s: &Summary) -> String {
    s.tasks.map_or(s.env.clone(), |tasks| format!("{}, {}", s.env, tasks.split.name()))
}

/// The independent units of an interval: these states, or several tasks.
fn units(s: &Summary, states: usize) -> usize {
    s.tasks.map(|tasks| tasks.tasks).filter(|tasks| *tasks > 1).unwrap_or(states)
}

/// Name and value of what makes the numbers.
pub(super) fn versions() -> Vec<(String, String)> {
    let Versions { hyperl, libtorch, mujoco } = Versions::current();
    [("hyperl", hyperl), ("libtorch", libtorch), ("MuJoCo", mujoco)]
        .map(|(name, version)| (name.to_owned(), version))
        .into()
}

/// One line for each checkpoint.
pub(super) fn summary_table(summaries: &[Summary]) -> Table {
    let rows: Vec<_> = summaries.iter().map(|s| summary_row(s).into_iter().unzip()).collect();
    let (names, rows): (Vec<Vec<&str>>, Vec<Vec<Cell>>) = rows.into_iter().unzip();
    let columns = names.into_iter().next().unwrap_or_default();
    Table { columns: columns.into_iter().map(|name| Column::new(name, "")).collect(), rows }
}

/// The line of a checkpoint, with the names of its columns. Each interval says how many states, or tasks,
/// are behind it.
fn summary_row(s: &Summary) -> Vec<(&'static str, Cell)> {
    let noise = s.noise.as_ref();
    let corrected = |pick: fn(&NoiseCorrected) -> Interval| {
        noise.map_or(Cell::Missing, |n| Cell::Interval(pick(n).over(units(s, n.replicated))))
    };
    let share = |tau: &str| Cell::Interval(s.learnable_interval[tau].over(units(s, s.states)));
    let text = |x: &dyn ToString| Cell::text(x.to_string());
    let flag = |name: &str| Cell::text(s.flags.get(name).copied().unwrap_or(0).to_string());
    let mut cells = vec![
        ("environment", Cell::text(s.env.clone())),
        ("critic", Cell::text(s.model.clone())),
        ("seed", text(&s.seed)),
        (moment(s), text(&s.step)),
    ];
    if let Some(tasks) = s.tasks {
        cells.extend([("list", Cell::text(tasks.words())), ("tasks", text(&tasks.tasks))]);
    }
    cells.extend([
        ("states", text(&s.states)),
        ("usable", text(&s.usable)),
        ("dimensions", Cell::number(s.tried)),
        ("rollouts", text(&s.rollouts)),
        ("cosine", Cell::Interval(s.cosine.over(units(s, s.usable)))),
        ("matched", Cell::Interval(s.matched.over(units(s, s.usable)))),
        ("ceiling", corrected(|n| n.ceiling)),
        ("corrected", corrected(|n| n.corrected)),
        ("stacked", corrected(|n| n.stacked)),
        ("status", noise.map_or(Cell::Missing, |n| text(&n.status))),
        ("above 0.25", share("0.25")),
        ("chance 0.25", Cell::number(s.chance["0.25"])),
        ("above 0.75", share("0.75")),
        ("chance 0.75", Cell::number(s.chance["0.75"])),
        ("adjusted R²", Cell::number(s.adjusted_r2)),
        ("fell", Cell::number(s.fell)),
        ("clipped", Cell::number(s.clipped)),
        ("horizon", text(&s.horizon)),
        ("longest", text(&s.longest)),
        ("undefined", flag("undefined")),
        ("rank deficient", flag("rank_deficient")),
        ("projected", flag("projected")),
        ("one step", flag("one_step")),
        ("too few", flag("too_few")),
        ("unresolved", flag("unresolved")),
        ("truncated", flag("truncated")),
        ("non-finite rollouts", flag("non_finite")),
    ]);
    cells
}

/// Prints the summaries as a table to standard output; warnings go to standard error.
pub(super) fn print_summaries(summaries: &[Summary]) -> Result<()> {
    let width = summaries.iter().map(|s| place(s).len()).max().unwrap_or(0).max(13);
    shared::say!(
        "{:width$} {:13} {:>4} {:>9} {:>6} {:>6} {:>4}  {:22} {:>7} {:24} {:24} {:10}",
        "environment",
        "critic",
        "seed",
        summaries.first().map_or("step", moment),
        "states",
        "usable",
        "dims",
        "raw cosine [95 %]",
        "ceiling",
        "corrected [95 %]",
        "stacked [95 %]",
        "status"
    );
    for s in summaries {
        print_summary(s, width)?;
    }
    let chances = || summaries.iter().map(|s| s.chance["0.25"]).filter(|x| x.is_finite());
    if chances().next().is_some() {
        shared::say!(
            "chance: the mean cosine of a random direction is 0; it exceeds 0.25 in {} to {} % of the states",
            fixed(100.0 * chances().fold(f64::INFINITY, f64::min), 0),
            fixed(100.0 * chances().fold(0.0, f64::max), 0)
        );
    }
    for s in summaries {
        for warning in s.noise.iter().flat_map(|noise| &noise.warnings) {
            shared::note!("warning: {} {} {} {}: {warning}", place(s), s.model, moment(s), s.step);
        }
    }
    Ok(())
}

/// Prints the line of a checkpoint, and below it how many states are excluded or flagged, and why.
fn print_summary(s: &Summary, width: usize) -> Result<()> {
    let interval = |i: Interval| shared::interval(i.mean, i.low, i.high);
    let noise = s.noise.as_ref().map_or(String::new(), |n| {
        format!(
            " {:>7} {:24} {:24} {:10}",
            fixed(n.ceiling.mean, 3),
            interval(n.corrected),
            interval(n.stacked),
            n.status
        )
    });
    shared::say!(
        "{:width$} {:13} {:>4} {:>9} {:>6} {:>6} {:>4}  {:22}{noise}",
        place(s),
        s.model,
        s.seed,
        s.step,
        s.states,
        s.usable,
        fixed(s.tried, 1),
        interval(s.cosine)
    );
    let flagged = s.flags.iter().filter(|(_, count)| **count > 0);
    let counts: Vec<String> = flagged
        .map(|(name, count)| match *name {
            "non_finite" => format!("{count} non-finite rollouts"),
            _ => format!("{count} {}", name.replace('_', " ")),
        })
        .collect();
    if !counts.is_empty() {
        shared::say!("{:width$} of {} states: {}", "", s.states, counts.join(", "));
    }
    Ok(())
}

/// Prints how a checkpoint does on training tasks against those of the test, in one line.
pub(super) fn print_difference(found: &TaskDifference) -> Result<()> {
    let TaskDifference { env, model, seed, step, compared, difference, .. } = found;
    let interval = shared::interval(difference.mean, difference.low, difference.high);
    shared::say!(
        "{env} {model} seed {seed} iteration {step}, {}: {} {}",
        found.words(),
        compared.words(),
        interval.trim_start()
    );
    Ok(())
}
