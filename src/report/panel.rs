//! Draws one panel of curves: grid, references, bands, lines, markers, captions.

use super::axis::{Scale, tick_labels};
use super::canvas::{Anchor, Canvas, Letters, Pen, text_width};
use super::figure::{Panel, Point, Reference, ReferenceShape, Series, SeriesKind};
use super::geometry::{Area, Px, px, runs, sample_path, thin};
use super::labels::{Extent, Outline, beside};
use super::theme::{FAINT_INK, GRID, INK, PAPER, REFERENCE, STRONGEST, Style, ZERO};
use crate::error::Result;

/// Font sizes in pixels: of labels at the ends of lines, tick labels, captions, and labels of references.
pub(super) const LABEL_SIZE: f64 = 12.5;
pub(super) const TICK_SIZE: f64 = 12.0;
pub(super) const CAPTION_SIZE: f64 = 13.0;
const REFERENCE_SIZE: f64 = 11.5;
/// Pixels between the ticks of a vertical axis, about.
const TICK_SPACING: f64 = 48.0;
const BAND_OPACITY: f64 = 0.17;
/// Opacity of the bands around whole curves, which lie further out.
const OUTER_OPACITY: f64 = 0.09;
/// Markers on a line with many points.
const MARKERS_PER_LINE: usize = 8;

pub(super) struct PanelPlan<'a> {
    pub(super) panel: &'a Panel,
    /// Where the data go.
    pub(super) plot: Area,
    pub(super) x: Scale,
    pub(super) y: Scale,
    pub(super) styles: Vec<Style>,
    /// Vertical places of the labels at the ends of lines; empty if there is a legend.
    pub(super) end_labels: Vec<f64>,
    /// Points a series may keep.
    pub(super) vertex_limit: usize,
    pub(super) x_caption: bool,
    pub(super) y_caption: bool,
    /// Pixels from the plot to the middle of the vertical caption.
    pub(super) y_caption_offset: f64,
}

/// Draws a panel from back to front.
pub(super) fn draw_panel(canvas: &mut Canvas<'_>, plan: &PanelPlan<'_>) -> Result<()> {
    draw_reference_bands(canvas, plan)?;
    draw_grid(canvas, plan)?;
    draw_reference_lines(canvas, plan)?;
    for index in plan.back_to_front() {
        draw_band(canvas, plan, index)?;
    }
    for index in plan.back_to_front() {
        draw_series(canvas, plan, index)?;
    }
    draw_reference_labels(canvas, plan)?;
    draw_captions(canvas, plan)
}

impl PanelPlan<'_> {
    /// Page place of a data point.
    fn place(&self, x: f64, y: f64) -> Px {
        px(self.x.at(x), self.y.at(y))
    }

    /// Page place of a point of a series.
    fn place_of(&self, index: usize, point: &Point) -> Px {
        let place = self.place(point.x, point.y);
        px(place.x + self.aside(index), place.y)
    }

    /// Pixels by which a series stands aside where those of a panel have one `x`, so that all can be seen.
    fn aside(&self, index: usize) -> f64 {
        let width = 0.7 * (self.plot.right - self.plot.left);
        let share = (index as f64 + 0.5) / self.panel.series.len() as f64;
        self.panel.only_x().map_or(0.0, |_| width * (share - 0.5))
    }

    /// Series in the order of drawing: the strongest model lies on top.
    fn back_to_front(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.panel.series.len()).rev().collect();
        order.sort_by_key(|&index| self.panel.series[index].name == STRONGEST);
        order
    }

    /// Where the lines end; `None` if a series has no visible end.
    pub(super) fn series_ends(&self) -> Option<Vec<Px>> {
        let end = |(index, series): (usize, &Series)| {
            let last = series.points.iter().rev().find(|point| point.is_present())?;
            let place = self.place_of(index, last);
            self.plot.contains(place).then_some(place)
        };
        self.panel.series.iter().enumerate().map(end).collect()
    }

    /// The polyline through points without gaps.
    fn path(&self, points: &[Point], kind: SeriesKind, value: fn(&Point) -> f64) -> Vec<Px> {
        let mut path: Vec<Px> = Vec::with_capacity(2 * points.len());
        for point in points {
            let place = self.place(point.x, value(point));
            if kind == SeriesKind::Step
                && let Some(before) = path.last()
            {
                let level = before.y;
                path.push(px(place.x, level));
            }
            path.push(place);
        }
        path
    }
}

