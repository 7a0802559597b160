//! The mean cosine of a checkpoint seen through the noise of its rollouts, with warnings.

use std::fmt;

use serde::Serialize;

use super::interval::Interval;
use super::table::{StateRow, by_task, units};
use crate::gradient::Settings;
use crate::stats::LEVEL;
use crate::stats::corrected::{
    Corrected, FEWEST_STATES, FEWEST_UNITS, agreements, correct_clusters, correct_units,
    corrected_pseudo_values, is_resolved,
};
use crate::stats::lift::Lift;
use crate::stats::replicates::Replicates;
use crate::stats::stacked::{Stacked, Sums};

/// The mean cosine seen through the noise of its rollouts (`docs/estimator.md` §2.4).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct NoiseCorrected {
    /// States with replicates, which are behind all of these numbers.
    pub replicated: usize,
    /// Mean cosine of an exactly right critic under the same noise.
    pub ceiling: Interval,
    /// Corrected mean cosine; not clipped to `[-1, 1]`.
    pub corrected: Interval,
    /// Cosine of the gradients of all states, joined to one vector.
    pub stacked: Interval,
    /// Mean cosine of two independent estimates of the true gradient.
    pub agreement: Interval,
    /// Whether replicates agree enough to correct anything.
    pub status: Status,
    /// What a reader should know.
    pub warnings: Vec<String>,
}

/// Whether a gradient can be resolved with the rollouts made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    /// Independent estimates agree.
    Resolved,
    /// They do not: the lower bound of their mean cosine is at most 0.05.
    Unresolved,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Resolved => "resolved",
            Self::Unresolved => "unresolved",
        })
    }
}

/// Corrects the mean cosine of some rows of one environment for the noise of their rollouts.
///
/// Rows of several environments come from several designs, and no number is that of all: they give
/// what no rows give, NaN and unresolved. Intervals of rows of several tasks are over tasks, else over
/// episodes where they are known.
pub(crate) fn corrected<'r>(
    rows: impl IntoIterator<Item = &'r StateRow>,
    settings: &Settings,
) -> Corrected {
    let mut rows: Vec<&StateRow> = rows.into_iter().collect();
    if rows.iter().any(|row| row.env != rows[0].env) {
        rows.clear();
    }
    let replicates = |rows: &[&StateRow]| -> Vec<Replicates> {
        rows.iter().filter_map(|r| r.replicates()).collect()
    };
    let lift = lift(&rows, settings);
    let of_units: Vec<_> = units(&rows).iter().map(|rows| replicates(rows)).collect();
    // The states of a task were drawn independently, whose tasks were not.
    if by_task(&rows).is_some() {
        correct_clusters(&of_units, lift, LEVEL)
    } else {
        correct_units(&of_units, lift, LEVEL)
    }
}

/// The design of the rows with replicates, which are of one environment.
pub(super) fn lift(rows: &[&StateRow], settings: &Settings) -> Lift {
    let tried = rows.iter().filter(|r| r.replicates().is_some()).map(|r| r.tried as usize);
    let dims = rows.first().map_or(1, |row| row.dims as usize);
    settings.lift(dims).tried(&tried.collect::<Vec<_>>())
}

/// One value for each unit (see [`units`]) whose mean is the corrected cosine of a checkpoint and whose
/// spread is its uncertainty (jackknife pseudo-values); none if the checkpoint is unresolved.
pub(crate) fn corrected_values(rows: &[StateRow]) -> Vec<f64> {
    let of_units: Vec<Vec<Replicates>> = units(&rows.iter().collect::<Vec<_>>())
        .iter()
        .map(|rows| rows.iter().filter_map(|row| row.replicates()).collect())
        .collect();
    if is_resolved(&agreements(&of_units)) {
        corrected_pseudo_values(&of_units)
    } else {
        Vec::new()
    }
}

/// κ and gain of some rows in lab mode; `None` where no row has any. Intervals are over the units of [`units`].
pub(crate) fn stacked<'r>(rows: impl IntoIterator<Item = &'r StateRow>) -> Option<Stacked> {
    let sums = sums(&rows.into_iter().collect::<Vec<_>>());
    (!sums.is_empty()).then(|| Stacked::of(&sums))
}

/// One value for each unit (see [`units`]) whose mean is κ of a checkpoint and whose spread is its uncertainty;
/// none if the checkpoint is unresolved.
pub(crate) fn kappa_values(rows: &[StateRow]) -> Vec<f64> {
    let sums = sums(&rows.iter().collect::<Vec<_>>());
    if sums.is_empty() || !Stacked::of(&sums).resolved {
        return Vec::new();
    }
    let values = Stacked::kappa_values(&sums);
    if values.iter().all(|value| value.is_finite()) { values } else { Vec::new() }
}

/// What the states of each unit add to κ.
fn sums(rows: &[&StateRow]) -> Vec<Vec<Sums>> {
    let of_unit = |rows: &Vec<&StateRow>| rows.iter().filter_map(|row| row.policy()).collect();
    units(rows).iter().map(of_unit).filter(|unit: &Vec<Sums>| !unit.is_empty()).collect()
}

impl NoiseCorrected {
    /// Corrects the rows of one checkpoint.
    pub(super) fn new(rows: &[StateRow], settings: &Settings) -> Self {
        let found = corrected(rows, settings);
        let in_tasks = by_task(&rows.iter().collect::<Vec<_>>()).is_some();
        let warnings = left_out(rows, &found).into_iter().chain(unsure(&found, in_tasks));
        let warnings = warnings.chain(no_ceiling(rows, settings));
        Self {
            replicated: found.states,
            ceiling: found.ceiling.into(),
            corrected: found.corrected.into(),
            stacked: found.stacked.into(),
            agreement: found.agreement.into(),
            status: if found.resolved { Status::Resolved } else { Status::Unresolved },
            warnings: warnings.collect(),
        }
    }
}

