//! The linear-quadratic system with an actor that stands anywhere in the box, and with noise or chaos in its
//! returns.
//!
//! The actor's action at a state is `tanh u`, `u = shift + spread · M s` with orthonormal rows `M`: for standard
//! normal states a normal number in each coordinate. What follows the first action is `−K s`, not squashed, so that
//! Q stays quadratic and its gradient known.
//!
//! *Noise* is a normal number that belongs to the first action of a rollout. *Chaos* is deterministic: a hidden number
//! `x` in `[0, 1)` is pushed by state and action and then tripled modulo 1 twelve times a step, so that a push of a
//! millionth is spread over the whole interval; `strength · s₁² √2 cos 2πx` is added to each reward. Its mean is 0
//! whatever the action, hence so is what a smoothed gradient has of it; but it comes back exactly for the same action,
//! and is large in some states and small in others.

use std::cell::RefCell;
use std::sync::Arc;

use ndarray::Array1;

use super::critic::Critic;
use super::linear_env::{LinearEnv, ProcessNoise};
use super::linear_quadratic::LinearQuadratic;
use crate::env::{Env, Snapshot, Spec, Step, Visited};
use crate::error::Result;
use crate::gradient::Agent;
use crate::gradient::bank::{Bank, Plan, make_bank};
use crate::gradient::critic_gradient::ActionValue;
use crate::gradient::pairs::rotation;
use crate::rng::Stream;
use crate::rollout::Policy;

/// States and actions of the system.
const SIZE: (usize, usize) = (6, 3);

/// Times that the hidden number is tripled in a step.
const TRIPLED: usize = 12;

/// Where an actor stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// In words.
    pub name: &'static str,
    /// Standard deviation of its actions before tanh.
    pub spread: f64,
    /// Their means.
    pub shift: [f64; SIZE.1],
}

impl Place {
    /// Far from all bounds.
    pub const FREE: Self = Self { name: "free", spread: 0.5, shift: [0.0; 3] };
    /// In two coordinates of three mostly at the bound.
    pub const HALF: Self = Self { name: "half saturated", spread: 2.0, shift: [0.0, 2.0, -2.0] };
    /// At the bound in all coordinates: a few states decide.
    pub const SATURATED: Self = Self { name: "saturated", spread: 1.0, shift: [3.0, -3.5, 3.0] };
    /// All three.
    pub const ALL: [Self; 3] = [Self::FREE, Self::HALF, Self::SATURATED];

    /// The same actor with every bias moved by so much.
    #[must_use]
    pub fn moved(self, by: f64) -> Self {
        Self { shift: self.shift.map(|shift| shift + by), ..self }
    }
}

/// What makes returns hard to read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unrest {
    /// Nothing.
    Quiet,
    /// A normal number of this standard deviation is added to each return.
    Noise(f64),
    /// A chaotic number of this size is added to each reward.
    Chaos(f64),
}

/// A system, an actor, and states to start from.
#[derive(Debug, Clone)]
pub struct World {
    /// Standard normal states `[S]`.
    pub states: Vec<Vec<f64>>,
    /// Whether the rewards of the system count, or what is added to them alone.
    signal: bool,
    /// What is added to them.
    unrest: Unrest,
    /// Rewards of a return.
    pub horizon: u32,
    acting: Acting,
    stream: Stream,
}

/// The policy of a world.
#[derive(Debug, Clone)]
struct Acting {
    /// The system, with what follows the first action.
    system: Arc<LinearQuadratic>,
    /// Where the actor stands.
    place: Place,
    /// Rows `M [A, S]`.
    weights: Arc<Vec<Vec<f64>>>,
    /// Rows `K [A, S]` of the system's policy.
    gain: Arc<Vec<Vec<f64>>>,
}

impl World {
    /// Draws `states` states for an actor in a system that is always the same. Returns have four rewards.
    ///
    /// # Errors
    /// None in practice: the system is stable.
    pub fn new(place: Place, states: usize, seed: u64) -> Result<Self> {
        let mut fixed = Stream::new(7, "a world with known answers");
        let system = Arc::new(LinearQuadratic::random(SIZE.0, SIZE.1, &mut fixed)?);
        let weights = Arc::new(rotation(SIZE.0, &mut fixed)[..SIZE.1].to_vec());
        let stream = Stream::new(seed, "states with known answers");
        let mut draw = stream.clone();
        let states = (0..states).map(|_| (0..SIZE.0).map(|_| draw.normal()).collect()).collect();
        let (signal, unrest, horizon) = (true, Unrest::Quiet, 4);
        let gain = gain_of(&system);
        let acting = Acting { system, place, weights, gain };
        Ok(Self { states, signal, unrest, horizon, acting, stream })
    }

    /// The same world with unrest in its returns.
    #[must_use]
    pub fn under(self, unrest: Unrest) -> Self {
        Self { unrest, ..self }
    }

    /// The same world without rewards of the system: nothing but unrest is left.
    #[must_use]
    pub fn without_signal(self) -> Self {
        Self { signal: false, ..self }
    }

