//! Rows that share a panel, and statistics that treat its environments alike.
//!
//! Where environments are pooled, each counts the same and is worked out by itself, and only those
//! take part that all critics share: else curves of different mixtures would be compared.

use std::collections::{BTreeMap, BTreeSet};

use super::theme::env_label;
use crate::analysis::table::StateRow;
use crate::stats::resample::jackknife;
use crate::stats::{Estimate, LEVEL, summary};
use crate::study::spec::Facet;

pub(super) type Rows<'r> = Vec<&'r StateRow>;

/// The rows of one panel.
pub(super) struct Group<'r> {
    /// Its environments, as people read them.
    pub(super) title: String,
    pub(super) envs: Vec<&'r str>,
    pub(super) rows: Rows<'r>,
}

/// Returns one group of all shared environments, or one for each environment: also where none is
/// shared.
pub(super) fn groups(rows: &[StateRow], facet: Facet) -> Vec<Group<'_>> {
    let shared = shared_envs(rows);
    if facet == Facet::Pooled && !shared.is_empty() {
        return vec![Group::new(rows, shared)];
    }
    all_envs(rows).into_iter().map(|env| Group::new(rows, vec![env])).collect()
}

/// Returns the environments that pooled panels leave out, for some critic was not measured there.
pub(super) fn left_out(rows: &[StateRow]) -> Vec<&str> {
    let shared = shared_envs(rows);
    let pooled = !shared.is_empty();
    all_envs(rows).into_iter().filter(|env| pooled && !shared.contains(env)).collect()
}

fn all_envs(rows: &[StateRow]) -> BTreeSet<&str> {
    rows.iter().map(|row| row.env.as_str()).collect()
}

/// Environments in which every critic was measured.
fn shared_envs(rows: &[StateRow]) -> Vec<&str> {
    let mut critics: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for row in rows {
        critics.entry(&row.critic).or_default().insert(&row.env);
    }
    let everywhere = |env: &&str| critics.values().all(|envs| envs.contains(env));
    all_envs(rows).into_iter().filter(everywhere).collect()
}

/// Returns the rows (or other items) of each value of a key, in its order.
pub(super) fn by<'r, T, K: Ord>(
    rows: &[&'r T],
    key: impl Fn(&'r T) -> K,
) -> BTreeMap<K, Vec<&'r T>> {
    let mut map: BTreeMap<K, Vec<&'r T>> = BTreeMap::new();
    for &row in rows {
        map.entry(key(row)).or_default().push(row);
    }
    map
}

pub(super) fn by_critic<'r>(rows: &[&'r StateRow]) -> BTreeMap<&'r str, Rows<'r>> {
    by(rows, |row| row.critic.as_str())
}

pub(super) fn seeds(rows: &[&StateRow]) -> usize {
    by(rows, |row| row.seed).len()
}

/// Returns the mean of independent estimates with equal weights; the distances of the ends from the
/// values add in squares.
pub(super) fn average(estimates: &[Estimate]) -> Estimate {
    if let [only] = estimates {
        return *only;
    }
    let count = estimates.len() as f64;
    let mean = |f: fn(&Estimate) -> f64| estimates.iter().map(f).sum::<f64>() / count;
    let root = |f: fn(&Estimate) -> f64| {
        estimates.iter().map(|e| f(e).powi(2)).sum::<f64>().sqrt() / count
    };
    let value = mean(|e| e.value);
    Estimate {
        value,
        low: value - root(|e| e.value - e.low),
        high: value + root(|e| e.high - e.value),
        n: estimates.iter().map(|e| e.n).sum(),
    }
}

impl<'r> Group<'r> {
    fn new(rows: &'r [StateRow], envs: Vec<&'r str>) -> Self {
        let title = envs.iter().map(|env| env_label(env)).collect::<Vec<_>>().join(" + ");
        let rows = rows.iter().filter(|row| envs.contains(&row.env.as_str())).collect();
        Self { title, envs, rows }
    }

    /// A statistic of each environment by itself, averaged; `None` if one of them has no rows.
    fn over_envs(
        &self,
        rows: &[&StateRow],
        stat: &impl Fn(&[&StateRow]) -> Estimate,
    ) -> Option<Estimate> {
        let by_env = by(rows, |row| row.env.as_str());
        let each: Vec<Estimate> = by_env.values().map(|rows| stat(rows)).collect();
        (each.len() == self.envs.len()).then(|| average(&each))
    }

