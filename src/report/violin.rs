//! Draws one panel of violins: grid, bodies, dots, medians, captions.

use super::axis::Scale;
use super::canvas::{Anchor, Canvas, Letters, Pen, wrap};
use super::figure::extremes;
use super::geometry::{Area, Px, px};
use super::panel::{CAPTION_SIZE, TICK_SIZE, draw_y_ticks};
use super::theme::{Dash, FAINT_INK, GRID, INK, Style, ZERO};
use crate::error::Result;
use crate::stats::density::{bandwidth, density};
use crate::stats::summary::median;

/// The tick at the median.
pub(super) const MEDIAN: Pen = Pen::line(INK, 2.0);
/// The line at the value to compare with.
pub(super) const BEFORE: Pen = Pen::line(INK, 1.4).dashed(Dash::Short);
/// Places at which a density is drawn.
const PLACES: u32 = 40;
/// Width of the slot of a violin at most, in pixels.
const WIDEST_SLOT: f64 = 86.0;
/// Pixels from the plot down to the markers that say whose violin stands above.
const MARKERS_BELOW: f64 = 10.0;
/// Radius of a dot, in pixels.
const DOT: f64 = 1.6;

/// Groups that share a pair of axes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ViolinPanel {
    /// Heading, mostly an environment; empty if the figure has one panel.
    pub title: String,
    /// From left to right.
    pub groups: Vec<ViolinGroup>,
}

/// Violins that stand together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ViolinGroup {
    /// What they have in common, written below them.
    pub label: String,
    /// At most one of each name; a name has the same place in all groups of a panel.
    pub violins: Vec<Violin>,
}

/// One distribution.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Violin {
    /// A model's kebab-case name, or any other label.
    pub name: String,
    /// Finite values in any order; none leaves the place empty but for "n/a".
    pub values: Vec<f64>,
    /// A value to compare with, drawn as a dashed line: the return before the update. `None`
    /// without one.
    pub before: Option<f64>,
}

impl ViolinPanel {
    /// The first thing wrong with this panel, in words.
    pub(super) fn fault(&self) -> Option<String> {
        if self.violins().next().is_none() {
            return Some("there is no violin; give at least one group with one violin".to_owned());
        }
        for group in &self.groups {
            for (index, Violin { name, values, before }) in group.violins.iter().enumerate() {
                if group.violins[..index].iter().any(|other| &other.name == name) {
                    let place = &group.label;
                    return Some(format!("'{name}' stands twice in group '{place}'; merge them"));
                }
                if values.iter().chain(before).any(|value| !value.is_finite()) {
                    return Some(format!("'{name}' has a value that is not finite; drop it"));
                }
            }
        }
        None
    }

    pub(super) fn violins(&self) -> impl Iterator<Item = &Violin> {
        self.groups.iter().flat_map(|group| &group.violins)
    }
}

pub(super) struct Cell<'a> {
    pub(super) panel: &'a ViolinPanel,
    pub(super) plot: Area,
    pub(super) y: Scale,
    /// Names of its violins; each has the same place in every group.
    pub(super) names: Vec<&'a str>,
    /// Caption of its groups; `None` where the panel below has it.
    pub(super) x_caption: Option<&'a str>,
    /// Caption of its values; `None` where the panel to the left has it.
    pub(super) y_caption: Option<String>,
    /// Pixels from the plot to the middle of the vertical caption.
    pub(super) y_caption_offset: f64,
}

