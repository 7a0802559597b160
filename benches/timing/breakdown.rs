//! Where the time of training goes, and how long 5000 steps of it take (Table 3).
//!
//! Each part is timed by itself, in the shape in which an update runs it: both critics side by side.
//! What an update takes beyond its parts (the actor's step, sampling, noise) is the rest. Adam and the
//! targets share one pass over memory, so that the targets' part is what following adds to it.

use std::sync::Arc;

use hyperl::Result;
use hyperl::algo::config::TrainConfig;
use hyperl::algo::replay::Batch;
use hyperl::algo::twin_critic::{CriticUnit, Twin, TwinSpec};
use hyperl::algo::{Algo, RunConfig};
use hyperl::env::{Env, EnvId};
use hyperl::nn::critic::{CriticKind, QNet};
use hyperl::nn::init::Inits;
use hyperl::nn::weights::Draw;
use hyperl::rng::Stream;
use serde::Serialize;
use tch::{Device, Tensor};

use crate::sample::{Effort, sample};
use crate::single::{random_replay, train_step};

/// Steps of training whose time the paper gives.
const STEPS: f64 = 5000.0;

/// One part of a training step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Part {
    /// `environment`, `target values`, `forward`, `backward`, `optimiser`, `target update` or `rest`.
    pub(crate) name: &'static str,
    /// Milliseconds of a training step.
    pub(crate) milliseconds: f64,
    /// Share of the whole step.
    pub(crate) share: f64,
}

/// The time of a training step and what it is made of.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct TrainParts {
    /// Algorithm.
    pub(crate) algo: Algo,
    /// Critic.
    pub(crate) model: &'static str,
    /// Environment.
    pub(crate) env: &'static str,
    /// Worker threads.
    pub(crate) threads: usize,
    /// Seconds of 5000 environment steps with one update each, evaluations not counted.
    pub(crate) seconds_of_5000: f64,
    /// The parts, in the order of a step.
    pub(crate) parts: Vec<Part>,
}

/// Returns what the paper's Table 3 prints, in seconds for 5000 steps on its GPU: MLP, hypernetwork.
pub(crate) fn printed(algo: Algo) -> [f64; 2] {
    if algo == Algo::Sac { [120.0, 200.0] } else { [40.0, 140.0] }
}

/// Times the parts of a training step.
pub(crate) fn train_parts(
    algo: Algo,
    critic: CriticKind,
    env: EnvId,
    workers: &Arc<rayon::ThreadPool>,
    effort: Effort,
) -> Result<TrainParts> {
    let config = TrainConfig { critic, ..TrainConfig::of(algo, env) }.resolved()?;
    let stream = Stream::new(0, "runtime").child("parts");
    let batch =
        random_replay(config.dims()).sample(config.batch, Device::Cpu, &mut stream.child("batch"));
    let twin = twin(&config, &stream, workers)?;
    let whole = train_step(config.clone(), workers, effort)?.median / 1e3;
    let environment = median(sample(effort, || environment(&config, &stream))?);
    let Critics { targets, forward, optimiser, regress, follow } =
        Critics::time(twin, &batch, workers, effort)?;
    // TD3's targets follow at every second update.
    let share_of_updates = if algo == Algo::Td3 { 0.5 } else { 1.0 };
    let following = (follow - regress).max(0.0) * share_of_updates;
    let backward = (regress - forward - optimiser).max(0.0);
    let known = targets + forward + backward + optimiser + following;
    let seconds = environment + whole;
    let part = |(name, time): (&'static str, f64)| Part {
        name,
        milliseconds: time * 1e3,
        share: time / seconds,
    };
    let times = [
        ("environment", environment),
        ("target values", targets),
        ("forward", forward),
        ("backward", backward),
        ("optimiser", optimiser),
        ("target update", following),
        ("rest", (whole - known).max(0.0)),
    ];
    Ok(TrainParts {
        algo,
        model: critic.name(),
        env: env.name(),
        threads: workers.current_num_threads(),
        seconds_of_5000: STEPS * seconds,
        parts: times.map(part).into(),
    })
}

