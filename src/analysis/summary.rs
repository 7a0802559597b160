//! From states to one line for each checkpoint, with intervals.

use std::collections::BTreeMap;

use serde::Serialize;

use super::exact_critic::ExactCritic;
pub(crate) use super::interval::Interval;
pub(crate) use super::noise::{
    NoiseCorrected, Status, corrected, corrected_values, kappa_values, stacked,
};
pub(crate) use super::table::Column;
use super::table::{FLAGS, StateRow, by_task, units};
use crate::env::{Family, TaskList};
use crate::gradient::Settings;
use crate::stats::corrected::FEWEST_STATES;
use crate::stats::hypothesis::wilson_of_clusters;
use crate::stats::resample::jackknife_of_clusters;
use crate::stats::stacked::Stacked;
use crate::stats::{Estimate, LEVEL, summary};

/// Thresholds of the learnable-state fractions (paper, Fig. 3b–c).
pub(crate) const THRESHOLDS: [f64; 2] = [0.25, 0.75];

/// One checkpoint in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub env: String,
    pub algo: String,
    pub model: String,
    pub seed: u64,
    /// Environment steps of training; iterations where there are tasks.
    pub step: u64,
    /// Estimator mode.
    pub mode: String,
    /// The tasks of the states, where there are tasks.
    #[serde(flatten)]
    pub tasks: Option<SummaryTasks>,
    pub states: usize,
    /// States of them with a defined cosine; `flags` counts what is wrong with the others.
    pub usable: usize,
    /// Action dimensions in which a usable state is compared, on average; in one dimension a cosine
    /// is +1 or −1.
    pub tried: f64,
    /// Rollouts of a state in which no action dimension is saturated.
    pub rollouts: usize,
    /// Independent units behind the intervals: tasks where there are several, else episodes, or states
    /// whose episodes are not known.
    pub units: usize,
    /// Mean cosine over the states where it is defined, jackknife-t over units.
    pub cosine: Interval,
    /// Mean cosine of the fits to the returns and to the critic's own values on the same actions, over the
    /// states where it is defined: the critic is smoothed as the truth is, so that an exactly right one shows
    /// the `ceiling` here, or a little more, however curved it is (`docs/estimator.md` §3). Null in a self-check.
    pub matched: Interval,
    /// What an exactly right critic would show as mean cosine with these rollouts (`ceiling`), the
    /// mean cosine without the noise of the rollouts (`corrected`), the cosine of the gradients of
    /// all states joined (`stacked`), and the agreement of replicates behind them.
    /// None where nothing was replicated.
    #[serde(flatten)]
    pub noise: Option<NoiseCorrected>,
    /// κ, its ceiling and gain, in lab mode (`docs/estimator.md` §8.2); in a self-check with the critic's own
    /// values in the place of the truth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Stacked>,
    /// Chance level of the learnable fractions: the share of all states that a random direction in
    /// the dimensions compared would bring above the threshold, those without any left below.
    pub chance: BTreeMap<String, f64>,
    /// Share of states above each threshold; undefined ones count as not learnable.
    pub learnable: BTreeMap<String, f64>,
    /// Their Wilson intervals.
    pub learnable_interval: BTreeMap<String, Interval>,
    /// Share of all states in which an exactly right critic would be above each threshold under this noise; NaN where it
    /// cannot be told ([`ExactCritic::of`]).
    pub learnable_ceiling: BTreeMap<String, f64>,
    /// Number of states with each flag (`non_finite`: of rollouts), and of those in which the action
    /// box moved an action (`clipped`), a rollout fell, or a rollout was cut (`truncated`).
    pub flags: BTreeMap<&'static str, u64>,
    /// Median adjusted R² of the fits.
    pub adjusted_r2: f64,
    /// Mean share of rollouts that ended in an absorbing state.
    pub fell: f64,
    /// Mean share of clipped action entries.
    pub clipped: f64,
    /// Steps after which a rollout was cut; as released, of the state where that is latest.
    pub horizon: u64,
    /// Steps of the longest rollout.
    pub longest: u64,
}

/// In which tasks a checkpoint was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct SummaryTasks {
    /// Which list they are of.
    pub split: TaskList,
    pub tasks: usize,
    /// They lie outside the range of the training tasks.
    pub out_of_distribution: bool,
}

impl SummaryTasks {
    /// Says in which tasks the rows of one checkpoint and list are.
    fn of(rows: &[StateRow]) -> Option<Self> {
        let split = rows[0].task?.split;
        let tasks = by_task(&rows.iter().collect::<Vec<_>>()).map_or(1, |tasks| tasks.len());
        let outside = rows[0].env.parse::<Family>().is_ok_and(Family::tests_outside);
        Some(Self { split, tasks, out_of_distribution: outside && split == TaskList::Test })
    }

