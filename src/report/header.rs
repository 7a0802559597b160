//! What stands above the data: title, subtitle and, if lines carry no labels, the legend.

use super::canvas::{Anchor, Canvas, Letters, Pen, text_width, wrap};
use super::geometry::{Area, px};
use super::theme::{FAINT_INK, INK, Style};
use crate::error::Result;

/// Free space around a figure, in pixels.
pub(super) const MARGIN: f64 = 18.0;
/// Font sizes in pixels.
const TITLE_SIZE: f64 = 17.0;
const SUBTITLE_SIZE: f64 = 12.5;
const LEGEND_SIZE: f64 = 12.5;
/// Heights of lines in pixels.
const TITLE_LINE: f64 = 22.0;
const SUBTITLE_LINE: f64 = 17.0;
const LEGEND_LINE: f64 = 20.0;
/// Length of the piece of line shown in a legend, and the spaces around it.
const SAMPLE: f64 = 30.0;
const SAMPLE_GAP: f64 = 7.0;
const ENTRY_GAP: f64 = 20.0;

/// How a legend shows a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sample {
    /// A piece of its line, with its marker.
    Line,
    /// A piece of its line alone.
    Rule,
    /// A pale patch of its colour, with its marker.
    Violin,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// How it looks; the label is what is written.
    pub(super) style: Style,
    pub(super) sample: Sample,
}

impl Entry {
    /// Pixels it takes in a row.
    fn width(&self) -> f64 {
        SAMPLE + SAMPLE_GAP + text_width(&self.style.label, LEGEND_SIZE) + ENTRY_GAP
    }

    /// Draws it with its left end at `x`.
    fn draw(&self, canvas: &mut Canvas<'_>, x: f64, y: f64) -> Result<()> {
        let Style { label, color, marker, dash, width } = &self.style;
        match self.sample {
            Sample::Line => {
                let pen = Pen::line(*color, *width).dashed(*dash);
                canvas.path(&[px(x, y), px(x + SAMPLE, y)], pen)?;
                canvas.marker(*marker, px(x + SAMPLE / 2.0, y), *color)?;
            }
            Sample::Rule => {
                let pen = Pen::line(*color, *width).dashed(*dash);
                canvas.path(&[px(x + 2.0, y), px(x + SAMPLE, y)], pen)?;
            }
            Sample::Violin => {
                let patch =
                    Area { left: x + 2.0, top: y - 6.0, right: x + SAMPLE, bottom: y + 6.0 };
                canvas.rect(&patch, Pen::fill(*color, 0.28))?;
                canvas.marker(*marker, px(x + 1.0 + SAMPLE / 2.0, y), *color)?;
            }
        }
        let letters = Letters::new(LEGEND_SIZE, INK, Anchor::Start);
        canvas.text(label, px(x + SAMPLE + SAMPLE_GAP, y), letters)
    }
}

/// Title, subtitle and legend, broken into lines.
#[derive(Debug, Clone)]
pub(super) struct Header {
    title: Vec<String>,
    subtitle: Vec<String>,
    legend: Vec<Vec<Entry>>,
}

impl Header {
    /// Breaks all three to fit the width of the sheet.
    pub(super) fn new(title: &str, subtitle: &str, entries: &[Entry], sheet_width: f64) -> Self {
        let width = sheet_width - 2.0 * MARGIN;
        let mut legend: Vec<Vec<Entry>> = Vec::new();
        let mut filled = f64::INFINITY;
        for entry in entries {
            if filled + entry.width() - ENTRY_GAP > width {
                legend.push(Vec::new());
                filled = 0.0;
            }
            filled += entry.width();
            if let Some(row) = legend.last_mut() {
                row.push(entry.clone());
            }
        }
        Self {
            // Bold letters are about a tenth wider.
            title: wrap(title, TITLE_SIZE * 1.1, width),
            subtitle: wrap(subtitle, SUBTITLE_SIZE, width),
            legend,
        }
    }

    /// Pixels from the upper edge of the sheet to where the data may begin.
    pub(super) fn height(&self) -> f64 {
        let legend = self.legend.len() as f64 * LEGEND_LINE;
        MARGIN
            + self.title.len() as f64 * TITLE_LINE
            + self.subtitle.len() as f64 * SUBTITLE_LINE
            + if self.legend.is_empty() { 8.0 } else { legend + 14.0 }
    }

    pub(super) fn draw(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        let mut y = MARGIN;
        for line in &self.title {
            let letters = Letters::new(TITLE_SIZE, INK, Anchor::Start).bold();
            canvas.text(line, px(MARGIN, y + TITLE_LINE / 2.0 - 3.0), letters)?;
            y += TITLE_LINE;
        }
        for line in &self.subtitle {
            let letters = Letters::new(SUBTITLE_SIZE, FAINT_INK, Anchor::Start);
            canvas.text(line, px(MARGIN, y + SUBTITLE_LINE / 2.0 - 2.0), letters)?;
            y += SUBTITLE_LINE;
        }
        y += 8.0;
        for row in &self.legend {
            let mut x = MARGIN;
            for entry in row {
                entry.draw(canvas, x, y + LEGEND_LINE / 2.0)?;
                x += entry.width();
            }
            y += LEGEND_LINE;
        }
        Ok(())
    }
}
