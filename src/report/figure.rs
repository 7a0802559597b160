//! A figure of curves as plain data: what is drawn, with nothing about how.

use crate::error::{Error, Result};
use crate::stats::{Estimate, summary};

/// Most panels one figure may hold; more would make each too small for a paper column.
pub(crate) const MAX_PANELS: usize = 4;

/// One picture with one message.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figure {
    /// What is shown.
    pub title: String,
    /// Environment, steps, number of seeds and states, and what the band is.
    pub subtitle: String,
    /// What the picture says, for readers who cannot see it.
    pub description: String,
    /// One to `MAX_PANELS` panels, in reading order.
    pub panels: Vec<Panel>,
    /// Whether panels compare at a glance.
    pub y_range: YRange,
}

/// Width and height of a sheet with so many panels, in pixels, and panels in a row.
pub(super) fn sheet_size(panels: usize) -> (f64, f64, usize) {
    match panels {
        1 => (720.0, 480.0, 1),
        2 => (960.0, 440.0, 2),
        3 => (1200.0, 440.0, 3),
        _ => (960.0, 800.0, 2),
    }
}

/// Smallest and largest value; infinity and minus infinity if there is none but NaN.
pub(super) fn extremes(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let start = (f64::INFINITY, f64::NEG_INFINITY);
    values.into_iter().fold(start, |(low, high), x| (low.min(x), high.max(x)))
}

/// The different items, in order of first appearance.
pub(super) fn each_once<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut once = Vec::new();
    for one in all {
        if !once.contains(&one) {
            once.push(one);
        }
    }
    once
}

/// How the vertical ranges of panels relate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum YRange {
    /// Each panel has its own.
    #[default]
    PerPanel,
    /// All panels share the widest.
    Shared,
}

/// One pair of axes and what is drawn in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Panel {
    /// Heading of the panel, mostly an environment; empty if the figure has one panel.
    pub title: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// The data.
    pub series: Vec<Series>,
    /// Chance, ceiling and other things to compare with.
    pub references: Vec<Reference>,
}

/// Name, unit and range of an axis.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Axis {
    /// What is measured.
    pub label: String,
    /// In which unit; empty if it has none.
    pub unit: String,
    /// Fixed limits; `None` fits them to the data. A fitted vertical axis always holds zero.
    pub range: Option<(f64, f64)>,
}

impl Axis {
    /// An axis fitted to its data.
    pub fn new(label: impl Into<String>, unit: impl Into<String>) -> Self {
        Self { label: label.into(), unit: unit.into(), range: None }
    }

    /// The same axis with fixed limits.
    #[must_use]
    pub fn with_range(self, low: f64, high: f64) -> Self {
        Self { range: Some((low, high)), ..self }
    }

    /// Label with its unit in brackets.
    pub(crate) fn caption(&self) -> String {
        if self.unit.is_empty() {
            self.label.clone()
        } else {
            format!("{} ({})", self.label, self.unit)
        }
    }

    /// What is wrong with this axis, as the end of a sentence.
    pub(super) fn fault(&self) -> Option<String> {
        if self.label.is_empty() {
            return Some("has no label; name what it shows".to_owned());
        }
        let (low, high) = self.range?;
        let usable = low.is_finite() && high.is_finite() && low < high;
        (!usable).then(|| format!("has the range [{low}, {high}]; expected low < high"))
    }
}

/// What is known of one model, say, along the horizontal axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// A model's kebab-case name, or any other label.
    pub name: String,
    /// Points in increasing `x`.
    pub points: Vec<Point>,
    /// How they are drawn.
    pub kind: SeriesKind,
    /// Independent units (seeds, states) behind each point; `None` if nothing was averaged.
    pub n: Option<usize>,
    /// Half-width of a second band, for the curve as a whole; `None` without one.
    pub outer: Option<f64>,
}

