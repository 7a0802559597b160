//! Tables as plain data, and as Markdown for people and CSV for programs.

use super::figure::{Figure, Point, ReferenceShape};
use super::numbers::{MISSING, interval, significant, unsigned_zero};
use crate::error::{Error, Result};
use crate::stats::Estimate;

/// A rectangle of cells under named columns.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// From left to right.
    pub columns: Vec<Column>,
    /// From top to bottom; each as long as `columns`.
    pub rows: Vec<Vec<Cell>>,
}

/// Name and unit of a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    /// What it holds.
    pub name: String,
    /// In which unit; empty if it has none.
    pub unit: String,
}

impl Column {
    /// A column with a unit; an empty one for none.
    pub fn new(name: impl Into<String>, unit: impl Into<String>) -> Self {
        Self { name: name.into(), unit: unit.into() }
    }

    /// Name with its unit in brackets.
    fn header(&self) -> String {
        if self.unit.is_empty() {
            self.name.clone()
        } else {
            format!("{} ({})", self.name, self.unit)
        }
    }
}

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number.
    Number {
        /// Its value.
        value: f64,
        /// Significant digits people see; programs see all.
        digits: usize,
    },
    /// A number with its interval.
    Interval(Estimate),
    /// Nothing was measured.
    Missing,
}

impl Cell {
    /// Words, or anything else as it is displayed.
    pub fn text(text: impl ToString) -> Self {
        Self::Text(text.to_string())
    }

    /// A number with three significant digits.
    pub const fn number(value: f64) -> Self {
        Self::Number { value, digits: 3 }
    }

    /// A number with its interval, or the word "unresolved".
    pub(super) fn resolved(resolved: bool, estimate: Estimate) -> Self {
        if resolved { Self::Interval(estimate) } else { Self::text("unresolved") }
    }

    /// What people read.
    pub(super) fn display(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number { value, digits } => significant(*value, *digits),
            Self::Interval(estimate) => interval(estimate),
            Self::Missing => MISSING.to_owned(),
        }
    }
}

