//! A report as plain data, and as `report.md`.
//!
//! A report opens with the answer: claim, verdict, the one number with its interval. Then come the
//! figures, the table, how it was measured, what it does not show, and the command that makes it
//! again. The self-contained page is written by [`super::render_html`] from the same data.

use super::canvas::escape;
use super::numbers::interval;
use super::tables::Table;
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
    pub(super) fn verdict_on_claim(&self) -> Option<Verdict> {
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
    pub(super) fn number(&self) -> String {
        let text = interval(&self.estimate);
        if self.unit.is_empty() { text } else { format!("{text} {}", self.unit) }
    }
}

/// A picture of a report.
#[derive(Debug, Clone, Default, PartialEq)]
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
    let mut markdown = format!("# {}\n", page.title);
    if page.sections.len() > 1 {
        markdown.push('\n');
        markdown.push_str(&summary(page).to_markdown()?);
    }
    for section in &page.sections {
        markdown.push_str(&section_markdown(section)?);
    }
    Ok(markdown)
}

/// Claims, verdicts and numbers at a glance.
pub(super) fn summary(page: &Page) -> Table {
    use super::tables::{Cell, Column};
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

/// One section: the answer first.
fn section_markdown(section: &Section) -> Result<String> {
    let mut parts = vec![format!("## {}", section.title)];
    if let Some(verdict) = section.verdict_on_claim() {
        parts.push(format!("**Claim.** {}", section.claim));
        let verdict = format!("**Verdict: {verdict}.** {}", section.reason);
        parts.push(verdict.trim_end().to_owned());
    }
    if let Some(headline) = &section.headline {
        parts.push(format!("**{}: {}**", headline.label, headline.number()));
    }
    for figure in &section.figures {
        parts.push(format!("![{}]({})", figure.alt.replace(['[', ']'], ""), figure.file));
    }
    if let Some(table) = &section.table {
        parts.push(table.to_markdown()?.trim_end().to_owned());
    }
    for Appendix { title, table, folded } in &section.appendices {
        let table = table.to_markdown()?;
        let table = table.trim_end();
        parts.push(if *folded {
            let title = escape(title); // this is HTML
            format!("<details><summary>{title}</summary>\n\n{table}\n\n</details>")
        } else {
            format!("### {title}\n\n{table}")
        });
    }
    if !section.warnings.is_empty() {
        let lines = section.warnings.iter().map(|text| format!("- {text}"));
        parts.push(format!("### Warnings\n\n{}", lines.collect::<Vec<_>>().join("\n")));
    }
    let texts = [
        ("How it was measured", &section.how_measured),
        ("What it does not show", &section.does_not_show),
    ];
    for (heading, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        parts.push(format!("### {heading}\n\n{text}"));
    }
    if !section.command.is_empty() {
        parts.push(format!("### Make it again\n\n```sh\n{}\n```", section.command));
    }
    if !section.provenance.is_empty() {
        let lines = section.provenance.iter().map(|(name, value)| format!("- {name}: {value}"));
        parts.push(format!("### Provenance\n\n{}", lines.collect::<Vec<_>>().join("\n")));
    }
    Ok(format!("\n{}\n", parts.join("\n\n")))
}
