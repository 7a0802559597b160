//! A world with a known answer: environment, policy and critics made of closed forms.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyperl::env::{Env, Snapshot, Spec, Step, Visited};
use hyperl::error::{Error, Result};
use hyperl::gradient::bank::{Bank, Plan, make_bank};
use hyperl::gradient::known::{Critic, LinearEnv, LinearQuadratic, ProcessNoise, normal_of};
use hyperl::gradient::{ActionValue, Agent, Settings, StateResult, measure, self_check};
use hyperl::rng::Stream;
use hyperl::rollout::Policy;
use ndarray::Array1;

use crate::support::seeds::drawn;

/// A system, states to start from, and what is odd about the world.
#[derive(Clone)]
pub(crate) struct Lab {
    pub(crate) system: Arc<LinearQuadratic>,
    pub(crate) states: Vec<Vec<f64>>,
    /// Standard deviation of a number added to each return, as if the world were noisy.
    pub(crate) noise: f64,
    /// Size of the waves `Σ sin(6 aⱼ + j)` of the first action that are added to each return.
    pub(crate) wave: f64,
    /// The simulation breaks if the first coordinate of the first action is above this.
    pub(crate) breaks_above: f64,
    pub(crate) time_limit: u32,
    /// Steps since the reset of each state.
    pub(crate) elapsed: u32,
    /// An action that the policy takes at the start, instead of its own.
    pub(crate) centre: Option<Vec<f64>>,
    /// Whether rollouts that are told to share the noise of the process do so; `None`: no noise.
    pub(crate) process_noise: Option<bool>,
    /// Name of the random streams, as a checkpoint has its own.
    pub(crate) streams: &'static str,
}

impl Lab {
    pub(crate) fn new(system: LinearQuadratic, states: Vec<Vec<f64>>) -> Self {
        Self {
            system: Arc::new(system),
            states,
            noise: 0.0,
            wave: 0.0,
            breaks_above: f64::INFINITY,
            time_limit: 1000,
            elapsed: 0,
            centre: None,
            process_noise: None,
            streams: "a checkpoint",
        }
    }

    /// A random system whose policy acts by `gain` times its own gain, at random states of which
    /// each has a true gradient of norm `slope` over `horizon` steps.
    pub(crate) fn random(
        (obs_dim, action_dim): (usize, usize),
        gain: f64,
        (states, slope, horizon): (usize, f64, u32),
    ) -> Self {
        let mut stream = drawn(7, "oracle");
        let drawn = LinearQuadratic::random(obs_dim, action_dim, &mut stream).unwrap();
        let mut coefficients = drawn.coefficients().clone();
        coefficients.gain *= gain;
        let system = LinearQuadratic::new(coefficients).unwrap();
        let states = (0..states).map(|_| {
            let s: Vec<f64> = (0..obs_dim).map(|_| stream.normal()).collect();
            // The gradient at a = −K s is linear in s.
            let g = system.q_gradient_within(&s, &system.act(&s).to_vec(), horizon);
            s.iter().map(|x| x * slope / norm(&g)).collect()
        });
        let states = states.collect();
        Self::new(system, states)
    }

    /// Measures with one worker.
    pub(crate) fn measure(&self, critic: &Critic, settings: &Settings) -> Vec<StateResult> {
        self.try_measure((critic, None), settings, 1).unwrap()
    }

    pub(crate) fn try_measure(
        &self,
        (critic, bootstrap): (&Critic, Option<&Critic>),
        settings: &Settings,
        threads: usize,
    ) -> Result<Vec<StateResult>> {
        let workers = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let bootstrap = bootstrap.map(|critic| critic as _);
        self.with_agent((critic, bootstrap), |agent| {
            measure(agent, &self.starts(), settings, &workers, &|_| ())
        })
    }

    /// Makes the bank of all its states.
    pub(crate) fn bank(&self, plan: &Plan) -> Bank {
        let workers = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let unused = Critic::constant(Array1::zeros(self.system.action_dim()));
        self.with_agent((&unused, None), |agent| {
            make_bank(agent, &self.starts(), 0, plan, &workers, &|_| ())
        })
        .unwrap()
    }

    pub(crate) fn self_check(&self, critic: &Critic, settings: &Settings) -> Vec<StateResult> {
        self.with_agent((critic, None), |agent| self_check(agent, &self.starts(), settings))
            .unwrap()
    }

    fn with_agent<T>(
        &self,
        (critic, bootstrap): (&Critic, Option<&dyn ActionValue>),
        work: impl FnOnce(&Agent) -> Result<T>,
    ) -> Result<T> {
        let make_env = || Ok(Box::new(World::new(self.clone())) as Box<dyn Env>);
        let gamma = self.system.coefficients().gamma;
        let policy = LinearPolicy(self.clone());
        let streams = self.streams;
        let (make_env, policy, reward_scale) = (&make_env, &policy, 1.0);
        work(&Agent { make_env, policy, critic, bootstrap, gamma, reward_scale, streams })
    }

    fn starts(&self) -> Vec<Visited> {
        let env = LinearEnv::new(Arc::clone(&self.system), ProcessNoise::Off);
        let start = |s: &Vec<f64>| {
            let mut snapshot = env.snapshot_at(s);
            snapshot.0[0] = f64::from(self.elapsed);
            snapshot.into()
        };
        self.states.iter().map(start).collect()
    }

    /// The action around which a state is measured, unclipped.
    pub(crate) fn centre_at(&self, s: &[f64]) -> Vec<f64> {
        self.centre.clone().unwrap_or_else(|| self.system.act(s).to_vec())
    }

