//! Are better values better gradients? Critics of a world whose values and action gradients are known.
//!
//! A unit is one critic that learns in one [`Squashed`] system, drawn by its seed: from transitions of the actor with
//! normal exploration, by TD3's loss without smoothing of the targets, or by regression on the exact values of the same
//! states and actions. At every look its values and its gradient are compared with the truth, at states and actions
//! of the actor that no critic learned from.

use std::sync::Arc;

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind};

use crate::algo::replay::{Replay, Transition};
use crate::algo::td3::Td3Config;
use crate::algo::twin_critic::{Twin, TwinSpec};
use crate::checkpoint::disk::hash;
use crate::error::{Error, Result};
use crate::gradient::critic_gradient::{ActionValue, tensor};
use crate::gradient::known::{LinearQuadratic, Squashed, Truth};
use crate::names::named;
use crate::nn::critic::{CriticKind, Dims, QNet};
use crate::nn::init::Inits;
use crate::nn::weights::Draw;
use crate::rng::Stream;
use crate::stats::resample::jackknife;
use crate::stats::{Estimate, LEVEL, summary};

/// Changes whenever the same unit would learn otherwise.
const REVISION: u32 = 1;
/// States and actions of a system.
const SIZE: (usize, usize) = (6, 3);
/// Steps of an episode, which starts from a standard normal state.
const EPISODE: usize = 20;
/// Episodes of the states at which critics are judged.
const JUDGED_EPISODES: usize = 25;
/// Transitions of a minibatch: TD3's.
const BATCH: usize = 100;

named!("kind of targets",
    /// What a critic regresses on.
    Targets {
        /// Reward and the smaller of the discounted slow values that follow.
        Bootstrapped = "bootstrapped",
        /// The exact value.
        Exact = "exact",
    }
);

/// One critic that learns.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unit {
    pub critic: CriticKind,
    pub targets: Targets,
    /// Transitions that it learns from.
    pub data: usize,
    /// Standard deviation of the noise on their actions, in action half-ranges; TD3's is 0.1.
    pub exploration: f64,
    /// Fraction of the weights that slow copies take over every second update.
    pub tau: f64,
    /// Updates that it makes.
    pub updates: u64,
    /// Times that it is judged, evenly spaced.
    pub looks: u64,
    /// Seed of system, transitions, minibatches and weights.
    pub seed: u64,
}

/// The errors of a critic after some updates.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Point {
    pub update: u64,
    /// Root mean squared error of its values, by their standard deviation over states.
    pub value_error: f64,
    /// The same when it may be off by a constant, which no gradient feels.
    pub shifted_error: f64,
    /// Cosine of its gradient before tanh, all states stacked.
    pub kappa: f64,
    /// Length of that gradient's error by that of the true one, all states stacked.
    pub gradient_error: f64,
}

/// A critic while it learned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Learned {
    pub unit: Unit,
    /// One for each look.
    pub points: Vec<Point>,
}

impl Learned {
    /// Returns the last look.
    pub(crate) fn last(&self) -> Point {
        *self.points.last().expect("at least one look")
    }
}

impl Unit {
    /// Describes the unit.
    pub(crate) fn name(&self) -> String {
        let Self { critic, targets, data, exploration, seed, .. } = self;
        format!(
            "{critic} with {targets} targets, {data} transitions, exploration {exploration}, seed {seed}"
        )
    }

    /// Returns a key that is equal exactly if the unit is.
    pub(crate) fn key(&self) -> String {
        let unit = serde_json::to_string(&(self, REVISION)).expect("plain data");
        format!("value-error-{}", &hash(unit.as_bytes())[..16])
    }

