//! Writes what an analysis found: tables, figure, report, page, provenance.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::Serialize;

use crate::checkpoint::manifest::Versions;
use crate::checkpoint::{Checkpoint, disk};
use crate::error::{Error, Result};
use crate::report::{
    Figure, MAX_PANELS, Page, PageFigure, Panel, figure_table, render_curves, render_html,
    render_markdown, study,
};

/// File that says where numbers come from.
pub(super) const PROVENANCE: &str = "provenance.toml";

/// One checkpoint behind the numbers.
#[derive(Debug, Serialize)]
pub(super) struct Origin {
    pub(super) run: String,
    pub(super) step: u64,
    pub(super) hash: String,
}

/// Returns run, step and hash of each checkpoint.
pub(super) fn origins(checkpoints: &[Checkpoint]) -> Vec<Origin> {
    let origin = |checkpoint: &Checkpoint| Origin {
        run: checkpoint.config().run_name(),
        step: checkpoint.manifest().step,
        hash: checkpoint.hash().to_owned(),
    };
    checkpoints.iter().map(origin).collect()
}

/// Makes the folder of an output file, before any work that could be lost.
pub(super) fn make_folder_of(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(Error::Usage(format!("{} is a folder; name a file", path.display())));
    }
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or(Ok(()), disk::create_dir)
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

pub(super) fn write_provenance(folder: &Path, provenance: &impl Serialize) -> Result<()> {
    let text = toml::to_string(provenance).map_err(|e| Error::Table(e.to_string()))?;
    disk::write(&folder.join(PROVENANCE), text.as_bytes())
}

/// Writes a figure with the numbers behind it; at most four panels go into one picture.
pub(super) fn write_figures(
    folder: &Path,
    title: &str,
    subtitle: &str,
    description: &str,
    panels: Vec<Panel>,
) -> Result<Vec<PageFigure>> {
    let mut figures = Vec::new();
    for (i, panels) in panels.chunks(MAX_PANELS).enumerate() {
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

pub(super) fn write_page(folder: &Path, page: &Page) -> Result<()> {
    disk::write(&folder.join("report.md"), render_markdown(page)?.as_bytes())?;
    disk::write(&folder.join("report.html"), render_html(page)?.as_bytes())
}

/// Returns name and version of each program that makes the numbers.
pub(super) fn versions() -> Vec<(String, String)> {
    let Versions { hyperl, libtorch, mujoco } = Versions::current();
    [("hyperl", hyperl), ("libtorch", libtorch), ("MuJoCo", mujoco)]
        .map(|(name, version)| (name.to_owned(), version))
        .into()
}
