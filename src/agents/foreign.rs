//! An agent as another tool left it: networks, and what its files say of it.

use std::path::PathBuf;

use super::state_dict::Layer;
use crate::algo::Algo;
use crate::algo::config::Hidden;
use crate::env::EnvId;
use crate::error::{Error, Result};
use crate::nn::critic::{Dims, QNet};
use crate::nn::init::Init;
use crate::nn::plain::{Activation, Gives, Plain};
use crate::nn::weights::{Source, Training};
use crate::pickled::pickle_code::Read;

/// Bounds that differ by less are equal.
const BOUND_TOLERANCE: f64 = 1e-6;

/// The bounds of our actions.
const UNIT: [f64; 2] = [-1.0, 1.0];

/// The layers of an actor.
pub(super) struct Actor {
    pub(super) hidden: Vec<Layer>,
    /// What the action is tanh of.
    pub(super) mean: Layer,
    /// Of a distribution, log σ.
    pub(super) log_std: Option<Layer>,
}

/// A network in `TorchScript`.
#[derive(Clone)]
pub(super) struct Script {
    /// Its file, for messages.
    pub(super) file: String,
    pub(super) bytes: Vec<u8>,
    pub(super) gives: Gives,
}

impl Script {
    /// Tries it with the sizes of an environment.
    pub(super) fn check(&self, env: EnvId) -> Read<()> {
        let plain = Plain { script: Some(self.gives), ..Plain::default() };
        let tried = QNet::plain(&plain, Dims::of(env.spec()), Training::Frozen, &mut &*self);
        match tried {
            Ok(_) => Ok(()),
            Err(Error::Script(reason)) => Err(format!("{}: {reason}", self.file)),
            Err(other) => Err(other.to_string()),
        }
    }
}

impl Source for &Script {
    fn tensor(&mut self, _name: &str, _shape: &[i64], _init: &Init) -> Result<tch::Tensor> {
        Ok(tch::Tensor::f_from_slice(&self.bytes)?)
    }
}

/// Layers; or scripts, one of an actor and two of critics.
pub(super) enum Network<L> {
    Layers(L),
    Scripts(Vec<Script>),
}

impl<L> Network<L> {
    fn scripts(&self) -> &[Script] {
        match self {
            Self::Layers(_) => &[],
            Self::Scripts(scripts) => scripts,
        }
    }

    fn layers(&self) -> Option<&L> {
        match self {
            Self::Layers(layers) => Some(layers),
            Self::Scripts(_) => None,
        }
    }
}

impl<L> From<L> for Network<L> {
    fn from(layers: L) -> Self {
        Self::Layers(layers)
    }
}

/// The layers of both critics; a single one is both.
pub(super) struct Critics(pub(super) [Vec<Layer>; 2]);

impl Critics {
    /// Returns a single critic: the smaller and the mean of it and itself are itself.
    pub(super) fn single(layers: Vec<Layer>) -> Self {
        Self([layers.clone(), layers])
    }
}

/// What standardises observations: (o − mean) / std, clipped.
pub(super) struct Standardised {
    pub(super) mean: Vec<f64>,
    pub(super) std: Vec<f64>,
    pub(super) clip: f64,
}

