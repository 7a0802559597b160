//! The hyper-parameters of the paper (Tables 5, 7, 9 and 11) beside the defaults of this program.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::spec::parse;
use crate::algo::Algo;
use crate::algo::config::TrainConfig;
use crate::algo::maml::config::MamlConfig;
use crate::algo::pearl::config::PearlConfig;
use crate::env::{EnvId, Family};
use crate::error::Result;
use crate::nn::critic::CriticKind;
use crate::nn::meta_policy::PolicyKind;
use crate::nn::pearl::PearlModel;

/// Returns the table in which the paper lists the hyper-parameters of an algorithm.
pub fn table_of(algo: Algo) -> &'static str {
    match algo {
        Algo::Td3 => "Table 5",
        Algo::Sac => "Table 7",
        Algo::Maml => "Table 9",
        Algo::Pearl => "Table 11",
    }
}

/// A table of hyper-parameters as one declarative file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HyperParameterSpec {
    /// Which table of the paper.
    pub figure: String,
    /// What is shown.
    pub title: String,
    /// Always `hyper-parameters`: what tells this kind of spec from the others.
    pub measure: Marker,
    /// The algorithm.
    pub algo: Algo,
}

/// The one measure of a [`HyperParameterSpec`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Marker {
    /// Defaults beside the paper's values.
    HyperParameters,
}

impl HyperParameterSpec {
    /// Reads a spec.
    ///
    /// # Errors
    /// [`crate::Error::Io`] or [`crate::Error::Config`].
    pub fn read(path: &Path) -> Result<Self> {
        parse(path)
    }
}

/// One hyper-parameter, for plain critics and for hypernetworks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HyperParameter {
    /// Its name in the paper.
    pub name: &'static str,
    /// Its key in `hyperl-train --set`; empty where it cannot be set.
    pub key: &'static str,
    /// Our default beside a plain critic.
    pub plain: String,
    /// Our default beside a hypernetwork.
    pub hyper: String,
    /// The paper's, plain and hypernetwork.
    pub paper: [&'static str; 2],
    /// Why they differ, where they do.
    pub remark: &'static str,
}

impl HyperParameter {
    /// Returns whether ours are those of the paper.
    pub fn agrees(&self) -> bool {
        [&self.plain, &self.hyper] == self.paper
    }
}

/// The resolved defaults of an algorithm with a critic.
fn defaults(algo: Algo, env: EnvId, critic: CriticKind) -> Result<TrainConfig> {
    TrainConfig { critic, ..TrainConfig::of(algo, env) }.resolved()
}

/// Returns the table of an algorithm.
///
/// # Errors
/// None in practice: defaults lie in their ranges.
pub fn hyper_parameters(algo: Algo) -> Result<Vec<HyperParameter>> {
    match algo {
        Algo::Td3 => table_5(),
        Algo::Sac => table_7(),
        Algo::Maml => table_9(),
        Algo::Pearl => table_11(),
    }
}

