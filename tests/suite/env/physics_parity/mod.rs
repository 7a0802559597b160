//! The same physics, rewards and ends as Gymnasium 1.4.0's -v4 and -v5 environments on `MuJoCo` 3.17.0.
//!
//! `tests/fixtures/parity` holds recorded episodes (`*.npz`) and compiled models (`model_*.json`);
//! its README says what each key means. `HYPERL_PARITY_DIR` names another folder; whatever files lie
//! there are covered. Contacts make the motion chaotic, so steps are compared one at a time from
//! the recorded state, and free-running episodes over their first twenty steps only.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use hyperl::env::{Env, EnvId, Family, RecordedState, Snapshot, Task};
use tch::{Kind, Tensor};

mod models;

use models::MODELS;

/// Largest error of a position after one step, and of a velocity (also of a reward, which is a
/// velocity, and of a contact force's observation, which is clipped to 1).
const QPOS_TOLERANCE: f64 = 1e-10;
const QVEL_TOLERANCE: f64 = 1e-9;

/// Largest error of an observation before the first step: sines and cosines of another library.
const FIRST_TOLERANCE: f64 = 1e-14;

/// Steps of free running, and the largest error in them.
const FREE_STEPS: usize = 20;
const FREE_TOLERANCE: f64 = 1e-8;

/// Files of episodes, the environments they test, and what their rewards and observations lack.
const EPISODES: [(&str, EnvId, Recording); 24] = [
    ("hopper", EnvId::Hopper, Recording::Same),
    ("edge_hopper", EnvId::Hopper, Recording::Same),
    ("walker2d", EnvId::Walker2d, Recording::Same),
    ("edge_walker2d", EnvId::Walker2d, Recording::Same),
    ("half_cheetah", EnvId::HalfCheetah, Recording::Same),
    ("edge_half_cheetah", EnvId::HalfCheetah, Recording::Same),
    ("ant", EnvId::AntV4, Recording::Same),
    ("ant", EnvId::Ant, Recording::ControlCostAndNoContacts),
    ("edge_ant", EnvId::AntV4, Recording::Same),
    ("ant_contact", EnvId::AntContact, Recording::Same),
    ("edge_ant_contact", EnvId::AntContact, Recording::Same),
    ("hopper_v5", EnvId::HopperV5, Recording::Same),
    ("walker2d_v5", EnvId::Walker2dV5, Recording::Same),
    ("ant_v5", EnvId::AntV5, Recording::Same),
    ("swimmer", EnvId::Swimmer, Recording::Same),
    ("reacher", EnvId::Reacher, Recording::Same),
    ("reacher_v5", EnvId::ReacherV5, Recording::Same),
    ("pusher_v5", EnvId::PusherV5, Recording::Same),
    ("inverted_pendulum", EnvId::InvertedPendulum, Recording::Same),
    ("inverted_pendulum_v5", EnvId::InvertedPendulumV5, Recording::Same),
    ("inverted_double_pendulum", EnvId::InvertedDoublePendulum, Recording::Same),
    ("inverted_double_pendulum_v5", EnvId::InvertedDoublePendulumV5, Recording::Same),
    ("humanoid", EnvId::Humanoid, Recording::Same),
    ("humanoid_v5", EnvId::HumanoidV5, Recording::Same),
];

/// Files of episodes of task families; the goal of each episode is its task.
///
/// `ant_dir_maml` pays `g v_x` as `ant-fwd-back` does. Its original observed 125 numbers; the
/// recording has 27.
const TASK_EPISODES: [(&str, Family); 6] = [
    ("half_cheetah_dir", Family::HalfCheetahFwdBack),
    ("half_cheetah_vel", Family::HalfCheetahVel),
    ("half_cheetah_vel", Family::HalfCheetahVelMedium),
    ("ant_dir_maml", Family::AntFwdBack),
    ("ant_dir_hyperl", Family::AntDirRad1),
    ("ant_vel", Family::AntVel),
];

/// Recordings that test nothing here, and why.
const NOT_COVERED: [(&str, &str); 1] =
    [("ant_dir_oyster", "an ant with other costs and any heading; no family has such tasks")];

/// How a recording differs from the environment that it tests.
#[derive(Clone, Copy)]
enum Recording {
    Same,
    /// It was charged for controls, and its observation ends before the contact forces.
    ControlCostAndNoContacts,
}

fn folder() -> PathBuf {
    std::env::var_os("HYPERL_PARITY_DIR").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/parity"),
        PathBuf::from,
    )
}

/// Returns the files of `folder()` with this extension by stem.
fn files(extension: &str) -> BTreeMap<String, PathBuf> {
    let folder = folder();
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect()
}

