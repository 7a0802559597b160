//! What the paper prints: `analyses/paper/tables.toml`, compiled in.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::series::{VARIANT, task_label};
use crate::env::{EnvId, TaskList};
use crate::stats::printed::Moments;

/// Mean and standard deviation over the paper's seeds.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Printed(pub f64, pub f64);

/// The paper's seeds.
pub(crate) const SEEDS: usize = 5;

impl Printed {
    /// Returns them with the number of seeds.
    pub(crate) fn moments(&self) -> Moments {
        Moments { mean: self.0, std: self.1, n: SEEDS }
    }
}

/// A table by environment and model.
pub(crate) type PrintedTable = BTreeMap<String, BTreeMap<String, Printed>>;

/// Numbers by environment and another key.
type ByEnv<T> = BTreeMap<String, BTreeMap<String, T>>;

/// All that is quoted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    /// Highest returns, by the name of the table.
    highest: BTreeMap<String, PrintedTable>,
    /// Table 1, by family, model and iteration: σ/|μ| and variance.
    updates: ByEnv<BTreeMap<String, (f64, f64)>>,
    /// Table 2, by environment and layer.
    weights: ByEnv<[[f64; 2]; 2]>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    toml::from_str(include_str!("../../analyses/paper/tables.toml"))
        .expect("the file is compiled in, and the tests read it")
});

/// Returns a table of highest returns such as `Table 4`; `None` if the paper has none of that name.
pub fn table(name: &str) -> Option<&'static PrintedTable> {
    TABLES.highest.get(name)
}

/// Returns what Tables 8 and 10 print for a series of returns of MAML or PEARL; nothing for PEARL's
/// training tasks.
pub(crate) fn in_tasks(env: &str, series: &str) -> Option<Printed> {
    let model = series.split_once(VARIANT).map_or(series, |(model, _)| model);
    let of = |name: &str| table(name)?.get(env)?.get(model).copied();
    let on_test = series == task_label(model, TaskList::Test);
    of("Table 8").or_else(|| of("Table 10").filter(|_| on_test))
}

/// Returns what Table 1 prints for a family, a model and an iteration: σ/|μ| and variance.
pub(crate) fn of_updates(env: &str, model: &str, iteration: u64) -> Option<(f64, f64)> {
    TABLES.updates.get(env)?.get(model)?.get(&iteration.to_string()).copied()
}

/// Returns family, iteration and both cells of Table 1 for two models.
pub(crate) fn updates_of(
    models: [&str; 2],
) -> impl Iterator<Item = (&'static String, u64, [(f64, f64); 2])> {
    TABLES.updates.iter().flat_map(move |(env, by_model)| {
        let [a, b] = models.map(|model| by_model.get(model));
        let both = a.into_iter().zip(b).flat_map(|(a, b)| {
            a.iter().filter_map(|(at, cell)| Some((at.parse().ok()?, [*cell, *b.get(at)?])))
        });
        both.map(move |(at, cells)| (env, at, cells))
    })
}

/// Returns what Table 2 prints for a layer, by its name there: `[the paper's initialisation, PyTorch's]` at
/// the start, then after training.
pub(crate) fn of_weights(env: EnvId, layer: &str) -> Option<[[f64; 2]; 2]> {
    TABLES.weights.get(env.name())?.get(layer).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn returns_are_quoted_by_family_and_model() {
        let of = |env, series: &str| in_tasks(env, series).map(|Printed(mean, std)| (mean, std));
        let maml = |env| of(env, "hyper, before adaptation");
        assert_eq!(maml("half-cheetah-vel"), Some((-182.0, 25.0)));
        assert_eq!(of("ant-dir-rad1", "vanilla"), Some((25.0, 13.0)));
        assert_eq!(maml("ant-fwd-back"), None);
        assert_eq!(of("half-cheetah-vel-medium", "pearl, test tasks"), Some((-325.0, 109.0)));
        // Nobody can earn more than 210 in Ant-Vel.
        assert!(of("ant-vel", "pearl, test tasks").unwrap().0 < 210.0);
        assert_eq!(of("half-cheetah-vel", "pearl, training tasks"), None);
        let sizes = ["Table 4", "Table 6"]
            .map(|name| table(name).unwrap().values().map(BTreeMap::len).collect::<Vec<_>>());
        assert_eq!(sizes, [[9; 4], [7; 4]]);
    }

    #[test]
    fn updates_are_quoted_where_the_paper_prints_and_nowhere_else() {
        assert_eq!(of_updates("half-cheetah-vel", "context", 50), Some((0.035, 122.0)));
        assert_eq!(of_updates("ant-vel", "hyper", 450), Some((0.057, 2.0)));
        assert_eq!(of_updates("half-cheetah-vel", "context", 60), None);
        assert_eq!(of_updates("half-cheetah-vel", "vanilla", 50), None);
    }
}
