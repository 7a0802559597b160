//! Critics of one actor beside each other: a sentence for each pair, two tables, a figure (`docs/estimator.md` §8.9).

use serde_json::json;

use super::direction::{Direction, answer, two, whose, why_unknown};
use super::figure::{Axis, Panel, Point, Series};
use super::finding::{Finding, appendix};
use super::numbers::{fixed, short, significant, with_ends};
use super::policy_cosine::{summary, warnings, warnings_of_critic};
use super::tables::{Cell, Column, Table};
use super::text;
use super::theme::model_label;
use crate::analysis::measure::compare_critics::{ALPHA_STATES, Comparison, InWeights};
use crate::analysis::measure::policy_cosine::Judged;
use crate::gradient::paired::Difference;
use crate::gradient::{Settings, StatesFrom};
use crate::stats::Estimate;

/// Returns, for each critic, what distinguishes it from the others besides its kind.
fn distinctions(critics: &[Judged]) -> Vec<Vec<String>> {
    let texts = |Judged { whose, .. }: &Judged| {
        let steps = format!("{} steps", short(whose.step as f64));
        [whose.algo.to_uppercase(), format!("seed {}", whose.seed), steps]
    };
    let all: Vec<[String; 3]> = critics.iter().map(texts).collect();
    let differs = |i: &usize| all.windows(2).any(|pair| pair[0][*i] != pair[1][*i]);
    let kept: Vec<usize> = (0..3).filter(differs).collect();
    let own = |texts: &[String; 3]| kept.iter().map(|&i| texts[i].clone()).collect();
    let own: Vec<Vec<String>> = all.iter().map(own).collect();
    let again = |n: usize| {
        let same =
            |k: &usize| critics[*k].whose.model == critics[n].whose.model && own[*k] == own[n];
        match (0..n).filter(same).count() {
            0 => None,
            1 => Some("again".to_owned()),
            times => Some(format!("again {times}")),
        }
    };
    (0..critics.len()).map(|n| own[n].iter().cloned().chain(again(n)).collect()).collect()
}

pub(crate) fn names(critics: &[Judged]) -> Vec<String> {
    let name = |(judged, own): (&Judged, Vec<String>)| {
        let label = model_label(&judged.whose.model);
        if own.is_empty() { label.into() } else { format!("{label} ({})", own.join(", ")) }
    };
    critics.iter().zip(distinctions(critics)).map(name).collect()
}

/// Returns the name of each critic's line, a variant of its kind for the theme.
fn series_names(critics: &[Judged]) -> Vec<String> {
    let name = |(judged, own): (&Judged, Vec<String>)| {
        std::iter::once(judged.whose.model.clone()).chain(own).collect::<Vec<_>>().join(", ")
    };
    critics.iter().zip(distinctions(critics)).map(name).collect()
}

/// Writes two numbers and their difference.
fn gap(pair: [Estimate; 2], difference: &Estimate) -> String {
    let [a, b] = pair.map(|estimate| significant(estimate.value, 2));
    format!("{a} against {b}, difference {}", with_ends(difference, |x| significant(x, 2)))
}

fn excludes_zero(difference: &Estimate) -> bool {
    difference.low > 0.0 || difference.high < 0.0
}

/// Says in a sentence what is known of a pair of critics.
fn sentence(found: &Comparison, names: &[String], pair: &Difference) -> String {
    let [a, b] = [pair.first, pair.second].map(|i| &found.critics[i].score);
    let [one, other] = [&names[pair.first], &names[pair.second]];
    let resolved = a.policy.resolved && b.policy.resolved;
    let apart = resolved && excludes_zero(&pair.kappa);
    let kappa = || {
        let [x, y] = [a, b].map(|score| fixed(score.policy.kappa.value, 2));
        format!("κ {x} against {y}, difference {}", two(&pair.kappa))
    };
    let of_gain = (resolved && excludes_zero(&pair.gain))
        .then(|| format!("; gain {}", gap([a.policy.gain, b.policy.gain], &pair.gain)));
    let known = a.inside.resolved && b.inside.resolved;
    let of_inside = (known && excludes_zero(&pair.inside)).then(|| {
        format!("; inside {}", gap([a.inside.corrected, b.inside.corrected], &pair.inside))
    });
    let more: String = [of_gain, of_inside].into_iter().flatten().collect();
    let by_kappa = if more.is_empty() { "" } else { " by κ" };
    let said = match (resolved, apart) {
        (false, _) => {
            let why = why_unknown(if a.policy.resolved { &b.policy } else { &a.policy });
            format!("{one} and {other} cannot be told apart by κ and gain{why}")
        }
        (true, true) => {
            let how = if pair.kappa.value > 0.0 { "more" } else { "less" };
            format!("{one} points {how} uphill than {other}: {}", kappa())
        }
        (true, false) if pair.kappa.low.is_nan() => format!(
            "{one} and {other} cannot be told apart{by_kappa}: one of them promises nothing, or its interval is \
             undetermined"
        ),
        (true, false) => {
            let kappa = kappa();
            format!("{one} and {other} cannot be told apart{by_kappa} with these rollouts: {kappa}")
        }
    };
    said + &more + "."
}

pub(crate) fn answers(found: &Comparison) -> Vec<String> {
    let names = names(&found.critics);
    match found.critics.first() {
        Some(first) if Direction::of(first) == Direction::Stuck => vec![answer(first)],
        _ => found.differences.pairs.iter().map(|pair| sentence(found, &names, pair)).collect(),
    }
}

