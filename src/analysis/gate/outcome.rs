//! The comparison itself.

use ndarray::{Array2, ArrayView1};

use super::bank::{BankState, Baseline, Oddities, actor_hash, smooth_share};
use super::record::{Counts, Difference, Learnable, Outcome, Seeds, Side, Sides, Truth};
use super::words;
use crate::analysis::measure::gradient_cosine::Networks;
use crate::checkpoint::Checkpoint;
use crate::checkpoint::manifest::Versions;
use crate::env::Visited;
use crate::error::{Error, Result};
use crate::gradient::{Settings, StateResult, measure};
use crate::stats::clusters::clusters;
use crate::stats::corrected::{Corrected, correct_units};
use crate::stats::gate::{Gate, PairedState, Rule};
use crate::stats::hypothesis::mcnemar;
use crate::stats::replicates::Replicates;
use crate::stats::similarity::chance_above;
use crate::stats::summary;
use crate::stats::{Estimate, LEVEL};

/// Threshold of the learnable fraction that is reported.
const TAU: f64 = 0.25;

/// Whether a candidate may be of another algorithm than its baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algos {
    /// No: TD3's critics estimate another value, and of another return, than SAC's.
    Same,
    /// Yes, each judged by its own.
    Any,
}

/// A candidate that can be compared with a baseline: everything is loaded, nothing measured.
pub struct Comparison<'c> {
    candidate: &'c Checkpoint,
    base: &'c Baseline,
    networks: Networks,
    starts: Vec<Visited>,
    truth: Truth,
}

impl<'c> Comparison<'c> {
    /// Loads what the comparison needs.
    ///
    /// # Errors
    /// [`Error::Mismatch`] if environment, discount or (unless asked for) algorithm differ, or `MuJoCo` and the rollouts are the
    /// stored ones; those of loading.
    pub fn new(candidate: &'c Checkpoint, base: &'c Baseline, algos: Algos) -> Result<Self> {
        let config = candidate.off_policy()?;
        if config.algo != base.algo && algos == Algos::Same {
            return Err(Error::Mismatch {
                what: format!("algorithm of {}", candidate.path().display()),
                expected: base.algo.to_string(),
                found: config.algo.to_string(),
                remedy: "they estimate values of different returns; give a checkpoint of the baseline's \
                         algorithm, or add --across-algorithms to judge each by its own"
                    .into(),
            });
        }
        let differ = |what: &str, expected: String, found: String| Error::Mismatch {
            what: format!("{what} of {}", candidate.path().display()),
            expected,
            found,
            remedy: "give a checkpoint like the baseline's, or make a new baseline".into(),
        };
        if config.env != base.env {
            return Err(differ("environment", base.env.to_string(), config.env.to_string()));
        }
        if config.gamma().to_bits() != base.gamma.to_bits() {
            return Err(differ("γ", base.gamma.to_string(), config.gamma().to_string()));
        }
        let networks = Networks::for_critic(candidate)?;
        let starts = base.states.iter().map(BankState::visited).collect::<Result<Vec<_>>>()?;
        let same_actor = actor_hash(candidate)? == base.actor_hash;
        let truth = if same_actor { Truth::Stored } else { Truth::Regenerated };
        let (theirs, ours) = (&base.versions.mujoco, Versions::current().mujoco);
        if truth == Truth::Stored && *theirs != ours {
            return Err(Error::Mismatch {
                what: "MuJoCo that made the baseline's rollouts".into(),
                expected: ours,
                found: theirs.clone(),
                remedy: "make the baseline again with this program".into(),
            });
        }
        Ok(Self { candidate, base, networks, starts, truth })
    }

    /// Returns whether rollouts have to be made.
    pub fn truth(&self) -> Truth {
        self.truth
    }

    /// Compares.
    ///
    /// # Errors
    /// Those of networks and rollouts.
    pub fn run(
        &self,
        rule: Rule,
        context: (&rayon::ThreadPool, &(dyn Fn(u64) + Sync)),
    ) -> Result<Outcome> {
        let Self { candidate, base, networks, starts, truth } = self;
        let (states, measured) = match truth {
            Truth::Stored => (stored(self)?, Measured::of(base)),
            Truth::Regenerated => regenerated(base, networks, starts, context)?,
        };
        let judged = Judged::new(&states, *truth, rule);
        let mut outcome = outcome((base, candidate), judged, measured, rule);
        outcome.warnings = words::warnings(&outcome, base);
        let algo = candidate.config().algo();
        if algo != base.algo {
            outcome.warnings.push(format!(
                "the candidate is of {algo}, the baseline of {}: each is judged by its own value and \
                 returns, and the difference is also one of these",
                base.algo
            ));
        }
        Ok(outcome)
    }
}

