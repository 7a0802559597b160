//! Known answers and what came out; how often intervals cover (`docs/estimator.md` §8.7).

use serde_json::json;

use super::numbers::{fixed, significant};
use super::tables::{Cell, Table};
use super::text::fill;
use crate::analysis::self_test::characteristics::{Alarms, Cell as World, Characteristics, Shares};
use crate::analysis::self_test::{Check, Row};
use crate::error::Result;
use crate::gradient::Adaptive;

/// Says in one sentence whether all came out.
pub(crate) fn answer(rows: &[Row]) -> String {
    let wrong: Vec<String> = rows
        .iter()
        .filter(|row| !row.came_out())
        .map(|row| format!("{} ({})", row.answer, row.actor))
        .collect();
    match (wrong.len(), rows.len()) {
        (0, all) => format!("all {all} known answers came out"),
        (few, all) => {
            format!("{few} of {all} known answers did not come out: {}", wrong.join("; "))
        }
    }
}

/// Returns what must come out and what did, a line for each answer.
pub(crate) fn table(rows: &[Row]) -> Table {
    let names = ["known answer", "actor", "must come out", "came out", ""];
    let each = |row: &Row, text: fn(&Check) -> String| {
        Cell::text(row.checks.iter().map(text).collect::<Vec<_>>().join(", "))
    };
    let row = |row: &Row| {
        vec![
            Cell::text(row.answer),
            Cell::text(row.actor),
            each(row, expected),
            each(row, found),
            Cell::text(if row.came_out() { "ok" } else { "FAILED" }),
        ]
    };
    Table::of(names, rows.iter().map(row))
}

fn expected(Check { number, low, high, of, .. }: &Check) -> String {
    match of {
        Some(of) if *low > 0.0 => format!("{number} ≥ {low} of {of}"),
        Some(of) => format!("{number} ≤ {high} of {of}"),
        None if low >= high => format!("{number} {low}"),
        None if high.is_infinite() => format!("{number} ≥ {low}"),
        None if *low == 0.0 => format!("{number} ≤ {}", significant(*high, 2)),
        None if low.fract() == 0.0 && high.fract() == 0.0 && *low > 1.0 => {
            format!("{number} {low} to {high}")
        }
        None => {
            let [middle, half] = [0.5 * (low + high), 0.5 * (high - low)];
            format!("{number} {} ± {}", significant(middle, 2), significant(half, 1))
        }
    }
}

fn found(Check { number, found, of, .. }: &Check) -> String {
    match of {
        Some(_) => format!("{number} {found}"),
        None if found.fract() == 0.0 => format!("{number} {found}"),
        None => format!("{number} {}", significant(*found, 3)),
    }
}

/// Returns the page of how often intervals cover, made by `command`.
///
/// # Errors
/// [`crate::Error::Table`] if a row does not fit its table.
pub(crate) fn characteristics_page(all: &Characteristics, command: &str) -> Result<String> {
    let error = (0.95 * 0.05 / all.draws as f64).sqrt();
    let Adaptive { half_width, max_states } = Adaptive::default();
    let values = json!({
        "command": command,
        "draws": all.draws,
        "error": fixed(error, 3),
        "low": fixed(0.95 - 2.0 * error, 3),
        "high": fixed((0.95 + 2.0 * error).min(1.0), 3),
        "first": Adaptive::FIRST_LOOK,
        "last": max_states,
        "half_width": half_width,
        "one_look": covered(&all.cells, |world| &world.one_look).to_markdown()?,
        "looks": covered(&all.cells, |world| &world.looks).to_markdown()?,
        "alarms": alarms(&all.alarms).to_markdown()?,
    });
    Ok(fill(include_str!("text/self-test.md"), values))
}

/// A share with three decimals; a gap where there was nothing to share.
fn share(value: f64) -> Cell {
    if value.is_nan() { Cell::Missing } else { Cell::text(fixed(value, 3)) }
}

