//! One evaluation in the paper's mode and in lab mode, timed in turn.
//!
//! The modes ask different things of a state; a rollout is the same work in both, so a step should cost
//! the same. To see that on a machine whose speed drifts, the two start from the same states in equal
//! shares, all rollouts have the same number of steps (a robot that falls goes on), each repeat is the
//! same work, and the modes take turns.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use tch::{Device, Kind};

use super::{Effort, Restless, Timing, one_sample, per_unit, starts};
use crate::algo::config::TrainConfig;
use crate::algo::{Algo, RunConfig};
use crate::env::{Env, EnvId, Snapshot, Spec, Step, Visited};
use crate::error::Result;
use crate::gradient::{Agent, Mode, Settings, measure};
use crate::nn::critic::{CriticKind, QNet};
use crate::nn::weights::{Draw, Training};
use crate::rng::Stream;

/// Different states; each stands for three in the paper's mode and for two in lab mode.
const DIFFERENT: usize = 5;

/// Times one evaluation of a new SA-Hyper critic in both modes, all of it but reading the checkpoint:
/// its gradient, the rollouts, both fits and their comparison. The third figure is what a step of a
/// rollout costs in lab mode over what it costs in the paper's, from neighbouring samples.
///
/// In the paper's mode these are 15 states × 15 rollouts, in lab mode 10 states in which the blocks
/// make about as many, each of 688 steps.
///
/// # Errors
/// Those of making environment and networks.
pub fn evaluations(env: EnvId, workers: &rayon::ThreadPool, effort: Effort) -> Result<[Timing; 3]> {
    let kind = CriticKind::SaHyper;
    let dims = TrainConfig { env, ..TrainConfig::default() }.dims();
    let stream = &Stream::new(0, "runtime").child("critic");
    let source = &mut Draw { stream, kind: Kind::Float, device: Device::Cpu };
    let critic = QNet::new(kind, dims, Training::Frozen, source)?;
    let paper = Evaluation::new(env, Mode::Paper, Settings::default())?;
    let lab = Evaluation::new(env, Mode::Lab, Settings::default())?;
    let share = |e: &Evaluation| Ok(e.run(&critic, workers)? as f64 / e.whole as f64);
    let (in_paper, in_lab) = (|| share(&paper), || share(&lab));
    let [of_paper, of_lab] = in_turn(effort, in_paper, in_lab)?;
    let steps = [&paper, &lab].map(|e| e.whole as f64);
    let ratio = |(p, l): (&f64, &f64)| (l / steps[1]) / (p / steps[0]);
    let ratios: Vec<f64> = of_paper.iter().zip(&of_lab).map(ratio).collect();

    let timing = |what, times: Vec<f64>| -> Timing {
        let mut times = times;
        times.sort_by(f64::total_cmp);
        per_unit(what, Some(env), workers, &times).of(Algo::Td3, kind)
    };
    let evaluation = |times, e: &Evaluation| Timing {
        algo: None,
        mode: Some(e.settings.mode.name()),
        steps: Some(e.whole),
        ..timing("evaluation", times)
    };
    Ok([
        evaluation(of_paper, &paper),
        evaluation(of_lab, &lab),
        Timing { algo: None, unit: "×", ..timing("evaluation-ratio", ratios) },
    ])
}

/// Samples two pieces of work, each of which returns the units it did, as neighbours: first and second,
/// second and first, …, so that a drift of the machine favours neither. Seconds per unit, pair by pair.
fn in_turn(
    effort: Effort,
    mut first: impl FnMut() -> Result<f64>,
    mut second: impl FnMut() -> Result<f64>,
) -> Result<[Vec<f64>; 2]> {
    first()?;
    second()?;
    let (mut of_first, mut of_second) = (Vec::new(), Vec::new());
    for pair in 0..effort.samples {
        if pair.is_multiple_of(2) {
            of_first.push(one_sample(effort, &mut first)?);
            of_second.push(one_sample(effort, &mut second)?);
        } else {
            of_second.push(one_sample(effort, &mut second)?);
            of_first.push(one_sample(effort, &mut first)?);
        }
    }
    Ok([of_first, of_second])
}

/// One evaluation to be made.
struct Evaluation {
    env: EnvId,
    settings: Settings,
    starts: Vec<Visited>,
    /// Steps of all its rollouts.
    whole: u64,
}