    /// Lets the critic learn, and judges it.
    pub(crate) fn learn(&self, workers: &Arc<rayon::ThreadPool>) -> Result<Learned> {
        let of_seed = Stream::new(self.seed, "value error");
        let world = world(self.seed)?;
        let judges = Judges::new(&world, &of_seed);
        let replay = self.collect(&world, &of_seed);
        let mut minibatch = of_seed.child("minibatch");
        let mut twin = self.critics(&of_seed, workers)?;
        let gain = tensor(&world.system().coefficients().gain)?;
        let policy_delay = Td3Config::default().policy_delay;
        let gamma = world.system().coefficients().gamma;
        let look = (self.updates / self.looks).max(1);
        let mut points = Vec::new();
        for update in 1..=self.updates {
            let batch = replay.sample(BATCH, Device::Cpu, &mut minibatch);
            let next_action = batch.next_obs.matmul(&gain.tr()).neg().tanh();
            let next_q = twin.smaller_target(&batch.next_obs, &next_action);
            let target_q = &batch.reward + gamma * &batch.alive * next_q;
            let follows = update.is_multiple_of(policy_delay).then_some(self.tau);
            twin.regress([&batch.obs, &batch.action, &target_q], follows);
            if update.is_multiple_of(look) || update == self.updates {
                points.push(judges.judge(update, &twin.units[0].online)?);
            }
        }
        Ok(Learned { unit: *self, points })
    }

    /// Returns the transitions that are learned from. A step whose reward is the value and after which nothing follows
    /// has the exact value for its target.
    fn collect(&self, world: &Squashed, of_seed: &Stream) -> Replay {
        let mut replay = Replay::new(dims(), self.data);
        let (mut starts, mut noise) = (of_seed.child("starts"), of_seed.child("exploration"));
        let mut s = Vec::new();
        for step in 0..self.data {
            if step.is_multiple_of(EPISODE) {
                s = start(&mut starts);
            }
            let mut explored = |a: f64| (a + self.exploration * noise.normal()).clamp(-1.0, 1.0);
            let a: Vec<f64> = world.act(&s).into_iter().map(&mut explored).collect();
            let next = world.next(&s, &a).to_vec();
            let (reward, terminated) = match self.targets {
                Targets::Bootstrapped => (world.system().reward(&s, &a), false),
                Targets::Exact => (world.truth(&s, &a).value, true),
            };
            let (obs, action, next_obs) = (&*s, &*a, &*next);
            replay.push(Transition { obs, action, next_obs, reward, terminated });
            s = next;
        }
        replay
    }

    /// Returns two new critics.
    fn critics(&self, of_seed: &Stream, workers: &Arc<rayon::ThreadPool>) -> Result<Twin> {
        let [q1, q2] = ["q1", "q2"].map(|part| of_seed.child(part));
        let (kind, device) = (Kind::Float, Device::Cpu);
        let [mut q1, mut q2] = [&q1, &q2].map(|stream| Draw { stream, kind, device });
        let learning_rate = Td3Config::default().critic_lr_for(self.critic);
        let inits = Inits::default();
        let spec = TwinSpec { kind: self.critic, dims: dims(), inits, learning_rate };
        Twin::new(&spec, [&mut q1, &mut q2], Arc::clone(workers))
    }
}

/// Draws the system of a seed.
fn world(seed: u64) -> Result<Squashed> {
    let mut stream = Stream::new(seed, "value error: system");
    Ok(Squashed::new(LinearQuadratic::random(SIZE.0, SIZE.1, &mut stream)?))
}

fn dims() -> Dims {
    Dims { obs: SIZE.0 as i64, action: SIZE.1 as i64 }
}

fn start(stream: &mut Stream) -> Vec<f64> {
    (0..SIZE.0).map(|_| stream.normal()).collect()
}

/// States and actions of the actor, with the truth about them.
struct Judges {
    obs: Array2<f64>,
    actions: Array2<f64>,
    truths: Vec<Truth>,
}

impl Judges {
    fn new(world: &Squashed, of_seed: &Stream) -> Self {
        let mut starts = of_seed.child("judged");
        let (mut obs, mut actions, mut truths) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..JUDGED_EPISODES {
            let mut s = start(&mut starts);
            for _ in 0..EPISODE {
                let a = world.act(&s).to_vec();
                truths.push(world.truth(&s, &a));
                let next = world.next(&s, &a).to_vec();
                obs.extend(std::mem::replace(&mut s, next));
                actions.extend(a);
            }
        }
        let rows = |of: Vec<f64>, columns| {
            Array2::from_shape_vec((truths.len(), columns), of).expect("one row each")
        };
        Self { obs: rows(obs, SIZE.0), actions: rows(actions, SIZE.1), truths }
    }