/// Light lines at the ticks, a darker one at zero, and the tick labels.
fn draw_grid(canvas: &mut Canvas<'_>, plan: &PanelPlan<'_>) -> Result<()> {
    let Area { left, top, right, bottom } = plan.plot;
    let grid = Pen::line(GRID, 1.0);
    let x_ticks = plan.panel.only_x().map_or_else(|| plan.x.ticks(66.0), |x| vec![x]);
    for (&tick, label) in x_ticks.iter().zip(tick_labels(&x_ticks)) {
        let x = plan.x.at(tick);
        canvas.line(px(x, top), px(x, bottom), grid)?;
        let letters = Letters::new(TICK_SIZE, FAINT_INK, Anchor::Middle);
        canvas.text(&label, px(x, bottom + 13.0), letters)?;
    }
    draw_y_ticks(canvas, &plan.plot, &plan.y, |_| grid)?;
    if plan.y.shows(0.0) {
        let y = plan.y.at(0.0);
        canvas.line(px(left, y), px(right, y), Pen::line(ZERO, 1.2))?;
    }
    Ok(())
}

/// Lines at the ticks of a vertical axis, drawn by `pen`, and the tick labels.
pub(super) fn draw_y_ticks(
    canvas: &mut Canvas<'_>,
    plot: &Area,
    scale: &Scale,
    pen: impl Fn(f64) -> Pen,
) -> Result<()> {
    let letters = Letters::new(TICK_SIZE, FAINT_INK, Anchor::End);
    let ticks = scale.ticks(TICK_SPACING);
    for (&tick, label) in ticks.iter().zip(tick_labels(&ticks)) {
        let y = scale.at(tick);
        canvas.line(px(plot.left, y), px(plot.right, y), pen(tick))?;
        canvas.text(&label, px(plot.left - 7.0, y), letters)?;
    }
    Ok(())
}

/// Pixels that the widest tick label takes beside vertical axes of these ranges.
pub(super) fn tick_width(ranges: &[(f64, f64)], height: f64) -> f64 {
    let widths = ranges.iter().flat_map(|&(low, high)| {
        let ticks = Scale { low, high, start: height, end: 0.0 }.ticks(TICK_SPACING);
        tick_labels(&ticks).into_iter().map(|label| text_width(&label, TICK_SIZE))
    });
    widths.fold(0.0, f64::max) + 8.0
}

/// Title of the panel, names of its axes, labels at the ends of its lines.
fn draw_captions(canvas: &mut Canvas<'_>, plan: &PanelPlan<'_>) -> Result<()> {
    let Area { left, top, right, bottom } = plan.plot;
    if !plan.panel.title.is_empty() {
        let letters = Letters::new(CAPTION_SIZE, INK, Anchor::Start).bold();
        canvas.text(&plan.panel.title, px(left, top - 12.0), letters)?;
    }
    if let Some(note) = absent(plan) {
        let letters = Letters::new(REFERENCE_SIZE, FAINT_INK, Anchor::End);
        canvas.text(&note, px(right, top - 12.0), letters)?;
    }
    let letters = Letters::new(CAPTION_SIZE, INK, Anchor::Middle);
    if plan.x_caption {
        let place = px(f64::midpoint(left, right), bottom + 33.0);
        canvas.text(&plan.panel.x.caption(), place, letters)?;
    }
    if plan.y_caption {
        let place = px(left - plan.y_caption_offset, f64::midpoint(top, bottom));
        canvas.text(&plan.panel.y.caption(), place, letters.upwards())?;
    }
    for (style, &y) in plan.styles.iter().zip(&plan.end_labels) {
        let letters = Letters::new(LABEL_SIZE, style.color.ink(), Anchor::Start);
        canvas.text(&style.label, px(right + 8.0, y), letters)?;
    }
    Ok(())
}