fn median(sorted: Vec<f64>) -> f64 {
    sorted[sorted.len() / 2]
}

/// Seconds of what both critics do, side by side.
struct Critics {
    /// The smaller target value.
    targets: f64,
    /// Q with its graph.
    forward: f64,
    /// Adam's step.
    optimiser: f64,
    /// Forward, backward and step.
    regress: f64,
    /// The same, and the targets follow.
    follow: f64,
}

impl Critics {
    fn time(
        mut twin: Twin,
        batch: &Batch,
        workers: &rayon::ThreadPool,
        effort: Effort,
    ) -> Result<Self> {
        let time = |work: &mut dyn FnMut()| -> Result<f64> {
            let once = || {
                work();
                Ok(1.0)
            };
            Ok(median(sample(effort, once)?))
        };
        let target_q = twin.smaller_target(&batch.next_obs, &batch.action);
        let inputs = [&batch.obs, &batch.action, &target_q];
        let zeros = twin.units.each_ref().map(|unit| zeros(&unit.online));
        Ok(Self {
            targets: time(&mut || _ = twin.smaller_target(&batch.next_obs, &batch.action))?,
            forward: time(&mut || {
                let inputs = [[&batch.obs, &batch.action]; 2];
                on_both(&mut twin, workers, inputs.map(|pair| pair.map(Tensor::shallow_clone)), {
                    |unit, [obs, action]| _ = unit.online.q(&obs, &action)
                });
            })?,
            optimiser: time(&mut || {
                let copies =
                    zeros.each_ref().map(|z| z.iter().map(Tensor::shallow_clone).collect());
                on_both(&mut twin, workers, copies, |unit, zeros: Vec<Tensor>| {
                    unit.adam.step(unit.online.params(), &zeros, None);
                });
            })?,
            regress: time(&mut || _ = twin.regress(inputs, None))?,
            follow: time(&mut || _ = twin.regress(inputs, Some(0.005)))?,
        })
    }
}

/// A gradient of nothing but zeros.
fn zeros(net: &QNet) -> Vec<Tensor> {
    net.params().iter().map(|param| param.tensor.detach().zeros_like()).collect()
}

fn twin(config: &TrainConfig, stream: &Stream, workers: &Arc<rayon::ThreadPool>) -> Result<Twin> {
    let spec = TwinSpec {
        kind: config.critic,
        dims: config.dims(),
        inits: Inits::default(),
        learning_rate: 1e-4,
    };
    let [q1, q2] = ["q1", "q2"].map(|name| stream.child(name));
    let draw = |stream| Draw { stream, kind: tch::Kind::Float, device: Device::Cpu };
    Twin::new(&spec, [&mut draw(&q1), &mut draw(&q2)], Arc::clone(workers))
}

/// Does the same with both critics, each on its worker.
fn on_both<I: Send>(
    twin: &mut Twin,
    workers: &rayon::ThreadPool,
    [a, b]: [I; 2],
    work: impl Fn(&mut CriticUnit, I) + Sync,
) {
    let [first, second] = &mut twin.units;
    workers.join(|| work(first, a), || work(second, b));
}

/// Makes random steps; returns their number.
fn environment(config: &TrainConfig, stream: &Stream) -> Result<f64> {
    let mut env: Box<dyn Env> = config.env.make()?;
    let mut draws = stream.child("environment");
    env.reset(&mut draws).expect("a simulator of ours resets");
    let steps = 2000;
    for _ in 0..steps {
        let action: Vec<f64> =
            (0..env.spec().action_dim).map(|_| draws.uniform(-1.0, 1.0)).collect();
        let step = env.step(&action)?;
        if step.terminated || step.truncated {
            env.reset(&mut draws).expect("a simulator of ours resets");
        }
    }
    Ok(f64::from(steps))
}
