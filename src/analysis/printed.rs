//! What the paper prints as highest returns: `analyses/paper/tables.toml`, compiled in.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use super::series::{VARIANT, task_label};
use crate::env::TaskList;

/// Mean and standard deviation over the paper's seeds.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Printed(pub f64, pub f64);

/// A table by environment and model.
pub type PrintedTable = BTreeMap<String, BTreeMap<String, Printed>>;

static TABLES: LazyLock<BTreeMap<String, PrintedTable>> = LazyLock::new(|| {
    toml::from_str(include_str!("../../analyses/paper/tables.toml"))
        .expect("the file is compiled in, and the tests read it")
});

/// Returns a table such as `Table 4`; `None` if it prints no returns.
pub fn table(name: &str) -> Option<&'static PrintedTable> {
    TABLES.get(name)
}

/// Returns what Tables 8 and 10 print for a series of returns of MAML or PEARL; nothing for PEARL's
/// training tasks.
pub(crate) fn in_tasks(env: &str, series: &str) -> Option<Printed> {
    let model = series.split_once(VARIANT).map_or(series, |(model, _)| model);
    let of = |name: &str| table(name)?.get(env)?.get(model).copied();
    let on_test = series == task_label(model, TaskList::Test);
    of("Table 8").or_else(|| of("Table 10").filter(|_| on_test))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_paper_is_quoted_by_family_and_model() {
        let of = |env, series: &str| in_tasks(env, series).map(|Printed(mean, std)| (mean, std));
        let maml = |env| of(env, "hyper, before adaptation");
        assert_eq!(maml("half-cheetah-vel"), Some((-182.0, 25.0)));
        assert_eq!(of("ant-dir-rad1", "vanilla"), Some((25.0, 13.0)));
        assert_eq!(maml("ant-fwd-back"), None);
        assert_eq!(of("half-cheetah-vel-medium", "pearl, test tasks"), Some((-325.0, 109.0)));
        // Nobody can earn more than 210 in Ant-Vel.
        assert!(of("ant-vel", "pearl, test tasks").unwrap().0 < 210.0);
        assert_eq!(of("half-cheetah-vel", "pearl, training tasks"), None);
        let sizes = ["Table 4", "Table 6"].map(|name| {
            table(name).unwrap().values().map(BTreeMap::len).collect::<Vec<_>>()
        });
        assert_eq!(sizes, [[9; 4], [7; 4]]);
    }
}