    /// The same with a policy that acts `gain` times as much after the first action.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] if that is unstable.
    pub(crate) fn with_gain(self, gain: f64) -> Result<Self> {
        let mut coefficients = self.system().coefficients().clone();
        coefficients.gain *= gain;
        let system = Arc::new(LinearQuadratic::new(coefficients)?);
        let gain = gain_of(&system);
        Ok(Self { acting: Acting { system, gain, ..self.acting }, ..self })
    }

    /// Returns the system, whose policy is what follows the first action.
    pub fn system(&self) -> &Arc<LinearQuadratic> {
        &self.acting.system
    }

    /// Returns the actor's action before tanh `[A]`.
    pub fn before_tanh(&self, s: &[f64]) -> Vec<f64> {
        self.acting.at(s)
    }

    /// Returns the critic that knows the system, and nothing of the unrest.
    pub fn exact(&self) -> Critic {
        let (value, system) = (self.system().q_of(self.horizon), Arc::clone(self.system()));
        let horizon = self.horizon;
        Critic {
            value: Box::new(value),
            gradient: Box::new(move |_, s, a| system.q_gradient_within(s, a, horizon)),
        }
    }

    /// Returns a critic whose gradient before tanh points the right way in part: `along` times the true one plus
    /// `across` times a vector of its length in a direction that is drawn for each state, orthogonal to it.
    ///
    /// With `along` = cos φ and `across` = sin φ it is turned by φ; with 0 and 1 it knows nothing of the truth. Smoothing
    /// changes what is true and what is added alike, but for the curvature of Q.
    pub fn turned(&self, along: f64, across: f64) -> Critic {
        let exact = self.system().q_of(self.horizon);
        let world = Self { states: Vec::new(), ..self.clone() };
        let stream = self.stream.child("another direction");
        let other = of_state(move |s| world.slope_across(s, &stream).to_vec());
        Critic::of_values(move |s, a| {
            let other: f64 = other(s).iter().zip(a).map(|(slope, a)| slope * a).sum();
            along * exact(s, a) + across * other
        })
    }

    /// A slope `[A]` whose gradient before tanh has the length of the true one and is orthogonal to it; always the
    /// same at one state.
    fn slope_across(&self, s: &[f64], stream: &Stream) -> Array1<f64> {
        let a: Array1<f64> = self.before_tanh(s).into_iter().map(f64::tanh).collect();
        let derivative = a.mapv(|a| 1.0 - a * a);
        let g = self.system().q_gradient_within(s, &a.to_vec(), self.horizon) * &derivative;
        let mut stream = stream.child(&rounded(s));
        let drawn = Array1::from_shape_simple_fn(g.len(), || stream.normal());
        let rest = &drawn - &g * (drawn.dot(&g) / g.dot(&g));
        &rest * (g.dot(&g) / rest.dot(&rest)).sqrt() / derivative
    }

    /// Returns a critic that is `along + across` times the truth in half of the states, chosen at random, and
    /// `along − across` times in the others. With `along² + across² = 1` and ever more states κ, gain and found
    /// are `along`, whatever the smoothing.
    pub fn uneven(&self, along: f64, across: f64) -> Critic {
        let exact = self.system().q_of(self.horizon);
        let stream = self.stream.child("which half");
        let side = of_state(move |s| vec![stream.child(&rounded(s)).uniform(-1.0, 1.0).signum()]);
        Critic::of_values(move |s, a| (along + across * side(s)[0]) * exact(s, a))
    }

    /// Hands the world, with `critic` as its critic, to whatever measures it.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn ask<T>(
        &self,
        critic: &dyn ActionValue,
        work: impl FnOnce(&Agent, &[Visited]) -> Result<T>,
    ) -> Result<T> {
        let env = || Turbulent {
            env: LinearEnv::new(Arc::clone(self.system()), ProcessNoise::Off),
            signal: self.signal,
            unrest: self.unrest,
            stream: self.stream.child("noise"),
            first: true,
            x: 0.0,
        };
        let at = |s: &Vec<f64>| {
            let mut numbers = env().env.snapshot_at(s).0;
            numbers.push(0.0);
            Snapshot(numbers).into()
        };
        let starts: Vec<Visited> = self.states.iter().map(at).collect();
        let make_env = || Ok(Box::new(env()) as Box<dyn Env>);
        let policy = self.acting.clone();
        let agent = Agent {
            make_env: &make_env,
            policy: &policy,
            critic,
            bootstrap: None,
            gamma: self.system().coefficients().gamma,
            reward_scale: 1.0,
            streams: "a known world",
        };
        work(&agent, &starts)
    }

    /// Returns the plan of a bank whose returns are what [`Self::exact`] values.
    pub fn plan(&self, seed: u64) -> Plan {
        Plan { horizon: self.horizon, seed, ..Plan::default() }
    }

    /// Makes the bank of all states.
    ///
    /// # Errors
    /// Those of the rollouts.
    pub fn bank(&self, plan: &Plan, workers: &rayon::ThreadPool) -> Result<Bank> {
        self.ask(&self.exact(), |agent, starts| make_bank(agent, starts, 0, plan, workers, &|_| ()))
    }
}