fn covered(worlds: &[World], look: fn(&World) -> &Shares) -> Table {
    let names = ["returns, actor", "critic", "κ", "gain", "found", "inside", "resolved", "states"];
    let row = |world: &World| {
        let Shares { kappa, gain, found, inside, resolved, inside_resolved, states } = *look(world);
        let World { unrest, noise, actor, critic, .. } = world;
        let both = format!("{}, {}", fixed(resolved, 2), fixed(inside_resolved, 2));
        let mut cells = vec![Cell::text(format!("{unrest} {noise}, {actor}")), Cell::text(*critic)];
        cells.extend([kappa, gain, found, inside].map(share));
        cells.extend([Cell::text(both), Cell::text(fixed(states, 0))]);
        cells
    };
    Table::of(names, worlds.iter().map(row))
}

fn alarms(all: &[Alarms]) -> Table {
    let names =
        ["returns", "actor", "κ, one look", "inside, one look", "κ, looks", "inside, looks"];
    let row = |alarms: &Alarms| {
        let of = |shares: &Shares| [shares.resolved, shares.inside_resolved].map(share);
        let mut cells = vec![Cell::text(alarms.unrest), Cell::text(alarms.actor)];
        cells.extend(of(&alarms.one_look));
        cells.extend(of(&alarms.looks));
        cells
    };
    Table::of(names, all.iter().map(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(found: f64) -> Row {
        let checks = vec![
            Check::near("κ", found, 1.0, 0.02),
            Check::covered("gain", 19, 20),
            Check::false_alarms("resolved", 1, 20),
            Check::within("difference", 1e-12, 0.0, 1e-9),
            Check::within("twice", 0.0, 0.0, 0.0),
            Check::within("steps", 35.0, 11.0, 134.0),
            Check::within("slope", 16.5, 0.001, f64::INFINITY),
        ];
        Row { answer: "exact critic", actor: "free", checks }
    }

    #[test]
    fn what_did_not_come_out_is_named_and_marked() {
        assert_eq!(answer(&[row(1.0), row(0.99)]), "all 2 known answers came out");
        let both = [row(1.0), row(1.03)];
        assert_eq!(answer(&both), "1 of 2 known answers did not come out: exact critic (free)");
        let text = table(&both).to_text().unwrap();
        let marks: Vec<bool> = text.lines().map(|line| line.ends_with("FAILED")).collect();
        assert_eq!(marks, [false, false, true], "{text}");
        let expected = "κ 1.0 ± 0.02, gain ≥ 14 of 20, resolved ≤ 5 of 20, difference ≤ 1.0e−9, twice 0, \
                        steps 11 to 134, slope ≥ 0.001";
        assert!(text.contains(expected), "{text}");
        let found =
            "κ 1.03, gain 19, resolved 1, difference 1.00e−12, twice 0, steps 35, slope 16.5";
        assert!(text.contains(found), "{text}");
    }

    #[test]
    fn the_page_of_coverage_says_how_many_draws_and_what_could_not_be_told() {
        let shares = Shares {
            kappa: 0.9449,
            gain: f64::NAN,
            found: 0.5,
            inside: 1.0,
            resolved: 0.25,
            inside_resolved: 0.75,
            states: 123.4,
        };
        let cell = World {
            unrest: "chaos",
            noise: 4.0,
            actor: "free",
            critic: "half",
            one_look: shares,
            looks: shares,
        };
        let alarms = Alarms { unrest: "noise", actor: "free", one_look: shares, looks: shares };
        let all = Characteristics { draws: 190, cells: vec![cell], alarms: vec![alarms] };
        let page = characteristics_page(&all, "hyperl-analyze self-test --table FILE").unwrap();
        // √(0.95 · 0.05 / 190) = 0.0158
        assert!(page.contains("190 draws") && page.contains("0.918 and 0.982"), "{page}");
        let row =
            "| chaos 4, free  | half   | 0.945 |    – | 0.500 | 1.000  | 0.25, 0.75 | 123    |";
        assert!(page.contains(row), "{page}");
    }
}