/// Says which series have no data here.
fn absent(plan: &PanelPlan<'_>) -> Option<String> {
    let empty = |series: &Series| !series.points.iter().any(Point::is_present);
    let pairs = plan.panel.series.iter().zip(&plan.styles);
    let labels: Vec<&str> =
        pairs.filter(|(series, _)| empty(series)).map(|(_, style)| style.label.as_str()).collect();
    (!labels.is_empty()).then(|| format!("no data: {}", labels.join(", ")))
}

/// The translucent bands of a series, where there are intervals: the outer one, then its own.
fn draw_band(canvas: &mut Canvas<'_>, plan: &PanelPlan<'_>, index: usize) -> Result<()> {
    let series = &plan.panel.series[index];
    let outer = series.outer_points(&plan.panel.y);
    for (points, opacity) in [(&outer, OUTER_OPACITY), (&series.points, BAND_OPACITY)] {
        let pen = Pen::fill(plan.styles[index].color, opacity);
        let points = thin(points, plan.vertex_limit);
        runs(&points, Point::has_interval).into_iter().try_for_each(|run| {
            canvas.polygon(&plan.plot.clip_polygon(&band(plan, run, series.kind)), pen)
        })?;
    }
    Ok(())
}

/// The corners of a band: along its upper edge, and back along its lower.
fn band(plan: &PanelPlan<'_>, points: &[Point], kind: SeriesKind) -> Vec<Px> {
    let mut corners = plan.path(points, kind, |point| point.high);
    corners.extend(plan.path(points, kind, |point| point.low).into_iter().rev());
    corners
}

/// Line and markers of a series.
fn draw_series(canvas: &mut Canvas<'_>, plan: &PanelPlan<'_>, index: usize) -> Result<()> {
    let (series, style) = (&plan.panel.series[index], &plan.styles[index]);
    let points = thin(&series.points, plan.vertex_limit);
    let pen = Pen::line(style.color, style.width).dashed(style.dash);
    for run in runs(&points, Point::is_present) {
        if let [single] = run {
            draw_measured(canvas, plan, index, single)?;
            continue;
        }
        for piece in plan.plot.clip_path(&plan.path(run, series.kind, |point| point.y)) {
            canvas.path(&piece, pen)?;
        }
    }
    for place in signs(plan, index, &points) {
        canvas.marker(style.marker, place, style.color)?;
    }
    Ok(())
}

/// A point without neighbours: error bar and marker.
fn draw_measured(
    canvas: &mut Canvas<'_>,
    plan: &PanelPlan<'_>,
    index: usize,
    point: &Point,
) -> Result<()> {
    let style = &plan.styles[index];
    let place = plan.place_of(index, point);
    if point.has_interval() {
        let ends = (px(place.x, plan.y.at(point.low)), px(place.x, plan.y.at(point.high)));
        if let Some((low, high)) = plan.plot.clip_segment(ends.0, ends.1) {
            canvas.line(low, high, Pen::line(style.color, 1.4))?;
        }
    }
    if plan.plot.contains(place) { canvas.marker(style.marker, place, style.color) } else { Ok(()) }
}

/// Places of the markers on a line: every point if they are few, else some, staggered by series.
fn signs(plan: &PanelPlan<'_>, index: usize, points: &[Point]) -> Vec<Px> {
    let present = points.iter().filter(|point| point.is_present());
    let places = present.map(|point| plan.place_of(index, point));
    let visible: Vec<Px> = places.filter(|&place| plan.plot.contains(place)).collect();
    if visible.len() <= MARKERS_PER_LINE + 4 {
        return visible;
    }
    let every = visible.len() / MARKERS_PER_LINE;
    let stagger = every * (2 * index + 1) / (2 * plan.panel.series.len());
    visible.into_iter().skip(stagger).step_by(every).collect()
}