/// Rows of the gain of a system's policy.
fn gain_of(system: &LinearQuadratic) -> Arc<Vec<Vec<f64>>> {
    Arc::new(system.coefficients().gain.rows().into_iter().map(|row| row.to_vec()).collect())
}

/// A function of the state that remembers its last result: it is called many times at one state.
fn of_state(known: impl Fn(&[f64]) -> Vec<f64>) -> impl Fn(&[f64]) -> Vec<f64> {
    let last = RefCell::new((Vec::new(), Vec::new()));
    move |s| {
        let mut last = last.borrow_mut();
        if last.0 != s {
            *last = (s.to_vec(), known(s));
        }
        last.1.clone()
    }
}

/// Products of rows with a state.
fn through<'s>(rows: &'s [Vec<f64>], s: &'s [f64]) -> impl Iterator<Item = f64> + 's {
    rows.iter().map(move |row| row.iter().zip(s).map(|(m, s)| m * s).sum())
}

/// A name for numbers that does not depend on their last bits, which differ between processors.
fn rounded(numbers: &[f64]) -> String {
    format!("{:?}", numbers.iter().map(|x| (x * 1e10).round() as i64).collect::<Vec<_>>())
}

/// Returns the standard normal number that belongs to an action: independent between actions, and the same
/// whichever simulator or thread asks for it.
pub fn normal_of(action: &[f64], stream: &Stream) -> f64 {
    stream.child(&rounded(action)).normal()
}

/// The environment of a world.
struct Turbulent {
    env: LinearEnv,
    signal: bool,
    unrest: Unrest,
    stream: Stream,
    /// Whether the next action is the first of a rollout.
    first: bool,
    /// The hidden number.
    x: f64,
}

impl Env for Turbulent {
    fn spec(&self) -> &Spec {
        self.env.spec()
    }

    fn reset(&mut self, reset: &mut Stream) -> Result<()> {
        self.env.reset(reset)?;
        (self.first, self.x) = (true, reset.uniform(0.0, 1.0));
        Ok(())
    }

    fn obs(&self) -> &[f64] {
        self.env.obs()
    }

    fn step(&mut self, action: &[f64]) -> Result<Step> {
        let first = std::mem::take(&mut self.first);
        let added = match self.unrest {
            Unrest::Noise(std) if first => std * normal_of(action, &self.stream),
            Unrest::Quiet | Unrest::Noise(_) => 0.0,
            Unrest::Chaos(strength) => {
                let s = self.env.obs();
                let push: f64 = (1..).zip(action).map(|(j, a)| f64::from(j) * a).sum();
                let pushed = self.x + push + s.iter().sum::<f64>();
                self.x = (0..TRIPLED).fold(pushed.rem_euclid(1.0), |x, _| (3.0 * x).fract());
                strength * s[0] * s[0] * 2f64.sqrt() * (std::f64::consts::TAU * self.x).cos()
            }
        };
        let step = self.env.step(action)?;
        let earned = if self.signal { step.reward } else { 0.0 };
        Ok(Step { reward: earned + added, ..step })
    }

    fn elapsed(&self) -> u32 {
        self.env.elapsed()
    }

    // Layout: that of the system | hidden number.
    fn snapshot(&self) -> Result<Snapshot> {
        let mut numbers = self.env.snapshot()?.0;
        numbers.push(self.x);
        Ok(Snapshot(numbers))
    }

    fn restore(&mut self, Snapshot(numbers): &Snapshot) -> Result<()> {
        let (x, system) = numbers.split_last().unwrap_or((&0.0, &[]));
        self.env.restore(&Snapshot(system.to_vec()))?;
        (self.first, self.x) = (true, *x);
        Ok(())
    }
}

impl Acting {
    /// What its action at a state is tanh of, `[A]`.
    fn at(&self, s: &[f64]) -> Vec<f64> {
        let Place { spread, shift, .. } = self.place;
        through(&self.weights, s).zip(shift).map(|(z, shift)| shift + spread * z).collect()
    }
}

impl Policy for Acting {
    fn act(&self, obs: &[f64], actions: &mut [f64]) -> Result<()> {
        for (s, a) in obs.chunks_exact(SIZE.0).zip(actions.chunks_exact_mut(SIZE.1)) {
            a.iter_mut().zip(through(&self.gain, s)).for_each(|(a, step)| *a = -step);
        }
        Ok(())
    }

    fn before_tanh(&self, obs: &[f64], before: &mut [f64]) -> Result<()> {
        for (s, u) in obs.chunks_exact(SIZE.0).zip(before.chunks_exact_mut(SIZE.1)) {
            u.copy_from_slice(&self.at(s));
        }
        Ok(())
    }

    fn share(&self) -> Result<Box<dyn Policy>> {
        Ok(Box::new(self.clone()))
    }
}

#[cfg(test)]
mod tests;
