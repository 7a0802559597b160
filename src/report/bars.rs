//! Bars with error bars: final scores, shares of runtime.

use super::axis::{Scale, tick_labels, y_range};
use super::canvas::{Anchor, Canvas, Letters, Pen, Sheet, render, text_width, wrap};
use super::figure::Axis;
use super::geometry::{Area, px};
use super::header::{Entry, Header, MARGIN, Sample};
use super::panel::{CAPTION_SIZE, TICK_SIZE};
use super::theme::{FAINT_INK, GRID, INK, Style, ZERO, styles};
use crate::error::{Error, Result};
use crate::stats::Estimate;

/// Groups of bars, as plain data.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BarFigure {
    /// What is shown.
    pub title: String,
    /// Conditions, and what the error bars are.
    pub subtitle: String,
    /// What the picture says, for readers who cannot see it.
    pub description: String,
    /// Vertical axis; bars always start at zero.
    pub y: Axis,
    /// Groups from left to right, mostly one for each environment.
    pub groups: Vec<BarGroup>,
}

/// Bars that stand together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BarGroup {
    /// What they have in common, written below them.
    pub label: String,
    /// From left to right.
    pub bars: Vec<Bar>,
}

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// A model's kebab-case name, or any other label.
    pub name: String,
    /// Its height; a NaN value leaves the place empty but for "n/a".
    pub height: Estimate,
}

/// Draws groups of bars and returns the SVG.
///
/// # Errors
/// [`Error::Figure`] if there is no bar, or the vertical axis has no label or an empty range.
pub fn render_bars(figure: &BarFigure) -> Result<String> {
    let fail = |reason: &str| Err(Error::Figure(format!("'{}': {reason}", figure.title)));
    if let Some(fault) = figure.y.fault() {
        return fail(&format!("the vertical axis {fault}"));
    }
    let names = names(figure);
    if names.is_empty() {
        return fail("there is no bar; give at least one group with one bar");
    }
    let looks = styles(names.iter().copied());
    let (width, height) = (if figure.groups.len() > 4 { 960.0 } else { 720.0 }, 480.0);
    let entry = |style: &Style| Entry { style: style.clone(), sample: Sample::Patch };
    let entries: Vec<Entry> = looks.iter().map(entry).collect();
    let header = Header::new(&figure.title, &figure.subtitle, &entries, width);
    let plan = Plan::new(figure, &header, width, height);
    let sheet = Sheet { width, height, title: &figure.title, description: &figure.description };
    render(sheet, |canvas| {
        header.draw(canvas)?;
        plan.draw_axis(canvas, &figure.y)?;
        figure.groups.iter().enumerate().try_for_each(|(index, group)| {
            let column = plan.column(index, figure.groups.len());
            draw_group(canvas, &column, group, |name| {
                names.iter().position(|known| *known == name).map(|at| &looks[at])
            })
        })
    })
}

/// Names of all bars, each once, in order of appearance.
fn names(figure: &BarFigure) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for bar in figure.groups.iter().flat_map(|group| &group.bars) {
        if !names.contains(&bar.name.as_str()) {
            names.push(&bar.name);
        }
    }
    names
}

/// The place of all bars and their scale.
struct Plan {
    plot: Area,
    y: Scale,
}

/// The place of one group.
struct Column {
    area: Area,
    y: Scale,
}

impl Plan {
    /// Fits the scale to the bars and leaves room for tick labels.
    fn new(figure: &BarFigure, header: &Header, width: f64, height: f64) -> Self {
        let bars = figure.groups.iter().flat_map(|group| &group.bars);
        let limits = bars.flat_map(|Bar { height, .. }| [height.value, height.low, height.high]);
        let (low, high) = y_range(&figure.y, limits);
        let (top, bottom) = (header.height() + 4.0, height - 46.0);
        let y = Scale { low, high, start: bottom, end: top };
        let widths =
            tick_labels(&y.ticks(48.0)).into_iter().map(|tick| text_width(&tick, TICK_SIZE));
        let left = MARGIN + 32.0 + widths.fold(0.0, f64::max);
        Self { plot: Area { left, top, right: width - MARGIN, bottom }, y }
    }