/// Edges of a reference on the page, cut to the plot.
fn outline(plan: &PanelPlan<'_>, reference: &Reference) -> Outline {
    let level = |y: f64| vec![px(plan.plot.left, plan.y.at(y)), px(plan.plot.right, plan.y.at(y))];
    match &reference.shape {
        ReferenceShape::Level(y) => Outline { upper: level(*y), lower: level(*y) },
        ReferenceShape::Band { low, high } => Outline { upper: level(*high), lower: level(*low) },
        ReferenceShape::Curve(points) => {
            let present: Vec<Point> = points.iter().copied().filter(Point::is_present).collect();
            let edge = |value| plan.path(&present, SeriesKind::Line, value);
            let upper = edge(|point| if point.has_interval() { point.high } else { point.y });
            let lower = edge(|point| if point.has_interval() { point.low } else { point.y });
            Outline { upper, lower }
        }
    }
}

/// Grey bands, behind the grid.
fn draw_reference_bands(canvas: &mut Canvas<'_>, plan: &PanelPlan<'_>) -> Result<()> {
    for reference in &plan.panel.references {
        let Outline { mut upper, lower } = outline(plan, reference);
        upper.extend(lower.into_iter().rev());
        canvas.polygon(&plan.plot.clip_polygon(&upper), Pen::fill(REFERENCE, 0.2))?;
    }
    Ok(())
}

/// Grey lines and curves, behind the data.
fn draw_reference_lines(canvas: &mut Canvas<'_>, plan: &PanelPlan<'_>) -> Result<()> {
    let pen = Pen::line(REFERENCE, 1.6);
    for reference in &plan.panel.references {
        let paths = match &reference.shape {
            ReferenceShape::Level(_) => vec![outline(plan, reference).upper],
            ReferenceShape::Band { .. } => Vec::new(),
            ReferenceShape::Curve(points) => {
                let points = thin(points, plan.vertex_limit);
                let path = |run: &[Point]| plan.path(run, SeriesKind::Line, |point| point.y);
                runs(&points, Point::is_present).into_iter().map(path).collect()
            }
        };
        for piece in paths.iter().flat_map(|path| plan.plot.clip_path(path)) {
            canvas.path(&piece, pen)?;
        }
    }
    Ok(())
}

/// Names of the references, each where it covers the least.
fn draw_reference_labels(canvas: &mut Canvas<'_>, plan: &PanelPlan<'_>) -> Result<()> {
    let mut obstacles = obstacles(plan);
    for reference in &plan.panel.references {
        let width = text_width(&reference.label, REFERENCE_SIZE);
        let label = Extent { width, height: REFERENCE_SIZE + 2.0 };
        let edges = outline(plan, reference);
        let Some(area) = beside(&edges, label, &obstacles, &plan.plot) else { continue };
        if obstacles.iter().any(|&obstacle| area.contains(obstacle)) {
            canvas.rect(&area, Pen::fill(PAPER, 0.75))?;
        }
        let middle = px(f64::midpoint(area.left, area.right), f64::midpoint(area.top, area.bottom));
        let letters = Letters::new(REFERENCE_SIZE, REFERENCE.ink(), Anchor::Middle);
        canvas.text(&reference.label, middle, letters)?;
        let corners = [px(area.left, area.top), px(area.right, area.bottom)];
        let across = [px(area.left, area.bottom), px(area.right, area.top)];
        obstacles.extend(sample_path(&corners).into_iter().chain(sample_path(&across)));
    }
    Ok(())
}

/// What a label should not cover: lines, bands, error bars, other references, zero.
fn obstacles(plan: &PanelPlan<'_>) -> Vec<Px> {
    let zero = [plan.place(plan.x.low, 0.0), plan.place(plan.x.high, 0.0)];
    let mut obstacles = sample_path(&zero);
    for (index, series) in plan.panel.series.iter().enumerate() {
        let points = thin(&series.points, plan.vertex_limit);
        for run in runs(&points, Point::is_present) {
            obstacles.extend(sample_path(&plan.path(run, series.kind, |point| point.y)));
        }
        for run in runs(&points, Point::has_interval) {
            obstacles.extend(sample_path(&band(plan, run, series.kind)));
            for point in run {
                let ends =
                    [point.low, point.high].map(|y| plan.place_of(index, &Point { y, ..*point }));
                obstacles.extend(sample_path(&ends));
            }
        }
    }
    for reference in &plan.panel.references {
        let Outline { upper, lower } = outline(plan, reference);
        obstacles.extend(sample_path(&upper).into_iter().chain(sample_path(&lower)));
    }
    obstacles
}
