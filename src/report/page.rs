//! A report as plain data, and as `report.md` and `report.html` (`text/page.md`, `text/page.html`).
//!
//! A report opens with the answer: claim, verdict, the one number with its interval. Then come the
//! figures, the table, how it was measured, what it does not show, and the command that makes it
//! again.

use serde::Serialize;

use super::numbers::interval;
use super::tables::{Cell, Column, Table};
use super::text::fill;
use crate::error::Result;
use crate::stats::Estimate;
pub use crate::study::claim::Verdict;

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
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Section {
    /// Short name: "Figure 3", "Learnable states".
    pub title: String,
    /// The claim, paraphrased; empty if the section is about none, and then no verdict is shown.
    pub claim: String,
    /// What became of it.
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
    /// Versions, seeds, checkpoints, hashes: name and value.
    pub provenance: Vec<(String, String)>,
}

impl Section {
    /// Returns the verdict; there is none without a claim.
    fn verdict_on_claim(&self) -> Option<Verdict> {
        (!self.claim.is_empty()).then_some(self.verdict)
    }
}

/// A further table.
#[derive(Debug, Clone, Default, PartialEq)]
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
    /// Value, interval and unit.
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
    Ok(fill("page.md", PageView::new(page)?))
}

/// Writes the self-contained page.
///
/// # Errors
/// [`crate::Error::Table`] if a table's row does not fit its columns.
pub fn render_html(page: &Page) -> Result<String> {
    Ok(fill("page.html", PageView::new(page)?))
}

/// A page as its templates see it.
#[derive(Serialize)]
struct PageView<'p> {
    title: &'p str,
    /// All sections at a glance, where there are several.
    summary: Option<TableView>,
    sections: Vec<SectionView<'p>>,
}

#[derive(Serialize)]
struct SectionView<'p> {
    title: &'p str,
    claim: &'p str,
    verdict: Option<String>,
    reason: &'p str,
    answer: &'p str,
    headline: Option<HeadlineView<'p>>,
    figures: &'p [PageFigure],
    table: Option<TableView>,
    appendices: Vec<AppendixView<'p>>,
    warnings: &'p [String],
    how_measured: &'p str,
    does_not_show: &'p str,
    command: &'p str,
    provenance: &'p [(String, String)],
}

#[derive(Serialize)]
struct HeadlineView<'p> {
    label: &'p str,
    number: String,
}

#[derive(Serialize)]
struct AppendixView<'p> {
    title: &'p str,
    table: TableView,
    folded: bool,
}

/// A table as text: aligned Markdown, and its cells one by one.
#[derive(Serialize)]
struct TableView {
    markdown: String,
    head: Vec<String>,
    numeric: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl TableView {
    fn new(table: &Table) -> Result<Self> {
        Ok(Self {
            markdown: table.to_markdown()?.trim_end().to_owned(),
            head: table.headers(),
            numeric: (0..table.columns.len()).map(|column| table.is_numeric(column)).collect(),
            rows: table.rows.iter().map(|row| row.iter().map(Cell::display).collect()).collect(),
        })
    }
}

impl<'p> PageView<'p> {
    fn new(page: &'p Page) -> Result<Self> {
        let several = page.sections.len() > 1;
        Ok(Self {
            title: &page.title,
            summary: several.then(|| TableView::new(&summary(page))).transpose()?,
            sections: page.sections.iter().map(SectionView::new).collect::<Result<_>>()?,
        })
    }
}

impl<'p> SectionView<'p> {
    fn new(section: &'p Section) -> Result<Self> {
        let appendix = |Appendix { title, table, folded }: &'p Appendix| {
            Ok(AppendixView { title, table: TableView::new(table)?, folded: *folded })
        };
        let headline = section.headline.as_ref();
        Ok(Self {
            title: &section.title,
            claim: &section.claim,
            verdict: section.verdict_on_claim().map(|verdict| verdict.to_string()),
            reason: &section.reason,
            answer: &section.answer,
            headline: headline.map(|h| HeadlineView { label: &h.label, number: h.number() }),
            figures: &section.figures,
            table: section.table.as_ref().map(TableView::new).transpose()?,
            appendices: section.appendices.iter().map(appendix).collect::<Result<_>>()?,
            warnings: &section.warnings,
            how_measured: &section.how_measured,
            does_not_show: &section.does_not_show,
            command: &section.command,
            provenance: &section.provenance,
        })
    }
}

/// Claims, verdicts and numbers at a glance.
fn summary(page: &Page) -> Table {
    let claims = page.sections.iter().any(|section| !section.claim.is_empty());
    let names: &[&str] = if claims { &["", "claim", "verdict", "number"] } else { &["", "number"] };
    let mut table = Table::new(names.iter().map(|name| Column::new(*name, "")));
    for section in &page.sections {
        let number = section.headline.as_ref().map_or(Cell::Missing, |headline| {
            Cell::Text(format!("{}: {}", headline.label, headline.number()))
        });
        let mut row = vec![Cell::text(&section.title)];
        if claims {
            let verdict =
                section.verdict_on_claim().map(|verdict| verdict.to_string()).unwrap_or_default();
            row.extend([Cell::text(&section.claim), Cell::text(verdict)]);
        }
        row.push(number);
        table.rows.push(row);
    }
    table
}
