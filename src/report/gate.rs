//! The gate's outcome for people and for machines: Markdown for a pull request, `JUnit` for a CI.

use std::fmt::Write as _;

use super::canvas::escape;
use super::numbers::short;
use super::tables::{Cell, Table};
use crate::analysis::gate::{Outcome, Range, Truth};
use crate::error::Result;
use crate::stats::Estimate;
use crate::stats::verdict::Verdict;

/// Returns the verdict as people read it.
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

/// One line for each environment.
fn gate_table(outcomes: &[Outcome]) -> Table {
    let names = [
        "environment",
        "verdict",
        "truth",
        "states",
        "inside, baseline",
        "inside, candidate",
        "difference",
        "p worse (Holm)",
        "p not worse",
        "ceiling",
    ];
    let row = |o: &Outcome| {
        vec![
            Cell::text(o.env.clone()),
            Cell::text(verdict_label(o.verdict)),
            Cell::text(if o.truth == Truth::Stored { "stored" } else { "regenerated" }),
            Cell::text(format!("{} of {}", o.n_states, o.counts.bank)),
            cell(o.inside.base, o.n_states),
            cell(o.inside.cand, o.n_states),
            cell(o.diff.range, o.n_states),
            Cell::number(o.p_holm),
            Cell::number(o.p_ni),
            Cell::number(o.ceiling.cand.est),
        ]
    };
    Table::of(names, outcomes.iter().map(row))
}

/// Returns a summary fit for a pull request.
pub(crate) fn gate_markdown(outcomes: &[Outcome], verdict: Verdict) -> Result<String> {
    let mut text = format!("## Gradient quality: {}\n\n", verdict_label(verdict));
    text += &gate_table(outcomes).to_markdown()?;
    text.push('\n');
    for o in outcomes {
        let _ = writeln!(
            text,
            "- **{}**: {}. A true drop of {} would alarm with 80 % power.",
            o.env,
            o.reason,
            short(o.min_detectable_drop_80)
        );
        for warning in &o.warnings {
            let _ = writeln!(text, "- **Warning**, {warning}.");
        }
    }
    let paired = outcomes.iter().any(|o| o.truth == Truth::Stored);
    let _ = write!(
        text,
        "\nInside: mean cosine of the critic's and the true action gradient, all coordinates, with the policy's \
         action pulled into the box; corrected for the noise of the rollouts.{} Intervals of cosines: 95 %; of the difference: one-sided {:.0} % bounds.\n",
        if paired {
            " With stored truth the difference is that of measured cosines, on the same rollouts."
        } else {
            ""
        },
        100.0 * (1.0 - outcomes.first().map_or(0.05, |o| o.alpha)),
    );
    Ok(text)
}

/// Returns a `JUnit` report: a failure for a regression, a skipped test for an inconclusive one.
pub(crate) fn gate_junit(outcomes: &[Outcome]) -> String {
    let count = |verdict| outcomes.iter().filter(|o| o.verdict == verdict).count();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"hyperl gate\" \
         tests=\"{}\" failures=\"{}\" skipped=\"{}\" errors=\"0\">\n",
        outcomes.len(),
        count(Verdict::Regressed),
        count(Verdict::Inconclusive)
    );
    for o in outcomes {
        let _ = write!(
            text,
            "    <testcase classname=\"hyperl.gate\" name=\"{}\">",
            escape(&format!("gradient quality on {}", o.env))
        );
        let reason = escape(&o.reason);
        match o.verdict {
            Verdict::Regressed => {
                let _ = write!(text, "<failure message=\"{reason}\"/>");
            }
            Verdict::Inconclusive => {
                let _ = write!(text, "<skipped message=\"{reason}\"/>");
            }
            Verdict::NonInferior => {
                let _ = write!(text, "<system-out>{reason}</system-out>");
            }
        }
        for warning in &o.warnings {
            let _ = write!(text, "<system-err>{}</system-err>", escape(warning));
        }
        text += "</testcase>\n";
    }
    text + "  </testsuite>\n</testsuites>\n"
}