    /// Returns the same with an interval over seeds where several have all the environments.
    pub(super) fn over_seeds(
        &self,
        rows: &[&StateRow],
        stat: &impl Fn(&[&StateRow]) -> Estimate,
    ) -> Estimate {
        let by_seed = by(rows, |row| row.seed);
        let each: Vec<Estimate> =
            by_seed.values().filter_map(|rows| self.over_envs(rows, stat)).collect();
        match each[..] {
            [] => Estimate::without_interval(f64::NAN, 0),
            [only] => only,
            _ => {
                let values: Vec<f64> = each.iter().map(|e| e.value).collect();
                jackknife(&values, summary::mean, LEVEL)
            }
        }
    }

    /// Returns mean, smallest and largest over critics of what differs by critic, since each has its
    /// own policy and states. `None` if no critic has a value.
    pub(super) fn over_critics(
        &self,
        rows: &[&StateRow],
        stat: impl Fn(&[&StateRow]) -> f64,
    ) -> Option<[f64; 3]> {
        let stat = |rows: &[&StateRow]| Estimate::without_interval(stat(rows), rows.len());
        let each: Vec<f64> = by_critic(rows)
            .into_values()
            .map(|rows| self.over_seeds(&rows, &stat).value)
            .filter(|x| x.is_finite())
            .collect();
        let low = each.iter().copied().reduce(f64::min)?;
        let high = each.iter().copied().reduce(f64::max)?;
        Some([summary::mean(&each), low, high])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::summary::{Column, mean_over_states};
    use crate::analysis::table::blank;

    fn rows(env: &str, critic: &str, seed: u64, cosines: &[f64]) -> Vec<StateRow> {
        let row = |&cosine: &f64| StateRow {
            env: env.into(),
            critic: critic.into(),
            seed,
            cosine,
            ..blank()
        };
        cosines.iter().map(row).collect()
    }

    fn mean(rows: &[&StateRow]) -> Estimate {
        mean_over_states(rows.iter().copied(), Column::Cosine)
    }

    #[test]
    fn environments_weigh_the_same_and_errors_add_in_squares() {
        let all = [rows("ant", "a", 0, &[0.0, 0.2]), rows("hopper", "a", 0, &[0.5, 0.6, 0.7, 0.6])]
            .concat();
        let pooled = &groups(&all, Facet::Pooled)[0];
        assert_eq!(pooled.title, "Ant + Hopper");
        let found = pooled.over_seeds(&pooled.rows, &mean);
        assert!((found.value - 0.35).abs() < 1e-15); // state by state it would be 0.43
        let halves = [12.706_204_736_174_7 * 0.1, 3.182_446_305_283_7 * (0.02_f64 / 12.0).sqrt()];
        let half = halves[0].hypot(halves[1]) / 2.0;
        assert!((found.half_width() - half).abs() < 1e-9, "{} {half}", found.half_width());
        assert_eq!(found.n, 6);
    }

    #[test]
    fn only_environments_of_all_critics_are_pooled() {
        let all = [
            rows("ant", "a", 0, &[0.0]),
            rows("hopper", "a", 0, &[0.5]),
            rows("hopper", "b", 0, &[0.5]),
        ]
        .concat();
        let titles = |rows: &[StateRow], facet| -> Vec<String> {
            groups(rows, facet).into_iter().map(|group| group.title).collect()
        };
        assert_eq!(titles(&all, Facet::Pooled), ["Hopper"]);
        assert_eq!(groups(&all, Facet::Pooled)[0].rows.len(), 2);
        assert_eq!(left_out(&all), ["ant"]);
        assert_eq!(titles(&all, Facet::Environment), ["Ant", "Hopper"]);
        // Nothing shared, nothing pooled.
        let apart = [rows("ant", "a", 0, &[0.0]), rows("hopper", "b", 0, &[0.5])].concat();
        assert_eq!(titles(&apart, Facet::Pooled), ["Ant", "Hopper"]);
        assert!(left_out(&apart).is_empty() && groups(&[], Facet::Pooled).is_empty());
    }

    #[test]
    fn a_seed_without_one_of_the_environments_does_not_count() {
        let all = [
            rows("ant", "a", 0, &[0.0]),
            rows("hopper", "a", 0, &[0.4]),
            rows("ant", "a", 1, &[0.2]),
            rows("hopper", "a", 1, &[0.4]),
            rows("hopper", "a", 2, &[0.9]),
        ]
        .concat();
        let pooled = &groups(&all, Facet::Pooled)[0];
        let found = pooled.over_seeds(&pooled.rows, &mean);
        assert!((found.value - 0.25).abs() < 1e-15 && found.n == 2);
    }
}