impl Cell<'_> {
    /// Grid, ticks, labels of groups, title and captions.
    pub(super) fn draw_axes(&self, canvas: &mut Canvas<'_>) -> Result<()> {
        let Area { left, top, right, bottom } = self.plot;
        let group_width = self.group_width();
        for index in 1..self.panel.groups.len() {
            let x = left + index as f64 * group_width;
            canvas.line(px(x, top), px(x, bottom), Pen::line(GRID, 1.0))?;
        }
        draw_y_ticks(canvas, &self.plot, &self.y, |tick| {
            if tick == 0.0 { Pen::line(ZERO, 1.2) } else { Pen::line(GRID, 1.0) }
        })?;
        for (index, group) in self.panel.groups.iter().enumerate() {
            let letters = Letters::new(TICK_SIZE, FAINT_INK, Anchor::Middle);
            let middle = left + (index as f64 + 0.5) * group_width;
            for (row, line) in wrap(&group.label, TICK_SIZE, group_width).iter().enumerate() {
                canvas.text(line, px(middle, bottom + 27.0 + 15.0 * row as f64), letters)?;
            }
        }
        let letters = Letters::new(CAPTION_SIZE, INK, Anchor::Start).bold();
        canvas.text(&self.panel.title, px(left, top - 12.0), letters)?;
        let letters = Letters::new(CAPTION_SIZE, INK, Anchor::Middle);
        if let Some(caption) = self.x_caption {
            canvas.text(caption, px(f64::midpoint(left, right), bottom + 46.0), letters)?;
        }
        if let Some(caption) = &self.y_caption {
            let place = px(left - self.y_caption_offset, f64::midpoint(top, bottom));
            canvas.text(caption, place, letters.upwards())?;
        }
        Ok(())
    }

    fn group_width(&self) -> f64 {
        self.plot.width() / self.panel.groups.len() as f64
    }

    /// Draws all violins in the styles of their models.
    pub(super) fn draw_violins<'a>(
        &self,
        canvas: &mut Canvas<'_>,
        look_of: impl Fn(&str) -> Option<&'a Style>,
    ) -> Result<()> {
        let group_width = self.group_width();
        let slot = (0.88 * group_width / self.names.len() as f64).min(WIDEST_SLOT);
        for (index, group) in self.panel.groups.iter().enumerate() {
            let middle = self.plot.left + (index as f64 + 0.5) * group_width;
            for violin in &group.violins {
                let at = self.names.iter().position(|name| *name == violin.name);
                let (Some(at), Some(style)) = (at, look_of(&violin.name)) else { continue };
                let x = middle + slot * (at as f64 - (self.names.len() as f64 - 1.0) / 2.0);
                let below = px(x, self.plot.bottom + MARKERS_BELOW);
                canvas.marker(style.marker, below, style.color)?;
                self.draw_violin(canvas, (x, slot), violin, style)?;
            }
        }
        Ok(())
    }

    /// One violin around `x` in a slot: body, dots, line to compare with, median.
    fn draw_violin(
        &self,
        canvas: &mut Canvas<'_>,
        (x, slot): (f64, f64),
        violin: &Violin,
        style: &Style,
    ) -> Result<()> {
        let values = &violin.values;
        if values.is_empty() {
            let letters = Letters::new(TICK_SIZE, FAINT_INK, Anchor::Middle);
            canvas.text("n/a", px(x, f64::midpoint(self.plot.top, self.plot.bottom)), letters)?;
        }
        let shape = Shape::of(values, 0.43 * slot);
        let outline = shape.outline(values, |value, half| px(x + half, self.y.at(value)));
        let body = self.plot.clip_polygon(&outline);
        canvas.polygon(&body, Pen::fill(style.color, 0.28))?;
        if let Some(&first) = body.first() {
            let closed: Vec<Px> = body.iter().copied().chain([first]).collect();
            canvas.path(&closed, Pen::line(style.color, 1.1))?;
        }
        for (index, &value) in values.iter().enumerate() {
            // Multiples of the golden ratio fill (−1, 1) evenly, whatever their number.
            let sideways = 2.0 * ((index as f64 + 0.5) * 0.618_033_988_749_895).fract() - 1.0;
            let place = px(x + 0.82 * sideways * shape.half_width(values, value), self.y.at(value));
            if self.plot.contains(place) {
                canvas.dot(place, DOT, Pen::fill(style.color.ink(), 0.7))?;
            }
        }
        let across = |value: f64, half: f64| {
            let y = self.y.at(value);
            self.plot.clip_segment(px(x - half, y), px(x + half, y))
        };
        if let Some((from, to)) = violin.before.and_then(|before| across(before, 0.48 * slot)) {
            canvas.path(&[from, to], BEFORE)?;
        }
        let middle = median(values);
        if !values.is_empty()
            && let Some((from, to)) = across(middle, 0.3 * slot)
        {
            canvas.line(from, to, MEDIAN)?;
        }
        Ok(())
    }
}

/// How wide a violin is at each value.
struct Shape {
    /// Width of the kernels; 0 for values without spread.
    kernel: f64,
    /// Pixels from the middle to the edge, by density.
    scale: f64,
    /// Pixels from the middle to the edge at the widest.
    widest: f64,
}

impl Shape {
    /// The violin of `values` that reaches `widest` pixels to either side.
    fn of(values: &[f64], widest: f64) -> Self {
        let kernel = bandwidth(values);
        if kernel.is_nan() || kernel <= 0.0 {
            return Self { kernel: 0.0, scale: 0.0, widest };
        }
        let places = places(values);
        let peak = places.map(|place| density(values, place, kernel)).fold(0.0, f64::max);
        Self { kernel, scale: widest / peak, widest }
    }

    /// Pixels from the middle to the edge at `value`; half the widest where there is no spread.
    fn half_width(&self, values: &[f64], value: f64) -> f64 {
        if self.kernel > 0.0 {
            return (self.scale * density(values, value, self.kernel)).min(self.widest);
        }
        0.5 * self.widest
    }

    /// The edge, up the right and down the left; empty where there is no spread.
    fn outline(&self, values: &[f64], place: impl Fn(f64, f64) -> Px) -> Vec<Px> {
        if self.kernel == 0.0 {
            return Vec::new();
        }
        let edge: Vec<(f64, f64)> =
            places(values).map(|at| (at, self.half_width(values, at))).collect();
        let right = edge.iter().map(|&(at, half)| place(at, half));
        let left = edge.iter().rev().map(|&(at, half)| place(at, -half));
        right.chain(left).collect()
    }
}

/// Places from the smallest value to the largest.
fn places(values: &[f64]) -> impl Iterator<Item = f64> {
    let (low, high) = extremes(values.iter().copied());
    (0..=PLACES).map(move |k| low + (high - low) * f64::from(k) / f64::from(PLACES))
}
