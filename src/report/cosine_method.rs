//! How cosines are measured, what they do not show, and what to be warned of. The sentences are in
//! `text/cosine.md`.

use std::collections::BTreeSet;

use serde_json::json;

use super::figure::Panel;
use super::groups::left_out;
use super::numbers::short;
use super::text::{self, Method};
use super::theme::model_label;
use crate::algo::Algo;
use crate::algo::config::TrainConfig;
use crate::analysis::measure::cosine::{Against, Cosine};
use crate::analysis::summary::Summary;
use crate::analysis::table::StateRow;
use crate::env::{EnvId, Family};
use crate::gradient::{Judged, Mode, Returns, Settings, StatesFrom};
use crate::study::spec::{Facet, Panel as PanelSpec};

/// Whether states lie in tasks.
pub(super) fn in_tasks(rows: &[StateRow]) -> bool {
    rows.iter().any(|row| row.task.is_some())
}

/// How it was measured, and what that does not show.
pub(super) fn method(how: &Cosine, rows: &[StateRow], specs: &[PanelSpec]) -> Method {
    let Settings { mode, states, adaptive, rollouts, std, seed, judged, returns, .. } =
        &how.settings;
    let values = json!({
        "mode": mode.name(),
        "against": how.against,
        "in_tasks": in_tasks(rows),
        // Whether shares of states are drawn.
        "shares": specs.iter().any(|panel| panel.draw.is_of_shares()),
        "states": states,
        "adaptive": adaptive,
        "blocks": how.settings.blocks(),
        "rollouts": rollouts,
        "std": std,
        "source": source(&how.settings),
        "cut": cut(&how.settings, in_tasks(rows)),
        "seed": seed,
        "value": judged.map(|judged| match judged {
            Judged::Q1 => "Q₁",
            Judged::Min => "min(Q₁, Q₂)",
            Judged::Mean => "the mean of Q₁ and Q₂",
        }),
        // Whether the critics of some run estimate entropy, and returns of rewards alone were asked for.
        "soft": rows.iter().any(|row| row.algo.parse().is_ok_and(is_soft)),
        "hard": returns.map(|returns| returns == Returns::Hard),
    });
    text::method(include_str!("text/cosine.md"), values)
}

/// Returns whether critics of an algorithm estimate entropy.
fn is_soft(algo: Algo) -> bool {
    let off_policy = Algo::OFF_POLICY.contains(&algo);
    off_policy && TrainConfig::of(algo, EnvId::Hopper).entropy().is_some()
}

fn cut(settings: &Settings, in_tasks: bool) -> String {
    match (settings.mode, settings.horizon) {
        (Mode::AsReleased, _) => "the time limit".into(),
        (_, Some(h)) => format!("{h} steps"),
        (Mode::Lab, None) if !in_tasks => "as many steps as a pilot found enough".into(),
        (_, None) => format!("γʰ < {}", settings.tail),
    }
}

fn source(settings: &Settings) -> &'static str {
    match settings.source() {
        StatesFrom::Replay => "those visited in training",
        StatesFrom::Policy => "episodes of the policy without noise",
    }
}