/// Writes a number with two decimals, zero without a sign.
pub(super) fn two(number: f64) -> String {
    format!("{:.2}", if number.abs() < 0.005 { 0.0 } else { number })
}

/// Warns of states that are left out of the correction.
fn left_out(rows: &[StateRow], found: &Corrected) -> Option<String> {
    let (states, left) = (rows.len(), rows.len() - found.states);
    (left > 0).then(|| {
        format!(
            "{left} of {states} states are left out of the correction: no cosine is defined there"
        )
    })
}

/// Warns of what makes the numbers unsure; `in_tasks` says that their units are tasks, not episodes.
fn unsure(found: &Corrected, in_tasks: bool) -> Vec<String> {
    let mut said = Vec::new();
    if found.states < FEWEST_STATES {
        said.push(format!("{} usable states are too few to judge anything", found.states));
    } else if found.raw.n < FEWEST_UNITS && !found.resolved && !in_tasks {
        said.push(format!(
            "the states are of {} episode{}, too few to judge anything: states of one episode resemble \
             each other; use a later checkpoint",
            found.raw.n,
            if found.raw.n == 1 { "" } else { "s" }
        ));
    } else if !found.resolved {
        said.push(
            "independent estimates of the true gradient do not agree: no critic can be judged with \
             these rollouts; see hyperl-analyze diagnose"
                .into(),
        );
    }
    if found.depends_on_snr {
        said.push(format!(
            "the cosine depends on how well a state is resolved: unweighted it is about {}",
            two(found.second_opinion)
        ));
    }
    if found.corrected.value.abs() > 1.0 {
        said.push("the corrected cosine is beyond ±1 by chance; it is not clipped".into());
    }
    if (FEWEST_STATES..30).contains(&found.states) {
        said.push(format!(
            "{} usable states are few: intervals cover less than they say",
            found.states
        ));
    }
    said
}

/// Warns of a design without a ceiling.
fn no_ceiling(rows: &[StateRow], settings: &Settings) -> Option<String> {
    let lift = lift(&rows.iter().collect::<Vec<_>>(), settings);
    let Lift::Gaussian { rollouts, dims } = lift else { return None };
    let needs = lift.needs()?;
    Some(format!(
        "there is no ceiling: the half of {rollouts} rollouts does not determine a gradient in \
         {dims} dimensions; use --rollouts {needs} or --mode lab"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::table::{OfTask, blank};
    use crate::env::TaskList;

    /// As many states of an environment with `dims` action dimensions, of which `tried` have room.
    fn states(env: &str, (dims, tried): (u64, u64), count: usize) -> Vec<StateRow> {
        let row = StateRow {
            env: env.into(),
            dims,
            tried,
            rollouts: 4 * tried,
            cosine: 0.5,
            block_cosine: 0.3,
            replicate_cosine: 0.36,
            ..blank()
        };
        vec![row; count]
    }

    #[test]
    fn the_ceiling_is_that_of_four_blocks_unless_others_are_asked_for() {
        let rows = states("ant", (6, 3), 20);
        let found = corrected(&rows, &Settings::lab()).ceiling.value;
        let expected = Lift::Orthogonal { blocks: 4, dims: 3 }.ceiling(0.6);
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }

    #[test]
    fn rows_of_two_environments_are_not_corrected_with_one_design() {
        let rows = [states("hopper", (3, 3), 20), states("ant", (8, 8), 20)].concat();
        let mixed = corrected(&rows, &Settings::lab());
        assert!(mixed.corrected.value.is_nan() && !mixed.resolved && mixed.states == 0);
        assert!(corrected(&rows[..20], &Settings::lab()).resolved);
    }

    #[test]
    fn few_tasks_are_not_called_few_episodes() {
        let noisy = StateRow { replicate_cosine: 0.01, ..states("ant", (8, 8), 1)[0].clone() };
        let of = |n: u64| OfTask { split: TaskList::Test, number: n % 4, goal: 1.0 };
        let in_tasks: Vec<StateRow> =
            (0..40).map(|n| StateRow { task: Some(of(n)), ..noisy.clone() }).collect();
        let in_episodes: Vec<StateRow> =
            (0..40).map(|n| StateRow { episode: Some(n % 4), ..noisy.clone() }).collect();
        let warned =
            |rows: &[StateRow]| NoiseCorrected::new(rows, &Settings::lab()).warnings.join("; ");
        assert!(warned(&in_tasks).contains("do not agree"), "{}", warned(&in_tasks));
        assert!(warned(&in_episodes).contains("of 4 episodes"), "{}", warned(&in_episodes));
    }

    #[test]
    fn a_missing_ceiling_is_explained() {
        let warned = |rollouts| {
            let settings = Settings { rollouts, ..Settings::default() };
            NoiseCorrected::new(&states("ant", (8, 8), 40), &settings).warnings.join("; ")
        };
        let said = "the half of 15 rollouts does not determine a gradient in 8 dimensions; use \
                    --rollouts 18 or --mode lab";
        assert!(warned(15).contains(said), "{}", warned(15));
        assert!(!warned(18).contains("ceiling"), "{}", warned(18));
    }
}