/// An agent that another tool trained.
pub(super) struct ForeignAgent {
    /// Whose files these are, such as `Stable-Baselines3 SAC`.
    pub(super) tool: &'static str,
    pub(super) algo: Algo,
    pub(super) actor: Network<Actor>,
    /// The slow copy, where the algorithm has one and the files hold it.
    pub(super) actor_target: Option<Actor>,
    pub(super) critics: Network<Critics>,
    /// The slow copies, where the files hold them.
    pub(super) critic_targets: Option<Critics>,
    /// Whether there is one critic, and the second is the first again.
    pub(super) one_critic: bool,
    /// What stands between layers.
    pub(super) activation: Activation,
    /// Lowest and highest log σ, where a tanh bounds it.
    pub(super) tanh_log_std: Option<[f64; 2]>,
    /// What all networks see observations through.
    pub(super) standardised: Option<Standardised>,
    /// The factor on rewards in training.
    pub(super) reward_scale: Option<f64>,
    /// Where rewards were clipped, after that factor.
    pub(super) reward_clip: Option<f64>,
    /// Whether the actor climbs the mean of both critics, and not what is usual in its algorithm.
    pub(super) mean_of_critics: bool,
    /// Discount factor, where the files say it.
    pub(super) gamma: Option<f64>,
    /// What a unit of entropy is worth, where the files say it.
    pub(super) alpha: Option<f64>,
    /// Environment steps of training, where the files say them.
    pub(super) steps: Option<u64>,
    /// Updates, where the files say them.
    pub(super) updates: Option<u64>,
    /// Seed of training, where the files say it.
    pub(super) seed: Option<u64>,
    /// Lowest and highest action, of each coordinate or once for all, where the files say it.
    pub(super) bounds: Option<Vec<[f64; 2]>>,
    /// Whether its networks see actions in [-1, 1], whatever the bounds of the environment are.
    pub(super) unit_actions: bool,
    /// The files that were read.
    pub(super) files: Vec<PathBuf>,
}

impl ForeignAgent {
    /// Returns an agent of which only the networks are known.
    pub(super) fn new(
        tool: &'static str,
        algo: Algo,
        actor: impl Into<Network<Actor>>,
        critics: impl Into<Network<Critics>>,
        files: Vec<PathBuf>,
    ) -> Self {
        Self {
            tool,
            algo,
            actor: actor.into(),
            actor_target: None,
            critics: critics.into(),
            critic_targets: None,
            one_critic: false,
            activation: Activation::Relu,
            tanh_log_std: None,
            standardised: None,
            reward_scale: None,
            reward_clip: None,
            mean_of_critics: false,
            gamma: None,
            alpha: None,
            steps: None,
            updates: None,
            seed: None,
            bounds: None,
            unit_actions: false,
            files,
        }
    }

    /// Returns how its networks are built; all critics must have the same.
    pub(super) fn hidden(&self) -> Read<Hidden> {
        let actor = self.actor.layers().map(|actor| widths(&actor.hidden)).unwrap_or_default();
        if self.actor_target.as_ref().is_some_and(|target| widths(&target.hidden) != actor) {
            return Err("its actor and the slow copy of it are of different widths".into());
        }
        let all = [self.critics.layers(), self.critic_targets.as_ref()];
        let all = all.into_iter().flatten().flat_map(|Critics(both)| both);
        let mut critics = all.map(|critic| widths(&critic[..critic.len().saturating_sub(1)]));
        let critic = critics.next().unwrap_or_default();
        if critics.any(|other| other != critic) {
            return Err("its critics are of different widths".into());
        }
        let activation = Some(self.activation).filter(|other| *other != Activation::Relu);
        let standardised = self.standardised.is_some();
        Ok(Hidden {
            actor,
            critic,
            activation,
            standardised,
            tanh_log_std: self.tanh_log_std,
            actor_script: self.actor.scripts().first().map(|script| script.gives),
            critic_script: self.critics.scripts().first().map(|script| script.gives),
        })
    }