#[test]
fn there_are_recordings_and_those_without_an_environment_are_named() {
    let environments = EPISODES.map(|(stem, ..)| stem);
    let covered = [
        ("npz", [&environments[..], &TASK_EPISODES.map(|(stem, _)| stem)].concat()),
        ("json", MODELS.map(|(stem, _)| stem).to_vec()),
    ];
    let mut count = 0;
    for (extension, covered) in covered {
        let files = files(extension);
        count += files.len();
        for stem in files.keys().filter(|stem| !covered.contains(&stem.as_str())) {
            // Past the harness, which would keep the words of a passing test to itself.
            let mut stderr = std::io::stderr();
            let known = NOT_COVERED.iter().find(|(name, _)| name == stem);
            let why = known.map_or("nobody has said why", |(_, why)| why);
            writeln!(stderr, "not covered: {stem}.{extension} ({why})").unwrap();
        }
    }
    assert!(count > 0, "no parity data (*.npz, *.json) in {}", folder().display());
}

/// What a recording tests.
#[derive(Clone, Copy)]
enum Subject {
    Env(EnvId),
    Task(Family, Task),
}

impl Subject {
    fn make(self) -> Box<dyn Env> {
        match self {
            Self::Env(id) => id.make().unwrap(),
            Self::Task(family, task) => family.make(task).unwrap(),
        }
    }

    fn snapshot(self, state: &RecordedState) -> Snapshot {
        match self {
            Self::Env(id) => id.snapshot_from_state(state).unwrap(),
            Self::Task(family, task) => family.snapshot_from_state(task, state).unwrap(),
        }
    }
}

/// One recorded episode; every table has one row per step.
struct Episode {
    /// The task of an episode of a family.
    goal: Option<f64>,
    /// Relative size of a step between two numbers of the observation, if it was rounded: an error
    /// far below the tolerance may round to the neighbour.
    rounding: f64,
    init_qpos: Vec<f64>,
    init_qvel: Vec<f64>,
    init_obs: Vec<f64>,
    init_torso_xpos: Vec<f64>,
    actions: Vec<Vec<f64>>,
    qpos: Vec<Vec<f64>>,
    qvel: Vec<Vec<f64>>,
    obs: Vec<Vec<f64>>,
    warmstart: Vec<Vec<f64>>,
    torso_xpos: Vec<Vec<f64>>,
    reward: Vec<f64>,
    terminated: Vec<f64>,
}

impl Episode {
    /// Reads all episodes of a file, in the terms of the environment that it tests.
    fn read(path: &Path, recording: Recording) -> Vec<Self> {
        let arrays: BTreeMap<String, Tensor> =
            Tensor::read_npz(path).unwrap().into_iter().collect();
        let numbers = |key: &str| -> Vec<f64> {
            let array = arrays.get(key).unwrap_or_else(|| panic!("{}: no {key}", path.display()));
            Vec::try_from(array.to_kind(Kind::Double).flatten(0, -1)).unwrap()
        };
        let rows = |key: &str| -> Vec<Vec<f64>> {
            let width = *arrays[key].size().last().unwrap() as usize;
            numbers(key).chunks(width).map(<[f64]>::to_vec).collect()
        };
        let episodes = numbers("n_episodes")[0] as usize;
        (0..episodes)
            .map(|i| {
                let key = |name: &str| format!("ep{i}_{name}");
                let rounded = arrays.contains_key(&key("obs_f64"));
                let mut episode = Self {
                    goal: arrays.contains_key(&key("goal")).then(|| numbers(&key("goal"))[0]),
                    rounding: if rounded { f64::from(f32::EPSILON) } else { 0.0 },
                    init_qpos: numbers(&key("init_qpos")),
                    init_qvel: numbers(&key("init_qvel")),
                    init_obs: numbers(&key("init_obs")),
                    init_torso_xpos: numbers(&key("init_torso_xpos")),
                    actions: rows(&key("actions")),
                    qpos: rows(&key("qpos")),
                    qvel: rows(&key("qvel")),
                    obs: rows(&key("obs")),
                    warmstart: rows(&key("qacc_warmstart")),
                    torso_xpos: rows(&key("torso_xpos")),
                    reward: numbers(&key("reward")),
                    terminated: numbers(&key("terminated")),
                };
                if let Recording::ControlCostAndNoContacts = recording {
                    episode.adapt(&numbers(&key("cost_ctrl")));
                }
                episode
            })
            .collect()
    }

    fn adapt(&mut self, control_cost: &[f64]) {
        for (reward, cost) in self.reward.iter_mut().zip(control_cost) {
            *reward += cost;
        }
        for obs in self.obs.iter_mut().chain([&mut self.init_obs]) {
            obs.extend([0.0; 84]);
        }
    }