/// What is known of the rollouts that the candidate is judged by.
struct Measured {
    side: Side,
    truth: Truth,
    oddities: Vec<Oddities>,
    fd_agreement: Option<f64>,
}

impl Measured {
    fn of(base: &Baseline) -> Self {
        Self {
            side: Side::Base,
            truth: Truth::Stored,
            oddities: base.states.iter().map(|state| state.oddities).collect(),
            fd_agreement: base.fd_agreement,
        }
    }
}

/// One state as both sides see it.
struct Compared {
    episode: Option<u64>,
    /// Action dimensions compared, the same on both sides.
    tried: usize,
    /// Whether each side has a usable cosine in the dimensions that it tried itself.
    usable: Sides<bool>,
    base: Option<Replicates>,
    cand: Option<Replicates>,
}

/// The candidate's gradients against the stored rollouts.
fn stored(comparison: &Comparison) -> Result<Vec<Compared>> {
    let Comparison { candidate, base, networks, starts, .. } = comparison;
    let mut env = base.env.make()?;
    let (mut obs, mut centres) = (Vec::new(), Vec::new());
    for (start, state) in starts.iter().zip(&base.states) {
        env.restore(&start.snapshot)?;
        obs.extend_from_slice(env.obs());
        centres.extend_from_slice(&state.record.centre);
    }
    let matrix = |values: Vec<f64>| {
        let columns = values.len() / starts.len();
        Array2::from_shape_vec((starts.len(), columns), values)
            .map_err(|e| Error::Table(format!("states of the baseline: {e}")))
    };
    let gradients = networks.critic.action_gradient(&matrix(obs)?, &matrix(centres)?)?;
    // The same critic is not compared with its own rounding on another machine.
    let same = candidate.hash() == base.checkpoint_hash;
    let compare = |(state, gradient): (&BankState, ArrayView1<f64>)| {
        let (record, among) = (&state.record, state.record.varied());
        let own = record.replicates_for(&record.critic, &among)?;
        Ok(Compared {
            episode: state.episode,
            tried: count(&among),
            usable: Sides { base: own.is_some(), cand: own.is_some() },
            base: own,
            cand: if same { own } else { record.replicates_for(&gradient.to_vec(), &among)? },
        })
    };
    base.states.iter().zip(gradients.rows()).map(compare).collect()
}

/// The candidate against rollouts of its own actor, in the coordinates in which both actors have room:
/// in others the two cosines would be about different directions.
fn regenerated(
    base: &Baseline,
    networks: &Networks,
    starts: &[Visited],
    context: (&rayon::ThreadPool, &(dyn Fn(u64) + Sync)),
) -> Result<(Vec<Compared>, Measured)> {
    let make_env = || base.env.make();
    let agent = networks.agent(&make_env);
    let settings = Settings { states: starts.len(), adaptive: None, ..base.settings.clone() };
    let results = measure(&agent, starts, &settings, context)?;
    let measured = Measured {
        side: Side::Cand,
        truth: Truth::Regenerated,
        oddities: results.iter().map(Oddities::of).collect(),
        fd_agreement: smooth_share(&agent, starts, base.horizon, context)?,
    };
    let compare = |(state, result): (&BankState, &StateResult)| {
        let (own, new) = (&state.record, &result.record);
        let among: Vec<bool> =
            own.varied().iter().zip(new.varied()).map(|(a, b)| *a && b).collect();
        Ok(Compared {
            episode: state.episode,
            tried: count(&among),
            usable: Sides {
                base: own.replicates_for(&own.critic, &own.varied())?.is_some(),
                cand: result.replicates.is_some(),
            },
            base: own.replicates_for(&own.critic, &among)?,
            cand: new.replicates_for(&new.critic, &among)?,
        })
    };
    let states = base.states.iter().zip(&results).map(compare).collect::<Result<_>>()?;
    Ok((states, measured))
}

fn count(among: &[bool]) -> usize {
    among.iter().filter(|kept| **kept).count()
}

/// Judged states of both sides, the same ones by episode, and the tests on them.
struct Judged {
    gate: Gate,
    base: Vec<Vec<Replicates>>,
    cand: Vec<Vec<Replicates>>,
    dropped: Sides<usize>,
    /// Action dimensions compared, of each state.
    tried: Vec<usize>,
    learnable: Learnable,
}

