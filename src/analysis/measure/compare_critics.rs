//! Two critics on one frozen policy: whose gradient moves the actor's weights the right way?

use ndarray::Array2;
use serde::Serialize;
use tch::{Kind, Tensor};

use super::gradient_cosine::{Networks, starts};
use super::learnable::{LearnableCurve, LearnableDifference};
use crate::analysis::summary::Interval;
use crate::checkpoint::Checkpoint;
use crate::env::{EnvId, Visited};
use crate::error::{Error, Result};
use crate::gradient::parameter_space::{policy_gradient, proposition_factor};
use crate::gradient::{Settings, StateResult, measure};
use crate::nn::policy_net::PolicyNet;
use crate::nn::weights::{Reuse, Training};
use crate::rng::Stream;
use crate::stats::LEVEL;
use crate::stats::clusters::clusters;

/// Weights of which inner products are taken at a time.
const COLUMNS: i64 = 4096;

/// Usable states below which α is not published: at 150 its standard deviation is a third of its value,
/// at 500 a twelfth (`docs/estimator.md` §7.2). Below 500 itself, since some of 500 states are saturated.
pub(crate) const ALPHA_STATES: usize = 400;

/// What two critics are worth to one actor.
#[allow(clippy::struct_field_names, reason = "fields are named as in the JSON")]
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Comparison {
    /// Environment.
    pub env: String,
    /// Run and step whose policy and states are used, and whose critic is the first.
    pub policy: String,
    /// Run and step of the second critic.
    pub against: String,
    /// States with a usable gradient.
    pub states: usize,
    /// Action dimensions in which one of them is compared, on average; in one dimension a cosine is
    /// +1 or −1.
    pub tried: f64,
    /// Cosine of the first critic's policy gradient and the true one, in the actor's weights.
    pub cosine: Interval,
    /// The second critic's.
    pub against_cosine: Interval,
    /// cos² of the first over cos² of the second: ratio of guaranteed progress.
    pub progress_ratio: Interval,
    /// Error of the first critic's policy gradient relative to the true one; counts wrong scale. Null
    /// with fewer than [`ALPHA_STATES`] usable states.
    pub alpha: Option<Interval>,
    /// Share of states whose action gradient is right enough, of both critics on the same states, at
    /// three thresholds.
    pub learnable: Vec<LearnableDifference>,
    /// The same at all thresholds.
    pub learnable_curve: LearnableCurve,
    /// Ratio of the factors `(1 − α)/(1 + α)²` of Proposition 1: a worst-case bound, from which the
    /// constants cancel.
    pub proposition_ratio: f64,
}

fn name(checkpoint: &Checkpoint) -> String {
    format!("{} at step {}", checkpoint.config().run_name(), checkpoint.manifest().step)
}

/// Checks that two critics can be compared, before anything is measured or written.
///
/// # Errors
/// [`Error::Mismatch`] if the environments differ.
pub(crate) fn check(first: &Checkpoint, against: &Checkpoint) -> Result<()> {
    let (config, other) = (first.off_policy()?, against.off_policy()?);
    if config.env != other.env {
        return Err(Error::Mismatch {
            what: format!("environment of {}", against.path().display()),
            expected: config.env.to_string(),
            found: other.env.to_string(),
            remedy: "compare two critics of one environment".into(),
        });
    }
    Ok(())
}

/// Compares the critic of `first` with that of `against`, both under the policy of `first`.
pub(crate) fn compare(
    first: &Checkpoint,
    against: &Checkpoint,
    settings: &Settings,
    context: (&rayon::ThreadPool, &(dyn Fn(u64) + Sync)),
) -> Result<Comparison> {
    check(first, against)?;
    let config = first.off_policy()?;
    let (networks, rival) = (Networks::for_critic(first)?, Networks::for_critic(against)?);
    let make_env = || config.env.make();
    let agent = networks.agent(&make_env);
    let starts = starts(first, &*networks.policy, settings)?;
    let results = measure(&agent, &starts, settings, context.0, context.1)?;
    let usable = Usable::new(config.env, &starts, &results)?;
    let rival = rival.critic.action_gradient(&usable.obs, &usable.centres)?;
    let rival = on_tried(&usable.identified, rival);
    let gradients = [&usable.truth, &usable.own, &rival];
    let inner = inner_products(&networks.actor, &usable.obs, gradients)?;
    let found = policy_gradient(&by_episode(&inner, &usable.episodes)?, LEVEL);
    let factor = |cosine: f64| proposition_factor(cosine.clamp(-1.0, 1.0));
    let both_climb = found.cosine.value > 0.0 && found.other_cosine.value > 0.0;
    let states = usable.obs.nrows();
    let mut stream = Stream::new(settings.seed, "bootstrap").child(agent.streams);
    let truth = (&usable.truth, &usable.tried[..]);
    let learnable_curve = LearnableCurve::new(truth, [&usable.own, &rival], &mut stream);
    Ok(Comparison {
        env: config.env.name().into(),
        policy: name(first),
        against: name(against),
        states,
        tried: usable.tried.iter().sum::<usize>() as f64 / states as f64,
        cosine: found.cosine.into(),
        against_cosine: found.other_cosine.into(),
        progress_ratio: found.progress_ratio.into(),
        alpha: (states >= ALPHA_STATES).then(|| found.alpha.into()),
        learnable: learnable_curve.at_taus(),
        learnable_curve,
        proposition_ratio: if both_climb {
            factor(found.cosine.value) / factor(found.other_cosine.value)
        } else {
            f64::NAN
        },
    })
}

