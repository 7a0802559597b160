//! Keys that specs had before: each is answered with the one that it has now.

use toml::{Table, Value};

const PAPER: &str =
    "[paper] is now the name of a table of analyses/paper, such as paper = \"Table 4\"";

/// The table of a key, the key, and the answer to a spec that has it.
const KEYS: [(&str, &str, &str); 13] = [
    ("", "tasks", "`tasks` stands in [select] now"),
    ("", "draw", "`draw` is now a [[panels]] for each quantity, such as draw = \"return-by-step\""),
    ("", "noise", "[noise] is called [settings] now"),
    ("", "adaptation", "[adaptation] is called [settings] now"),
    ("", "algo", "`algo` stands in [select] now"),
    ("", "envs", "`envs` stands in [select] now"),
    ("", "seeds", "`seeds` stands in [select] now, as a list such as [0, 1]"),
    ("paper", "table", PAPER),
    ("paper", "highest", PAPER),
    ("select", "critics", "`critics` is called `models` now"),
    ("select", "steps", "`steps` is called `length` now"),
    ("select", "iterations", "`iterations` is called `length` now"),
    (
        "select",
        "as_coded_tasks",
        "`as_coded_tasks` is now a [[select.variants]] with folder = \"as-coded\" and set = { as_coded_tasks = true }",
    ),
];

/// Former and present name of a value.
const NAMES: [(&str, &str); 4] = [
    ("episode-return", "returns"),
    ("meta-return", "returns"),
    ("return-by-iteration", "return-by-step"),
    ("normalised-by-iteration", "normalised-by-step"),
];

/// Returns the answer to a spec that has a key or a name of earlier versions.
pub(super) fn answer(spec: &Table) -> Option<String> {
    let named = |value: Option<&Value>| {
        let name = value?.as_str()?;
        let (_, now) = NAMES.into_iter().find(|(former, _)| *former == name)?;
        Some(format!("'{name}' is called '{now}' now"))
    };
    let panels = spec.get("panels").and_then(Value::as_array).into_iter().flatten();
    let draws = panels.filter_map(|panel| named(panel.get("draw")));
    let has = |(place, key, _): &&(&str, &str, &str)| {
        let table =
            if place.is_empty() { Some(spec) } else { spec.get(*place).and_then(Value::as_table) };
        table.is_some_and(|table| table.contains_key(*key))
    };
    let keys = KEYS.iter().filter(has).map(|(.., now)| (*now).to_owned());
    named(spec.get("measure")).into_iter().chain(keys).chain(draws).next()
}
