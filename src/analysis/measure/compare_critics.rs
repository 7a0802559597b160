//! Critics of one actor, judged by one bank of its rollouts: whose gradient is more uphill, and whose moves the actor's
//! weights the right way (`docs/estimator.md` §7, §8.9)?

use ndarray::Array2;
use serde::Serialize;
use tch::{Kind, Tensor};

use super::gradient_cosine::Networks;
use super::policy_cosine::{self, Judged, check_bank};
use crate::analysis::bank::BankFile;
use crate::analysis::gate::Algos;
use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::gradient::Settings;
use crate::gradient::bank::BankState;
use crate::gradient::paired::{Differences, differences};
use crate::gradient::parameter_space::{Inner, policy_gradients, proposition_factor};
use crate::gradient::score::StateScore;
use crate::nn::policy_net::PolicyNet;
use crate::nn::weights::{Reuse, Training};
use crate::rng::Stream;
use crate::stats::clusters::clusters;
use crate::stats::{Estimate, LEVEL};

/// Weights of which inner products are taken at a time.
const COLUMNS: i64 = 4096;

/// Episodes below which products of different ones are none.
const FEWEST_EPISODES: usize = 3;

/// States below which α is not published: at 150 its standard deviation is a third of its value, at 500 a
/// twelfth (`docs/estimator.md` §7.2). Below 500 itself, since some of 500 may be left out.
pub(crate) const ALPHA_STATES: usize = 400;

/// Critics of one actor.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    /// What the bank says of each; the first is the actor's own.
    pub critics: Vec<Judged>,
    /// How far apart they are.
    pub differences: Differences,
    /// What each is worth to the actor's weights; empty with fewer than three episodes.
    pub in_weights: Vec<InWeights>,
    /// Whether all estimate values of the same returns.
    pub same_returns: bool,
}

/// What a critic's policy gradient is worth.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct InWeights {
    /// Cosine of its policy gradient and the true one, in the actor's weights.
    pub cosine: Estimate,
    /// cos² of the first critic over this one's: ratio of guaranteed progress.
    pub progress_ratio: Estimate,
    /// Ratio of the factors `(1 − α)/(1 + α)²` of Proposition 1, the first critic's over this one's: a worst-case
    /// bound, from which the constants cancel.
    pub proposition_ratio: f64,
    /// Error of its policy gradient relative to the true one; counts wrong scale. `None` with fewer than
    /// [`ALPHA_STATES`] states.
    pub alpha: Option<Estimate>,
}

/// Checks that critics can be judged by one bank, before anything is measured or written; returns whether all
/// estimate values of the same returns.
///
/// # Errors
/// [`Error::Mismatch`] if the environments differ, or the returns and that was not asked for; those of loading.
pub(crate) fn check(checkpoints: &[Checkpoint], algos: Algos) -> Result<bool> {
    let Some((first, others)) = checkpoints.split_first() else { return Ok(true) };
    let config = first.off_policy()?;
    let returns = Networks::for_critic(first)?.returns();
    let mut same = true;
    for other in others {
        let against = other.off_policy()?;
        if config.env != against.env {
            return Err(Error::Mismatch {
                what: format!("environment of {}", other.path().display()),
                expected: config.env.to_string(),
                found: against.env.to_string(),
                remedy: "compare critics of one environment".into(),
            });
        }
        let theirs = Networks::for_critic(other)?.returns();
        let alike = config.algo == against.algo
            && returns.iter().zip(theirs).all(|(a, b)| a.to_bits() == b.to_bits());
        if !alike && algos == Algos::Same {
            let said = |algo: &dyn ToString, [gamma, scale, entropy]: [f64; 3]| {
                let algo = algo.to_string();
                format!("{algo} with γ {gamma}, rewards times {scale}, entropy times {entropy}")
            };
            return Err(Error::Mismatch {
                what: format!("returns of {}", other.path().display()),
                expected: said(&config.algo, returns),
                found: said(&against.algo, theirs),
                remedy: "they estimate values of different returns; give a checkpoint of the first one's \
                         algorithm, or add --across-algorithms to judge all by the first one's returns"
                    .into(),
            });
        }
        same &= alike;
    }
    Ok(same)
}

