//! The settings of a run as its files hold them: `run.toml`, and the manifest of each checkpoint.
//!
//! Unlike a file of settings that a user writes, they say which run it is: what is missing there is
//! damage, and is never filled in with a default.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Value;

use super::disk;
use super::run::{RUN, place_and_reason, read_config};
use crate::algo::Algo;
use crate::algo::registry::{Config, identity};
use crate::error::{Error, Result};

/// Says which setting is impossible, if one is.
pub(super) fn impossible(config: &Config) -> Option<String> {
    let (_, key, range) = config.ranges().into_iter().find(|(fits, ..)| !fits)?;
    Some(format!("its {key} is impossible: it must be {range}"))
}

/// Reads the settings of the run in a folder.
///
/// # Errors
/// [`Error::Io`]; [`Error::Config`] if it does not parse, lacks a key that says which run it is, or holds
/// a value outside its range.
pub fn read(folder: &Path) -> Result<Config> {
    let path = folder.join(RUN);
    let config = |reason: String| Error::Config { path: path.clone(), reason };
    let again = |reason| config(format!("{reason}; copy the file again, or train the run anew"));
    let table: toml::Table = read_config(&path)?;
    let Some(algo) = table.get("algo").and_then(Value::as_str) else {
        let found = if table.is_empty() { "it is empty" } else { "it names no algorithm" };
        return Err(again(format!("{found}: expected `algo` and all other settings of a run")));
    };
    let algo: Algo = algo.parse().map_err(|e: Error| config(e.to_string()))?;
    if let Some(lack) = lacking(algo, |key| table.contains_key(key)) {
        return Err(again(lack));
    }
    let stored = parse(&path, algo)?;
    impossible(&stored).map_or(Ok(stored), |reason| Err(again(reason)))
}

/// Reads a file of settings of an algorithm; those that it leaves out are the defaults.
///
/// # Errors
/// [`Error::Io`]; [`Error::Config`] naming the line.
pub fn parse(path: &Path, algo: Algo) -> Result<Config> {
    let text = String::from_utf8_lossy(&disk::read(path)?).into_owned();
    let read = toml::Deserializer::parse(&text).and_then(|text| Config::read(algo, text));
    read.map_err(|e| Error::Config { path: path.into(), reason: place_and_reason(&text, &e) })
}

/// Checks that a run may be continued under `config`: everything but its length must agree.
///
/// # Errors
/// [`Error::Mismatch`] naming the first setting that differs.
pub(crate) fn check_same(folder: &Path, config: &Config) -> Result<()> {
    first_difference(&read(folder)?, config).map_or(Ok(()), |difference| {
        Err(Error::Mismatch {
            what: format!("{} of {}", difference.key, folder.display()),
            expected: difference.first,
            found: difference.second,
            remedy: "resume with the settings of the run, or choose another --out".into(),
        })
    })
}

/// Says which key is missing, if one is.
pub(super) fn lacking(algo: Algo, has: impl Fn(&str) -> bool) -> Option<String> {
    let keys = identity(algo);
    let key = keys.iter().find(|key| !has(key))?;
    Some(format!("there is no `{key}`: a run says its {}", keys.join(", ")))
}

/// A setting in which two runs differ.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    pub(super) key: String,
    pub(super) first: String,
    pub(super) second: String,
}

/// Returns the first setting, other than the length, in which two runs differ.
pub(super) fn first_difference(first: &Config, second: &Config) -> Option<Difference> {
    let length = second.algo().unit().name();
    let (first, second) = (settings(first), settings(second));
    let differs = |key: &&String| *key != length && first.get(*key) != second.get(*key);
    let key = second.keys().chain(first.keys()).find(differs)?;
    let show =
        |all: &BTreeMap<String, Value>| all.get(key).map_or("nothing".into(), Value::to_string);
    Some(Difference { key: key.clone(), first: show(&first), second: show(&second) })
}

/// Returns each setting of a run by its key on the command line, such as `td3.tau`.
pub(crate) fn settings(config: &Config) -> BTreeMap<String, Value> {
    fn walk(table: toml::Table, path: &str, all: &mut BTreeMap<String, Value>) {
        for (key, value) in table {
            let key = format!("{path}{key}");
            match value {
                Value::Table(inner) => walk(inner, &format!("{key}."), all),
                value => _ = all.insert(key, value),
            }
        }
    }
    let mut all = BTreeMap::new();
    walk(toml::Table::try_from(config).unwrap_or_default(), "", &mut all);
    all
}