pub(crate) fn critics(found: &Comparison) -> Table {
    let row = |(i, (judged, name)): (usize, (&Judged, String))| {
        let score = &judged.score;
        let worth = found.in_weights.get(i);
        let of = |pick: fn(&InWeights) -> Estimate| {
            let estimate = worth.map(pick);
            estimate.map_or(Cell::Missing, |found| Cell::resolved(found.low.is_finite(), found))
        };
        let ratio = if i == 0 { Cell::Missing } else { of(|worth| worth.progress_ratio) };
        vec![
            ("critic", Cell::text(name)),
            ("κ", Cell::resolved(score.policy.resolved, score.policy.kappa)),
            ("gain", Cell::resolved(score.policy.resolved, score.policy.gain)),
            ("inside", Cell::resolved(score.inside.resolved, score.inside.corrected)),
            ("cosine in weights", of(|worth| worth.cosine)),
            ("progress ratio", ratio),
        ]
    };
    let critics = found.critics.iter().zip(names(&found.critics)).enumerate();
    Table::of_named(critics.map(row))
}

pub(crate) fn differences(found: &Comparison) -> Table {
    let names = names(&found.critics);
    let row = |pair: &Difference| {
        let [a, b] = [pair.first, pair.second].map(|i| &found.critics[i].score);
        let policy = a.policy.resolved && b.policy.resolved;
        vec![
            Cell::text(names[pair.first].as_str()),
            Cell::text(names[pair.second].as_str()),
            Cell::resolved(policy, pair.kappa),
            Cell::resolved(policy, pair.gain),
            Cell::resolved(a.inside.resolved && b.inside.resolved, pair.inside),
        ]
    };
    let columns = ["first", "second", "κ, difference", "gain, difference", "inside, difference"];
    Table::of(columns, found.differences.pairs.iter().map(row))
}

fn all_numbers(found: &Comparison) -> Table {
    let mut table = summary(&found.critics);
    let names = ["cosine in weights", "progress ratio", "proposition ratio", "alpha"];
    table.columns.extend(names.map(|name| Column::new(name, "")));
    for (i, row) in table.rows.iter_mut().enumerate() {
        row.extend(match found.in_weights.get(i) {
            None => [const { Cell::Missing }; 4],
            Some(worth) => [
                Cell::Interval(worth.cosine),
                Cell::Interval(worth.progress_ratio),
                Cell::number(worth.proposition_ratio),
                worth.alpha.map_or(Cell::Missing, Cell::Interval),
            ],
        });
    }
    table
}

/// Returns a panel of one number of each critic.
fn panel(found: &Comparison, title: &str, of: fn(&Judged) -> Option<Estimate>) -> Option<Panel> {
    let critics = found.critics.iter().zip(series_names(&found.critics)).enumerate();
    let series = critics.map(|(i, (judged, name))| {
        let x = (i + 1) as f64;
        let point = of(judged).map_or(Point::new(x, f64::NAN), |e| Point::estimate(x, &e));
        Series::line(name, vec![point], judged.score.states)
    });
    let series: Vec<Series> = series.collect();
    let drawn = series.iter().any(|series| series.points[0].y.is_finite());
    let x = Axis::new("critic", "").with_range(0.5, found.critics.len() as f64 + 0.5);
    drawn.then(|| Panel::beside_exact(title, x, series))
}

/// Says what a reader should know before believing the numbers.
fn all_warnings(found: &Comparison) -> Vec<String> {
    let mut said: Vec<String> = found.critics.first().map_or(Vec::new(), warnings);
    said.extend(found.critics.iter().skip(1).flat_map(warnings_of_critic));
    if !found.same_returns {
        said.push(
            "the critics estimate values of different returns; all are judged by the first one's"
                .into(),
        );
    }
    if found.in_weights.is_empty() {
        said.push(
            "the states are of fewer than three episodes: nothing is said of the actor's weights"
                .into(),
        );
    }
    let lost = found.in_weights.first().is_some_and(|worth| worth.cosine.value.is_nan());
    if lost {
        said.push("in the actor's weights the true gradient is lost in noise; more --states may resolve it".into());
    }
    said
}

pub(crate) fn finding(found: &Comparison, settings: &Settings) -> Finding {
    let first = found.critics.first();
    let actor =
        first.map_or(String::new(), |judged| format!("the actor of {}", whose(&judged.whose)));
    let values = json!({
        "policy": actor,
        "states": first.map_or(0, |judged| judged.score.states),
        "blocks": first.map_or(0, |judged| judged.blocks),
        "std": settings.std,
        "horizon": first.map_or(0, |judged| judged.horizon),
        "seed": settings.seed,
        "visited": settings.source() == StatesFrom::Replay,
        "soft": first.is_some_and(|judged| judged.whose.algo == "sac"),
        "pairs": found.differences.pairs.len(),
        "level": fixed(100.0 * found.differences.level, 1),
        "alpha_states": ALPHA_STATES,
    });
    let panels = [
        panel(found, "κ", |j| j.score.policy.resolved.then_some(j.score.policy.kappa)),
        panel(found, "gain", |j| j.score.policy.resolved.then_some(j.score.policy.gain)),
        panel(found, "inside", |j| j.score.inside.resolved.then_some(j.score.inside.corrected)),
    ];
    let differences = differences(found);
    Finding {
        subtitle: format!("{actor}, in the order of the table; bars: 95 % of each, over episodes"),
        panels: panels.into_iter().flatten().collect(),
        appendices: appendix(
            "Differences, paired by state; all intervals hold together at 95 %",
            &differences,
            false,
        )
        .into_iter()
        .collect(),
        files: vec![("summary.csv", all_numbers(found)), ("differences.csv", differences)],
        table: Some(critics(found)),
        warnings: all_warnings(found),
        method: text::method(include_str!("text/compare-critics.md"), values),
        ..Finding::default()
    }
}
