//! How something was measured, what it does not show, and what to be warned of, in words.

pub(super) mod tasks;

use std::collections::BTreeSet;

use crate::algo::Algo;
use crate::analysis::measure::gradient_cosine::Against;
use crate::analysis::summary::Summary;
use crate::analysis::table::StateRow;
use crate::gradient::{Adaptive, Judged, Mode, Returns, Settings, StatesFrom};
use crate::report::theme::model_label;
use crate::report::{Panel, left_out, short};
use crate::study::spec::{Facet, Panel as PanelSpec};

/// What a cosine between critic and rollouts does not show.
const COSINE_DOES_NOT_SHOW: &str = "A low cosine is not yet a wrong critic: read it beside its ceiling, \
    which is what an exactly right critic would show with the same rollouts, and where the status is \
    `unresolved` do not read it at all. The corrected cosine weighs states by how well they are \
    resolved; the stacked one by the size of their gradients. What is estimated is the gradient of Q \
    smoothed over the perturbations, and the ceiling is that of a critic smoothed alike: `matched`, the cosine \
    with a fit to the critic's own values on the same actions, is the one to set beside it. Lab mode leaves out coordinates in which the policy is at the \
    bound of the action box, the paper's modes perturb them to one side: where many are saturated the \
    modes speak about different states. A random direction exceeds a threshold with the probability \
    given as chance. One seed says nothing about another.";

/// What a cosine between a critic and its own values does not show.
const SELF_DOES_NOT_SHOW: &str = "Whether the critic is right: it is compared with itself, so a wrong critic \
    that is linear at this scale scores 1. One seed says nothing about another.";

/// What the measure does not show.
pub(super) fn does_not_show(against: Against) -> &'static str {
    match against {
        Against::Returns => COSINE_DOES_NOT_SHOW,
        Against::OwnValues => SELF_DOES_NOT_SHOW,
    }
}

/// The settings in a few sentences.
pub(super) fn how_measured(settings: &Settings, against: Against, rows: &[StateRow]) -> String {
    let told = match against {
        Against::Returns => against_returns(settings),
        Against::OwnValues => against_own_values(settings),
    };
    told + &judged(settings, against, rows)
}

/// Which value is judged and by which return; nothing where that goes without saying: Q₁ of TD3.
fn judged(settings: &Settings, against: Against, rows: &[StateRow]) -> String {
    let soft = rows.iter().any(|row| row.algo == Algo::Sac.name());
    if !soft && settings.judged.is_none() && settings.returns.is_none() {
        return String::new();
    }
    let value = match settings.judged {
        Some(Judged::Q1) => "Q₁",
        Some(Judged::Min) => "min(Q₁, Q₂)",
        None => "Q₁ of TD3 and min(Q₁, Q₂) of SAC, which is what their actors climb",
    };
    let mut text = format!("\n\nJudged is {value}.");
    if soft && against == Against::Returns {
        text.push_str(match settings.returns {
            Some(Returns::Hard) => {
                " Returns are those of the rewards alone, though SAC's critics \
                estimate entropy, too."
            }
            Some(Returns::Soft) | None => {
                " Returns of SAC are soft: each action after the first adds \
                −α log π, as its critics estimate."
            }
        });
        text.push_str(
            " Rollouts of SAC draw their actions; perturbations are around tanh of the mean.",
        );
    }
    text
}

fn against_returns(settings: &Settings) -> String {
    let Settings { mode, states, seed, .. } = settings;
    let (design, cut) = (rollouts(settings), cut(settings));
    let count = match settings.adaptive {
        None => format!("{states} states of each checkpoint"),
        Some(Adaptive { half_width, max_states }) => format!(
            "states of each checkpoint until the corrected cosine is known to ±{half_width}, \
             {states} to {max_states}"
        ),
    };
    format!(
        "Mode `{}`: {count}, {design}, states from {}, rollouts cut at {cut}, seed {seed}. Intervals: \
         95 %; of one seed jackknife-t over the episodes that the states are of (over states where \
         episodes are not known), Wilson's for shares of states; of several seeds over seeds. Ceiling and corrected cosine come from independent estimates of the same gradient: \
         {}.\n\n\
         Shares of states are of all states, for critic, chance and replicate alike: a state whose \
         cosine is undefined is below every threshold. Where the interval of a share over seeds or tasks \
         would leave 0 to 1, or all of them are alike, it is undetermined and not drawn. Environments that share a panel count the \
         same, each worked out by itself. Grey: around a cosine of 0 the 95 % range of the mean \
         of independent random directions; ceiling, replicate and chance shares as mean over the \
         critics with their range, for each has its own policy and states.",
        mode.name(),
        source(settings),
        if *mode == Mode::Lab { "the blocks" } else { "ten random half splits of the rollouts" },
    )
}