    /// The share of the plot that belongs to a group.
    fn column(&self, index: usize, groups: usize) -> Column {
        let width = self.plot.width() / groups as f64;
        let left = self.plot.left + index as f64 * width;
        Column { area: Area { left, right: left + width, ..self.plot }, y: self.y }
    }

    /// Horizontal grid, the line at zero, ticks and caption.
    fn draw_axis(&self, canvas: &mut Canvas<'_>, axis: &Axis) -> Result<()> {
        let Area { left, top, right, bottom } = self.plot;
        let ticks = self.y.ticks(48.0);
        for (&tick, label) in ticks.iter().zip(tick_labels(&ticks)) {
            let y = self.y.at(tick);
            canvas.line(px(left, y), px(right, y), Pen::line(GRID, 1.0))?;
            let letters = Letters::new(TICK_SIZE, FAINT_INK, Anchor::End);
            canvas.text(&label, px(left - 7.0, y), letters)?;
        }
        if self.y.shows(0.0) {
            let y = self.y.at(0.0);
            canvas.line(px(left, y), px(right, y), Pen::line(ZERO, 1.2))?;
        }
        let letters = Letters::new(CAPTION_SIZE, INK, Anchor::Middle).upwards();
        canvas.text(&axis.caption(), px(MARGIN + 2.0, f64::midpoint(top, bottom)), letters)
    }
}

/// Draws the bars of a group and its label.
fn draw_group<'a>(
    canvas: &mut Canvas<'_>,
    column: &Column,
    group: &BarGroup,
    look_of: impl Fn(&str) -> Option<&'a Style>,
) -> Result<()> {
    let Area { left, right, bottom, .. } = column.area;
    let middle = f64::midpoint(left, right);
    let slot = (0.8 * column.area.width() / group.bars.len().max(1) as f64).min(46.0);
    let first = middle - slot * group.bars.len() as f64 / 2.0;
    for (index, bar) in group.bars.iter().enumerate() {
        let Some(style) = look_of(&bar.name) else { continue };
        draw_bar(canvas, column, first + (index as f64 + 0.5) * slot, (slot, bar, style))?;
    }
    let letters = Letters::new(TICK_SIZE, INK, Anchor::Middle);
    for (row, line) in wrap(&group.label, TICK_SIZE, column.area.width()).iter().enumerate() {
        canvas.text(line, px(middle, bottom + 14.0 + 15.0 * row as f64), letters)?;
    }
    Ok(())
}

/// Draws one bar with its error bar around `x`.
fn draw_bar(
    canvas: &mut Canvas<'_>,
    column: &Column,
    x: f64,
    (slot, bar, style): (f64, &Bar, &Style),
) -> Result<()> {
    let Estimate { value, low, high, .. } = bar.height;
    let inside = |value: f64| column.y.at(value.clamp(column.y.low, column.y.high));
    let zero = inside(0.0);
    if !value.is_finite() {
        let letters = Letters::new(TICK_SIZE, FAINT_INK, Anchor::Middle);
        return canvas.text("n/a", px(x, zero - 9.0), letters);
    }
    let (end, half) = (inside(value), 0.42 * slot);
    let body = Area { left: x - half, right: x + half, top: end.min(zero), bottom: end.max(zero) };
    canvas.rect(&body, Pen::fill(style.color, 0.85))?;
    if low.is_finite() && high.is_finite() {
        let pen = Pen::line(INK, 1.3);
        let (low, high) = (inside(low), inside(high));
        canvas.line(px(x, low), px(x, high), pen)?;
        for end in [low, high] {
            canvas.line(px(x - 3.0, end), px(x + 3.0, end), pen)?;
        }
    }
    Ok(())
}
