//! The gate's outcome for people and for machines: Markdown for a pull request, `JUnit` for a CI.

use serde_json::json;

use super::numbers::short;
use super::tables::{Cell, Table};
use super::text::fill;
use crate::analysis::gate::{Outcome, Range, Truth};
use crate::error::Result;
use crate::stats::Estimate;
use crate::stats::verdict::Verdict;

pub(crate) fn verdict_label(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Regressed => "regressed",
        Verdict::NonInferior => "non-inferior",
        Verdict::Inconclusive => "inconclusive",
    }
}

fn cell(r: Range, n: usize) -> Cell {
    Cell::Interval(Estimate { value: r.est, low: r.lo, high: r.hi, n })
}

fn gate_table(outcomes: &[Outcome]) -> Table {
    let row = |o: &Outcome| {
        let truth = if o.truth == Truth::Stored { "stored" } else { "regenerated" };
        vec![
            ("environment", Cell::text(&o.env)),
            ("verdict", Cell::text(verdict_label(o.verdict))),
            ("truth", Cell::text(truth)),
            ("states", Cell::text(format!("{} of {}", o.n_states, o.counts.bank))),
            ("inside, baseline", cell(o.inside.base, o.n_states)),
            ("inside, candidate", cell(o.inside.cand, o.n_states)),
            ("difference", cell(o.diff.range, o.n_states)),
            ("p worse (Holm)", Cell::number(o.p_holm)),
            ("p not worse", Cell::number(o.p_ni)),
            ("ceiling", Cell::number(o.ceiling.cand.est)),
        ]
    };
    Table::of_named(outcomes.iter().map(row))
}

/// Returns a summary fit for a pull request.
///
/// # Errors
/// Those of the table.
pub(crate) fn gate_markdown(outcomes: &[Outcome], verdict: Verdict) -> Result<String> {
    let table = gate_table(outcomes).to_markdown()?;
    let values = json!({
        "verdict": verdict_label(verdict),
        "table": table.trim_end(),
        "outcomes": views(outcomes),
        "paired": outcomes.iter().any(|o| o.truth == Truth::Stored),
        "level": format!("{:.0}", 100.0 * (1.0 - outcomes.first().map_or(0.05, |o| o.alpha))),
    });
    Ok(fill(include_str!("text/gate.md"), values) + "\n")
}

/// Returns a `JUnit` report: a failure for a regression, a skipped test for an inconclusive one.
pub(crate) fn gate_junit(outcomes: &[Outcome]) -> String {
    let count = |verdict| outcomes.iter().filter(|o| o.verdict == verdict).count();
    let values = json!({
        "outcomes": views(outcomes),
        "failures": count(Verdict::Regressed),
        "skipped": count(Verdict::Inconclusive),
    });
    fill(include_str!("text/gate.xml"), values) + "\n"
}

/// Outcomes as both templates see them.
fn views(outcomes: &[Outcome]) -> Vec<serde_json::Value> {
    let view = |o: &Outcome| {
        json!({
            "env": o.env,
            "verdict": verdict_label(o.verdict),
            "reason": o.reason,
            "drop": short(o.min_detectable_drop_80),
            "warnings": o.warnings,
        })
    };
    outcomes.iter().map(view).collect()
}
