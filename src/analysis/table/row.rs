//! One state of one checkpoint: a row of the results.

use crate::algo::RunConfig;
use crate::algo::pearl::config::PearlConfig;
use crate::analysis::series::{VARIANT, pearl_name};
use crate::env::TaskList;
use crate::gradient::score::StateScore;
use crate::gradient::{Settings, StateResult};
use crate::stats::replicates::Replicates;
use crate::stats::similarity::chance_above;
use crate::stats::stacked::Sums;

/// Which column of the states is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// Cosine of critic and truth.
    Cosine,
    /// Cosine of the critic's gradient and a fit to its own values.
    SelfCosine,
}

impl Column {
    pub(crate) fn of(self, row: &StateRow) -> f64 {
        match self {
            Self::Cosine => row.cosine,
            Self::SelfCosine => row.self_cosine,
        }
    }
}

/// The task that a state was measured in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OfTask {
    /// Which list it is of.
    pub split: TaskList,
    /// Its place in that list, from 0.
    pub number: u64,
    /// A target velocity in metres per second, or a direction.
    pub goal: f64,
}

/// One state of one checkpoint, with every diagnostic.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StateRow {
    /// Environment.
    pub env: String,
    /// Algorithm.
    pub algo: String,
    /// Critic.
    pub critic: String,
    /// Seed of the run.
    pub seed: u64,
    /// Environment steps of training; iterations where there are tasks.
    pub step: u64,
    /// Estimator mode.
    pub mode: String,
    /// Number of the state.
    pub state: u64,
    /// The episode in which training visited it; `None` where that is not known, or where each state has an
    /// episode of its own.
    pub episode: Option<u64>,
    /// Rollouts made; in a self-check, actions whose value the critic was asked for.
    pub rollouts: u64,
    /// Action dimensions `A`.
    pub dims: u64,
    /// Cosine of critic's and true gradient; NaN if undefined or excluded.
    pub cosine: f64,
    /// Cosine of the critic's gradient and a fit to its own values.
    pub self_cosine: f64,
    /// Cosine of the fits to the returns and to the critic's values on the same actions.
    pub matched_cosine: f64,
    /// Norm of the true gradient; this and what else is said of a fit is in a self-check that of the
    /// fit to the critic's own values.
    pub truth_norm: f64,
    /// Norm of the critic's gradient.
    pub critic_norm: f64,
    /// Critic's norm over the true one.
    pub norm_ratio: f64,
    /// Share of dimensions with equal signs.
    pub sign_agreement: f64,
    /// Independent directions tried.
    pub rank: u64,
    /// Action dimensions that varied.
    pub tried: u64,
    /// Condition of the design.
    pub condition: f64,
    /// Adjusted R² of the fit.
    pub adjusted_r2: f64,
    /// p-value of its F-test.
    pub f_p_value: f64,
    /// Share of action entries moved by clipping.
    pub clipped: f64,
    /// Share of rollouts that ended in an absorbing state.
    pub fell: f64,
    /// Mean steps of a rollout.
    pub mean_steps: f64,
    /// Mean return of the rollouts.
    pub mean_return: f64,
    /// Steps after which a rollout was cut; 0 in a self-check.
    pub horizon: u64,
    /// Steps of the longest rollout; 0 without any.
    pub longest: u64,
    /// Probability that a random direction in the dimensions tried has a cosine above 0.25; NaN
    /// where none was tried.
    pub chance_25: f64,
    /// Probability that a random direction has a cosine above 0.75.
    pub chance_75: f64,
    /// Mean cosine of the critic's gradient and one block's (or half's) estimate of the true one.
    pub block_cosine: f64,
    /// Mean cosine of two such estimates, which are independent.
    pub replicate_cosine: f64,
    /// Mean product of two such cosines, of four different blocks; NaN with fewer.
    pub replicate_product: f64,
    /// Inner product of critic's and true gradient.
    pub truth_dot_critic: f64,
    /// Estimate without bias of the squared norm of the true gradient.
    pub truth_square: f64,
    /// Squared norm of the critic's gradient in the compared dimensions.
    pub critic_square: f64,
    /// Estimate without bias of the squared norm of critic's minus true gradient.
    pub error_square: f64,
    /// What the state adds to κ in lab mode (`stats::stacked`): `⟨w̄, p⟩` of the true gradient `w` and the critic's `p`
    /// before tanh.
    pub policy_dot: f64,
    /// `‖p‖²`.
    pub policy_critic: f64,
    /// `‖w‖²`, without bias.
    pub policy_truth: f64,
    /// `‖w̄‖²`, with the noise of the rollouts.
    pub policy_noisy: f64,
    /// Flags, 0 or 1, and the number of unstable rollouts.
    pub flags: [u64; 7],
    /// The task of the state, where there are tasks; columns of a table only if all its rows have one.
    pub task: Option<OfTask>,
}