/// Says how many rollouts, or values of the critic, there are for a state.
fn planned(how: &Cosine, rows: &[StateRow]) -> String {
    let planned: BTreeSet<usize> =
        rows.iter().map(|row| how.settings.rollouts_of(row.dims as usize)).collect();
    let planned = planned.iter().map(usize::to_string).collect::<Vec<_>>().join(" or ");
    let tried = match how.against {
        Against::Returns => "rollouts",
        Against::OwnValues => "values of the critic",
    };
    format!("{planned} {tried}")
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// States, seeds, steps, and what the bands are.
pub(super) fn subtitle(how: &Cosine, rows: &[StateRow], panels: &[Panel]) -> String {
    let Settings { states, adaptive, mode, .. } = &how.settings;
    let seeds = rows.iter().map(|row| row.seed).collect::<BTreeSet<_>>().len();
    let tasks: BTreeSet<u64> = rows.iter().filter_map(|row| Some(row.task?.number)).collect();
    let known = rows.iter().any(|row| row.episode.is_some());
    let over = match (seeds, tasks.len()) {
        (2.., _) => "seeds",
        (_, 2..) => "tasks",
        (_, 0) if known => "episodes",
        _ => "states",
    };
    let states = match adaptive {
        None => states.to_string(),
        Some(adaptive) => format!("{states} to {}", adaptive.max_states),
    };
    let (within, unit) = match tasks.len() {
        0 => (String::new(), "steps"),
        n => (format!(" in {n} task{} of each list", plural(n)), "iterations"),
    };
    let longest = rows.iter().map(|row| row.step).max().unwrap_or(0);
    let whole = panels.iter().flat_map(|panel| &panel.series).any(|s| s.outer.is_some());
    format!(
        "{} mode, {states} states{within} × {} per checkpoint, {seeds} seed{}, up to {} {unit}; band: \
         95 % interval over {over}{}",
        mode.name(),
        planned(how, rows),
        plural(seeds),
        short(longest as f64),
        if whole { "; wider, paler band: of the whole curve at once (DKW)" } else { "" },
    )
}

/// What smoothing does to curves and bands; empty if nothing is smoothed.
pub(super) fn smoothing(specs: &[PanelSpec], rows: &[StateRow]) -> String {
    let window = specs.iter().map(|panel| panel.window).max().unwrap_or(1);
    if window <= 1 {
        return String::new();
    }
    let evaluations = rows.iter().map(|row| row.step).collect::<BTreeSet<_>>().len();
    format!(
        "; each point: mean of the last {window} evaluations (there are {evaluations}), its band the \
         average of their intervals"
    )
}

/// What a reader should know of the checkpoints and of what is drawn; warnings of a run that differ in
/// numbers only are one.
pub(super) fn warnings(
    summaries: &[Summary],
    specs: &[PanelSpec],
    rows: &[StateRow],
) -> Vec<String> {
    let mut warnings = of_checkpoints(summaries);
    if specs.iter().any(|panel| panel.facet == Facet::Pooled) {
        let missing = left_out(rows).into_iter().map(|env| {
            format!("{env} is left out of pooled panels: not every critic was measured there")
        });
        warnings.extend(missing);
    }
    warnings.extend(of_tasks(summaries));
    warnings
}

/// Warnings about the tasks.
fn of_tasks(summaries: &[Summary]) -> Vec<String> {
    let mut in_tasks = summaries.iter().filter_map(|s| Some((s.env.as_str(), s.tasks?)));
    let families: BTreeSet<&str> = in_tasks.clone().map(|(env, _)| env).collect();
    let same = |env: &&str| env.parse::<Family>().is_ok_and(Family::tests_on_training_tasks);
    let alike = families.into_iter().filter(same).map(|env| {
        format!(
            "{env} has the same directions in training and test: their difference is that of two \
             explorations and two samples of states, not of tasks"
        )
    });
    let few = in_tasks.any(|(_, tasks)| (2..4).contains(&tasks.tasks));
    let wide = few.then(|| {
        "intervals over two or three tasks are wide and lean on tasks being alike: use more --tasks"
            .to_owned()
    });
    alike.chain(wide).collect()
}

/// What the steps of a summary count.
pub(super) fn moment(summary: &Summary) -> &'static str {
    if summary.tasks.is_some() { "iteration" } else { "step" }
}

fn of_checkpoints(summaries: &[Summary]) -> Vec<String> {
    let alike = |text: &str| -> String { text.chars().filter(|c| !c.is_ascii_digit()).collect() };
    // Run, kind, first step and text, number of checkpoints.
    let mut all: Vec<(String, String, String, usize)> = Vec::new();
    for s in summaries {
        let list = s.tasks.map_or(String::new(), |tasks| format!(", {}", tasks.words()));
        let run = format!("{}, {}, seed {}{list}", s.env, model_label(&s.model), s.seed);
        for text in s.noise.iter().flat_map(|noise| &noise.warnings) {
            let kind = alike(text);
            if let Some(known) = all.iter_mut().find(|known| known.0 == run && known.1 == kind) {
                known.3 += 1;
            } else {
                let first = format!("{} {}: {text}", moment(s), short(s.step as f64));
                all.push((run.clone(), kind, first, 1));
            }
        }
    }
    all.into_iter()
        .map(|(run, _, first, count)| match count {
            1 => format!("{run}, {first}"),
            _ => format!("{run}, {count} checkpoints, the first at {first}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::table::{OfTask, blank};
    use crate::env::TaskList;
    use crate::study::spec::Draw;

    #[test]
    fn every_way_to_measure_is_told_in_whole_sentences() {
        let task = OfTask { split: TaskList::Test, number: 0, goal: 1.0 };
        let draw = Draw::LearnableByThreshold;
        let specs = [PanelSpec { draw, tau: None, window: 1, facet: Facet::Pooled }];
        let mut told = BTreeSet::new();
        for mode in [Mode::Lab, Mode::Paper, Mode::AsReleased] {
            for against in [Against::Returns, Against::OwnValues] {
                for (algo, task) in [("td3", None), ("sac", None), ("pearl", Some(task))] {
                    for (judged, returns) in [(None, None), (Some(Judged::Q1), Some(Returns::Hard))]
                    {
                        let settings = Settings { mode, judged, returns, ..Settings::lab() };
                        let rows = [StateRow { algo: algo.into(), task, ..blank() }];
                        let Method { how_measured, does_not_show } =
                            method(&Cosine { settings, against }, &rows, &specs);
                        for text in [&how_measured, &does_not_show] {
                            assert!(text.ends_with('.') && !text.contains("  "), "{text}");
                            assert!(!text.contains(" ,") && !text.contains(" ."), "{text}");
                        }
                        told.insert(how_measured);
                    }
                }
            }
        }
        // A self-check of Q₁ by name is the same for TD3 and SAC, in each of the three modes.
        assert_eq!(told.len(), 36 - 3, "each is told in its own words");
    }
}
