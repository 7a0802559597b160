//! Writes what a measure found into a folder: figures, tables, provenance.

use std::path::Path;

use serde::Serialize;

use super::output::{self, Origin, PROVENANCE, write_figures, write_page, write_provenance};
use crate::checkpoint::manifest::Versions;
use crate::checkpoint::{Checkpoint, disk};
use crate::error::{Error, Result};
use crate::report::finding::Finding;
use crate::report::{Page, PageFigure, Section, render_violins};

/// Where the numbers come from.
#[derive(Debug, Serialize)]
pub(super) struct Source<'s> {
    /// The command that makes them again.
    pub(super) command: &'s str,
    #[serde(skip_serializing_if = "toml::Table::is_empty")]
    settings: toml::Table,
    versions: Versions,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checkpoints: Vec<Origin>,
    /// Run, last evaluated moment, and hash of its returns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evaluations: Vec<Origin>,
}

impl<'s> Source<'s> {
    /// Numbers that were measured in checkpoints.
    pub(super) fn of_checkpoints(command: &'s str, checkpoints: Vec<Origin>) -> Self {
        let (settings, versions) = (toml::Table::new(), Versions::current());
        Self { command, settings, versions, checkpoints, evaluations: Vec::new() }
    }

    /// Numbers from the logs of runs.
    pub(super) fn of_logs(command: &'s str, evaluations: Vec<Origin>) -> Self {
        Self { evaluations, ..Self::of_checkpoints(command, Vec::new()) }
    }

    /// Adds the settings of the measurement.
    pub(super) fn with(mut self, settings: &impl Serialize) -> Result<Self> {
        self.settings = as_table(settings)?;
        Ok(self)
    }
}

pub(super) fn as_table(settings: &impl Serialize) -> Result<toml::Table> {
    toml::Table::try_from(settings).map_err(|e| Error::Table(e.to_string()))
}

/// Writes what was found and a page about it, which opens with the answers.
pub(super) fn write_answered(
    folder: &Path,
    title: &str,
    answers: &[String],
    finding: &Finding,
    source: &Source<'_>,
) -> Result<()> {
    let stop = if title.ends_with('?') { "" } else { "." };
    let description = format!("{title}{stop} {}", finding.subtitle);
    let section = write(folder, title, &description, finding, source)?;
    let section = Section { answer: answers.join("\n\n"), ..section };
    write_page(folder, &Page { title: title.into(), sections: vec![section] })
}

/// Writes what was found, and returns the section about it, without a claim. `title` is that of the figures,
/// `description` what a reader hears who does not see them.
pub(super) fn write(
    folder: &Path,
    title: &str,
    description: &str,
    finding: &Finding,
    source: &Source<'_>,
) -> Result<Section> {
    disk::create_dir(folder)?;
    for (name, table) in &finding.files {
        disk::write(&folder.join(name), table.to_csv()?.as_bytes())?;
    }
    write_provenance(folder, source)?;
    let panels = finding.panels.clone();
    let mut figures = write_figures(folder, title, &finding.subtitle, description, panels)?;
    let tables = finding.files.iter().map(|(name, _)| (*name).to_owned());
    let drawn = figures.iter().map(|figure| figure.file.replace(".svg", ".csv"));
    let files = tables.chain(drawn).chain([PROVENANCE.to_owned()]).collect();
    for (i, violins) in finding.violins.iter().enumerate() {
        let number = if i == 0 { String::new() } else { format!("-{}", i + 1) };
        let (file, svg) = (format!("figure{number}.svg"), render_violins(violins)?);
        disk::write(&folder.join(&file), svg.as_bytes())?;
        figures.push(PageFigure { file, alt: violins.description.clone(), svg });
    }
    Ok(Section {
        command: source.command.into(),
        files,
        provenance: output::versions(),
        ..finding.section(title, figures)
    })
}

/// Returns whether only critics learned in all of these runs, so that their steps are updates.
pub(super) fn of_critics(checkpoints: &[Checkpoint]) -> bool {
    let frozen = |c: &Checkpoint| c.off_policy().is_ok_and(|config| config.frozen.is_some());
    checkpoints.iter().all(frozen)
}