    /// Describes the tasks, such as `test tasks (out of distribution)`.
    pub(crate) fn words(&self) -> String {
        let outside = if self.out_of_distribution { " (out of distribution)" } else { "" };
        format!("{} tasks{outside}", self.split.adjective())
    }
}

/// Returns a share without its interval where that is undetermined: where it leaves 0 to 1, as a t interval
/// of a few units may, or where it has no width, since units that are all alike do not show how others vary.
pub(crate) fn of_share(share: Estimate) -> Estimate {
    const ROUNDING: f64 = 1e-9;
    let Estimate { value, low, high, n } = share;
    let sound = low >= -ROUNDING && high <= 1.0 + ROUNDING && low < high;
    if sound { share } else { Estimate::without_interval(value, n) }
}

/// Mean over the states where the value is defined, with a jackknife-t interval over units (see [`units`]);
/// without one where most states are undefined and fewer than ten are left.
pub(crate) fn mean_over_states<'r>(
    rows: impl IntoIterator<Item = &'r StateRow>,
    column: Column,
) -> Estimate {
    mean_where_defined(&rows.into_iter().collect::<Vec<_>>(), |row| column.of(row))
}

fn mean_where_defined(rows: &[&StateRow], value: impl Fn(&StateRow) -> f64) -> Estimate {
    let count = rows.len();
    let defined = values_by_unit(rows, |row| Some(value(row)).filter(|x| x.is_finite()));
    let left: Vec<f64> = defined.iter().flatten().map(|[x]| *x).collect();
    if left.is_empty() {
        return Estimate::without_interval(f64::NAN, 0);
    }
    if left.len() < FEWEST_STATES.min(count) {
        return Estimate::without_interval(summary::mean(&left), left.len());
    }
    jackknife_of_clusters(&defined, |[mean]| mean, LEVEL)
}

/// Returns the values of each unit's rows (see [`units`]), those that are defined.
pub(crate) fn values_by_unit(
    rows: &[&StateRow],
    value: impl Fn(&StateRow) -> Option<f64>,
) -> Vec<Vec<[f64; 1]>> {
    let of =
        |rows: &Vec<&StateRow>| rows.iter().filter_map(|row| value(row)).map(|x| [x]).collect();
    units(rows).iter().map(of).collect()
}

/// Share of states above `tau` (strictly), undefined ones are below; with an interval over tasks where there
/// are several, if that is determined ([`of_share`]), else with Wilson's, for as many independent states as
/// the episodes are worth.
pub(crate) fn learnable<'r>(
    rows: impl IntoIterator<Item = &'r StateRow>,
    column: Column,
    tau: f64,
) -> Estimate {
    let rows: Vec<&StateRow> = rows.into_iter().collect();
    let above = values_by_unit(&rows, |row| Some(f64::from(column.of(row) > tau)));
    if by_task(&rows).is_some() {
        of_share(jackknife_of_clusters(&above, |[share]| share, LEVEL))
    } else {
        wilson_of_clusters(&above, LEVEL)
    }
}

fn flags(rows: &[StateRow]) -> BTreeMap<&'static str, u64> {
    let count = |is: fn(&StateRow) -> bool| rows.iter().filter(|row| is(row)).count() as u64;
    let mut flags: BTreeMap<&'static str, u64> = FLAGS
        .into_iter()
        .enumerate()
        .map(|(i, flag)| (flag, rows.iter().map(|r| r.flags[i]).sum()))
        .collect();
    flags.insert("clipped", count(|r| r.clipped > 0.0));
    flags.insert("fell", count(|r| r.fell > 0.0));
    flags.insert("truncated", count(|r| r.rollouts > 0 && r.fell < 1.0));
    flags
}