/// The states with a gradient, one row each. A coordinate in which the policy is saturated was not
/// tried; its truth is 0, and the critics' is set to 0 too: the actor hardly moves there anyway. Where the
/// truth of a coordinate that was tried is 0, the critics are wrong by what they say.
struct Usable {
    obs: Array2<f64>,
    centres: Array2<f64>,
    truth: Array2<f64>,
    own: Array2<f64>,
    /// Which action dimensions were tried.
    identified: Array2<bool>,
    /// Action dimensions compared, of each state.
    tried: Vec<usize>,
    /// The episode of each state, where it is known.
    episodes: Vec<Option<u64>>,
}

impl Usable {
    fn new(env: EnvId, starts: &[Visited], results: &[StateResult]) -> Result<Self> {
        let mut simulator = env.make()?;
        let (mut obs, mut kept) = (Vec::new(), Vec::new());
        for (start, result) in starts.iter().zip(results) {
            if result.cosine.is_finite() {
                simulator.restore(&start.snapshot)?;
                obs.extend_from_slice(simulator.obs());
                kept.push(result);
            }
        }
        if kept.len() < 10 {
            return Err(Error::Usage(format!(
                "{} of {} states have a usable gradient, 10 are needed; raise \
                 --states",
                kept.len(),
                results.len()
            )));
        }
        let count = kept.len();
        let own = rows(count, Vec::new());
        let identified = kept.iter().flat_map(|r| r.fit.identified.clone()).collect();
        let identified: Array2<bool> = rows(count, identified);
        Ok(Self {
            obs: rows(count, obs),
            centres: rows(count, Vec::new()),
            truth: rows(count, kept.iter().flat_map(|r| r.truth.clone()).collect()),
            own: on_tried(&identified, own),
            identified,
            tried: kept.iter().map(|r| r.fit.tried).collect(),
            episodes: kept.iter().map(|r| r.episode).collect(),
        })
    }
}

/// Returns values of `count` states, one row each.
fn rows<T>(count: usize, values: Vec<T>) -> Array2<T> {
    let columns = values.len() / count;
    Array2::from_shape_vec((count, columns), values).expect("one row per state")
}

/// Sets what was not tried to 0.
fn on_tried(identified: &Array2<bool>, mut critic: Array2<f64>) -> Array2<f64> {
    critic.zip_mut_with(identified, |x, tried| {
        if !tried {
            *x = 0.0;
        }
    });
    critic
}

/// Returns inner products of sums over episodes from those of states, `[3n, 3n]` to `[3c, 3c]` for `c`
/// episodes: states of one resemble each other, so that it is pairs of different episodes which are
/// independent, and episodes that the jackknife leaves out.
///
/// # Errors
/// [`Error::Usage`] for fewer than three episodes.
fn by_episode(inner: &Array2<f64>, episodes: &[Option<u64>]) -> Result<Array2<f64>> {
    let n = episodes.len();
    let units = clusters(episodes.iter().copied().enumerate());
    let c = units.len();
    if c < 3 {
        return Err(Error::Usage(format!(
            "the usable states are of {c} episodes, 3 are needed; use a later checkpoint"
        )));
    }
    let mut unit_of = vec![0; n];
    for (unit, states) in units.iter().enumerate() {
        for &state in states {
            unit_of[state] = unit;
        }
    }
    let place = |row: usize| row / n * c + unit_of[row % n];
    let mut summed = Array2::zeros((3 * c, 3 * c));
    for ((row, column), x) in inner.indexed_iter() {
        summed[[place(row), place(column)]] += x;
    }
    Ok(summed)
}

/// Inner products of `J_sᵀ x_s` over the actor's weights, for three gradients `x` at `n` states:
/// `[3n, 3n]`.
fn inner_products(
    actor: &PolicyNet,
    obs: &Array2<f64>,
    gradients: [&Array2<f64>; 3],
) -> Result<Array2<f64>> {
    let actor = actor.again(Reuse::Share, Training::Trainable)?;
    let params = actor.params().tensors();
    let single = |row: ndarray::ArrayView1<f64>| -> Tensor {
        Tensor::from_slice(&row.iter().map(|&x| x as f32).collect::<Vec<f32>>()).unsqueeze(0)
    };
    let mut vectors = Vec::with_capacity(3 * obs.nrows());
    for gradient in gradients {
        for (obs, x) in obs.rows().into_iter().zip(gradient.rows()) {
            let climbed = (actor.greedy(&single(obs)) * single(x)).sum(Kind::Float);
            let parts = Tensor::f_run_backward(&[climbed], &params, false, false)?;
            let flat: Vec<Tensor> = parts.iter().map(|part| part.flatten(0, -1)).collect();
            vectors.push(Tensor::f_cat(&flat, 0)?);
        }
    }
    let n = vectors.len();
    let vectors = Tensor::f_stack(&vectors, 0)?;
    let mut products = Tensor::f_zeros([n as i64, n as i64], (Kind::Double, vectors.device()))?;
    for columns in vectors.split(COLUMNS, 1) {
        let columns = columns.to_kind(Kind::Double);
        products += columns.f_matmul(&columns.tr())?;
    }
    let products = Vec::<f64>::try_from(products.flatten(0, -1))?;
    Ok(Array2::from_shape_vec((n, n), products).expect("a square"))
}