    fn judge(&self, update: u64, critic: &QNet) -> Result<Point> {
        let values = critic.value(&self.obs, &self.actions)?;
        let gradients = critic.action_gradient(&self.obs, &self.actions)?;
        let point = point(update, &values, &gradients, &self.actions, &self.truths);
        let Point { value_error, kappa, .. } = point;
        if !(value_error.is_finite() && kappa.is_finite()) {
            return Err(Error::Diverged {
                what: "the critic's values or their gradient".into(),
                moment: format!("after {update} updates"),
                remedy: "less --exploration or another --tau".into(),
            });
        }
        Ok(point)
    }
}

/// Compares values `[n]` and action gradients `[n, A]` of a critic with the truth at the same states and actions.
fn point(
    update: u64,
    values: &[f64],
    gradients: &Array2<f64>,
    actions: &Array2<f64>,
    truths: &[Truth],
) -> Point {
    let off: Vec<f64> = values.iter().zip(truths).map(|(q, truth)| q - truth.value).collect();
    let spread = summary::std(&truths.iter().map(|truth| truth.value).collect::<Vec<_>>());
    let mean_square = off.iter().map(|x| x * x).sum::<f64>() / off.len() as f64;
    let [mut along, mut own, mut of_truth, mut error] = [0.0; 4];
    for ((critic, truth), a) in gradients.rows().into_iter().zip(truths).zip(actions.rows()) {
        for ((g, t), a) in critic.iter().zip(&truth.gradient).zip(a) {
            let before_tanh = 1.0 - a * a;
            let (g, t) = (before_tanh * g, before_tanh * t);
            along += g * t;
            own += g * g;
            of_truth += t * t;
            error += (g - t) * (g - t);
        }
    }
    Point {
        update,
        value_error: mean_square.sqrt() / spread,
        shifted_error: summary::std(&off) / spread,
        kappa: along / (own * of_truth).sqrt(),
        gradient_error: (error / of_truth).sqrt(),
    }
}

/// Which error of the values an order is by.
pub(crate) type ErrorOf = fn(&Point) -> f64;

/// Returns the share of pairs of critics that learned from the same, at the end, of which the one with the
/// smaller error of its values has the larger κ, a tie counting half: mean over seeds, each of which has a system of
/// its own.
pub(crate) fn agreement(all: &[Learned], error: ErrorOf) -> Estimate {
    let alike = |a: &Learned, b: &Learned| {
        let of = |x: &Learned| Unit { critic: CriticKind::MlpSmall, ..x.unit };
        of(a) == of(b)
    };
    over_seeds(all, |of_seed| {
        let pairs = (0..of_seed.len()).flat_map(|i| (0..i).map(move |j| [i, j]));
        let pairs = pairs.map(|pair| pair.map(|i| of_seed[i])).filter(|[a, b]| alike(a, b));
        summary::mean(&pairs.map(|pair| agrees(pair.map(Learned::last), error)).collect::<Vec<_>>())
    })
}

/// Returns the same of pairs of looks at one critic that learns.
pub(crate) fn agreement_while_learning(all: &[Learned], error: ErrorOf) -> Estimate {
    over_seeds(all, |of_seed| {
        let of_unit = |learned: &&Learned| {
            let points = learned.points.clone();
            (0..points.len())
                .flat_map(move |i| (0..i).map(move |j| [i, j]))
                .map(move |pair| agrees(pair.map(|i| points[i]), error))
                .collect::<Vec<f64>>()
        };
        summary::mean(&of_seed.iter().flat_map(of_unit).collect::<Vec<_>>())
    })
}

/// Returns the mean of a share over the seeds that have it.
fn over_seeds(all: &[Learned], share: impl Fn(Vec<&Learned>) -> f64) -> Estimate {
    let mut seeds: Vec<u64> = all.iter().map(|learned| learned.unit.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    let of_seed =
        |seed: u64| share(all.iter().filter(|learned| learned.unit.seed == seed).collect());
    let shares: Vec<f64> = seeds.into_iter().map(of_seed).filter(|x| x.is_finite()).collect();
    jackknife(&shares, summary::mean, LEVEL)
}

/// Returns 1 where the smaller error belongs to the larger κ, 0 where it does not, and a half of a tie.
fn agrees([a, b]: [Point; 2], error: ErrorOf) -> f64 {
    let product = (error(&b) - error(&a)) * (a.kappa - b.kappa);
    if product == 0.0 { 0.5 } else { f64::from(u8::from(product > 0.0)) }
}

#[cfg(test)]
mod tests;