fn against_own_values(settings: &Settings) -> String {
    let Settings { mode, states, seed, .. } = settings;
    let design = actions(settings);
    format!(
        "Design of mode `{}`: {states} states of each checkpoint, from {}; at each {design}, seed {seed}. The \
         critic itself gives the value of each action, least squares fit a plane to these values, and \
         the cosine compares its slope with the critic's gradient at the policy's action. Nothing is \
         simulated, so there is no noise to correct for and nothing that bounds an exactly right \
         critic below 1. Intervals: 95 %; of one seed jackknife-t over the episodes that the \
         states are of, of several seeds over seeds. Grey: the 95 % range of the mean of independent random directions.",
        mode.name(),
        source(settings),
    )
}

/// The rollouts of a state.
fn rollouts(settings: &Settings) -> String {
    let Settings { rollouts, std, .. } = settings;
    match settings.mode {
        Mode::Lab => format!(
            "{} independent blocks of orthogonal ± pairs at each state, each pair 0.7 to 1.3 times \
             {std}·√(action dimensions) long",
            blocks(settings)
        ),
        Mode::Paper | Mode::AsReleased => {
            format!("{rollouts} rollouts of each state, perturbations of standard deviation {std}")
        }
    }
}

/// The actions of a state whose value the critic is asked for.
fn actions(settings: &Settings) -> String {
    let Settings { rollouts, std, .. } = settings;
    match settings.mode {
        Mode::Lab => format!(
            "{} blocks of orthogonal ± pairs around the policy's action, each 0.7 to 1.3 times \
             {std}·√(action dimensions) long",
            blocks(settings)
        ),
        Mode::Paper | Mode::AsReleased => format!(
            "{rollouts} actions around the policy's, perturbations of standard deviation {std}"
        ),
    }
}

/// Where rollouts are cut.
fn cut(settings: &Settings) -> String {
    match (settings.mode, settings.horizon) {
        (Mode::AsReleased, _) => "the time limit".into(),
        (_, Some(h)) => format!("{h} steps"),
        (_, None) => format!("γʰ < {}", settings.tail),
    }
}

/// What is said of a band around a whole curve.
const WHOLE: &str = "; wider, paler band: of the whole curve at once (DKW)";

/// The rollouts of a state, or its values of the critic, such as `24 rollouts`.
fn planned(rows: &[StateRow], (settings, against): (&Settings, Against)) -> String {
    let planned: BTreeSet<usize> =
        rows.iter().map(|row| settings.rollouts_of(row.dims as usize)).collect();
    let planned = planned.iter().map(usize::to_string).collect::<Vec<_>>().join(" or ");
    let tried = match against {
        Against::Returns => "rollouts",
        Against::OwnValues => "values of the critic",
    };
    format!("{planned} {tried}")
}

fn blocks(settings: &Settings) -> String {
    settings.blocks.map_or("4 (up to three action dimensions) or 2".into(), |b| b.to_string())
}

fn source(settings: &Settings) -> &'static str {
    match settings.source() {
        StatesFrom::Replay => "those visited in training",
        StatesFrom::Policy => "episodes of the policy without noise",
    }
}

/// States, seeds, steps, and what the bands are.
pub(super) fn subtitle(
    rows: &[StateRow],
    (settings, against): (&Settings, Against),
    panels: &[Panel],
) -> String {
    let seeds = rows.iter().map(|row| row.seed).collect::<BTreeSet<_>>().len();
    let known = rows.iter().any(|row| row.episode.is_some());
    let over = match (seeds > 1, known) {
        (true, _) => "seeds",
        (false, true) => "episodes",
        (false, false) => "states",
    };
    let longest = rows.iter().map(|row| row.step).max().unwrap_or(0);
    let states = match settings.adaptive {
        None => settings.states.to_string(),
        Some(adaptive) => format!("{} to {}", settings.states, adaptive.max_states),
    };
    let planned = planned(rows, (settings, against));
    let whole = panels.iter().flat_map(|panel| &panel.series).any(|s| s.outer.is_some());
    format!(
        "{} mode, {states} states × {planned} per checkpoint, {seeds} seed{}, up to {} steps; band: \
         95 % interval over {over}{}",
        settings.mode.name(),
        if seeds == 1 { "" } else { "s" },
        short(longest as f64),
        if whole { WHOLE } else { "" },
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
    warnings
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
