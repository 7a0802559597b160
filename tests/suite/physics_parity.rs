//! The same physics as Gymnasium 1.4.0's -v4 environments on `MuJoCo` 3.17.0.
//!
//! `tests/fixtures/parity` holds recorded episodes (`*.npz`) and compiled models (`model_*.json`);
//! its README says what each key means. `HYPERL_PARITY_DIR` names another folder; whatever files lie
//! there are covered. Contacts make the motion chaotic, so steps are compared one at a time from
//! the recorded state, and free-running episodes over their first twenty steps only.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use hyperl::env::{Env, EnvId, RecordedState};
use tch::{Kind, Tensor};

/// Largest error of a position after one step, and of a velocity (also of a reward, which is a
/// velocity, and of a contact force's observation, which is clipped to 1).
const QPOS_TOLERANCE: f64 = 1e-10;
const QVEL_TOLERANCE: f64 = 1e-9;

/// Steps of free running, and the largest error in them.
const FREE_STEPS: usize = 20;
const FREE_TOLERANCE: f64 = 1e-8;

/// Largest relative difference of an entry of a compiled model.
const MODEL_TOLERANCE: f64 = 1e-12;

/// Files of episodes, the environments they test, and what their rewards and observations lack.
const EPISODES: [(&str, EnvId, Recording); 11] = [
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
];

/// How a recording differs from the environment that it tests.
#[derive(Clone, Copy)]
enum Recording {
    Same,
    /// It was charged for controls, and its observation ends before the contact forces.
    ControlCostAndNoContacts,
}

/// Compiled models and an environment that uses each.
const MODELS: [(&str, EnvId); 4] = [
    ("model_hopper", EnvId::Hopper),
    ("model_walker2d", EnvId::Walker2d),
    ("model_half_cheetah", EnvId::HalfCheetah),
    ("model_ant", EnvId::Ant),
];

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
    let covered = [
        ("npz", EPISODES.map(|(stem, ..)| stem).to_vec()),
        ("json", MODELS.map(|(stem, _)| stem).to_vec()),
    ];
    let mut count = 0;
    for (extension, covered) in covered {
        let files = files(extension);
        count += files.len();
        for stem in files.keys().filter(|stem| !covered.contains(&stem.as_str())) {
            // Past the harness, which would keep the words of a passing test to itself.
            let mut stderr = std::io::stderr();
            writeln!(stderr, "not covered: {stem}.{extension} (no such environment yet)").unwrap();
        }
    }
    assert!(count > 0, "no parity data (*.npz, *.json) in {}", folder().display());
}

/// One recorded episode; every table has one row per step.
struct Episode {
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
                let mut episode = Self {
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
                torso_xpos: xpos(&self.init_torso_xpos),
                elapsed: 0,
            },
            Some(last) => RecordedState {
                qpos: self.qpos[last].clone(),
                qvel: self.qvel[last].clone(),
                warmstart: self.warmstart[last].clone(),
                torso_xpos: xpos(&self.torso_xpos[last]),
                elapsed: t as u32,
            },
        }
    }

    /// Returns the largest errors of (qpos, qvel, observation, reward) after step `t`.
    fn errors(&self, t: usize, env: &dyn Env, reward: f64) -> [f64; 4] {
        // Layout of a snapshot: elapsed (1), torso position (3), time (1), qpos, qvel.
        let state = &env.snapshot().0[5..];
        let (qpos, rest) = state.split_at(self.init_qpos.len());
        [
            largest_error(qpos, &self.qpos[t]),
            largest_error(&rest[..self.init_qvel.len()], &self.qvel[t]),
            largest_error(env.obs(), &self.obs[t]),
            (reward - self.reward[t]).abs(),
        ]
    }
}

/// Returns the largest absolute difference; infinity if a length differs or a number is NaN.
fn largest_error(found: &[f64], expected: &[f64]) -> f64 {
    if found.len() != expected.len() {
        return f64::INFINITY;
    }
    let differences = found.iter().zip(expected).map(|(x, y)| (x - y).abs());
    differences.map(|d| if d.is_nan() { f64::INFINITY } else { d }).fold(0.0, f64::max)
}

/// Calls `check` with every recorded episode of every file that has an environment.
fn for_each_episode(check: impl Fn(&str, EnvId, &Episode)) {
    let files = files("npz");
    for (stem, id, recording) in EPISODES {
        let Some(path) = files.get(stem) else { continue };
        for (i, episode) in Episode::read(path, recording).iter().enumerate() {
            check(&format!("{id} on {stem} episode {i}"), id, episode);
        }
    }
}

