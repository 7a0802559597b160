//! The hyper-parameters of the paper (Tables 5, 7, 9 and 11), which `analyses/paper/hyper-parameters.toml`
//! quotes, beside the defaults of this program.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use toml::Value;

use crate::algo::config::TrainConfig;
use crate::algo::maml::config::MamlConfig;
use crate::algo::pearl::config::PearlConfig;
use crate::algo::registry::Config;
use crate::algo::{Algo, Learning};
use crate::env::EnvId;
use crate::error::{Error, Result};
use crate::nn::critic::CriticKind;
use crate::nn::meta_policy::PolicyKind;
use crate::nn::pearl::PearlModel;

/// One hyper-parameter, for plain models and for hypernetworks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct HyperParameter {
    /// Its name in the paper.
    pub name: &'static str,
    /// Its key in `hyperl-train --set`; empty where it cannot be set.
    pub key: &'static str,
    /// Our default beside a plain model.
    pub plain: String,
    /// Our default beside a hypernetwork.
    pub hyper: String,
    /// The paper's, plain and hypernetwork.
    pub paper: [&'static str; 2],
    /// Why they differ, where they do.
    pub remark: &'static str,
}

impl HyperParameter {
    pub(crate) fn agrees(&self) -> bool {
        [&self.plain, &self.hyper] == self.paper
    }
}

/// What the paper lists of one algorithm.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    /// Where.
    table: String,
    rows: Vec<Row>,
}

/// A row of the paper, and where our value stands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    #[serde(default)]
    key: String,
    paper: [String; 2],
    #[serde(default)]
    remark: String,
    #[serde(default)]
    form: Form,
    /// What cannot be set.
    #[serde(default)]
    fixed: Option<String>,
    /// Environment of the defaults, where it is not the usual one.
    #[serde(default)]
    env: Option<String>,
    /// An environment whose default beside a hypernetwork differs, and its name.
    #[serde(default)]
    also: Option<[String; 2]>,
}

/// How a number is written.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Form {
    #[default]
    Plain,
    /// With its exponent, as the paper writes learning rates.
    Exponent,
    /// As the standard deviation of a normal distribution.
    Normal,
}

static LISTED: LazyLock<BTreeMap<Algo, Listed>> = LazyLock::new(|| {
    toml::from_str(include_str!("../../analyses/paper/hyper-parameters.toml"))
        .expect("the file is compiled in, and the tests read it")
});

/// Returns the algorithms that the paper lists, and in which table.
pub(crate) fn listed() -> impl Iterator<Item = (Algo, &'static str)> {
    LISTED.iter().map(|(algo, listed)| (*algo, listed.table.as_str()))
}

/// Returns the table of an algorithm; it is empty if the paper lists none.
///
/// # Errors
/// Those of resolving the defaults; [`Error::Table`] for a row whose key they do not have.
pub(crate) fn hyper_parameters(algo: Algo) -> Result<Vec<HyperParameter>> {
    let rows = LISTED.get(&algo).into_iter().flat_map(|listed| &listed.rows);
    rows.map(|row| row.beside(algo)).collect()
}

impl Row {
    fn beside(&'static self, algo: Algo) -> Result<HyperParameter> {
        let env = self.env.as_deref();
        let plain = self.value(algo, env, false)?;
        let mut hyper = self.value(algo, env, true)?;
        if let Some([env, name]) = &self.also {
            hyper = format!("{hyper}, {} for {name}", self.value(algo, Some(env), true)?);
        }
        let Self { name, key, paper, remark, .. } = self;
        let paper = paper.each_ref().map(String::as_str);
        Ok(HyperParameter { name, key, plain, hyper, paper, remark })
    }

    /// Returns our value in an environment, beside a plain model or a hypernetwork.
    fn value(&self, algo: Algo, env: Option<&str>, hyper: bool) -> Result<String> {
        if let Some(fixed) = &self.fixed {
            return Ok(fixed.clone());
        }
        let config = defaults(algo, env, hyper)?;
        if self.key.is_empty() {
            return Ok(config.spec().time_limit.to_string());
        }
        let all = Value::try_from(&config).map_err(|e| Error::Table(e.to_string()))?;
        let value = self.key.split('.').try_fold(&all, |table, part| table.get(part));
        let number = value.and_then(|x| x.as_float().or_else(|| Some(x.as_integer()? as f64)));
        let number =
            number.ok_or_else(|| Error::Table(format!("{algo} has no number {}", self.key)))?;
        Ok(match self.form {
            Form::Plain => number.to_string(),
            Form::Exponent => format!("{number:e}"),
            Form::Normal => format!("N(0, {number})"),
        })
    }
}

/// Returns the resolved defaults of an algorithm in an environment, beside a plain model or a hypernetwork.
fn defaults(algo: Algo, env: Option<&str>, hyper: bool) -> Result<Config> {
    let config = match algo.learning() {
        Learning::OffPolicy => {
            let env = env.map_or(Ok(EnvId::Hopper), str::parse)?;
            let critic = if hyper { CriticKind::SaHyper } else { CriticKind::MlpStandard };
            Config::OffPolicy(TrainConfig { critic, ..TrainConfig::of(algo, env) })
        }
        Learning::Maml => {
            let policy = if hyper { PolicyKind::Hyper } else { PolicyKind::Context };
            Config::Maml(MamlConfig { policy, ..MamlConfig::default() })
        }
        Learning::Pearl => {
            let model = if hyper { PearlModel::Hyper } else { PearlModel::Mlp };
            let usual = PearlConfig::default();
            let env = env.map_or(Ok(usual.env), str::parse)?;
            Config::Pearl(PearlConfig { env, model, ..usual })
        }
    };
    config.resolved()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_paper_but_for_sacs_scale_and_mamls_step() {
        for (algo, _) in listed() {
            let rows = hyper_parameters(algo).unwrap();
            let differing: Vec<_> = rows.iter().filter(|row| !row.agrees()).collect();
            let expected: &[&str] = match algo {
                Algo::Td3 | Algo::Pearl => &[],
                Algo::Sac => &["reward scaling"],
                Algo::Maml => &["step of an adaptation"],
            };
            let names: Vec<&str> = differing.iter().map(|row| row.name).collect();
            assert_eq!(names, expected, "{differing:?}");
            assert!(differing.iter().all(|row| !row.remark.is_empty()));
        }
        let rows: Vec<_> =
            listed().map(|(algo, table)| (hyper_parameters(algo).unwrap().len(), table)).collect();
        assert_eq!(rows, [(10, "Table 5"), (7, "Table 7"), (8, "Table 9"), (13, "Table 11")]);
    }

    #[test]
    fn the_scale_of_the_paper_is_worth_as_much_as_our_temperature() {
        let ours = TrainConfig::of(Algo::Sac, EnvId::Hopper).sac();
        let paper = (1.0, 5.0);
        assert!((ours.alpha / ours.reward_scale - paper.0 / paper.1).abs() < 1e-15);
    }
}