/// Compares the critics of `checkpoints` by a bank of the first one's policy; `same_returns` is what [`check`] said.
///
/// # Errors
/// [`Error::Mismatch`] if it is of another policy; those of loading.
pub(crate) fn compare(
    checkpoints: &[Checkpoint],
    settings: &Settings,
    file: &BankFile,
    same_returns: bool,
) -> Result<Comparison> {
    let Some(first) = checkpoints.first() else {
        return Err(Error::Usage("there is no critic to compare".into()));
    };
    check_bank(first, file)?;
    let judged = checkpoints.iter().map(|c| policy_cosine::judged(c, settings, file));
    let critics = judged.collect::<Result<Vec<Judged>>>()?;
    let scores: Vec<&[StateScore]> = critics.iter().map(|judged| &judged.states[..]).collect();
    let mut stream = Stream::new(settings.seed, "differences of critics");
    let differences = differences(&scores, &mut stream);
    let actor = Networks::for_critic(first)?.actor;
    let in_weights = in_weights(&actor, &file.bank.states, &scores)?;
    Ok(Comparison { critics, differences, in_weights, same_returns })
}

/// Carries the true and the critics' gradients before tanh to the actor's weights and compares them there.
fn in_weights(
    actor: &PolicyNet,
    states: &[BankState],
    critics: &[&[StateScore]],
) -> Result<Vec<InWeights>> {
    let known = (0..states.len()).filter(|&s| critics.iter().all(|c| c[s].before_tanh.is_some()));
    let episodes = clusters(known.map(|s| (s, states[s].episode)));
    if episodes.len() < FEWEST_EPISODES {
        return Ok(Vec::new());
    }
    let usable = episodes.iter().map(Vec::len).sum::<usize>();
    let vectors = |critic: usize, which: usize| -> Result<Tensor> {
        let gradient = |s: usize| critics[critic][s].before_tanh.as_ref().map(|g| &g[which][..]);
        in_parameters(actor, states, &episodes, &gradient)
    };
    let truth = vectors(0, 0)?;
    let inner = (0..critics.len()).map(|critic| {
        let own = vectors(critic, 1)?;
        Ok(Inner { own: products(&own, &own)?, with_truth: products(&own, &truth)? })
    });
    let inner = inner.collect::<Result<Vec<Inner>>>()?;
    let found = policy_gradients(&products(&truth, &truth)?, &inner, LEVEL);
    let own = found[0].cosine.value;
    let factor = |cosine: f64| proposition_factor(cosine.clamp(-1.0, 1.0));
    let worth = found.iter().map(|found| {
        let cosine = found.cosine.value;
        let climb = own > 0.0 && cosine > 0.0;
        InWeights {
            cosine: found.cosine,
            progress_ratio: found.progress_ratio,
            proposition_ratio: if climb { factor(own) / factor(cosine) } else { f64::NAN },
            alpha: (usable >= ALPHA_STATES).then_some(found.alpha),
        }
    });
    Ok(worth.collect())
}

/// Returns `Σ J_sᵀ x_s` in the actor's weights, the sum over the states of an episode, `[episodes, weights]`, of gradients
/// `x` before tanh; `J` is the Jacobian of the action before tanh. States of one episode resemble each other, so that
/// episodes are the units.
fn in_parameters<'g>(
    actor: &PolicyNet,
    states: &[BankState],
    episodes: &[Vec<usize>],
    gradient: &dyn Fn(usize) -> Option<&'g [f64]>,
) -> Result<Tensor> {
    let actor = actor.again(Reuse::Share, Training::Trainable)?;
    let mut params = actor.params().tensors();
    // What standardises observations is no weight.
    params.retain(Tensor::requires_grad);
    let rows = |rows: Vec<&[f64]>| -> Result<Tensor> {
        let values: Vec<f32> = rows.iter().flat_map(|row| row.iter().map(|&x| x as f32)).collect();
        Ok(Tensor::f_from_slice(&values)?.f_view([rows.len() as i64, -1])?)
    };
    let mut vectors = Vec::with_capacity(episodes.len());
    for episode in episodes {
        let obs = rows(episode.iter().map(|&s| &states[s].obs[..]).collect())?;
        let x = rows(episode.iter().filter_map(|&s| gradient(s)).collect())?;
        let climbed = (actor.before_tanh(&obs) * x).sum(Kind::Float);
        let parts = Tensor::f_run_backward(&[climbed], &params, false, false)?;
        let flat: Vec<Tensor> = parts.iter().map(|part| part.flatten(0, -1)).collect();
        vectors.push(Tensor::f_cat(&flat, 0)?);
    }
    Ok(Tensor::f_stack(&vectors, 0)?)
}

