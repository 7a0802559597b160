//! The settings of a run as its files hold them: `run.toml`, and the manifest of each checkpoint.
//!
//! Unlike a file of settings that a user writes, they say which run it is: what is missing there is
//! damage, and is never filled in with a default.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::run::{RUN, read_config};
use crate::algo::RunConfig;
use crate::algo::config::TrainConfig;
use crate::algo::maml::config::MamlConfig;
use crate::algo::pearl::config::PearlConfig;
use crate::error::{Error, Result};

/// The settings of one kind of run.
pub trait Stored: RunConfig + Serialize + DeserializeOwned {
    /// Keys that say which run it is; every version has written them.
    const IDENTITY: &'static [&'static str];

    /// Key of the length, which may grow after a checkpoint was made.
    const LENGTH: &'static str;
}

/// Says which setting cannot be, if one cannot.
pub(super) fn impossible(config: &impl RunConfig) -> Option<String> {
    let (_, key, range) = config.ranges().into_iter().find(|(fits, ..)| !fits)?;
    Some(format!("its {key} is impossible: it must be {range}"))
}

impl Stored for TrainConfig {
    const IDENTITY: &'static [&'static str] = &["algo", "env", "critic", "seed", "steps"];
    const LENGTH: &'static str = "steps";
}

impl Stored for MamlConfig {
    const IDENTITY: &'static [&'static str] = &["algo", "env", "policy", "seed", "iterations"];
    const LENGTH: &'static str = "iterations";
}

impl Stored for PearlConfig {
    const IDENTITY: &'static [&'static str] = &["algo", "env", "model", "seed", "iterations"];
    const LENGTH: &'static str = "iterations";
}

/// Reads the settings of the run in a folder.
///
/// # Errors
/// [`Error::Io`]; [`Error::Config`] if it does not parse, lacks a key that says which run it is, or holds
/// a value outside its range.
pub fn read<C: Stored>(folder: &Path) -> Result<C> {
    let path = folder.join(RUN);
    let refuse = |reason: String| Error::Config {
        path: path.clone(),
        reason: format!("{reason}; copy the file again, or train the run anew"),
    };
    let table: toml::Table = read_config(&path)?;
    lacking::<C>(|key| table.contains_key(key)).map_or(Ok(()), |lack| Err(refuse(lack)))?;
    let config: C = read_config(&path)?;
    impossible(&config).map_or(Ok(config), |reason| Err(refuse(reason)))
}

/// Checks that a run may be continued under `config`: everything but its length must agree.
///
/// # Errors
/// [`Error::Mismatch`] naming the first setting that differs.
pub fn check_same<C: Stored>(folder: &Path, config: &C) -> Result<()> {
    let stored: C = read(folder)?;
    apart(&stored, config, C::LENGTH).map_or(Ok(()), |apart| {
        Err(Error::Mismatch {
            what: format!("{} of {}", apart.key, folder.display()),
            expected: apart.first,
            found: apart.second,
            remedy: "resume with the settings of the run, or choose another --out".into(),
        })
    })
}

/// Says which key is missing, if one is.
pub(super) fn lacking<C: Stored>(has: impl Fn(&str) -> bool) -> Option<String> {
    let key = C::IDENTITY.iter().find(|key| !has(key))?;
    Some(format!("there is no `{key}`: a run says its {}", C::IDENTITY.join(", ")))
}

/// A setting in which two runs differ.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Apart {
    pub(super) key: String,
    pub(super) first: String,
    pub(super) second: String,
}

/// Returns the first setting, other than the length, in which two runs differ.
pub(super) fn apart<C: Serialize>(first: &C, second: &C, length: &str) -> Option<Apart> {
    let as_table = |c: &C| toml::Table::try_from(c).unwrap_or_default();
    let (first, second) = (settings(&as_table(first), ""), settings(&as_table(second), ""));
    let differs = |key: &&String| *key != length && first.get(*key) != second.get(*key);
    let key = second.keys().chain(first.keys()).find(differs)?;
    let show = |all: &BTreeMap<String, String>| all.get(key).map_or("nothing".into(), Clone::clone);
    Some(Apart { key: key.clone(), first: show(&first), second: show(&second) })
}

/// Returns every single setting of a table with its key as on the command line, such as `td3.tau`.
fn settings(table: &toml::Table, path: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for (key, value) in table {
        match value.as_table() {
            Some(inner) => all.extend(settings(inner, &format!("{path}{key}."))),
            None => _ = all.insert(format!("{path}{key}"), value.to_string()),
        }
    }
    all
}
