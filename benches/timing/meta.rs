//! How long meta-learning takes (Table 3): an iteration of MAML, sampling and update apart, and an update of
//! PEARL.

use std::sync::Arc;

use hyperl::Result;
use hyperl::algo::RunConfig;
use hyperl::algo::maml::Maml;
use hyperl::algo::maml::config::MamlConfig;
use hyperl::algo::pearl::agent::{PearlAgent, PearlBatch};
use hyperl::algo::pearl::config::PearlConfig;
use hyperl::analysis::series::pearl_name;
use hyperl::env::Family;
use hyperl::nn::meta_policy::PolicyKind;
use hyperl::nn::pearl::PearlModel;
use hyperl::rng::Stream;
use serde::Serialize;
use tch::{Kind, Tensor};

use crate::sample::{Effort, sample};

/// Seconds of one iteration; medians over the iterations measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct MamlIteration {
    /// The model, such as `hyper-multi-task`.
    pub(crate) model: String,
    /// The family of tasks.
    pub(crate) env: &'static str,
    /// Worker threads.
    pub(crate) threads: usize,
    /// Environment steps of an iteration.
    pub(crate) steps: usize,
    /// Seconds of sampling.
    pub(crate) sampling: f64,
    /// Seconds of the trust-region update.
    pub(crate) update: f64,
    /// Seconds of both.
    pub(crate) seconds: f64,
    /// The fastest iteration.
    pub(crate) min: f64,
    /// The slowest iteration.
    pub(crate) max: f64,
    /// What the paper's Table 3 prints for its machine, seconds; none where it has no such row.
    pub(crate) paper: Option<f64>,
}

/// The models whose iterations the paper times, and MAML with the context as input.
pub(crate) const MODELS: [(PolicyKind, bool); 4] = [
    (PolicyKind::Vanilla, false),
    (PolicyKind::Context, false),
    (PolicyKind::Hyper, false),
    (PolicyKind::Hyper, true),
];

/// Returns what Table 3 prints, in seconds of an iteration.
fn printed(policy: PolicyKind, multi_task: bool) -> Option<f64> {
    match (policy, multi_task) {
        (PolicyKind::Vanilla, false) => Some(150.0),
        (PolicyKind::Hyper, false) => Some(145.0),
        (PolicyKind::Hyper, true) => Some(120.0),
        _ => None,
    }
}

/// Times whole iterations of a run at its defaults (40 tasks, 20 episodes of 200 steps before adaptation
/// and 20 after it), the first of them not counted. Evaluations on the test tasks are apart from that.
pub(crate) fn maml_iteration(
    config: MamlConfig,
    workers: &Arc<rayon::ThreadPool>,
    samples: usize,
) -> Result<MamlIteration> {
    let config = config.resolved()?;
    let MamlConfig { env, policy, multi_task, .. } = config;
    let plays = if multi_task { 1 } else { 2 };
    let steps = plays * config.tasks * config.episodes * env.spec().time_limit as usize;
    let model = config.model();
    let mut maml = Maml::new(config, Arc::clone(workers))?;
    maml.step()?;
    let all = (0..samples.max(1)).map(|_| Ok(maml.step()?.seconds)).collect::<Result<Vec<_>>>()?;
    let of = |what: fn(&[f64; 2]) -> f64| {
        let mut values: Vec<f64> = all.iter().map(what).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let median = |values: &[f64]| values[values.len() / 2];
    let totals = of(|[sampling, update]| sampling + update);
    Ok(MamlIteration {
        model,
        env: env.name(),
        threads: workers.current_num_threads(),
        steps,
        sampling: median(&of(|s| s[0])),
        update: median(&of(|s| s[1])),
        seconds: median(&totals),
        min: totals[0],
        max: totals[totals.len() - 1],
        paper: printed(policy, multi_task),
    })
}

/// Time of an update of PEARL, and what the paper's 5000 environment steps cost with it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct PearlStep {
    /// `pearl` or `hyper-pearl`.
    pub(crate) model: &'static str,
    /// The family of tasks.
    pub(crate) env: &'static str,
    /// Worker threads.
    pub(crate) threads: usize,
    /// Median milliseconds of an update.
    pub(crate) milliseconds: f64,
    /// The fastest.
    pub(crate) min: f64,
    /// The slowest.
    pub(crate) max: f64,
    /// Seconds of the updates of one iteration, which plays about 5000 environment steps.
    pub(crate) seconds_of_updates: f64,
    /// What Table 3 prints for 5000 environment steps with a GPU, seconds.
    pub(crate) paper: f64,
}

/// Returns random data of the shapes that updates with these settings take.
pub(crate) fn random_batch(config: &PearlConfig, stream: &Stream) -> PearlBatch {
    let (dims, schedule) = (config.dims(), config.schedule());
    let (tasks, rows) = (schedule.meta_batch as i64, config.batch as i64);
    let mut draws = stream.clone();
    let mut tensor = |shape: &[i64]| {
        let count = shape.iter().product::<i64>();
        let numbers: Vec<f32> = (0..count).map(|_| draws.uniform(-1.0, 1.0) as f32).collect();
        Tensor::from_slice(&numbers).view(shape)
    };
    PearlBatch {
        context: tensor(&[tasks, schedule.context_batch as i64, dims.obs + dims.action + 1]),
        obs: tensor(&[tasks, rows, dims.obs]),
        action: tensor(&[tasks, rows, dims.action]),
        reward: tensor(&[tasks, rows]),
        next_obs: tensor(&[tasks, rows, dims.obs]),
        alive: Tensor::ones([tasks, rows], (Kind::Float, tch::Device::Cpu)),
    }
}

/// Times updates at a family's defaults (16 tasks of 256 rows for velocities) on random data, the noise
/// drawn included.
pub(crate) fn pearl_step(
    model: PearlModel,
    env: Family,
    workers: &Arc<rayon::ThreadPool>,
    effort: Effort,
) -> Result<PearlStep> {
    let config = PearlConfig { env, model, ..PearlConfig::default() }.resolved()?;
    let stream = Stream::new(0, "runtime").child("pearl");
    let batch = random_batch(&config, &stream.child("data"));
    let mut agent = PearlAgent::new(&config, Arc::clone(workers))?;
    let mut noise = stream.child("noise");
    let times = sample(effort, || {
        agent.learn(&batch, &mut noise);
        Ok(1.0)
    })?;
    let [min, median, max] = [0, times.len() / 2, times.len() - 1].map(|i| times[i]);
    Ok(PearlStep {
        model: pearl_name(model),
        env: env.name(),
        threads: workers.current_num_threads(),
        milliseconds: 1e3 * median,
        min: 1e3 * min,
        max: 1e3 * max,
        seconds_of_updates: config.schedule().train_steps as f64 * median,
        paper: match model {
            PearlModel::Mlp => 450.0,
            PearlModel::Hyper => 700.0,
        },
    })
}