#[test]
fn each_step_equals_the_recorded_one() {
    for_each_episode(|what, id, episode| {
        let mut env = id.make().unwrap();
        for (t, action) in episode.actions.iter().enumerate() {
            env.restore(&id.snapshot_from_state(&episode.state(t)).unwrap()).unwrap();
            if t == 0 {
                assert_eq!(largest_error(env.obs(), &episode.init_obs), 0.0, "{what}: first obs");
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
    for_each_episode(|what, id, episode| {
        let mut env = id.make().unwrap();
        env.restore(&id.snapshot_from_state(&episode.state(0)).unwrap()).unwrap();
        for (t, action) in episode.actions.iter().take(FREE_STEPS).enumerate() {
            let step = env.step(action).unwrap();
            let errors = episode.errors(t, &*env, step.reward);
            assert!(errors.iter().all(|e| *e < FREE_TOLERANCE), "{what} step {t}: {errors:?}");
        }
    });
}

/// Returns the recorded entry as a flat list of numbers.
fn flat(value: &serde_json::Value) -> Vec<f64> {
    match value {
        serde_json::Value::Array(items) => items.iter().flat_map(flat).collect(),
        number => vec![number.as_f64().unwrap()],
    }
}

/// Builds the list of (name, numbers) of a compiled model's arrays from their names.
macro_rules! arrays {
    ($model:ident; scalars: $($scalar:ident)*; rows: $($row:ident)*; flags: $($flag:ident)*; kinds: $($kind:ident)*) => {
        vec![
            $((stringify!($scalar), $model.$scalar().iter().map(|&x| f64::from(x)).collect::<Vec<f64>>()),)*
            $((stringify!($row), $model.$row().as_flattened().iter().map(|&x| f64::from(x)).collect()),)*
            $((stringify!($flag), $model.$flag().iter().map(|&x| f64::from(u8::from(x))).collect()),)*
            $((stringify!($kind), $model.$kind().iter().map(|&x| f64::from(x as u32)).collect()),)*
        ]
    };
}

#[test]
fn compiled_models_equal_the_recorded_ones() {
    let files = files("json");
    for (stem, id) in MODELS {
        let Some(path) = files.get(stem) else { continue };
        let json = std::fs::read_to_string(path).unwrap();
        let recorded: serde_json::Value = serde_json::from_str(&json).unwrap();
        let model = id.compiled_model().unwrap();
        let found = arrays! {
            model;
            scalars: qpos0 qpos_spring body_parentid body_weldid body_jntnum body_dofnum body_geomnum
                body_mass body_subtreemass body_gravcomp jnt_bodyid jnt_qposadr jnt_dofadr
                jnt_stiffness jnt_margin dof_bodyid dof_jntid dof_parentid dof_damping dof_armature
                dof_frictionloss dof_invweight0 dof_m0 geom_bodyid geom_contype geom_conaffinity
                geom_condim geom_priority geom_solmix geom_margin geom_gap geom_rbound actuator_acc0;
            rows: body_pos body_quat body_ipos body_iquat body_inertia body_invweight0 jnt_pos
                jnt_axis jnt_range jnt_solref jnt_solimp jnt_actfrcrange dof_solref dof_solimp
                geom_solref geom_solimp geom_size geom_pos geom_quat geom_friction actuator_trnid
                actuator_gear actuator_gainprm actuator_biasprm actuator_ctrlrange
                actuator_forcerange;
            flags: jnt_limited jnt_actfrclimited actuator_ctrllimited actuator_forcelimited;
            kinds: jnt_type geom_type actuator_trntype actuator_dyntype actuator_gaintype
                actuator_biastype
        };
        let found: BTreeMap<&str, Vec<f64>> = found.into_iter().collect();
        for (name, expected) in recorded["arrays"].as_object().unwrap() {
            let found = found
                .get(name.to_lowercase().as_str())
                .unwrap_or_else(|| panic!("{name} is not compared"));
            assert_close(&format!("{stem} {name}"), found, &flat(expected));
        }
        compare_options(stem, &model, &recorded);
    }
}

/// Compares what decides how the model is simulated.
fn compare_options(
    stem: &str,
    model: &mujoco_rs::wrappers::mj_model::MjModel,
    recorded: &serde_json::Value,
) {
    let opt = model.opt();
    let found = [
        ("timestep", opt.timestep),
        ("integrator", f64::from(opt.integrator)),
        ("solver", f64::from(opt.solver)),
        ("iterations", f64::from(opt.iterations)),
        ("tolerance", opt.tolerance),
        ("ls_iterations", f64::from(opt.ls_iterations)),
        ("ls_tolerance", opt.ls_tolerance),
        ("noslip_iterations", f64::from(opt.noslip_iterations)),
        ("cone", f64::from(opt.cone)),
        ("jacobian", f64::from(opt.jacobian)),
        ("impratio", opt.impratio),
        ("density", opt.density),
        ("viscosity", opt.viscosity),
        ("disableflags", f64::from(opt.disableflags)),
        ("enableflags", f64::from(opt.enableflags)),
        ("ccd_iterations", f64::from(opt.ccd_iterations)),
        ("ccd_tolerance", opt.ccd_tolerance),
    ];
    for (name, value) in found {
        assert_close(&format!("{stem} {name}"), &[value], &flat(&recorded["opt"][name]));
    }
    assert_close(&format!("{stem} gravity"), &opt.gravity, &flat(&recorded["opt"]["gravity"]));
    let mean_inertia = model.stat().meaninertia;
    assert_close(stem, &[mean_inertia], &flat(&recorded["stat"]["meaninertia"]));
}

/// Compares up to [`MODEL_TOLERANCE`], relative to the larger of a number and 1e-3 of its array.
fn assert_close(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}: length");
    let scale = expected.iter().fold(0.0f64, |most, x| most.max(x.abs()));
    for (i, (x, y)) in found.iter().zip(expected).enumerate() {
        let tolerance = MODEL_TOLERANCE * y.abs().max(1e-3 * scale);
        assert!((x - y).abs() <= tolerance, "{what}[{i}]: {x} instead of {y}");
    }
}