impl Evaluation {
    /// An evaluation from [`DIFFERENT`] states, each as often as the others.
    fn new(env: EnvId, mode: Mode, settings: Settings) -> Result<Self> {
        let states = if mode == Mode::Lab { 2 * DIFFERENT } else { 3 * DIFFERENT };
        let settings = Settings { mode, states, ..settings };
        let config = TrainConfig { env, ..TrainConfig::default() };
        let different = starts(env, DIFFERENT)?;
        let starts = different.iter().cycle().take(states).cloned().map(Visited::from).collect();
        let rollouts = states * settings.rollouts_of(config.dims().action as usize);
        let horizon = settings.horizon(config.gamma(), 0, env.spec().time_limit);
        Ok(Self { env, settings, starts, whole: u64::from(horizon) * rollouts as u64 })
    }

    /// Makes it; returns the steps made, fewer than all only where a simulation became unstable.
    fn run(&self, critic: &QNet, workers: &rayon::ThreadPool) -> Result<u64> {
        let policy = &Restless::new(self.env)?; // its random actions begin anew
        let make_env = || Ok(Box::new(Tireless(self.env.make()?)) as Box<dyn Env>);
        let gamma = TrainConfig::default().gamma();
        let streams = "runtime";
        let agent = Agent {
            make_env: &make_env,
            policy,
            critic,
            bootstrap: None,
            gamma,
            reward_scale: 1.0,
            streams,
        };
        let made = AtomicU64::new(0);
        let count = |steps| _ = made.fetch_add(steps, Ordering::Relaxed);
        black_box(measure(&agent, &self.starts, &self.settings, (workers, &count))?);
        Ok(made.into_inner())
    }
}

/// A robot that goes on after a fall.
struct Tireless(Box<dyn Env>);

impl Env for Tireless {
    fn spec(&self) -> &Spec {
        self.0.spec()
    }

    fn reset(&mut self, reset: &mut Stream) {
        self.0.reset(reset);
    }

    fn obs(&self) -> &[f64] {
        self.0.obs()
    }

    fn step(&mut self, action: &[f64]) -> Result<Step> {
        Ok(Step { terminated: false, ..self.0.step(action)? })
    }

    fn elapsed(&self) -> u32 {
        self.0.elapsed()
    }

    fn snapshot(&self) -> Snapshot {
        self.0.snapshot()
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.0.restore(snapshot)
    }

    fn set_noise(&mut self, noise: &Stream) {
        self.0.set_noise(noise);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::nn::workers;

    #[test]
    fn both_modes_start_from_the_same_states_and_no_rollout_ends_early() {
        let env = EnvId::Hopper; // under random actions it falls within some 30 steps
        let dims = TrainConfig { env, ..TrainConfig::default() }.dims();
        let stream = &Stream::new(0, "test");
        let source = &mut Draw { stream, kind: Kind::Float, device: Device::Cpu };
        let critic = QNet::new(CriticKind::MlpSmall, dims, Training::Frozen, source).unwrap();
        let workers = workers::start(2).unwrap();
        for (mode, states, rollouts) in [(Mode::Paper, 15, 15), (Mode::Lab, 10, 24)] {
            let settings = Settings { horizon: Some(80), ..Settings::default() };
            let evaluation = Evaluation::new(env, mode, settings).unwrap();
            assert_eq!(evaluation.whole, states * rollouts * 80, "{mode:?}");
            assert_eq!(evaluation.run(&critic, &workers).unwrap(), evaluation.whole, "{mode:?}");
            let starts = &evaluation.starts;
            assert_eq!(starts.len() as u64, states);
            for start in starts {
                let same = starts.iter().filter(|other| *other == start).count();
                assert_eq!(same, starts.len() / DIFFERENT, "each as often as the others");
            }
            let different = super::starts(env, DIFFERENT).unwrap().into_iter().map(Visited::from);
            assert_eq!(starts[..DIFFERENT], different.collect::<Vec<_>>());
        }
    }

    #[test]
    fn neighbours_take_turns_in_going_first() {
        let order = RefCell::new(String::new());
        let work = |name| {
            order.borrow_mut().push(name);
            std::thread::sleep(std::time::Duration::from_millis(2));
            Ok(1.0)
        };
        let effort = Effort { samples: 3, seconds: 1e-3 };
        let [first, second] = in_turn(effort, || work('p'), || work('l')).unwrap();
        assert_eq!(order.take(), "pl pl lp pl".replace(' ', ""));
        assert_eq!((first.len(), second.len()), (3, 3));
        assert!(first.iter().chain(&second).all(|seconds| *seconds >= 2e-3));
    }
}