impl Table {
    /// An empty table with these columns.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Self {
        Self { columns: columns.into_iter().collect(), rows: Vec::new() }
    }

    /// A table of columns without units.
    pub(crate) fn of(
        names: impl IntoIterator<Item = impl ToString>,
        rows: impl IntoIterator<Item = Vec<Cell>>,
    ) -> Self {
        let columns = names.into_iter().map(|name| Column::new(name.to_string(), ""));
        Self { columns: columns.collect(), rows: rows.into_iter().collect() }
    }

    /// A table of rows that name their columns, the same ones in every row.
    pub(super) fn of_named(rows: impl IntoIterator<Item = Vec<(&'static str, Cell)>>) -> Self {
        let rows = rows.into_iter().map(|row| row.into_iter().unzip());
        let rows: Vec<(Vec<&str>, Vec<Cell>)> = rows.collect();
        let (names, rows): (Vec<Vec<&str>>, Vec<Vec<Cell>>) = rows.into_iter().unzip();
        Self::of(names.into_iter().next().unwrap_or_default(), rows)
    }

    /// Whether a column holds numbers, which stand at its right edge.
    pub(super) fn is_numeric(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().map(|row| &row[column]);
        !cells.any(|cell| matches!(cell, Cell::Text(_)))
    }

    pub(super) fn headers(&self) -> Vec<String> {
        self.columns.iter().map(Column::header).collect()
    }

    /// Whether a column needs places for interval and count in CSV.
    fn has_intervals(&self, column: usize) -> bool {
        self.rows.iter().any(|row| matches!(row[column], Cell::Interval(_)))
    }

    /// Refuses rows that do not fit the columns.
    ///
    /// # Errors
    /// [`Error::Table`] names the first such row.
    pub(crate) fn validate(&self) -> Result<()> {
        let expected = self.columns.len();
        let odd = self.rows.iter().enumerate().find(|(_, row)| row.len() != expected);
        odd.map_or(Ok(()), |(index, row)| {
            let found = row.len();
            Err(Error::Table(format!(
                "row {index} has {found} cells, expected {expected}; fill gaps with Cell::Missing"
            )))
        })
    }

    /// Writes the table as aligned Markdown, numbers to the right.
    ///
    /// # Errors
    /// [`Error::Table`] if a row does not fit the columns.
    pub fn to_markdown(&self) -> Result<String> {
        let clean = |text: String| text.replace('|', "\\|").replace('\n', " ");
        let rule = |width: usize, numeric| {
            if numeric { format!("{}:", "-".repeat(width - 1)) } else { "-".repeat(width) }
        };
        let lines = self.aligned(clean, Some(rule))?;
        let lines = lines.iter().map(|cells| format!("| {} |\n", cells.join(" | ")));
        Ok(lines.collect::<Vec<_>>().concat())
    }

    /// Writes the table for a terminal, numbers to the right.
    ///
    /// # Errors
    /// [`Error::Table`] if a row does not fit the columns.
    pub(crate) fn to_text(&self) -> Result<String> {
        let lines = self.aligned(|text| text, None::<fn(usize, bool) -> String>)?;
        let lines = lines.iter().map(|cells| format!("{}\n", cells.join("  ").trim_end()));
        Ok(lines.collect::<Vec<_>>().concat())
    }

    /// Returns headings and rows as people read them, every column of one width; below the headings a rule, if
    /// one is asked for.
    fn aligned(
        &self,
        clean: impl Fn(String) -> String,
        rule: Option<impl Fn(usize, bool) -> String>,
    ) -> Result<Vec<Vec<String>>> {
        self.validate()?;
        let mut lines: Vec<Vec<String>> = vec![self.headers().into_iter().map(&clean).collect()];
        for row in &self.rows {
            lines.push(row.iter().map(|cell| clean(cell.display())).collect());
        }
        let width = |column: usize| {
            let widths = lines.iter().map(|line| line[column].chars().count());
            widths.max().unwrap_or(0).max(3)
        };
        let columns: Vec<(usize, bool)> = (0..self.columns.len())
            .map(|column| (width(column), self.is_numeric(column)))
            .collect();
        for line in &mut lines {
            for (cell, &(width, numeric)) in line.iter_mut().zip(&columns) {
                *cell = if numeric { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
            }
        }
        if let Some(rule) = rule {
            lines.insert(1, columns.iter().map(|&(width, numeric)| rule(width, numeric)).collect());
        }
        Ok(lines)
    }

    /// Writes the table as CSV (RFC 4180) with full precision.
    ///
    /// A column of intervals becomes four: the value, `… low`, `… high` and `… n`. What is missing
    /// or NaN is an empty field.
    ///
    /// # Errors
    /// [`Error::Table`] if a row does not fit the columns.
    pub fn to_csv(&self) -> Result<String> {
        self.validate()?;
        let wide: Vec<bool> = (0..self.columns.len()).map(|i| self.has_intervals(i)).collect();
        let mut header = Vec::new();
        for (column, &wide) in self.columns.iter().zip(&wide) {
            header.push(column.header());
            if wide {
                header.extend(["low", "high", "n"].map(|part| format!("{} {part}", column.name)));
            }
        }
        let mut csv = csv_line(&header);
        for row in &self.rows {
            let fields = row.iter().zip(&wide).flat_map(|(cell, &wide)| csv_fields(cell, wide));
            csv.push_str(&csv_line(&fields.collect::<Vec<_>>()));
        }
        Ok(csv)
    }

    /// The same table without columns in which nothing was measured.
    #[must_use]
    pub(crate) fn without_empty_columns(&self) -> Self {
        let empty = |cell: &Cell| match cell {
            Cell::Missing => true,
            Cell::Number { value, .. } | Cell::Interval(Estimate { value, .. }) => value.is_nan(),
            Cell::Text(text) => text.is_empty(),
        };
        self.with_columns(|column| self.rows.iter().any(|row| !empty(&row[column])))
    }

    /// The same table with only the columns whose name is `shown`.
    #[must_use]
    pub(crate) fn only(&self, shown: impl Fn(&str) -> bool) -> Self {
        self.with_columns(|column| shown(&self.columns[column].name))
    }

    fn with_columns(&self, is_kept: impl Fn(usize) -> bool) -> Self {
        let kept: Vec<usize> = (0..self.columns.len()).filter(|&column| is_kept(column)).collect();
        let cells = |row: &Vec<Cell>| kept.iter().map(|&column| row[column].clone()).collect();
        Self {
            columns: kept.iter().map(|&column| self.columns[column].clone()).collect(),
            rows: self.rows.iter().map(cells).collect(),
        }
    }
}

/// The fields of a cell: one, or four in a column of intervals.
fn csv_fields(cell: &Cell, wide: bool) -> Vec<String> {
    let number = |value: f64| {
        if value.is_nan() { String::new() } else { format!("{}", unsigned_zero(value)) }
    };
    let mut fields = match cell {
        Cell::Text(text) => vec![text.clone()],
        Cell::Number { value, .. } => vec![number(*value)],
        Cell::Interval(Estimate { value, low, high, n }) => {
            vec![number(*value), number(*low), number(*high), n.to_string()]
        }
        Cell::Missing => vec![String::new()],
    };
    if wide {
        fields.resize(4, String::new());
    }
    fields
}

/// Joins fields, with quotes where they are needed.
fn csv_line(fields: &[String]) -> String {
    let quote = |field: &String| {
        let plain = !field.contains([',', '"', '\n', '\r']);
        if plain { field.clone() } else { format!("\"{}\"", field.replace('"', "\"\"")) }
    };
    format!("{}\n", fields.iter().map(quote).collect::<Vec<_>>().join(","))
}

/// The numbers behind a figure, which lie beside it as CSV: one row a point, none thinned out.
///
/// `kind` is `series`, or `reference` for what a series is compared with; a level has no `x`, a band
/// neither `x` nor `y`. The outer band is that of the curve as a whole.
pub fn figure_table(figure: &Figure) -> Table {
    let names = ["panel", "series", "x", "y", "low", "high", "n"];
    let names = names.into_iter().chain(["outer low", "outer high", "kind"]);
    let mut table = Table::new(names.map(|name| Column::new(name, "")));
    let mut push = |names: [&str; 3], point: Point, n: Option<usize>, outer: [f64; 2]| {
        let [panel, name, kind] = names.map(Cell::text);
        let numbers = [point.x, point.y, point.low, point.high].map(Cell::number);
        let n = n.map_or(Cell::Missing, |n| Cell::number(n as f64));
        let row = [panel, name].into_iter().chain(numbers).chain([n]);
        table.rows.push(row.chain(outer.map(Cell::number)).chain([kind]).collect());
    };
    for panel in &figure.panels {
        for series in &panel.series {
            for (point, outer) in series.points.iter().zip(series.outer_points(&panel.y)) {
                let names = [&*panel.title, &*series.name, "series"];
                push(names, *point, series.n, [outer.low, outer.high]);
            }
        }
        for reference in &panel.references {
            let points = match &reference.shape {
                ReferenceShape::Level(y) => vec![Point::new(f64::NAN, *y)],
                ReferenceShape::Band { low, high } => {
                    vec![Point { x: f64::NAN, y: f64::NAN, low: *low, high: *high }]
                }
                ReferenceShape::Curve(points) => points.clone(),
            };
            for point in points {
                push([&panel.title, &reference.label, "reference"], point, None, [f64::NAN; 2]);
            }
        }
    }
    table
}