/// Inner products of the rows of two matrices of one width, in double precision.
fn products(a: &Tensor, b: &Tensor) -> Result<Array2<f64>> {
    let [rows, columns] = [a, b].map(|x| x.size()[0]);
    let mut products = Tensor::f_zeros([rows, columns], (Kind::Double, a.device()))?;
    for (a, b) in a.split(COLUMNS, 1).iter().zip(b.split(COLUMNS, 1)) {
        products += a.to_kind(Kind::Double).f_matmul(&b.to_kind(Kind::Double).tr())?;
    }
    let products = Vec::<f64>::try_from(products.flatten(0, -1))?;
    Ok(Array2::from_shape_vec((rows as usize, columns as usize), products).expect("a product each"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::Snapshot;
    use crate::nn::actor::Actor;
    use crate::nn::critic::Dims;
    use crate::nn::weights::Draw;
    use tch::Device;

    #[test]
    fn inner_products_are_those_of_finite_differences_and_episodes_are_summed() {
        let stream = Stream::new(0, "actor");
        let mut source = Draw { stream: &stream, kind: Kind::Float, device: Device::Cpu };
        let actor =
            Actor::new(Dims { obs: 3, action: 2 }, Training::Trainable, &mut source).unwrap();
        // Large enough for tanh to bend.
        let observations = [[3.0, -2.0, 5.0], [-4.0, 1.0, 9.0], [7.0, 2.0, -6.0]];
        let state = |obs: &[f64; 3]| BankState {
            snapshot: Snapshot(Vec::new()),
            episode: None,
            obs: obs.to_vec(),
            before_tanh: vec![0.0; 2],
            tried: Vec::new(),
        };
        let states: Vec<BankState> = observations.iter().map(state).collect();
        let gradients = [[1.0, 0.0], [0.0, 1.0], [0.5, -2.0]];
        // The first and the last state are of one episode.
        let episodes = [vec![0, 2], vec![1]];
        let net = PolicyNet::Deterministic(actor.again(Reuse::Share, Training::Frozen).unwrap());
        let set =
            |x: &[f64; 2]| in_parameters(&net, &states, &episodes, &|_| Some(&x[..])).unwrap();
        let vectors = Tensor::cat(&gradients.each_ref().map(set), 0);
        let found = products(&vectors, &vectors).unwrap();
        assert_eq!(found.dim(), (6, 6));

        let tensor = |row: &[f64]| {
            Tensor::from_slice(&row.iter().map(|&x| x as f32).collect::<Vec<f32>>()).unsqueeze(0)
        };
        let climbed = |row: usize| {
            let (x, episode) = (&gradients[row / 2], &episodes[row % 2]);
            let of = |&s: &usize| actor.before_tanh(&tensor(&observations[s])) * tensor(x);
            let all: Vec<Tensor> = episode.iter().map(of).collect();
            Tensor::stack(&all, 0).sum(Kind::Float)
        };
        let params = actor.params().tensors();
        let shift = |direction: &[Tensor], by: f64| {
            tch::no_grad(|| {
                for (param, step) in params.iter().zip(direction) {
                    let _ = param.detach().g_add_(&(step * by));
                }
            });
        };
        // ⟨Jᵀx, Jᵀy⟩ is how fast x·u changes when the weights move along Jᵀy.
        let epsilon = 1e-3;
        for (x, y) in [(0, 0), (0, 1), (0, 3), (2, 5), (4, 1)] {
            let direction = Tensor::run_backward(&[climbed(y)], &params, false, false);
            shift(&direction, epsilon);
            let above = climbed(x).double_value(&[]);
            shift(&direction, -2.0 * epsilon);
            let below = climbed(x).double_value(&[]);
            shift(&direction, epsilon);
            let slope = (above - below) / (2.0 * epsilon);
            let scale = found[[x, x]].sqrt() * found[[y, y]].sqrt();
            assert!((slope - found[[x, y]]).abs() < 0.01 * scale, "{x} {y} {slope} {found}");
        }
    }
}