    /// Returns the state before step `t`.
    fn state(&self, t: usize) -> RecordedState {
        let xpos = |row: &[f64]| [row[0], row[1], row[2]];
        match t.checked_sub(1) {
            None => RecordedState {
                qpos: self.init_qpos.clone(),
                qvel: self.init_qvel.clone(),
                warmstart: vec![0.0; self.init_qvel.len()],
                stale: xpos(&self.init_torso_xpos),
                elapsed: 0,
            },
            Some(last) => RecordedState {
                qpos: self.qpos[last].clone(),
                qvel: self.qvel[last].clone(),
                warmstart: self.warmstart[last].clone(),
                stale: xpos(&self.torso_xpos[last]),
                elapsed: t as u32,
            },
        }
    }

    /// Returns the largest errors of (positions, qvel, observation, reward) after step `t`.
    fn errors(&self, t: usize, env: &dyn Env, reward: f64) -> [f64; 4] {
        // Layout of a snapshot: elapsed (1), what is stale (3), time (1), qpos, qvel.
        let Snapshot(state) = env.snapshot().unwrap();
        let (qpos, rest) = state[5..].split_at(self.init_qpos.len());
        let stale = largest_error(&state[1..4], &self.torso_xpos[t], 0.0);
        [
            largest_error(qpos, &self.qpos[t], 0.0).max(stale),
            largest_error(&rest[..self.init_qvel.len()], &self.qvel[t], 0.0),
            largest_error(env.obs(), &self.obs[t], self.rounding),
            (reward - self.reward[t]).abs(),
        ]
    }
}

/// Returns the largest absolute difference, less the relative error `rounding`; infinity if a length
/// differs or a number is NaN.
fn largest_error(found: &[f64], expected: &[f64], rounding: f64) -> f64 {
    if found.len() != expected.len() {
        return f64::INFINITY;
    }
    let differences = found.iter().zip(expected).map(|(x, y)| (x - y).abs() - rounding * y.abs());
    differences.map(|d| if d.is_nan() { f64::INFINITY } else { d }).fold(0.0, f64::max)
}

/// Calls `check` with every recorded episode of every file that has an environment.
fn for_each_episode(check: impl Fn(&str, Subject, &Episode)) {
    let files = files("npz");
    for (stem, id, recording) in EPISODES {
        let Some(path) = files.get(stem) else { continue };
        for (i, episode) in Episode::read(path, recording).iter().enumerate() {
            check(&format!("{id} on {stem} episode {i}"), Subject::Env(id), episode);
        }
    }
    for (stem, family) in TASK_EPISODES {
        let Some(path) = files.get(stem) else { continue };
        for (i, episode) in Episode::read(path, Recording::Same).iter().enumerate() {
            let task = Task(episode.goal.expect("an episode of a family has a goal"));
            check(&format!("{family} on {stem} episode {i}"), Subject::Task(family, task), episode);
        }
    }
}

#[test]
fn each_step_equals_the_recorded_one() {
    for_each_episode(|what, subject, episode| {
        let mut env = subject.make();
        for (t, action) in episode.actions.iter().enumerate() {
            env.restore(&subject.snapshot(&episode.state(t))).unwrap();
            if t == 0 {
                let first = largest_error(env.obs(), &episode.init_obs, 0.0);
                assert!(first < FIRST_TOLERANCE, "{what}: first obs off by {first}");
            }
            let step = env.step(action).unwrap();
            let [qpos, qvel, obs, reward] = episode.errors(t, &*env, step.reward);
            assert!(
                qpos < QPOS_TOLERANCE && qvel < QVEL_TOLERANCE,
                "{what} step {t}: {qpos} {qvel}"
            );
            assert!(obs < QVEL_TOLERANCE, "{what} step {t}: observation off by {obs}");
            assert!(reward < QVEL_TOLERANCE, "{what} step {t}: reward off by {reward}");
            assert_eq!(step.terminated, episode.terminated[t] != 0.0, "{what} step {t}");
        }
    });
}

#[test]
fn free_running_stays_with_the_recording_for_twenty_steps() {
    for_each_episode(|what, subject, episode| {
        let mut env = subject.make();
        env.restore(&subject.snapshot(&episode.state(0))).unwrap();
        for (t, action) in episode.actions.iter().take(FREE_STEPS).enumerate() {
            let step = env.step(action).unwrap();
            let errors = episode.errors(t, &*env, step.reward);
            assert!(errors.iter().all(|e| *e < FREE_TOLERANCE), "{what} step {t}: {errors:?}");
        }
    });
}
