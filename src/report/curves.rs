//! Draws a [`Figure`] of curves as SVG: lines with bands, staircases.
//!
//! Lines are labelled at their ends where the labels do not collide; else one legend stands above
//! the panels, outside the data.

use super::axis::{Scale, x_range, y_range};
use super::canvas::{Sheet, render as render_sheet, text_width};
use super::figure::{
    Axis, Figure, Panel, Point, ReferenceShape, Series, SeriesKind, YRange, extremes, sheet_size,
};
use super::geometry::Area;
use super::header::{Entry, Header, MARGIN, Sample};
use super::labels::spread;
use super::panel::{LABEL_SIZE, PanelPlan, draw_panel, tick_width};
use super::theme::{STRONGEST, Style, styles};
use crate::error::Result;

/// Vertices all lines and bands of a figure may have together; keeps the file below 200 kB.
const VERTEX_BUDGET: usize = 12_000;
/// Width in pixels of a line that stands for a single seed.
const SINGLE_UNIT_WIDTH: f64 = 1.2;
/// Spaces in pixels: for the caption of an axis, tick labels below a panel, the title of a panel, and between panels.
const CAPTION: f64 = 24.0;
const TICKS_BELOW: f64 = 22.0;
const PANEL_TITLE: f64 = 22.0;
const GUTTER: f64 = 14.0;

/// Draws a figure and returns its SVG: text is text, and it stays below 200 kB.
///
/// # Errors
/// [`crate::Error::Figure`] if the figure fails `Figure::validate`.
pub fn render_curves(figure: &Figure) -> Result<String> {
    figure.validate()?;
    let names = figure.series_names();
    let looks = looks(figure, &names);
    let plan = Plan::new(figure, &names, &looks);
    let sheet = Sheet {
        width: plan.width,
        height: plan.height,
        title: &figure.title,
        description: &figure.description,
    };
    render_sheet(sheet, |canvas| {
        plan.header.draw(canvas)?;
        plan.panels.iter().try_for_each(|panel| draw_panel(canvas, panel))
    })
}

/// Styles of the series named; the label says where only one unit was measured.
fn looks(figure: &Figure, names: &[&str]) -> Vec<Style> {
    let mut looks = styles(names.iter().copied());
    for (style, name) in looks.iter_mut().zip(names) {
        let all = figure.panels.iter().flat_map(|panel| &panel.series);
        let same: Vec<&Series> = all.filter(|series| series.name == **name).collect();
        if same.iter().all(|series| series.n == Some(1)) {
            style.label.push_str(" (n = 1)");
            style.width = SINGLE_UNIT_WIDTH;
        }
    }
    looks
}

struct Plan<'a> {
    width: f64,
    height: f64,
    header: Header,
    panels: Vec<PanelPlan<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Labelling {
    Direct,
    Legend,
}

impl<'a> Plan<'a> {
    /// Tries labels at the ends of lines, and falls back to a legend.
    fn new(figure: &'a Figure, names: &[&str], looks: &[Style]) -> Self {
        let mut plan = Self::with(figure, names, looks, Labelling::Direct);
        if plan.label_ends() {
            return plan;
        }
        Self::with(figure, names, looks, Labelling::Legend)
    }

    fn with(figure: &'a Figure, names: &[&str], looks: &[Style], labelling: Labelling) -> Self {
        let (width, height, _) = sheet_size(figure.panels.len());
        let (entries, label_width) = match labelling {
            Labelling::Direct => {
                let widths = looks.iter().map(|look| text_width(&look.label, LABEL_SIZE));
                (Vec::new(), widths.fold(0.0, f64::max))
            }
            Labelling::Legend => (entries(names, looks), 0.0),
        };
        let header = Header::new(&figure.title, &figure.subtitle, &entries, width);
        let mut panels = panel_plans(figure, header.height(), label_width + 14.0);
        // A line takes one vertex a point and its band two; a staircase twice as many.
        let all = figure.panels.iter().flat_map(|panel| &panel.series);
        let vertices = |series: &Series| if series.kind == SeriesKind::Step { 6 } else { 3 };
        let limit = VERTEX_BUDGET / all.map(vertices).sum::<usize>().max(1);
        for plan in &mut panels {
            plan.vertex_limit = limit.clamp(30, 500);
            let series = plan.panel.series.iter();
            plan.styles = series.filter_map(|series| look_of(series, names, looks)).collect();
        }
        Self { width, height, header, panels }
    }

    /// Places a label at the end of every line; false if any would collide or stand over data.
    fn label_ends(&mut self) -> bool {
        self.panels.iter_mut().all(|plan| {
            let near = plan.plot.right - 0.04 * plan.plot.width();
            let Some(ends) = plan.series_ends() else { return false };
            if ends.iter().any(|end| end.x < near) {
                return false;
            }
            let heights: Vec<f64> = ends.iter().map(|end| end.y).collect();
            let Some(places) = spread(&heights, &plan.plot) else { return false };
            plan.end_labels = places;
            true
        })
    }
}

