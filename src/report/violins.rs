//! Distributions side by side: what repeated policy updates from one checkpoint lead to (Fig. 5).
//!
//! A violin is a kernel density, mirrored, between the smallest and the largest value: nothing is
//! drawn where nothing was measured. Every violin is as wide as any other at its widest, so areas
//! do not compare. The values themselves stand in it as dots, shifted sideways by their order and
//! by no random number; a tick is the median. The model's marker stands below, where it hides no
//! value.

use super::axis::{Scale, y_range};
use super::canvas::{Pen, Sheet, render};
use super::figure::{Axis, MAX_PANELS, YRange, each_once, sheet_size};
use super::geometry::Area;
use super::header::{Entry, Header, MARGIN, Sample};
use super::panel::tick_width;
use super::theme::{Marker, Style, styles};
use super::violin::{BEFORE, Cell, MEDIAN, Violin, ViolinGroup, ViolinPanel};
use crate::error::{Error, Result};

/// Space for a caption, for markers and labels of groups, and for the title of a panel, in pixels.
const CAPTION: f64 = 24.0;
const LABELS: f64 = 36.0;
const PANEL_TITLE: f64 = 24.0;

/// Distributions, as plain data.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ViolinFigure {
    /// What is shown.
    pub title: String,
    /// Conditions, and what a dot is.
    pub subtitle: String,
    /// What the picture says, for readers who cannot see it.
    pub description: String,
    /// What the groups of all panels are, such as "iteration"; may be empty.
    pub x: String,
    /// Vertical axis of all panels; one that is fitted holds zero.
    pub y: Axis,
    /// Whether panels compare at a glance.
    pub y_range: YRange,
    /// One to `MAX_PANELS` panels, in reading order.
    pub panels: Vec<ViolinPanel>,
}

/// Draws distributions and returns the SVG.
///
/// # Errors
/// [`Error::Figure`] if there is no panel or more than `MAX_PANELS`, if a panel has no violin or a
/// group has two of one name, if a value is not finite, or if the vertical axis has no label or an
/// empty range.
pub fn render_violins(figure: &ViolinFigure) -> Result<String> {
    if let Some(fault) = figure.fault() {
        return Err(Error::Figure(format!("'{}': {fault}", figure.title)));
    }
    let names = names(figure.panels.iter().flat_map(|panel| &panel.groups));
    let looks = styles(names.iter().copied());
    let (width, height, _) = sheet_size(figure.panels.len());
    let header = Header::new(&figure.title, &figure.subtitle, &entries(figure, &looks), width);
    let cells = cells(figure, header.height());
    let sheet = Sheet { width, height, title: &figure.title, description: &figure.description };
    render(sheet, |canvas| {
        header.draw(canvas)?;
        cells.iter().try_for_each(|cell| {
            cell.draw_axes(canvas)?;
            cell.draw_violins(canvas, |name| {
                names.iter().position(|known| *known == name).map(|at| &looks[at])
            })
        })
    })
}

impl ViolinFigure {
    /// The first thing wrong with this figure, in words.
    fn fault(&self) -> Option<String> {
        if let Some(fault) = self.y.fault() {
            return Some(format!("the vertical axis {fault}"));
        }
        if self.panels.is_empty() || self.panels.len() > MAX_PANELS {
            let count = self.panels.len();
            return Some(format!(
                "expected 1 to {MAX_PANELS} panels, got {count}; split the figure"
            ));
        }
        self.panels.iter().find_map(|panel| {
            panel.fault().map(|fault| format!("panel '{}': {fault}", panel.title))
        })
    }
}

/// Names of all violins, each once, in order of appearance.
fn names<'a>(groups: impl Iterator<Item = &'a ViolinGroup>) -> Vec<&'a str> {
    each_once(groups.flat_map(|group| &group.violins).map(|violin| &*violin.name))
}

/// The legend: models, and what the lines are.
fn entries(figure: &ViolinFigure, looks: &[Style]) -> Vec<Entry> {
    let entry = |style: &Style| Entry { style: style.clone(), sample: Sample::Violin };
    let line = |label: &str, Pen { color, width, dash, .. }: Pen| {
        let style = Style { label: label.to_owned(), color, marker: Marker::Plus, dash, width };
        Entry { style, sample: Sample::Rule }
    };
    let mut entries: Vec<Entry> = looks.iter().map(entry).collect();
    entries.push(line("median", MEDIAN));
    let mut violins = figure.panels.iter().flat_map(ViolinPanel::violins);
    if violins.any(|violin| violin.before.is_some()) {
        entries.push(line("before the update", BEFORE));
    }
    entries
}

/// Plots of equal size, with their scales, below a header.
fn cells<'a>(figure: &'a ViolinFigure, header: f64) -> Vec<Cell<'a>> {
    let panels = &figure.panels;
    let (width, height, columns) = sheet_size(panels.len());
    let titled = panels.iter().any(|panel| !panel.title.is_empty());
    let title = if titled { PANEL_TITLE } else { 6.0 };
    let below = if figure.x.is_empty() { 4.0 } else { CAPTION };
    let cell_height = (height - header - MARGIN / 2.0) / panels.len().div_ceil(columns) as f64;
    let plot_height = cell_height - title - LABELS - below;
    let ranges = y_ranges(figure);
    let tick_width = tick_width(&ranges, plot_height);
    let first = MARGIN * 0.8 + CAPTION;
    let cell_width = (width - first - MARGIN / 2.0) / columns as f64;
    let cell = |(index, panel): (usize, &'a ViolinPanel)| {
        let (row, column) = (index / columns, index % columns);
        let left = first + column as f64 * cell_width;
        let top = header + row as f64 * cell_height + title;
        let right = left + cell_width - MARGIN / 2.0;
        let plot = Area { left: left + tick_width, top, right, bottom: top + plot_height };
        let (low, high) = ranges[index];
        Cell {
            panel,
            plot,
            y: Scale { low, high, start: plot.bottom, end: plot.top },
            names: names(panel.groups.iter()),
            x_caption: (index + columns >= panels.len()).then_some(figure.x.as_str()),
            y_caption: (column == 0).then(|| figure.y.caption()),
            y_caption_offset: tick_width + CAPTION / 2.0 + 2.0,
        }
    };
    panels.iter().enumerate().map(cell).collect()
}

fn y_ranges(figure: &ViolinFigure) -> Vec<(f64, f64)> {
    let range = |violins: &mut dyn Iterator<Item = &Violin>| {
        let values = violins.flat_map(|violin| violin.values.iter().chain(&violin.before));
        y_range(&figure.y, values.copied())
    };
    match figure.y_range {
        YRange::PerPanel => figure.panels.iter().map(|p| range(&mut p.violins())).collect(),
        YRange::Shared => {
            let all = range(&mut figure.panels.iter().flat_map(ViolinPanel::violins));
            vec![all; figure.panels.len()]
        }
    }
}