    /// The exact critic of `horizon` rewards.
    pub(crate) fn exact(&self, horizon: u32) -> Critic {
        let (a, b) = (Arc::clone(&self.system), Arc::clone(&self.system));
        let wave = self.wave;
        Critic {
            value: Box::new(move |s, a_| a.q_within(s, a_, horizon) + wave * waves(a_)),
            gradient: Box::new(move |_, s, a_| {
                let slope = |(j, a): (usize, &f64)| 6.0 * wave * (6.0 * a + j as f64).cos();
                let waves: Array1<f64> = a_.iter().enumerate().map(slope).collect();
                b.q_gradient_within(s, a_, horizon) + waves
            }),
        }
    }

    /// The same without values, which are slow to compute: only its gradient is judged.
    pub(crate) fn slope(&self, horizon: u32) -> Critic {
        Critic { value: Box::new(|_, _| 0.0), ..self.exact(horizon) }
    }

    /// The estimated gradient of each state, read out one coordinate at a time: a critic that
    /// points along an axis has the cosine `ĝ_j / ‖ĝ‖`.
    pub(crate) fn estimates(&self, settings: &Settings) -> Vec<Array1<f64>> {
        let (states, dims) = (self.states.len(), self.system.action_dim());
        let mut estimates = vec![Array1::zeros(dims); states];
        for j in 0..dims {
            let mut axis = Array1::zeros(dims);
            axis[j] = 1.0;
            let results = self.measure(&Critic::constant(axis), settings);
            for (estimate, result) in estimates.iter_mut().zip(results) {
                estimate[j] = result.cosine * result.truth_norm;
            }
        }
        estimates
    }
}

fn waves(action: &[f64]) -> f64 {
    action.iter().enumerate().map(|(j, a)| (6.0 * a + j as f64).sin()).sum()
}

/// The linear-quadratic system, made odd.
struct World {
    env: LinearEnv,
    lab: Lab,
    first: bool,
}

impl World {
    fn new(lab: Lab) -> Self {
        // One stream for each simulator, so that rollouts differ unless told to share.
        static MADE: AtomicU64 = AtomicU64::new(0);
        let noise = if lab.process_noise.is_some() {
            let number = MADE.fetch_add(1, Ordering::Relaxed);
            ProcessNoise::Fresh(drawn(number, "process"))
        } else {
            ProcessNoise::Off
        };
        let env = LinearEnv::new(Arc::clone(&lab.system), noise).with_time_limit(lab.time_limit);
        Self { env, lab, first: true }
    }
}

impl Env for World {
    fn spec(&self) -> &Spec {
        self.env.spec()
    }

    fn reset(&mut self, reset: &mut Stream) -> Result<()> {
        self.env.reset(reset)
    }

    fn obs(&self) -> &[f64] {
        self.env.obs()
    }

    fn step(&mut self, action: &[f64]) -> Result<Step> {
        let mut step = self.env.step(action)?;
        if std::mem::take(&mut self.first) {
            if action[0] > self.lab.breaks_above {
                let (env, reason) = ("world".into(), "it was told to".into());
                return Err(Error::Physics { env, reason });
            }
            // The noise of a rollout is a function of its first action.
            step.reward += self.lab.noise * normal_of(action, &drawn(0, "noise"))
                + self.lab.wave * waves(action);
        }
        Ok(step)
    }

    fn elapsed(&self) -> u32 {
        self.env.elapsed()
    }

    fn snapshot(&self) -> Result<Snapshot> {
        self.env.snapshot()
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.first = true;
        self.env.restore(snapshot)
    }

    fn set_noise(&mut self, noise: &Stream) -> Result<()> {
        if self.lab.process_noise == Some(true) {
            self.env.set_noise(noise)?;
        }
        Ok(())
    }
}

/// The policy a = −K s.
struct LinearPolicy(Lab);

impl Policy for LinearPolicy {
    fn act(&self, obs: &[f64], actions: &mut [f64]) -> Result<()> {
        let Self(lab) = self;
        let (obs_dim, action_dim) = (lab.system.obs_dim(), lab.system.action_dim());
        for (s, a) in obs.chunks_exact(obs_dim).zip(actions.chunks_exact_mut(action_dim)) {
            let at_start = lab.centre.is_some() && lab.states.iter().any(|start| start == s);
            let chosen = if at_start { lab.centre_at(s) } else { lab.system.act(s).to_vec() };
            a.copy_from_slice(&chosen);
        }
        Ok(())
    }

    fn before_tanh(&self, obs: &[f64], before: &mut [f64]) -> Result<()> {
        self.act(obs, before)?;
        for u in before {
            *u = u.atanh();
        }
        Ok(())
    }

    fn share(&self) -> Result<Box<dyn Policy>> {
        Ok(Box::new(Self(self.0.clone())))
    }
}

pub(crate) fn norm(v: &Array1<f64>) -> f64 {
    v.dot(v).sqrt()
}

pub(crate) fn cosines(results: &[StateResult]) -> Vec<f64> {
    results.iter().map(|r| r.cosine).collect()
}

/// A unit vector orthogonal to `g`, drawn anew for each state.
pub(crate) fn orthogonal(state: usize, g: &Array1<f64>) -> Array1<f64> {
    let mut stream = drawn(state as u64, "orthogonal");
    let drawn = Array1::from_shape_simple_fn(g.len(), || stream.normal());
    let rest = &drawn - g * (drawn.dot(g) / g.dot(g));
    &rest / norm(&rest)
}

/// Turns every gradient by an angle in degrees, in a random plane.
pub(crate) fn rotated(critic: Critic, degrees: f64) -> Critic {
    let (sin, cos) = degrees.to_radians().sin_cos();
    critic.map(move |state, g| &g * cos + orthogonal(state, &g) * (sin * norm(&g)))
}
