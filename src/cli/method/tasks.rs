//! The same for states in tasks: what z is, what intervals cover, what a difference of lists is.

use std::collections::BTreeSet;

use crate::analysis::measure::gradient_cosine::Against;
use crate::analysis::summary::Summary;
use crate::analysis::table::StateRow;
use crate::env::Family;
use crate::gradient::{Judged, Mode, Returns, Settings};
use crate::report::{Panel, short};
use crate::study::spec::Panel as PanelSpec;

/// What tasks add to what is not shown.
const DOES_NOT_SHOW: &str = " A task has one z here: how much the critic depends on the draw of z is part of \
    the interval over tasks and not told apart from it. A difference between lists of tasks may come from \
    the critic, from how well z fits the task, or from the states that the policy visits there.";

/// What intervals cover.
const INTERVALS: &str = "Intervals: 95 %. Where a list has several tasks, jackknife-t over tasks, one left out \
    at a time, with as many degrees of freedom as tasks but one: they cover other tasks like those of the \
    list, other draws of z and other states, for this checkpoint; shares of states, too. With one task they \
    are over its states, and cover this task with this z only. Over seeds where there are several. Training \
    minus test: Welch's interval, as the two lists are sampled independently; corrected cosines where both \
    lists are resolved, else raw ones.";

/// What the measure does not show.
pub(in crate::cli) fn does_not_show(against: Against) -> String {
    super::does_not_show(against).to_owned() + DOES_NOT_SHOW
}

/// The settings in a few sentences.
pub(in crate::cli) fn how_measured(settings: &Settings, against: Against) -> String {
    let Settings { mode, states, seed, .. } = settings;
    let value = match settings.judged {
        Some(Judged::Q1) => "Q₁",
        Some(Judged::Min) | None => "min(Q₁, Q₂)",
    };
    let truth = match against {
        Against::Returns => returns(settings),
        Against::OwnValues => format!(
            "At each state the critic itself gives the values, {}; least squares fit a plane to them, \
             and the cosine compares its slope with the critic's gradient. Nothing is simulated.",
            super::actions(settings)
        ),
    };
    format!(
        "Mode `{}`: {states} states of each checkpoint and list of tasks, split evenly over the first tasks \
         of the list, whose order is that of the draws; states of greedy episodes in the task, seed {seed}. \
         For each task z is drawn once, from the posterior after the exploration of an evaluation (greedy \
         episodes with z of the prior), and then held fixed in policy and critic.\n\n\
         Judged is the gradient of {value}(s, a, z) at tanh of the policy's mean. {truth}\n\n\
         {INTERVALS}",
        mode.name(),
    )
}

/// What the truth is.
fn returns(settings: &Settings) -> String {
    let soft = match settings.returns {
        Some(Returns::Hard) => {
            "those of the rewards alone, though PEARL's critics estimate entropy, too"
        }
        Some(Returns::Soft) | None => {
            "soft, as the critics estimate: each action after the first adds −log π(a|s, z), in units of \
             scaled reward"
        }
    };
    let replicates = match settings.mode {
        Mode::Lab => "the blocks",
        Mode::Paper | Mode::AsReleased => "ten random half splits of the rollouts",
    };
    format!(
        "It is compared with rollouts in the task, {}, cut at {}: an episode of training is cut, not \
         terminal, and rollouts run past its end. Returns are {soft}; rollouts draw their actions. Ceiling \
         and corrected cosine come from independent estimates of the same gradient: {replicates}.",
        super::rollouts(settings),
        super::cut(settings),
    )
}

/// States, tasks, seeds, iterations, and what the bands are.
pub(in crate::cli) fn subtitle(
    rows: &[StateRow],
    (settings, against): (&Settings, Against),
    panels: &[Panel],
) -> String {
    let numbers: BTreeSet<u64> = rows.iter().filter_map(|row| Some(row.task?.number)).collect();
    let seeds = rows.iter().map(|row| row.seed).collect::<BTreeSet<_>>().len();
    let over = match (seeds, numbers.len()) {
        (1, 1) => "states",
        (1, _) => "tasks",
        _ => "seeds",
    };
    let longest = rows.iter().map(|row| row.step).max().unwrap_or(0);
    let whole = panels.iter().flat_map(|panel| &panel.series).any(|s| s.outer.is_some());
    format!(
        "{} mode, {} states in {} task{} of each list × {} per checkpoint, {seeds} seed{}, up to {} \
         iterations; band: 95 % interval over {over}{}",
        settings.mode.name(),
        settings.states,
        numbers.len(),
        plural(numbers.len()),
        super::planned(rows, (settings, against)),
        plural(seeds),
        short(longest as f64),
        if whole { super::WHOLE } else { "" },
    )
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// What a reader should know of the checkpoints, of their tasks and of what is drawn.
pub(in crate::cli) fn warnings(
    summaries: &[Summary],
    specs: &[PanelSpec],
    rows: &[StateRow],
) -> Vec<String> {
    let mut warnings = super::warnings(summaries, specs, rows);
    let families: BTreeSet<&str> = summaries.iter().map(|s| s.env.as_str()).collect();
    let same = |env: &&str| env.parse::<Family>().is_ok_and(Family::tests_on_training_tasks);
    warnings.extend(families.into_iter().filter(same).map(|env| {
        format!(
            "{env} has the same directions in training and test: their difference is that of two \
             explorations and two samples of states, not of tasks"
        )
    }));
    let few = summaries.iter().filter_map(|s| s.tasks).any(|t| (2..4).contains(&t.tasks));
    if few {
        warnings.push(
            "intervals over two or three tasks are wide and lean on tasks being alike: use more --tasks"
                .into(),
        );
    }
    warnings
}