/// Names of the flags, in the order of [`StateRow::flags`].
pub(crate) const FLAGS: [&str; 7] =
    ["undefined", "rank_deficient", "projected", "one_step", "too_few", "unresolved", "non_finite"];

impl StateRow {
    /// Makes a row that says where it belongs and holds no measurement yet.
    pub fn new(config: &dyn RunConfig, step: u64, settings: &Settings, state: usize) -> Self {
        let dims = config.spec().action_dim;
        Self {
            env: config.env_name().into(),
            algo: config.algo().name().into(),
            critic: config.model(),
            seed: config.seed(),
            step,
            mode: settings.mode.name().into(),
            state: state as u64,
            rollouts: settings.rollouts_of(dims) as u64,
            dims: dims as u64,
            ..blank()
        }
    }

    /// Makes a row of a PEARL checkpoint that says where it belongs and holds no measurement yet.
    pub fn in_task(
        config: &PearlConfig,
        iteration: u64,
        settings: &Settings,
        task: OfTask,
        state: usize,
    ) -> Self {
        let mut critic = pearl_name(config.model).to_owned();
        if config.context_is_meta {
            critic = format!("{critic}{VARIANT}context is meta");
        }
        Self { critic, task: Some(task), ..Self::new(config, iteration, settings, state) }
    }

    /// Fills the measurement in.
    #[must_use]
    pub fn with(mut self, result: &StateResult) -> Self {
        self.episode = result.episode;
        self.cosine = result.cosine;
        self.self_cosine = result.self_cosine;
        self.matched_cosine = result.matched_cosine;
        self.truth_norm = result.truth_norm;
        self.critic_norm = result.critic_norm;
        self.norm_ratio = result.norm_ratio;
        self.sign_agreement = result.sign_agreement;
        self.rank = result.fit.rank as u64;
        self.tried = result.fit.tried as u64;
        self.condition = result.fit.condition;
        self.adjusted_r2 = result.fit.adjusted_r2;
        self.f_p_value = result.fit.f_p_value;
        self.clipped = result.clipped;
        self.fell = result.fell;
        self.mean_steps = result.mean_steps;
        self.mean_return = result.mean_return;
        self.horizon = u64::from(result.horizon);
        self.longest = u64::from(result.longest);
        if result.fit.tried > 0 {
            self.chance_25 = chance_above(0.25, result.fit.tried);
            self.chance_75 = chance_above(0.75, result.fit.tried);
        }
        self.rollouts = result.rollouts as u64;
        self.set_replicates(result.replicates);
        let f = result.flags;
        let bits =
            [f.undefined, f.rank_deficient, f.projected, f.one_step, f.too_few, f.unresolved];
        self.flags[..6].copy_from_slice(&bits.map(u64::from));
        self.flags[6] = f.non_finite as u64;
        self
    }

    /// Fills in what a bank says of a critic, inside the box and around its policy; in a self-check what its own
    /// values say of its gradient.
    #[must_use]
    pub fn judged(mut self, score: &StateScore, column: Column, horizon: u32) -> Self {
        let dims = self.dims as usize;
        (self.episode, self.tried, self.rank) = (score.episode, self.dims, self.dims);
        self.horizon = u64::from(horizon);
        self.chance_25 = chance_above(0.25, dims);
        self.chance_75 = chance_above(0.75, dims);
        self.set_replicates(score.inside);
        let cosine = score.inside.map_or(f64::NAN, |inside| inside.full);
        match column {
            Column::Cosine => self.cosine = cosine,
            Column::SelfCosine => self.self_cosine = cosine,
        }
        self.truth_norm = self.truth_square.sqrt();
        self.critic_norm = self.critic_square.sqrt();
        self.norm_ratio = self.critic_norm / self.truth_norm;
        self.flags[0] = u64::from(score.inside.is_none());
        if let Some(Sums { dot, critic, truth, noisy }) = score.smoothed {
            (self.policy_dot, self.policy_critic) = (dot, critic);
            (self.policy_truth, self.policy_noisy) = (truth, noisy);
        }
        self
    }