/// The style of a series; `None` for a series that is not among `names`.
fn look_of(series: &Series, names: &[&str], looks: &[Style]) -> Option<Style> {
    let index = names.iter().position(|name| *name == series.name)?;
    let mut style = looks[index].clone();
    if series.n == Some(1) {
        style.width = SINGLE_UNIT_WIDTH;
    }
    Some(style)
}

/// Entries of the legend, the strongest model first.
fn entries(names: &[&str], looks: &[Style]) -> Vec<Entry> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by_key(|&index| names[index] != STRONGEST);
    let entry = |index: usize| Entry { style: looks[index].clone(), sample: Sample::Line };
    order.into_iter().map(entry).collect()
}

/// Plots of equal size, with their scales, below a header and with so many pixels to the right of each; no caption is
/// repeated.
fn panel_plans<'a>(figure: &'a Figure, header: f64, right_space: f64) -> Vec<PanelPlan<'a>> {
    let panels = &figure.panels;
    let (width, height, columns) = sheet_size(panels.len());
    let cell_height = (height - header - MARGIN / 2.0) / panels.len().div_ceil(columns) as f64;
    let first = &panels[0];
    let same = |axis: fn(&Panel) -> &Axis| {
        panels.iter().all(|p| axis(p).caption() == axis(first).caption())
    };
    let (same_x, same_y) = (same(|p| &p.x), same(|p| &p.y));
    let empty = |series: &Series| !series.points.iter().any(Point::is_present);
    let titled = panels.iter().any(|p| !p.title.is_empty() || p.series.iter().any(empty));

    let title = if titled { PANEL_TITLE } else { 6.0 };
    let plot_height = cell_height - title - TICKS_BELOW - CAPTION;
    let y_ranges = y_ranges(figure);
    let tick_width = tick_width(&y_ranges, plot_height);

    // One caption column for all panels, or one for each.
    let shared_caption = if same_y { CAPTION } else { 0.0 };
    let own_caption = if same_y { 0.0 } else { CAPTION };
    let gutters = (columns as f64 - 1.0) * GUTTER;
    let cell_width = (width - 1.3 * MARGIN - shared_caption - gutters) / columns as f64;

    let place = |index: usize| {
        let (row, column) = (index / columns, index % columns);
        let left = MARGIN * 0.8 + shared_caption + column as f64 * (cell_width + GUTTER);
        let top = header + row as f64 * cell_height + title;
        Area {
            left: left + own_caption + tick_width,
            top,
            right: left + cell_width - right_space,
            bottom: top + plot_height,
        }
    };
    let plan = |(index, panel): (usize, &'a Panel)| {
        let plot = place(index);
        let (x_low, x_high) = x_range_of(panel);
        let (y_low, y_high) = y_ranges[index];
        PanelPlan {
            panel,
            plot,
            x: Scale { low: x_low, high: x_high, start: plot.left, end: plot.right },
            y: Scale { low: y_low, high: y_high, start: plot.bottom, end: plot.top },
            styles: Vec::new(),
            end_labels: Vec::new(),
            vertex_limit: 0,
            x_caption: !same_x || index + columns >= panels.len(),
            y_caption: !same_y || index % columns == 0,
            y_caption_offset: tick_width + CAPTION / 2.0 + 2.0,
        }
    };
    panels.iter().enumerate().map(plan).collect()
}

fn y_ranges(figure: &Figure) -> Vec<(f64, f64)> {
    let own = figure.panels.iter().map(|panel| {
        let points = panel.series.iter().flat_map(|series| &series.points);
        let curves = panel.references.iter().flat_map(|reference| match &reference.shape {
            ReferenceShape::Level(y) => vec![Point::new(0.0, *y)],
            ReferenceShape::Band { low, high } => {
                vec![Point::new(0.0, *low), Point::new(0.0, *high)]
            }
            ReferenceShape::Curve(points) => points.clone(),
        });
        let limits = |point: Point| {
            let interval = point.has_interval();
            let ends = if interval { [point.low, point.high] } else { [point.y; 2] };
            [ends[0].min(point.y), ends[1].max(point.y)]
        };
        y_range(&panel.y, points.copied().chain(curves).flat_map(limits))
    });
    let own: Vec<(f64, f64)> = own.collect();
    match figure.y_range {
        YRange::PerPanel => own,
        YRange::Shared => {
            vec![extremes(own.iter().flat_map(|&(low, high)| [low, high])); own.len()]
        }
    }
}

fn x_range_of(panel: &Panel) -> (f64, f64) {
    let curves = panel.references.iter().flat_map(|reference| match &reference.shape {
        ReferenceShape::Curve(points) => points.as_slice(),
        _ => &[],
    });
    let points = panel.series.iter().flat_map(|series| &series.points).chain(curves);
    x_range(&panel.x, points.map(|point| point.x))
}
