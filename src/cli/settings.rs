//! Settings of a run from a file, from `--set` and from flags, laid over each other in that order.

use std::ops::RangeInclusive;
use std::path::Path;

use crate::checkpoint::run;
use crate::error::{Error, Result};

/// Reads seeds such as `0..4`.
pub(super) fn parse_seeds(text: &str) -> std::result::Result<RangeInclusive<u64>, String> {
    let wrong = || "expected FIRST..LAST, such as 0..4".to_owned();
    let (first, last) = text.split_once("..").ok_or_else(wrong)?;
    let [first, last] =
        [first, last].map(|seed| if is_whole(seed) { whole(seed) } else { Err(wrong()) });
    let (first, last) = (first?, last?);
    if first <= last { Ok(first..=last) } else { Err(wrong()) }
}

/// Reads a count or a seed.
pub(super) fn whole(text: &str) -> std::result::Result<u64, String> {
    match text.parse::<i64>() {
        Ok(number) => u64::try_from(number).map_err(|_| "expected 0 or more".into()),
        Err(_) if is_whole(text) => Err(too_large()),
        Err(error) => Err(error.to_string()),
    }
}

/// Reads a number that is neither infinite nor NaN.
pub(super) fn finite(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        Ok(_) => Err("expected a finite number".into()),
        Err(error) => Err(error.to_string()),
    }
}

fn is_whole(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Settings are kept in TOML, whose whole numbers have a sign.
fn too_large() -> String {
    format!("it must be at most {}, the largest whole number that a settings file holds", i64::MAX)
}

/// Help of a flag that takes a name.
pub(super) fn one_of<T: std::fmt::Display>(
    what: &str,
    names: impl IntoIterator<Item = T>,
    default: &str,
) -> String {
    let names: Vec<String> = names.into_iter().map(|name| name.to_string()).collect();
    format!("{what} [{}; default: {default}]", names.join(", "))
}

/// A setting that a flag is about, such as `seed` or `td3.critic_lr`, and its value, if it was given.
pub(super) type Flag<'k> = (&'k str, Option<toml::Value>);

pub(super) fn text(value: impl std::fmt::Display) -> toml::Value {
    toml::Value::String(value.to_string())
}

pub(super) fn number(value: u64) -> toml::Value {
    toml::Value::Integer(value as i64)
}

/// Reads the file, then `--set`, then the flags.
pub(super) fn settings(
    file: Option<&Path>,
    set: &[String],
    flags: &[Flag<'_>],
) -> Result<toml::Table> {
    let mut table = file.map_or(Ok(toml::Table::new()), run::read_config)?;
    let mut set_keys = Vec::new();
    for setting in set {
        let (key, value) = setting
            .split_once('=')
            .ok_or_else(|| of_set(&format!("expected KEY=VALUE, got '{setting}'")))?;
        let value = parse_value(value).map_err(|e| of_set(&format!("{setting}: {e}")))?;
        insert(&mut table, key, value).map_err(|e| of_set(&e))?;
        set_keys.push(key);
    }
    for (key, value) in flags {
        let Some(value) = value else { continue };
        let same = |set: &&&str| set.split('.').next() == Some(*key);
        if let Some(set) = set_keys.iter().find(same) {
            let flag = key.replace('_', "-");
            return Err(Error::Usage(format!("--{flag} and --set {set}=… contradict; give one")));
        }
        insert(&mut table, key, value.clone()).map_err(|e| of_set(&e))?;
    }
    Ok(table)
}

pub(super) fn of_set(reason: &impl ToString) -> Error {
    let reason = reason.to_string().trim().replace('\n', "; ");
    Error::Config { path: "--set".into(), reason }
}

fn parse_value(text: &str) -> std::result::Result<toml::Value, String> {
    let as_toml: std::result::Result<toml::Table, _> = format!("x = {text}").parse();
    match as_toml.ok().and_then(|mut table| table.remove("x")) {
        Some(value) => Ok(value),
        None if is_whole(text) => Err(too_large()),
        None => Ok(toml::Value::String(text.into())),
    }
}

fn insert(
    table: &mut toml::Table,
    key: &str,
    value: toml::Value,
) -> std::result::Result<(), String> {
    let Some((head, rest)) = key.split_once('.') else {
        table.insert(key.into(), value);
        return Ok(());
    };
    let inner = table.entry(head).or_insert_with(|| toml::Value::Table(toml::Table::new()));
    match inner.as_table_mut() {
        Some(inner) => insert(inner, rest, value),
        None => Err(format!("{head} is a value, not a table, so {key} does not exist")),
    }
}
