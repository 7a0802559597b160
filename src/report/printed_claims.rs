//! Claims of the paper beside what its own printed numbers say of them.

use serde_json::json;

use super::finding::Finding;
use super::page::{Headline, Section};
use super::tables::{Cell, Table};
use super::text;
use super::theme::{env_label, model_label};
use crate::stats::Estimate;
use crate::study::claim::Verdict;
use crate::study::printed_claim::{Compared, PrintedClaim, evidence};

pub(crate) fn section(claim: &PrintedClaim, compared: &[Compared]) -> Section {
    let verdict = evidence(compared).verdict();
    Section {
        title: claim.name.clone(),
        claim: format!("{} ({})", claim.claim, claim.place),
        verdict,
        reason: reason(verdict, compared),
        headline: weakest(compared).map(|one| Headline {
            label: match compared.len() {
                1 => label(claim, one),
                count => format!("the least of {count}: {}", label(claim, one)),
            },
            estimate: one.estimate,
            unit: String::new(),
        }),
        table: Some(table(claim, compared)),
        ..Section::default()
    }
}

/// Names what was compared.
fn label(claim: &PrintedClaim, one: &Compared) -> String {
    let [a, b] = one.models.each_ref().map(|model| model_label(model));
    let env = env_label(&one.env);
    match one.iteration {
        Some(at) => format!("SD of {a} by that of {b}, {env}, iteration {at}"),
        None if claim.is_of_differences() => format!("{a} − {b}, {env}, {}", one.table),
        None => format!("{a} by {b}, {env}, {}", one.table),
    }
}

/// The comparison that comes least close to the claim, in half-widths of its interval.
fn weakest(compared: &[Compared]) -> Option<&Compared> {
    let wrong = |one: &&Compared| {
        let Estimate { value, low, high, .. } = one.estimate;
        let [from, to] = one.range;
        let below = (from - value) / (value - low);
        let above = (value - to) / (high - value);
        below.max(if above.is_nan() { f64::NEG_INFINITY } else { above })
    };
    compared.iter().max_by(|a, b| wrong(a).total_cmp(&wrong(b)))
}

fn reason(verdict: Verdict, compared: &[Compared]) -> String {
    let count = |wanted| compared.iter().filter(|one| one.verdict == wanted).count();
    let against = compared.iter().filter(|one| !one.printed_so).count();
    let counts = format!(
        "As claimed, beyond the 95 % interval: {} of {}; the other way, beyond one that is wide enough for all: {}; not \
         told: {}. By the printed means alone {against} would be the other way.",
        count(Verdict::Holds),
        compared.len(),
        count(Verdict::Fails),
        count(Verdict::Undecided),
    );
    let so = match verdict {
        Verdict::Undecided if against == 0 => {
            " Every printed mean is as claimed, and the spread does not rule out that it is otherwise."
        }
        Verdict::Undecided => " The paper's own numbers do not bear the claim out.",
        _ => "",
    };
    counts + so
}

/// Returns all comparisons as a table for a file, and how they were made.
pub(crate) fn finding(judged: &[(&PrintedClaim, Vec<Compared>)]) -> Finding {
    let names = ["claim", "place", "comparison", "estimate", "as claimed", "verdict"];
    let rows = judged.iter().flat_map(|(claim, all)| {
        let row = |one: &Compared| {
            let mut row = vec![Cell::text(&claim.name), Cell::text(&claim.place)];
            row.extend(cells(claim, one));
            row
        };
        all.iter().map(row).collect::<Vec<_>>()
    });
    Finding {
        files: vec![("claims.csv", Table::of(names, rows))],
        method: text::method(include_str!("text/printed-claims.md"), json!({})),
        ..Finding::default()
    }
}

fn table(claim: &PrintedClaim, compared: &[Compared]) -> Table {
    let names = ["comparison", "printed numbers", "as claimed", "beyond the spread"];
    Table::of(names, compared.iter().map(|one| cells(claim, one)))
}

fn cells(claim: &PrintedClaim, one: &Compared) -> Vec<Cell> {
    vec![
        Cell::text(label(claim, one)),
        Cell::Interval(one.estimate),
        Cell::text(if one.printed_so { "yes" } else { "no" }),
        Cell::text(one.verdict),
    ]
}
