//! How long an iteration of MAML takes (Table 3): sampling and update apart.

use std::sync::Arc;

use serde::Serialize;

use crate::algo::maml::Maml;
use crate::algo::maml::config::MamlConfig;
use crate::env::Family;
use crate::error::Result;
use crate::nn::meta_policy::PolicyKind;

/// Seconds of one iteration; medians over the iterations measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MamlIteration {
    /// The model, such as `hyper-multi-task`.
    pub model: String,
    /// The family of tasks.
    pub env: &'static str,
    /// Worker threads.
    pub threads: usize,
    /// Environment steps of an iteration.
    pub steps: usize,
    /// Seconds of sampling.
    pub sampling: f64,
    /// Seconds of the trust-region update.
    pub update: f64,
    /// Seconds of both.
    pub seconds: f64,
    /// The fastest iteration.
    pub min: f64,
    /// The slowest iteration.
    pub max: f64,
    /// What the paper's Table 3 prints for its machine, seconds; none where it has no such row.
    pub paper: Option<f64>,
}

/// The models whose iterations the paper times, and MAML with the context as input.
pub const MODELS: [(PolicyKind, bool); 4] = [
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
///
/// # Errors
/// Those of an iteration.
///
/// # Panics
/// Never: at least one iteration is measured.
pub fn maml_iteration(
    (policy, multi_task): (PolicyKind, bool),
    env: Family,
    workers: &Arc<rayon::ThreadPool>,
    samples: usize,
) -> Result<MamlIteration> {
    let config = MamlConfig { env, policy, multi_task, ..MamlConfig::default() }.resolved()?;
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