    fn set_replicates(&mut self, replicates: Option<Replicates>) {
        if let Some(replicates) = replicates {
            self.block_cosine = replicates.block;
            self.replicate_cosine = replicates.pair;
            self.replicate_product = replicates.quad;
            self.truth_dot_critic = replicates.dot;
            self.truth_square = replicates.truth_square;
            self.critic_square = replicates.critic_square;
            self.error_square = replicates.error_square;
        }
    }

    /// Returns what the state adds to κ, where that is known.
    pub fn policy(&self) -> Option<Sums> {
        let Self { policy_dot: dot, policy_critic: critic, policy_truth: truth, .. } = *self;
        let sums = Sums { dot, critic, truth, noisy: self.policy_noisy };
        self.policy_dot.is_finite().then_some(sums)
    }

    /// Returns what replicates of the true gradient say, where they are defined.
    pub fn replicates(&self) -> Option<Replicates> {
        self.block_cosine.is_finite().then_some(Replicates {
            full: self.cosine,
            block: self.block_cosine,
            pair: self.replicate_cosine,
            quad: self.replicate_product,
            dot: self.truth_dot_critic,
            truth_square: self.truth_square,
            critic_square: self.critic_square,
            error_square: self.error_square,
        })
    }

    pub(super) fn texts_mut(&mut self) -> [(&'static str, &mut String); 4] {
        [
            ("env", &mut self.env),
            ("algo", &mut self.algo),
            ("critic", &mut self.critic),
            ("mode", &mut self.mode),
        ]
    }

    pub(super) fn counts_mut(&mut self) -> Vec<(&'static str, &mut u64)> {
        let mut all = vec![
            ("seed", &mut self.seed),
            ("step", &mut self.step),
            ("state", &mut self.state),
            ("rollouts", &mut self.rollouts),
            ("dims", &mut self.dims),
            ("rank", &mut self.rank),
            ("tried", &mut self.tried),
            ("horizon", &mut self.horizon),
            ("longest", &mut self.longest),
        ];
        all.extend(FLAGS.into_iter().zip(&mut self.flags));
        all
    }

    pub(super) fn numbers_mut(&mut self) -> Vec<(&'static str, &mut f64)> {
        vec![
            ("cosine", &mut self.cosine),
            ("self_cosine", &mut self.self_cosine),
            ("matched_cosine", &mut self.matched_cosine),
            ("truth_norm", &mut self.truth_norm),
            ("critic_norm", &mut self.critic_norm),
            ("norm_ratio", &mut self.norm_ratio),
            ("sign_agreement", &mut self.sign_agreement),
            ("condition", &mut self.condition),
            ("adjusted_r2", &mut self.adjusted_r2),
            ("f_p_value", &mut self.f_p_value),
            ("clipped", &mut self.clipped),
            ("fell", &mut self.fell),
            ("mean_steps", &mut self.mean_steps),
            ("mean_return", &mut self.mean_return),
            ("chance_25", &mut self.chance_25),
            ("chance_75", &mut self.chance_75),
            ("block_cosine", &mut self.block_cosine),
            ("replicate_cosine", &mut self.replicate_cosine),
            ("replicate_product", &mut self.replicate_product),
            ("truth_dot_critic", &mut self.truth_dot_critic),
            ("truth_square", &mut self.truth_square),
            ("critic_square", &mut self.critic_square),
            ("error_square", &mut self.error_square),
            ("policy_dot", &mut self.policy_dot),
            ("policy_critic", &mut self.policy_critic),
            ("policy_truth", &mut self.policy_truth),
            ("policy_noisy", &mut self.policy_noisy),
        ]
    }
}

/// Returns a row of nothing, to be filled: no number is known.
pub(crate) fn blank() -> StateRow {
    let mut row = StateRow::default();
    row.numbers_mut().into_iter().for_each(|(_, number)| *number = f64::NAN);
    row
}
