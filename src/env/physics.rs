//! `MuJoCo`: the only file that speaks to it.
//!
//! A [`Model`] is compiled once per process; each slot owns one [`Physics`]. Some quantities are
//! stale by design: after a step, body positions and contact forces belong to the last force
//! evaluation, not to the new `qpos`. Gymnasium's rewards read them as they are, so nothing here
//! refreshes them, and whoever puts a state back keeps what the next reward reads of them.
//!
//! `MuJoCo` answers NaN, huge numbers and full buffers with a warning, after which it may reset the
//! simulation by itself and go on. Here every warning is an error, until the next reset.

use std::io::Write;
use std::sync::{Arc, Once, OnceLock};

use mujoco_rs::logging::set_log_handler;
use mujoco_rs::wrappers::mj_data::{MjData, MjtState};
use mujoco_rs::wrappers::mj_logging::{MjLogMessage, MjtLogLevel, log_config, set_log_config};
pub(super) use mujoco_rs::wrappers::mj_model::MjModel;

use crate::error::{Error, Result};

/// What continues a simulation bit for bit: time, `qpos`, `qvel`, warmstart, controls, forces.
const STATE: u32 = MjtState::mjSTATE_INTEGRATION as u32;

/// The body at the root of a robot; body 0 is the world.
pub(super) const TORSO: usize = 1;

/// `MuJoCo`'s warnings, in the order of its enumeration.
const WARNINGS: [&str; 7] = [
    "the inertia matrix is singular",
    "too many contacts for its memory",
    "too many constraints for its memory",
    "NaN or a huge number in qpos",
    "NaN or a huge number in qvel",
    "NaN or a huge number in qacc",
    "NaN or a huge number in the action",
];

/// A model in MJCF, and its compiled form once somebody has asked for it.
#[derive(Debug)]
pub(super) struct Model {
    name: &'static str,
    mjcf: &'static str,
    /// A text of the model, and what a variant has in its place; both empty without a variant.
    edit: [&'static str; 2],
    frame_skip: u32,
    compiled: OnceLock<std::result::Result<Arc<MjModel>, String>>,
}

impl Model {
    /// Describes a model; `frame_skip` physics steps make one environment step.
    pub(super) const fn new(name: &'static str, mjcf: &'static str, frame_skip: u32) -> Self {
        Self::edited(name, mjcf, ["", ""], frame_skip)
    }

    /// Describes a variant of a model, which has the second text wherever the model has the first.
    pub(super) const fn edited(
        name: &'static str,
        mjcf: &'static str,
        edit: [&'static str; 2],
        frame_skip: u32,
    ) -> Self {
        Self { name, mjcf, edit, frame_skip, compiled: OnceLock::new() }
    }

    /// Returns the compiled model, the same one for everybody.
    pub(super) fn compiled(&self) -> Result<Arc<MjModel>> {
        self.compiled
            .get_or_init(|| {
                take_over_messages();
                let [from, to] = self.edit;
                let mjcf = if from.is_empty() { self.mjcf } else { &self.mjcf.replace(from, to) };
                MjModel::from_xml_string(mjcf).map(Arc::new).map_err(|e| e.to_string())
            })
            .clone()
            .map_err(|reason| self.refused(&reason))
    }

    fn refused(&self, reason: &str) -> Error {
        let reason = reason.trim().replace('\n', "; ");
        Error::Usage(format!(
            "MuJoCo {} refused the built-in model '{}': {reason}; free some memory, or run `make setup` for version 3.17.0",
            mujoco_version(),
            self.name
        ))
    }
}

/// Returns the version of the `MuJoCo` library that runs.
pub(crate) fn mujoco_version() -> &'static str {
    mujoco_rs::mujoco_version()
}

/// One simulation.
#[derive(Debug)]
pub(super) struct Physics {
    data: MjData<Arc<MjModel>>,
    frame_skip: u32,
}

impl Physics {
    /// Makes a simulation at the rest pose of `model`.
    pub(super) fn new(model: &Model) -> Result<Self> {
        let data = MjData::try_new(model.compiled()?).map_err(|e| model.refused(&e.to_string()))?;
        Ok(Self { data, frame_skip: model.frame_skip })
    }

    /// Returns to the rest pose: time, velocities, warmstart, contact forces and warnings are zero.
    pub(super) fn reset(&mut self) {
        self.data.reset();
    }

    /// Computes body positions from `qpos`, as Gymnasium does once after a reset.
    pub(super) fn forward(&mut self) {
        self.data.forward();
    }

    /// Holds `action` for `frame_skip` physics steps; the cause if `MuJoCo` warned of anything.
    pub(super) fn step(&mut self, action: &[f64]) -> std::result::Result<(), &'static str> {
        self.data.ctrl_mut().copy_from_slice(action);
        for _ in 0..self.frame_skip {
            self.data.step();
        }
        match self.data.warning().iter().position(|warning| warning.number > 0) {
            None => Ok(()),
            Some(kind) => Err(WARNINGS[kind]),
        }
    }

    /// Fills [`Self::contact_forces`] from the last force evaluation; once per environment step.
    pub(super) fn update_contact_forces(&mut self) {
        self.data.rne_post_constraint();
    }