/// Summarises the rows of one checkpoint, and where there are tasks of one list of them.
///
/// # Panics
/// If there are no rows.
pub(crate) fn summarise(rows: &[StateRow], column: Column, settings: &Settings) -> Summary {
    let (first, all) = (&rows[0], rows.iter().collect::<Vec<_>>());
    let name = |tau: f64| format!("{tau}");
    // Saturated states have no rollouts, and so no share of anything.
    let mean = |f: fn(&StateRow) -> f64| {
        summary::mean(&rows.iter().map(f).filter(|x| x.is_finite()).collect::<Vec<_>>())
    };
    let usable: Vec<&StateRow> = rows.iter().filter(|row| column.of(row).is_finite()).collect();
    let over_usable = |f: &dyn Fn(&StateRow) -> f64| {
        summary::mean(&usable.iter().map(|row| f(row)).collect::<Vec<_>>())
    };
    let chance =
        |f: fn(&StateRow) -> f64| usable.iter().map(|row| f(row)).sum::<f64>() / rows.len() as f64;
    let chances = [chance(|r| r.chance_25), chance(|r| r.chance_75)];
    let fractions = THRESHOLDS.map(|tau| (name(tau), learnable(rows, column, tau)));
    let exact = (column == Column::Cosine).then(|| ExactCritic::of(&all, settings)).flatten();
    let ceiling = |tau| exact.as_ref().map_or(f64::NAN, |critic| critic.above(tau));
    let fits: Vec<f64> = rows.iter().map(|r| r.adjusted_r2).filter(|x| x.is_finite()).collect();
    let most = |f: fn(&StateRow) -> u64| rows.iter().map(f).max().unwrap_or(0);
    Summary {
        env: first.env.clone(),
        algo: first.algo.clone(),
        model: first.critic.clone(),
        seed: first.seed,
        step: first.step,
        mode: first.mode.clone(),
        tasks: SummaryTasks::of(rows),
        states: rows.len(),
        usable: usable.len(),
        tried: over_usable(&|r| r.tried as f64),
        rollouts: settings.rollouts_of(first.dims as usize),
        units: units(&all).len(),
        cosine: mean_over_states(rows, column).into(),
        matched: mean_where_defined(&all, |row| match column {
            Column::Cosine => row.matched_cosine,
            Column::SelfCosine => f64::NAN,
        })
        .into(),
        noise: (column == Column::Cosine).then(|| NoiseCorrected::new(rows, settings)),
        policy: stacked(rows),
        chance: THRESHOLDS.map(name).into_iter().zip(chances).collect(),
        learnable: fractions.iter().map(|(n, e)| (n.clone(), e.value)).collect(),
        learnable_interval: fractions.iter().map(|(n, e)| (n.clone(), (*e).into())).collect(),
        learnable_ceiling: THRESHOLDS.map(|tau| (name(tau), ceiling(tau))).into(),
        flags: flags(rows),
        adjusted_r2: if fits.is_empty() { f64::NAN } else { summary::median(&fits) },
        fell: mean(|r| r.fell),
        clipped: mean(|r| r.clipped),
        horizon: most(|r| r.horizon),
        longest: most(|r| r.longest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::table::blank;

    /// A state of an environment with `dims` action dimensions, of which `tried` have room.
    fn state(env: &str, (dims, tried): (u64, u64), pair: f64) -> StateRow {
        StateRow {
            env: env.into(),
            dims,
            tried,
            rollouts: 4 * tried,
            cosine: 0.5,
            block_cosine: 0.5 * pair.sqrt(),
            replicate_cosine: pair,
            chance_25: if tried == 1 { 0.5 } else { 0.375 },
            chance_75: if tried == 1 { 0.5 } else { 0.125 },
            horizon: 688,
            longest: 120,
            ..blank()
        }
    }

    /// A state without a cosine.
    fn corner(dims: u64) -> StateRow {
        let flags = [0, 0, 1, 0, 1, 0, 0];
        StateRow { env: "ant".into(), dims, horizon: 688, flags, ..blank() }
    }

    #[test]
    fn an_interval_of_a_share_lies_between_0_and_1_or_is_undetermined() {
        let of = |value: f64, half: f64| of_share(Estimate::symmetric(value, half, 3));
        assert_eq!(of(0.5, 0.4), Estimate::symmetric(0.5, 0.4, 3));
        for (value, half) in [(0.5, 6.35), (0.1, 0.2), (0.9, 0.2), (1.0, 0.0), (0.5, f64::NAN)] {
            let found = of(value, half);
            assert!(found.low.is_nan() && found.high.is_nan(), "{value} ± {half}: {found:?}");
            assert_eq!((found.value.to_bits(), found.n), (value.to_bits(), 3));
        }
    }

    #[test]
    fn numbers_of_no_usable_state_have_none_behind_them() {
        let rows = vec![corner(8); 150];
        let found = summarise(&rows, Column::Cosine, &Settings::lab());
        assert_eq!((found.states, found.usable, found.rollouts), (150, 0, 128));
        assert_eq!(found.noise.map(|n| n.replicated), Some(0));
        assert_eq!((found.horizon, found.longest), (688, 0));
        assert!(found.tried.is_nan() && found.chance["0.25"] == 0.0);
        assert_eq!((found.flags["projected"], found.flags["too_few"]), (150, 150));
    }

    #[test]
    fn chance_is_a_share_of_all_states_by_the_dimensions_compared() {
        let one = |tried| state("hopper", (3, tried), 0.36);
        let rows = [corner(3), one(1), one(1), one(3), corner(3)];
        let found = summarise(&rows, Column::Cosine, &Settings::lab());
        assert_eq!((found.usable, found.rollouts), (3, 56));
        assert!((found.tried - 5.0 / 3.0).abs() < 1e-15);
        assert!((found.chance["0.25"] - 1.375 / 5.0).abs() < 1e-15);
        assert!((found.chance["0.75"] - 1.125 / 5.0).abs() < 1e-15);
        assert_eq!((found.horizon, found.longest), (688, 120));
    }
}