/// Both columns of a hyper-parameter, from the settings of two runs.
fn row(
    (name, key): (&'static str, &'static str),
    columns: [String; 2],
    paper: [&'static str; 2],
) -> HyperParameter {
    let [plain, hyper] = columns;
    HyperParameter { name, key, plain, hyper, paper, remark: "" }
}

/// A learning rate as the paper writes it.
fn rate(x: Option<f64>) -> String {
    format!("{:e}", x.unwrap_or(f64::NAN))
}

fn table_5() -> Result<Vec<HyperParameter>> {
    let runs = [
        defaults(Algo::Td3, EnvId::Hopper, CriticKind::MlpStandard)?,
        defaults(Algo::Td3, EnvId::Hopper, CriticKind::SaHyper)?,
    ];
    let of = |f: fn(&TrainConfig) -> String| runs.each_ref().map(f);
    Ok(vec![
        row(
            ("actor learning rate", "td3.actor_lr"),
            of(|c| rate(Some(c.td3().actor_lr))),
            ["3e-4", "3e-4"],
        ),
        row(
            ("critic learning rate", "td3.critic_lr"),
            of(|c| rate(c.td3().critic_lr)),
            ["3e-4", "5e-5"],
        ),
        row(("optimiser", ""), of(|_| "Adam".into()), ["Adam", "Adam"]),
        row(("batch size", "batch"), of(|c| c.batch.to_string()), ["100", "100"]),
        row(
            ("critic updates per policy update", "td3.policy_delay"),
            of(|c| c.td3().policy_delay.to_string()),
            ["2", "2"],
        ),
        row(("discount factor", "td3.gamma"), of(|c| c.gamma().to_string()), ["0.99", "0.99"]),
        row(
            ("target critic update", "td3.tau"),
            of(|c| c.td3().tau.to_string()),
            ["0.005", "0.005"],
        ),
        row(
            ("target policy update", "td3.tau"),
            of(|c| c.td3().tau.to_string()),
            ["0.005", "0.005"],
        ),
        row(("reward scaling", ""), of(|_| "1".into()), ["1", "1"]),
        HyperParameter {
            remark: "the paper's 0.1 is a standard deviation in its code",
            ..row(
                ("exploration", "exploration_noise"),
                of(|c| format!("N(0, {})", c.exploration_noise())),
                ["N(0, 0.1)", "N(0, 0.1)"],
            )
        },
    ])
}

fn table_7() -> Result<Vec<HyperParameter>> {
    let run = |env, critic| defaults(Algo::Sac, env, critic);
    let (plain, hyper) = (CriticKind::MlpStandard, CriticKind::SaHyper);
    let runs = [run(EnvId::Hopper, plain)?, run(EnvId::Hopper, hyper)?];
    let cheetah = run(EnvId::HalfCheetah, hyper)?.sac();
    let of = |f: fn(&TrainConfig) -> String| runs.each_ref().map(f);
    let [actor, hyper_actor] = of(|c| rate(c.sac().actor_lr));
    let hyper_actor = format!("{hyper_actor}, {} for HalfCheetah", rate(cheetah.actor_lr));
    Ok(vec![
        row(
            ("actor learning rate", "sac.actor_lr"),
            [actor, hyper_actor],
            ["3e-4", "2e-5, 1e-4 for HalfCheetah"],
        ),
        row(
            ("critic learning rate", "sac.critic_lr"),
            of(|c| rate(c.sac().critic_lr)),
            ["3e-4", "5e-5"],
        ),
        row(("optimiser", ""), of(|_| "Adam".into()), ["Adam", "Adam"]),
        row(("batch size", "batch"), of(|c| c.batch.to_string()), ["256", "256"]),
        row(("discount factor", "sac.gamma"), of(|c| c.gamma().to_string()), ["0.99", "0.99"]),
        row(
            ("target critic update", "sac.tau"),
            of(|c| c.sac().tau.to_string()),
            ["0.005", "0.005"],
        ),
        HyperParameter {
            remark: "with temperature 0.2; temperature 1 at scale 5 has the same optimum",
            ..row(
                ("reward scaling", "sac.reward_scale"),
                of(|c| c.sac().reward_scale.to_string()),
                ["5", "5"],
            )
        },
    ])
}

fn table_9() -> Result<Vec<HyperParameter>> {
    let run = |policy| MamlConfig { policy, ..MamlConfig::default() }.resolved();
    let runs = [run(PolicyKind::Context)?, run(PolicyKind::Hyper)?];
    let of = |f: fn(&MamlConfig) -> String| runs.each_ref().map(f);
    let horizon = Family::HalfCheetahVel.spec().time_limit.to_string();
    let e = |x: f64| format!("{x:e}");
    Ok(vec![
        row(
            ("batch size: episodes of a task", "episodes"),
            of(|c| c.episodes.to_string()),
            ["20", "20"],
        ),
        row(
            ("meta batch size: tasks of an update", "tasks"),
            of(|c| c.tasks.to_string()),
            ["40", "40"],
        ),
        row(("discount factor", "gamma"), of(|c| c.gamma.to_string()), ["0.95", "0.95"]),
        row(("iterations", "iterations"), of(|c| c.iterations.to_string()), ["400", "400"]),
        row(
            ("largest KL divergence of an update", "trpo.max_kl"),
            runs.each_ref().map(|c| e(c.trpo.max_kl)),
            ["1e-2", "1e-2"],
        ),
        row(
            ("lengths of the line search", "trpo.search_steps"),
            of(|c| c.trpo.search_steps.to_string()),
            ["20", "20"],
        ),
        row(("longest episode", ""), [horizon.clone(), horizon], ["200", "200"]),
        HyperParameter {
            remark: "the paper does not give it; these are the authors' code's, and \
                     hyperl-analyze maml-adaptation compares at equal ones",
            ..row(
                ("step of an adaptation", "inner_lr"),
                runs.each_ref().map(|c| e(c.inner_lr())),
                ["not given", "not given"],
            )
        },
    ])
}

fn table_11() -> Result<Vec<HyperParameter>> {
    let run = |env, model| PearlConfig { env, model, ..PearlConfig::default() }.resolved();
    let of_family = |env| -> Result<[PearlConfig; 2]> {
        Ok([run(env, PearlModel::Mlp)?, run(env, PearlModel::Hyper)?])
    };
    let velocities = of_family(Family::HalfCheetahVel)?;
    let directions = of_family(Family::HalfCheetahFwdBack)?;
    let of = |f: fn(&PearlConfig) -> String| velocities.each_ref().map(f);
    let tasks =
        |runs: &[PearlConfig; 2]| runs.each_ref().map(|run| run.schedule().meta_batch.to_string());
    Ok(vec![
        row(("actor learning rate", "policy_lr"), of(|c| rate(c.policy_lr)), ["3e-4", "1e-4"]),
        row(("critic learning rate", "critic_lr"), of(|c| rate(c.critic_lr)), ["3e-4", "5e-5"]),
        row(
            ("context learning rate", "encoder_lr"),
            of(|c| rate(Some(c.encoder_lr))),
            ["3e-4", "3e-4"],
        ),
        row(("value learning rate", "critic_lr"), of(|c| rate(c.critic_lr)), ["3e-4", "5e-5"]),
        row(("optimiser", ""), of(|_| "Adam".into()), ["Adam", "Adam"]),
        row(("batch size", "batch"), of(|c| c.batch.to_string()), ["256", "256"]),
        row(("tasks of an update, directions", "meta_batch"), tasks(&directions), ["4", "4"]),
        row(("tasks of an update, velocities", "meta_batch"), tasks(&velocities), ["16", "16"]),
        row(("target critic update", "tau"), of(|c| c.tau.to_string()), ["0.005", "0.005"]),
        row(("discount factor", "gamma"), of(|c| c.gamma.to_string()), ["0.99", "0.99"]),
        row(("iterations", "iterations"), of(|c| c.iterations.to_string()), ["400", "400"]),
        row(("reward scaling", "reward_scale"), of(|c| c.reward_scale.to_string()), ["5", "5"]),
        row(("longest episode", "horizon"), of(|c| c.horizon.to_string()), ["200", "200"]),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_paper_but_for_sacs_scale_and_mamls_step() {
        for algo in Algo::ALL {
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
        let rows = Algo::ALL.map(|algo| hyper_parameters(algo).unwrap().len());
        assert_eq!(rows, [10, 7, 8, 13]);
    }

    #[test]
    fn the_scale_of_the_paper_is_worth_as_much_as_our_temperature() {
        let ours = TrainConfig::of(Algo::Sac, EnvId::Hopper).sac();
        let paper = (1.0, 5.0);
        assert!((ours.alpha / ours.reward_scale - paper.0 / paper.1).abs() < 1e-15);
    }
}
