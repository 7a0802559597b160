//! The self-contained page: one HTML file with its figures inside, no scripts, nothing loaded.
//!
//! It follows the reader's light or dark setting. Figures keep their white sheet, so that a colour
//! means the same model everywhere.

use super::canvas::escape;
use super::page::{Appendix, Page, Section, Verdict, summary};
use super::tables::Table;
use crate::error::Result;

/// The page's looks.
const CSS: &str = "\
:root { color-scheme: light dark; --ink: #222; --faint: #666; --line: #ddd; --paper: #fff; --soft: #f6f6f4 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e4e0; --faint: #a0a09a; --line: #3c3c3a; --paper: #1b1b1a; --soft: #262625 }
}
body { margin: 0 auto; padding: 2rem 1.2rem 4rem; max-width: 60rem; font: 1rem/1.55 sans-serif; color: var(--ink); background: var(--paper) }
h1 { font-size: 1.7rem; line-height: 1.2 } h2 { margin-top: 3rem; font-size: 1.3rem } h3 { margin: 1.8rem 0 .3rem; font-size: 1rem }
.claim { font-size: 1.05rem } .number { font-size: 1.25rem; font-weight: bold }
.verdict { display: inline-block; padding: .1rem .6rem; border-radius: 1rem; font-weight: bold; color: #fff; background: #666 }
.holds { background: #00734f } .fails { background: #b04a00 } .undecided { background: #005a8c }
figure { margin: 1.5rem 0; padding: .4rem; border-radius: .4rem; background: #fff; overflow-x: auto; border: 1px solid var(--line) }
figure svg { display: block; max-width: 100%; height: auto; margin: 0 auto }
.table { overflow-x: auto } table { border-collapse: collapse; margin: 1rem 0; font-size: .92rem }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line) }
th { border-bottom-width: 2px } .num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
pre { padding: .7rem 1rem; overflow-x: auto; border-radius: .4rem; background: var(--soft) } code { font-family: monospace }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; font-size: .9rem; color: var(--faint) } dd { margin: 0; overflow-wrap: anywhere }
";

/// Writes the self-contained page.
///
/// # Errors
/// [`crate::Error::Table`] if a table's row does not fit its columns.
pub fn render_html(page: &Page) -> Result<String> {
    let title = escape(&page.title);
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{CSS}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    if page.sections.len() > 1 {
        html.push_str(&table_html(&summary(page))?);
    }
    for section in &page.sections {
        html.push_str(&section_html(section)?);
    }
    html.push_str("</body>\n</html>\n");
    Ok(html)
}

/// One section: the answer first.
fn section_html(section: &Section) -> Result<String> {
    let mut html = vec![format!("<section>\n<h2>{}</h2>\n", escape(&section.title))];
    if let Some(verdict) = section.verdict_on_claim() {
        let (claim, reason) = (inline(&section.claim), inline(&section.reason));
        html.push(format!("<p class=\"claim\">{claim}</p>\n"));
        let class = class(verdict);
        html.push(format!("<p><span class=\"verdict {class}\">{verdict}</span> {reason}</p>\n"));
    }
    if let Some(headline) = &section.headline {
        let (label, number) = (escape(&headline.label), escape(&headline.number()));
        html.push(format!("<p>{label}: <span class=\"number\">{number}</span></p>\n"));
    }
    for figure in &section.figures {
        html.push(format!("<figure>\n{}</figure>\n", figure.svg));
    }
    if let Some(table) = &section.table {
        html.push(table_html(table)?);
    }
    for Appendix { title, table, folded } in &section.appendices {
        let (title, table) = (escape(title), table_html(table)?);
        html.push(if *folded {
            format!("<details><summary>{title}</summary>\n{table}</details>\n")
        } else {
            format!("<h3>{title}</h3>\n{table}")
        });
    }
    if !section.warnings.is_empty() {
        let items = section.warnings.iter().map(|text| format!("<li>{}</li>\n", inline(text)));
        html.push(format!("<h3>Warnings</h3>\n<ul>\n{}</ul>\n", items.collect::<String>()));
    }
    html.push(prose("How it was measured", &section.how_measured));
    html.push(prose("What it does not show", &section.does_not_show));
    if !section.command.is_empty() {
        let command = escape(&section.command);
        html.push(format!("<h3>Make it again</h3>\n<pre><code>{command}</code></pre>\n"));
    }
    if !section.provenance.is_empty() {
        let pair = |(name, value): &(String, String)| {
            format!("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(value))
        };
        let pairs: String = section.provenance.iter().map(pair).collect();
        html.push(format!("<h3>Provenance</h3>\n<dl>\n{pairs}</dl>\n"));
    }
    html.push("</section>\n".to_owned());
    Ok(html.concat())
}

/// The looks of a verdict.
fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Holds => "holds",
        Verdict::Fails => "fails",
        Verdict::Undecided => "undecided",
        Verdict::NotTested => "not-tested",
    }
}

/// A heading and its paragraphs; nothing if there is no text.
fn prose(heading: &str, text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let paragraphs = text.split("\n\n").map(|part| format!("<p>{}</p>\n", inline(part)));
    format!("<h3>{heading}</h3>\n{}", paragraphs.collect::<String>())
}

/// Escapes text and turns `` `backquotes` `` into code.
fn inline(text: &str) -> String {
    let pieces = text.split('`').enumerate().map(|(index, piece)| {
        let piece = escape(piece);
        if index % 2 == 1 { format!("<code>{piece}</code>") } else { piece }
    });
    pieces.collect()
}

/// A table, numbers to the right.
fn table_html(table: &Table) -> Result<String> {
    table.validate()?;
    let row = |tag: &str, cells: Vec<String>| {
        let cells = cells.iter().enumerate().map(|(column, cell)| {
            let class = if table.is_numeric(column) { " class=\"num\"" } else { "" };
            format!("<{tag}{class}>{}</{tag}>", escape(cell))
        });
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    };
    let head = row("th", table.headers());
    let body =
        table.rows.iter().map(|cells| row("td", cells.iter().map(super::Cell::display).collect()));
    let body: String = body.collect();
    Ok(format!(
        "<div class=\"table\"><table>\n<thead>\n{head}</thead>\n<tbody>\n{body}</tbody>\n</table></div>\n"
    ))
}
