//! A report as plain data, and as `report.md` and `report.html` (`text/page.md`, `text/page.html`).
//!
//! A report opens with the answer: claim, verdict, the one number with its interval. Then come the
//! figures, the table, how it was measured, what it does not show, and the command that makes it
//! again.

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::numbers::interval;
use super::tables::{Cell, Table};
use super::text;
use crate::error::Result;
use crate::stats::Estimate;
pub use crate::study::claim::Verdict;

/// Sorts and filters the tables of a page.
const SCRIPT: &str = include_str!("text/page.js");

/// A report: one section for each claim.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// What is reported on.
    pub title: String,
    /// In the order of reading.
    pub sections: Vec<Section>,
}

/// One claim and what became of it. All texts are plain; `` `backquotes` `` mark code, an empty
/// line ends a paragraph, and an empty text leaves its part out.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Section {
    /// Short name: "Figure 3", "Learnable states".
    pub title: String,
    /// The claim, paraphrased; empty if the section is about none, and then no verdict is shown.
    pub claim: String,
    /// The verdict on it.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// The answer in a plain sentence, where there is no claim; or empty.
    pub answer: String,
    /// The one number that decides.
    pub headline: Option<Headline>,
    /// Pictures, the most important first.
    pub figures: Vec<PageFigure>,
    /// The numbers behind them.
    pub table: Option<Table>,
    /// Further tables.
    pub appendices: Vec<Appendix>,
    /// What a reader should know before believing a number.
    pub warnings: Vec<String>,
    /// How it was measured.
    pub how_measured: String,
    /// What a reader must not conclude.
    pub does_not_show: String,
    /// The command that makes the report again.
    pub command: String,
    /// Names of the files that hold the numbers, beside `report.md`.
    pub files: Vec<String>,
    /// Versions, seeds, checkpoints, hashes: name and value.
    pub provenance: Vec<(String, String)>,
}

/// A further table.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Appendix {
    /// What it holds.
    pub title: String,
    /// The table.
    pub table: Table,
    /// Whether only its title is shown until a reader asks.
    pub folded: bool,
}

/// The number that decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Headline {
    /// What it is.
    pub label: String,
    /// Its value and interval.
    pub estimate: Estimate,
    /// Its unit; empty if it has none.
    pub unit: String,
}

impl Headline {
    fn number(&self) -> String {
        let text = interval(&self.estimate);
        if self.unit.is_empty() { text } else { format!("{text} {}", self.unit) }
    }
}

/// A picture of a report.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PageFigure {
    /// Name of the SVG file beside `report.md`.
    pub file: String,
    /// What it says, for readers who cannot see it.
    pub alt: String,
    /// The SVG itself, for the self-contained page.
    pub svg: String,
}

/// Writes `report.md`; figures are links to the files beside it.
///
/// # Errors
/// [`crate::Error::Table`] if a table's row does not fit its columns.
pub fn render_markdown(page: &Page) -> Result<String> {
    filled("page.md", page)
}

/// Writes the self-contained page.
///
/// # Errors
/// [`crate::Error::Table`] if a table's row does not fit its columns.
pub fn render_html(page: &Page) -> Result<String> {
    filled("page.html", page)
}

/// Fills a template with a page, and with a summary of its sections where there are several.
fn filled(template: &str, page: &Page) -> Result<String> {
    let appendices = page.sections.iter().flat_map(|section| &section.appendices);
    let tables = page.sections.iter().flat_map(|section| &section.table);
    tables.chain(appendices.map(|appendix| &appendix.table)).try_for_each(Table::validate)?;
    let Page { title, sections } = page;
    let summary = (sections.len() > 1).then(|| summary(page));
    Ok(text::page(
        template,
        json!({ "title": title, "summary": summary, "sections": sections, "script": SCRIPT }),
    ))
}

/// As templates see a table: aligned Markdown, and its cells one by one.
impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let numeric: Vec<bool> =
            (0..self.columns.len()).map(|column| self.is_numeric(column)).collect();
        let cells = |row: &Vec<Cell>| row.iter().map(Cell::display).collect::<Vec<_>>();
        let rows: Vec<Vec<String>> = self.rows.iter().map(cells).collect();
        let markdown = self.to_markdown().map_err(S::Error::custom)?;
        let markdown = markdown.trim_end();
        json!({ "markdown": markdown, "head": self.headers(), "numeric": numeric, "rows": rows })
            .serialize(serializer)
    }
}

impl Serialize for Headline {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        json!({ "label": self.label, "number": self.number() }).serialize(serializer)
    }
}

/// Claims, verdicts and numbers at a glance.
fn summary(page: &Page) -> Table {
    let claims = page.sections.iter().any(|section| !section.claim.is_empty());
    let names: &[&str] = if claims { &["", "claim", "verdict", "number"] } else { &["", "number"] };
    let row = |section: &Section| {
        let number = section.headline.as_ref().map_or(Cell::Missing, |headline| {
            Cell::Text(format!("{}: {}", headline.label, headline.number()))
        });
        let mut row = vec![Cell::text(&section.title)];
        if claims {
            let verdict = section.verdict.to_string();
            let verdict = if section.claim.is_empty() { String::new() } else { verdict };
            row.extend([Cell::text(&section.claim), Cell::text(verdict)]);
        }
        row.push(number);
        row
    };
    Table::of(names, page.sections.iter().map(row))
}