impl Series {
    /// A line with a band.
    pub fn line(name: impl Into<String>, points: Vec<Point>, n: usize) -> Self {
        Self { name: name.into(), points, kind: SeriesKind::Line, n: Some(n), outer: None }
    }

    /// Points that no line joins, each with the bar of its interval; of points at the same `x` the first.
    pub(crate) fn scatter(name: impl Into<String>, mut points: Vec<Point>) -> Self {
        points.sort_by(|a, b| a.x.total_cmp(&b.x));
        points.dedup_by(|b, a| b.x <= a.x);
        let n = points.len();
        let mut apart: Vec<Point> = Vec::new();
        for point in points {
            if let Some(last) = apart.last() {
                // A gap between two points keeps the line from joining them.
                apart.push(Point::new(f64::midpoint(last.x, point.x), f64::NAN));
            }
            apart.push(point);
        }
        Self::line(name, apart, n)
    }

    /// A staircase, such as the fraction of learnable states against the threshold.
    pub fn step(name: impl Into<String>, points: Vec<Point>, n: usize) -> Self {
        Self { name: name.into(), points, kind: SeriesKind::Step, n: Some(n), outer: None }
    }

    /// The same series with a second band of this half-width.
    #[must_use]
    pub fn with_outer(self, half_width: f64) -> Self {
        Self { outer: Some(half_width), ..self }
    }

    /// Points whose interval is the second band, cut to the fixed range of `axis`; NaN without one.
    pub(super) fn outer_points(&self, axis: &Axis) -> Vec<Point> {
        let half = self.outer.unwrap_or(f64::NAN);
        let (low, high) = axis.range.unwrap_or((f64::NEG_INFINITY, f64::INFINITY));
        let widened = |point: &Point| {
            let ends = [point.y - half, point.y + half];
            let [low, high] = ends.map(|y| if y.is_nan() { y } else { y.clamp(low, high) });
            Point { low, high, ..*point }
        };
        self.points.iter().map(widened).collect()
    }
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesKind {
    /// Line with a translucent band.
    Line,
    /// Staircase that keeps each value up to the next point.
    Step,
}

/// One measured point; NaN in `y` is a gap, NaN in `low` or `high` a point without interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Horizontal position.
    pub x: f64,
    /// Value.
    pub y: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of its interval.
    pub high: f64,
}

impl Point {
    /// A point without interval.
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y, low: f64::NAN, high: f64::NAN }
    }

    /// An estimate at `x`.
    pub const fn estimate(x: f64, estimate: &Estimate) -> Self {
        Self { x, y: estimate.value, low: estimate.low, high: estimate.high }
    }

    /// Whether there is a value to draw.
    pub(super) fn is_present(&self) -> bool {
        self.y.is_finite()
    }

    /// Whether there is an interval to draw.
    pub(super) fn has_interval(&self) -> bool {
        self.is_present() && self.low.is_finite() && self.high.is_finite()
    }
}

/// Something grey to compare with.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// Its name, written in place: "chance", "ceiling".
    pub label: String,
    /// Its shape.
    pub shape: ReferenceShape,
}

/// The shape of a reference.
#[derive(Debug, Clone, PartialEq)]
pub enum ReferenceShape {
    /// A horizontal line.
    Level(f64),
    /// A horizontal band.
    Band {
        /// Lower edge.
        low: f64,
        /// Upper edge.
        high: f64,
    },
    /// A curve, with a band where its points have intervals.
    Curve(Vec<Point>),
}

impl Reference {
    /// A horizontal line.
    pub fn level(label: impl Into<String>, y: f64) -> Self {
        Self { label: label.into(), shape: ReferenceShape::Level(y) }
    }

    /// A horizontal band.
    pub fn band(label: impl Into<String>, low: f64, high: f64) -> Self {
        Self { label: label.into(), shape: ReferenceShape::Band { low, high } }
    }

    /// A curve.
    pub fn curve(label: impl Into<String>, points: Vec<Point>) -> Self {
        Self { label: label.into(), shape: ReferenceShape::Curve(points) }
    }
}