    /// Generalised positions `[nq]`.
    pub(super) fn qpos(&self) -> &[f64] {
        self.data.qpos()
    }

    /// Generalised positions `[nq]`, to be written right after [`Self::reset`].
    pub(super) fn qpos_mut(&mut self) -> &mut [f64] {
        self.data.qpos_mut()
    }

    /// Generalised velocities `[nv]`.
    pub(super) fn qvel(&self) -> &[f64] {
        self.data.qvel()
    }

    /// Generalised velocities `[nv]`, to be written right after [`Self::reset`].
    pub(super) fn qvel_mut(&mut self) -> &mut [f64] {
        self.data.qvel_mut()
    }

    /// Accelerations from which the constraint solver starts `[nv]`, to be written right after
    /// [`Self::reset`].
    pub(super) fn warmstart_mut(&mut self) -> &mut [f64] {
        self.data.qacc_warmstart_mut()
    }

    /// Position of a body in metres, as old as the last force evaluation.
    pub(super) fn body_xpos(&self, body: usize) -> [f64; 3] {
        self.data.xpos()[body]
    }

    /// Position of the model's only site in metres, as old as the last force evaluation.
    pub(super) fn site_xpos(&self) -> [f64; 3] {
        self.data.site_xpos()[0]
    }

    /// Centre of mass of all bodies in metres, as old as the last force evaluation.
    pub(super) fn mass_centre(&self) -> [f64; 3] {
        let masses = self.data.model().body_mass();
        let all: f64 = masses.iter().sum();
        [0, 1, 2].map(|axis| {
            let weighted = masses.iter().zip(self.data.xipos()).map(|(mass, at)| mass * at[axis]);
            weighted.sum::<f64>() / all
        })
    }

    /// Inertia and mass of each body about the centre of mass `[nbody, 10]`, as old as the last force evaluation.
    pub(super) fn inertias(&self) -> &[[f64; 10]] {
        self.data.cinert()
    }

    /// Velocity of each body about the centre of mass, rotation first `[nbody, 6]`, as old as the last force
    /// evaluation.
    pub(super) fn body_velocities(&self) -> &[[f64; 6]] {
        self.data.cvel()
    }

    /// Forces of the motors on each degree of freedom `[nv]`.
    pub(super) fn motor_forces(&self) -> &[f64] {
        self.data.qfrc_actuator()
    }

    /// Forces of limits and contacts on each degree of freedom `[nv]`, as old as the last force evaluation.
    pub(super) fn constraint_forces(&self) -> &[f64] {
        self.data.qfrc_constraint()
    }

    /// External force on each body, torque before force `[nbody, 6]`; zero after a reset.
    pub(super) fn contact_forces(&self) -> &[[f64; 6]] {
        self.data.cfrc_ext()
    }

    /// Returns the length of [`Self::save`]'s output.
    pub(super) fn state_len(&self) -> usize {
        self.data.model().state_size(STATE)
    }

    /// Writes the integration state `[state_len]`.
    pub(super) fn save(&self, state: &mut [f64]) {
        self.data.read_state_into(STATE, state);
    }

    /// Returns to a saved integration state.
    ///
    /// There is no forward pass: each physics step begins with its own, and nothing derived is read
    /// before it except what the caller has kept.
    pub(super) fn load(&mut self, state: &[f64]) -> Result<()> {
        self.data.reset();
        self.data.set_state(state, STATE).map_err(|e| Error::Mismatch {
            what: "integration state".into(),
            expected: format!("{} numbers", self.state_len()),
            found: e.to_string(),
            remedy: "use a snapshot of the same environment".into(),
        })
    }
}

/// What ends the process where `MuJoCo` cannot go on.
static END: OnceLock<fn(&str) -> !> = OnceLock::new();

/// Names what ends the process, with `MuJoCo`'s reason, where it cannot go on. By itself it ends with exit code 1.
pub(crate) fn end_by(end: fn(&str) -> !) {
    let _ = END.set(end); // the first one stays
}

/// Keeps `MuJoCo` from printing and from writing `MUJOCO_LOG.TXT` into the working folder.
///
/// Warnings are read from the counters of each simulation and become errors. What `MuJoCo` calls an error, such as a lack
/// of memory, ends the process.
fn take_over_messages() {
    fn handler(message: &MjLogMessage) {
        if message.level() == MjtLogLevel::mjLOG_ERROR {
            if let Some(end) = END.get() {
                end(message.subject());
            }
            // MuJoCo ends the process now; a failure to say why cannot be reported anywhere.
            let _ = writeln!(std::io::stderr(), "MuJoCo: {}", message.subject());
        }
    }

    static ONCE: Once = Once::new();
    #[allow(unsafe_code, reason = "the two settings are process-wide in MuJoCo")]
    // SAFETY: nobody uses MuJoCo yet: a simulation needs a model, every model of this crate is
    // compiled behind this `Once`, and this file is the only one that speaks to MuJoCo.
    ONCE.call_once(|| unsafe {
        set_log_handler(handler);
        // The line above switches every informative topic on; those would be built at each step.
        set_log_config(log_config().with_topics(0));
    });
}