    /// Checks that the agent can act in an environment.
    pub(super) fn check(&self, env: EnvId) -> Read<()> {
        let spec = env.spec();
        let check = |actor: &Actor| {
            let heads = std::iter::once(&actor.mean).chain(&actor.log_std);
            let mut networks = heads.map(|head| actor.hidden.iter().chain([head]).collect());
            let ends = [spec.obs_dim, spec.action_dim];
            networks.try_for_each(|layers: Vec<&Layer>| fits(env, "its actor", &layers, ends))
        };
        self.actor.layers().into_iter().chain(&self.actor_target).try_for_each(check)?;
        let all = [self.critics.layers(), self.critic_targets.as_ref()];
        for critic in all.into_iter().flatten().flat_map(|Critics(both)| both) {
            let layers: Vec<&Layer> = critic.iter().collect();
            fits(env, "its critic", &layers, [spec.obs_dim + spec.action_dim, 1])?;
        }
        let mut scripts = self.actor.scripts().iter().chain(self.critics.scripts());
        scripts.try_for_each(|script| script.check(env))?;
        if let Some(Standardised { mean, .. }) = &self.standardised
            && mean.len() != spec.obs_dim
        {
            let (found, expected) = (mean.len(), spec.obs_dim);
            return Err(format!(
                "its observations are standardised as {found} numbers; those of {env} are {expected}"
            ));
        }
        let ours = env.bounds();
        let theirs = self.bounds.as_deref().unwrap_or_default();
        if theirs.len() > 1 && theirs.len() != ours.len() {
            let (found, expected) = (theirs.len(), ours.len());
            return Err(format!("it bounds {found} actions; {env} has {expected}"));
        }
        let stretched = ours.iter().find(|bounds| !near(bounds, &UNIT));
        let rewritten = self.algo != Algo::Sac && self.critics.layers().is_some();
        if let (Some([low, high]), false) = (stretched, self.unit_actions || rewritten) {
            return Err(format!(
                "its networks see actions as {env} takes them, in [{low}, {high}]; agents of SAC and critics in \
                 TorchScript must see them in [-1, 1], as those of Stable-Baselines3 do"
            ));
        }
        // One pair is that of all coordinates.
        let mut pairs = theirs.iter().cycle().zip(&ours);
        match pairs.find(|(theirs, ours)| !near(theirs, ours)) {
            Some(([low, high], [lowest, highest])) => Err(format!(
                "its actions lie in [{low}, {high}]; those of {env} lie in [{lowest}, {highest}]"
            )),
            None => Ok(()),
        }
    }

    /// Rewrites critics that see actions as an environment takes them, where those do not lie in [-1, 1], after
    /// [`Self::check`]. Actors need nothing: they give what the action is tanh of.
    pub(super) fn see_unit_actions(&mut self, env: EnvId) {
        let bounds = env.bounds();
        if self.unit_actions || bounds.iter().all(|bounds| near(bounds, &UNIT)) {
            return;
        }
        let online = match &mut self.critics {
            Network::Layers(critics) => Some(critics),
            Network::Scripts(_) => None,
        };
        for critic in online.into_iter().chain(&mut self.critic_targets).flat_map(|all| &mut all.0)
        {
            rewrite(&mut critic[0], &bounds);
        }
        self.unit_actions = true;
    }
}

fn near(one: &[f64; 2], other: &[f64; 2]) -> bool {
    one.iter().zip(other).all(|(one, other)| (one - other).abs() < BOUND_TOLERANCE)
}

/// Rewrites the first layer of a critic that sees actions between `bounds` so that it sees them in `[-1, 1]`.
fn rewrite(first: &mut Layer, bounds: &[[f64; 2]]) {
    let observed = first.inputs() - bounds.len();
    let rows = first.weight.numbers.chunks_exact_mut(observed + bounds.len());
    for (row, bias) in rows.zip(&mut first.bias.numbers) {
        for (weight, &[low, high]) in row[observed..].iter_mut().zip(bounds) {
            *bias = (f64::from(*bias) + f64::from(*weight) * f64::midpoint(low, high)) as f32;
            *weight = (f64::from(*weight) * (high - low) / 2.0) as f32;
        }
    }
}

/// Checks that a network's layers fit each other, and its ends the environment.
fn fits(env: EnvId, what: &str, layers: &[&Layer], ends: [usize; 2]) -> Read<()> {
    let (Some(first), Some(last)) = (layers.first(), layers.last()) else {
        return Err(format!("{what} has no layers"));
    };
    for pair in layers.windows(2) {
        if pair[0].outputs() != pair[1].inputs() {
            return Err(format!("{what} has layers that do not fit each other"));
        }
    }
    let found = [first.inputs(), last.outputs()];
    if found == ends {
        return Ok(());
    }
    let ([takes, gives], [inputs, outputs]) = (found, ends);
    Err(format!(
        "{what} takes {takes} numbers and gives {gives}; in {env} it would take {inputs} and give {outputs}: choose \
         another --env"
    ))
}

/// Returns the widths of hidden layers.
fn widths(layers: &[Layer]) -> Vec<i64> {
    layers.iter().map(|layer| layer.outputs() as i64).collect()
}