impl Figure {
    /// Names of all series, each once, in order of appearance.
    pub fn series_names(&self) -> Vec<&str> {
        each_once(self.panels.iter().flat_map(|panel| &panel.series).map(|series| &*series.name))
    }

    /// Refuses what no reader could make sense of.
    ///
    /// # Errors
    /// [`Error::Figure`] if there is no panel or more than [`MAX_PANELS`], if an axis has no
    /// label or an empty range, if a series stands twice in a panel, or if its points have no
    /// finite, increasing `x`.
    pub(crate) fn validate(&self) -> Result<()> {
        let fail = |reason: String| Err(Error::Figure(format!("'{}': {reason}", self.title)));
        if self.panels.is_empty() || self.panels.len() > MAX_PANELS {
            return fail(format!(
                "expected 1 to {MAX_PANELS} panels, got {}; split the figure",
                self.panels.len()
            ));
        }
        for panel in &self.panels {
            if let Some(reason) = panel.fault() {
                return fail(format!("panel '{}': {reason}", panel.title));
            }
        }
        Ok(())
    }
}

impl Panel {
    /// A panel of a number, named by the title, that is 1 for an exactly right critic.
    pub(super) fn beside_exact(title: &str, x: Axis, series: Vec<Series>) -> Self {
        let references = vec![Reference::level("exactly right", 1.0)];
        Self { title: title.into(), x, y: Axis::new(title, ""), series, references }
    }

    /// Returns the panel with a vertical range that its points and their intervals fill but for some air; 0,
    /// which means nothing among returns, need not be in it.
    #[must_use]
    pub(crate) fn around_points(mut self) -> Self {
        let points = self.series.iter().flat_map(|series| &series.points);
        let ends = points.flat_map(|point| [point.y, point.low, point.high]);
        let (low, high) = extremes(ends.filter(|y| y.is_finite()));
        if low <= high {
            let air = 0.06 * (high - low).max(1.0);
            self.y = self.y.with_range(low - air, high + air);
        }
        self
    }

    /// The `x` that all points share, if each of several series has one point.
    pub(super) fn only_x(&self) -> Option<f64> {
        let alone = |series: &Series| match series.points[..] {
            [point] => Some(point.x),
            _ => None,
        };
        let mut places = self.series.iter().map(alone);
        let first = places.next()??;
        (places.len() > 0 && places.all(|x| x == Some(first))).then_some(first)
    }

    /// The first thing wrong with this panel, in words.
    fn fault(&self) -> Option<String> {
        for (axis, which) in [(&self.x, "horizontal"), (&self.y, "vertical")] {
            if let Some(fault) = axis.fault() {
                return Some(format!("the {which} axis {fault}"));
            }
        }
        for (index, series) in self.series.iter().enumerate() {
            let name = &series.name;
            if self.series[..index].iter().any(|other| &other.name == name) {
                return Some(format!("series '{name}' stands twice; give each its own name"));
            }
            if series.points.iter().any(|point| !point.x.is_finite()) {
                return Some(format!("series '{name}' has a point without a finite x; drop it"));
            }
            if series.points.windows(2).any(|pair| pair[1].x <= pair[0].x) {
                return Some(format!(
                    "series '{name}' does not increase in x; sort it and keep one point per x"
                ));
            }
        }
        None
    }
}

/// Moving average over `window` evaluations; bands are averaged alike, which is no interval of the
/// average but its scale.
pub(super) fn smoothed(points: Vec<Point>, window: usize) -> Vec<Point> {
    if window <= 1 {
        return points;
    }
    let average = |f: fn(&Point) -> f64| {
        summary::moving_average(&points.iter().map(f).collect::<Vec<_>>(), window)
    };
    let (y, low, high) = (average(|p| p.y), average(|p| p.low), average(|p| p.high));
    points
        .iter()
        .enumerate()
        .map(|(i, p)| Point { x: p.x, y: y[i], low: low[i], high: high[i] })
        .collect()
}