impl Judged {
    fn new(states: &[Compared], truth: Truth, rule: Rule) -> Self {
        let unusable =
            |is: fn(&Sides<bool>) -> bool| states.iter().filter(|s| !is(&s.usable)).count();
        let dropped = Sides { base: unusable(|s| s.base), cand: unusable(|s| s.cand) };
        // Where one actor is saturated the other is not: only the same states have the same mean.
        let both = |s: &Compared| Some(((s.base?, s.cand?), s.episode));
        let units = clusters(states.iter().filter_map(both));
        let pairs = || units.iter().flatten();
        let lost = pairs().filter(|(b, c)| b.full > TAU && c.full <= TAU).count();
        let gained = pairs().filter(|(b, c)| b.full <= TAU && c.full > TAU).count();
        let of = |pick: fn(&(Replicates, Replicates)) -> Replicates| -> Vec<Vec<Replicates>> {
            units.iter().map(|unit| unit.iter().map(pick).collect()).collect()
        };
        let (base, cand) = (of(|pair| pair.0), of(|pair| pair.1));
        let (gate, p_mcnemar) = match truth {
            Truth::Stored => {
                let paired = |(b, c): &(Replicates, Replicates)| PairedState::of(b, c);
                let paired: Vec<Vec<PairedState>> =
                    units.iter().map(|unit| unit.iter().map(paired).collect()).collect();
                (Gate::paired(&paired, rule), mcnemar(lost as u64, gained as u64).p_mid)
            }
            Truth::Regenerated => (Gate::regenerated(&base, &cand, rule), f64::NAN),
        };
        let share = |states: &[Vec<Replicates>]| {
            let above = states.iter().flatten().map(|s| f64::from(u8::from(s.full > TAU)));
            summary::mean(&above.collect::<Vec<_>>())
        };
        let learnable = Learnable { tau: TAU, base: share(&base), cand: share(&cand), p_mcnemar };
        let tried = states.iter().filter(|s| both(s).is_some()).map(|s| s.tried).collect();
        Self { gate, base, cand, dropped, tried, learnable }
    }
}

fn outcome(
    (base, candidate): (&Baseline, &Checkpoint),
    judged: Judged,
    measured: Measured,
    rule: Rule,
) -> Outcome {
    let Judged { gate, learnable, dropped, .. } = judged;
    let (dims, settings) = (base.env.spec().action_dim, &base.settings);
    let lift = settings.lift(dims).tried(&judged.tried);
    let corrected = |units: &[Vec<Replicates>]| correct_units(units, lift, LEVEL);
    let both = Sides { base: corrected(&judged.base), cand: corrected(&judged.cand) };
    let pick = |f: fn(&Corrected) -> Estimate| Sides {
        base: f(&both.base).into(),
        cand: f(&both.cand).into(),
    };
    let n_states = judged.tried.len();
    Outcome {
        schema: 1,
        env: base.env.to_string(),
        mode: settings.mode.name(),
        truth: measured.truth,
        alpha: rule.alpha,
        delta_tol: rule.tolerance,
        delta_ni: rule.margin,
        n_states,
        n_episodes: judged.base.len(),
        n_rollouts: settings.rollouts_of(dims),
        blocks: settings.blocks(dims),
        sigma: settings.std,
        gamma: base.gamma,
        horizon: base.horizon,
        gamma_h: base.gamma.powi(base.horizon as i32),
        seeds: Seeds { states: settings.seed, rollouts: settings.seed, design: settings.seed },
        bank_hash: base.bank_hash.clone(),
        baseline_hash: base.checkpoint_hash.clone(),
        candidate_hash: candidate.hash().to_owned(),
        raw: pick(|c| c.raw),
        ceiling: both.cand.ceiling.into(),
        ceiling_base: both.base.ceiling.into(),
        corrected: pick(|c| c.corrected),
        stacked: pick(|c| c.stacked),
        chance: chance_above(TAU, dims),
        diff: Difference { range: gate.difference.into(), sd: gate.sd },
        p_regress: gate.p_regress,
        p_ni: gate.p_ni,
        p_holm: f64::NAN,
        learnable,
        min_detectable_drop_80: gate.min_detectable_drop_80,
        achieved_power_at: [("0.05", gate.power_at_005)].into(),
        states_needed: None,
        measured_on: measured.side,
        counts: Counts::new(&measured.oddities, n_states, dropped),
        fd_agreement: measured.fd_agreement,
        verdict: gate.verdict,
        reason: String::new(),
        warnings: Vec::new(),
        gate,
    }
}

impl Counts {
    fn new(states: &[Oddities], compared: usize, dropped: Sides<usize>) -> Self {
        let count = |is: fn(&Oddities) -> bool| states.iter().filter(|s| is(s)).count();
        Self {
            bank: states.len(),
            left_out: states.len() - compared,
            dropped,
            undefined: count(|s| s.flags.undefined),
            rank_deficient: count(|s| s.flags.rank_deficient),
            unresolved: count(|s| s.flags.unresolved),
            clipped_dims: count(|s| s.clipped > 0.0 || s.flags.projected),
            terminated: count(|s| s.fell.is_some_and(|share| share > 0.0)),
            truncated: count(|s| s.fell.is_some_and(|share| share < 1.0)),
        }
    }
}
