//! One evaluation in the paper's mode and in lab mode, timed in turn.
//!
//! The modes ask different things of a state; a rollout is the same work in both, so a step should cost
//! the same. To see that on a machine whose speed drifts, the two start from the same states in equal
//! shares, all rollouts have the same number of steps (a robot that falls goes on), each repeat is the
//! same work, and the modes take turns.

use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};

use hyperl::Result;
use hyperl::algo::config::TrainConfig;
use hyperl::algo::{Algo, RunConfig};
use hyperl::env::{Env, EnvId, Snapshot, Spec, Step, Visited};
use hyperl::gradient::bank::{Plan, make_bank};
use hyperl::gradient::score::score_states;
use hyperl::gradient::{Agent, Mode, Settings, measure};
use hyperl::nn::critic::{CriticKind, QNet};
use hyperl::nn::weights::{Draw, Training};
use hyperl::rng::Stream;
use tch::{Device, Kind};

use crate::sample::{Effort, Timing, in_turn};
use crate::single::{RandomActions, starts};

/// Different states; each stands for three in the paper's mode.
const DIFFERENT: usize = 5;

/// Times one evaluation of a new SA-Hyper critic in both modes, all of it but reading the checkpoint:
/// its gradient, the rollouts, both fits and their comparison. The third figure is what a step of a
/// rollout costs in lab mode over what it costs in the paper's, from neighbouring samples.
///
/// In the paper's mode these are 15 states × 15 rollouts, in lab mode 5 states in which the blocks make about as
/// many or more, each of 688 steps.
pub(crate) fn evaluations(
    env: EnvId,
    workers: &rayon::ThreadPool,
    effort: Effort,
) -> Result<[Timing; 3]> {
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
        Timing::per_unit(what, Some(env), workers, &times).of(Algo::Td3, kind)
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
        let states = if mode == Mode::Lab { DIFFERENT } else { 3 * DIFFERENT };
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
        let policy = &RandomActions::new(self.env)?; // its random actions begin anew
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
        match self.settings.mode {
            Mode::Lab => {
                let horizon = self.settings.horizon(gamma, 0, u32::MAX);
                let plan = Plan { horizon, ..Plan::default() };
                let bank = make_bank(&agent, &self.starts, 0, &plan, workers, &count)?;
                black_box(score_states(&bank, 0, critic, &Stream::new(0, "smoothing"))?);
            }
            Mode::Paper | Mode::AsReleased => {
                black_box(measure(&agent, &self.starts, &self.settings, workers, &count)?);
            }
        }
        Ok(made.into_inner())
    }
}

/// A robot that goes on after a fall.
struct Tireless(Box<dyn Env>);

impl Env for Tireless {
    fn spec(&self) -> &Spec {
        self.0.spec()
    }

    fn reset(&mut self, reset: &mut Stream) -> Result<()> {
        self.0.reset(reset)
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

    fn snapshot(&self) -> Result<Snapshot> {
        self.0.snapshot()
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Result<()> {
        self.0.restore(snapshot)
    }

    fn set_noise(&mut self, noise: &Stream) -> Result<()> {
        self.0.set_noise(noise)
    }
}
