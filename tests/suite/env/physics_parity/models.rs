//! Every array of a compiled model equals the recorded one.

use std::collections::BTreeMap;

use hyperl::env::EnvId;

use super::files;

/// Largest relative difference of an entry of a compiled model.
const MODEL_TOLERANCE: f64 = 1e-12;

/// Compiled models and an environment that uses each.
pub(super) const MODELS: [(&str, EnvId); 11] = [
    ("model_hopper", EnvId::Hopper),
    ("model_walker2d", EnvId::Walker2d),
    ("model_half_cheetah", EnvId::HalfCheetah),
    ("model_ant", EnvId::Ant),
    ("model_walker2d_v5", EnvId::Walker2dV5),
    ("model_swimmer", EnvId::Swimmer),
    ("model_reacher", EnvId::Reacher),
    ("model_pusher", EnvId::PusherV5),
    ("model_inverted_pendulum", EnvId::InvertedPendulum),
    ("model_inverted_double_pendulum", EnvId::InvertedDoublePendulum),
    ("model_humanoid", EnvId::Humanoid),
];

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
