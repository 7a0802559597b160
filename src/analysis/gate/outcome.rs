//! The comparison itself.

use super::baseline::Baseline;
use super::reasons;
use super::record::{Counts, Difference, Outcome, Range, Sides, Truth};
use crate::analysis::measure::cosine::Work;
use crate::analysis::measure::gradient_cosine::Networks;
use crate::analysis::measure::policy_cosine::{policy_hash, smoothing};
use crate::checkpoint::Checkpoint;
use crate::checkpoint::manifest::Versions;
use crate::env::Visited;
use crate::error::{Error, Result};
use crate::gradient::bank::{Bank, BankState, make_bank};
use crate::gradient::pairs::Around;
use crate::gradient::score::{Score, StateScore, ask, scores};
use crate::stats::Estimate;
use crate::stats::clusters::clusters;
use crate::stats::gate::{Gate, PairedState, Rule};

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
        let (critic, about) = (&base.critic, &base.file.about);
        let differ = |what: &str, expected: &dyn ToString, found: &dyn ToString, remedy: &str| {
            Err(Error::Mismatch {
                what: format!("{what} of {}", candidate.path().display()),
                expected: expected.to_string(),
                found: found.to_string(),
                remedy: remedy.into(),
            })
        };
        if config.algo != critic.algo && algos == Algos::Same {
            let remedy = "they estimate values of different returns; give a checkpoint of the baseline's \
                 algorithm, or add --across-algorithms to judge each by its own";
            return differ("algorithm", &critic.algo, &config.algo, remedy);
        }
        let remedy = "give a checkpoint like the baseline's, or make a new baseline";
        if config.env != critic.env {
            return differ("environment", &critic.env, &config.env, remedy);
        }
        if config.gamma().to_bits() != about.gamma.to_bits() {
            return differ("γ", &about.gamma, &config.gamma(), remedy);
        }
        let networks = Networks::for_critic(candidate)?;
        let stored = [about.gamma, about.reward_scale, about.entropy].map(f64::to_bits);
        let same_returns = networks.returns().map(f64::to_bits) == stored;
        let same = same_returns && policy_hash(&networks)? == about.policy;
        let truth = if same { Truth::Stored } else { Truth::Regenerated };
        let (theirs, ours) = (&critic.versions.mujoco, Versions::current().mujoco);
        if truth == Truth::Stored && *theirs != ours {
            return Err(Error::Mismatch {
                what: "MuJoCo that made the baseline's rollouts".into(),
                expected: ours,
                found: theirs.clone(),
                remedy: "make the baseline again with this program".into(),
            });
        }
        Ok(Self { candidate, base, networks, truth })
    }

    /// Returns whether rollouts have to be made.
    pub fn truth(&self) -> Truth {
        self.truth
    }

    /// Compares the candidate with the baseline.
    pub(crate) fn run(&self, rule: Rule, work: Work) -> Result<Outcome> {
        let Self { candidate, base, truth, .. } = self;
        let around = &base.file.about.plan.around;
        let stored = &base.file.bank;
        let own = scores(&stored.states, &base.critic.said, around);
        let bank = match truth {
            Truth::Stored => stored,
            Truth::Regenerated => &self.regenerated(work)?,
        };
        // The same critic is not compared with its own rounding on another machine.
        let same = candidate.hash() == base.file.about.checkpoint && *truth == Truth::Stored;
        let theirs = if same {
            own.clone()
        } else {
            let critic = &*self.networks.critic;
            let said = ask(bank, 0, critic, &smoothing(bank.plan.seed))?;
            scores(&bank.states, &said, around)
        };
        let compared = Compared::new(own, theirs);
        let mut outcome = outcome(base, candidate, &compared, *truth, rule);
        outcome.warnings = reasons::warnings(&outcome, base);
        outcome.warnings.extend(reasons::silent(&outcome, compared.silent()));
        let algo = candidate.config().algo();
        if algo != base.critic.algo {
            outcome.warnings.push(format!(
                "the candidate is of {algo}, the baseline of {}: each is judged by its own value and \
                 returns, and the difference is also one of these",
                base.critic.algo
            ));
        }
        Ok(outcome)
    }

    /// Rollouts of the candidate's own actor, from the baseline's states.
    fn regenerated(&self, Work { workers, progress }: Work) -> Result<Bank> {
        let stored = &self.base.file.bank;
        let make_env = || self.base.critic.env.make();
        let visited = |state: &BankState| Visited {
            snapshot: state.snapshot.clone(),
            episode: state.episode,
        };
        let starts: Vec<Visited> = stored.states.iter().map(visited).collect();
        let agent = self.networks.agent(&make_env);
        make_bank(&agent, &starts, 0, &stored.plan, workers, progress)
    }
}

/// States at which both sides have a cosine, by episode: means are comparable over the same states only. A critic
/// without a gradient counts as orthogonal: left out, the state would not count against it.
struct Compared(Vec<Vec<Sides<StateScore>>>);

impl Compared {
    fn new(base: Vec<StateScore>, cand: Vec<StateScore>) -> Self {
        let counted = |mut score: StateScore| {
            score.inside = score.inside.or(score.silent);
            score
        };
        let sides = base.into_iter().zip(cand);
        let sides = sides.map(|(base, cand)| Sides { base: counted(base), cand: counted(cand) });
        let both = sides.filter(|s| s.base.inside.is_some() && s.cand.inside.is_some());
        Self(clusters(both.map(|s| {
            let episode = s.base.episode;
            (s, episode)
        })))
    }

    fn each<T>(&self, of: impl Fn(&Sides<StateScore>) -> Option<T>) -> Vec<Vec<T>> {
        self.0.iter().map(|unit| unit.iter().filter_map(&of).collect()).collect()
    }

    /// States at which the candidate's critic has no gradient, and the baseline's has.
    fn silent(&self) -> usize {
        let only = |s: &&Sides<StateScore>| s.cand.silent.is_some() && s.base.silent.is_none();
        self.0.iter().flatten().filter(only).count()
    }

    fn gate(&self, truth: Truth, rule: Rule) -> Gate {
        match truth {
            Truth::Stored => {
                let paired = self.each(|s| Some(PairedState::of(&s.base.inside?, &s.cand.inside?)));
                Gate::paired(&paired, rule)
            }
            Truth::Regenerated => Gate::regenerated(
                &self.each(|s| s.base.inside),
                &self.each(|s| s.cand.inside),
                rule,
            ),
        }
    }

    fn score(&self, side: fn(&Sides<StateScore>) -> &StateScore, bank: &Bank) -> Score {
        let states = self.each(|s| Some(side(s).clone())).concat();
        Score::of(&states, bank.plan.blocks, bank.dims())
    }
}

fn outcome(
    base: &Baseline,
    candidate: &Checkpoint,
    compared: &Compared,
    truth: Truth,
    rule: Rule,
) -> Outcome {
    let (about, bank) = (&base.file.about, &base.file.bank);
    let (plan, gate) = (&about.plan, compared.gate(truth, rule));
    let found =
        Sides { base: compared.score(|s| &s.base, bank), cand: compared.score(|s| &s.cand, bank) };
    let of = |f: fn(&Score) -> Estimate| Sides {
        base: f(&found.base).into(),
        cand: f(&found.cand).into(),
    };
    let stacked = |f: fn(&Score) -> Estimate| {
        let told = |s: &Score| if s.policy.resolved { f(s).into() } else { Range::UNRESOLVED };
        Sides { base: told(&found.base), cand: told(&found.cand) }
    };
    let n_states = compared.0.iter().map(Vec::len).sum();
    let rollouts = |state: &BankState| {
        2 * state.tried.iter().filter(|tried| tried.pair.around == Around::Inside).count()
    };
    Outcome {
        schema: 2,
        env: base.critic.env.to_string(),
        truth,
        alpha: rule.alpha,
        delta_tol: rule.tolerance,
        delta_ni: rule.margin,
        n_states,
        n_episodes: compared.0.len(),
        n_rollouts: bank.states.first().map_or(0, rollouts),
        blocks: plan.blocks,
        sigma: plan.std,
        gamma: about.gamma,
        horizon: plan.horizon,
        gamma_h: about.gamma.powi(plan.horizon as i32),
        seed: plan.seed,
        bank_hash: base.critic.seal.clone(),
        baseline_hash: about.checkpoint.clone(),
        candidate_hash: candidate.hash().to_owned(),
        raw: of(|s| s.inside.raw),
        ceiling: of(|s| s.inside.ceiling),
        inside: of(|s| s.inside.corrected),
        kappa: stacked(|s| s.policy.kappa),
        gain: stacked(|s| s.policy.gain),
        diff: Difference { range: gate.difference.into(), sd: gate.sd },
        p_regress: gate.p_regress,
        p_ni: gate.p_ni,
        p_holm: f64::NAN,
        min_detectable_drop_80: gate.min_detectable_drop_80,
        achieved_power_at: [("0.05", gate.power_at_005)].into(),
        states_needed: None,
        counts: Counts { bank: bank.states.len(), left_out: bank.states.len() - n_states },
        verdict: gate.verdict,
        reason: String::new(),
        warnings: Vec::new(),
        gate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient::known::{Critic, Place, World};
    use crate::gradient::score::score_states;
    use crate::nn::workers;
    use crate::rng::Stream;
    use crate::stats::verdict::Verdict;

    #[test]
    fn a_critic_without_a_gradient_at_some_states_is_orthogonal_there_and_does_not_pass() {
        // Exact where it says something: left out, the other states would be a pass without a difference.
        let workers = workers::start(1).unwrap();
        let world = World::new(Place::FREE, 80, 0).unwrap();
        let bank = world.bank(&world.plan(0), &workers).unwrap();
        let exact = world.exact().value;
        let dead = world.states.iter().filter(|s| s[0] > 0.5).count();
        let judged =
            |critic: &Critic| score_states(&bank, 0, critic, &Stream::new(0, "smoothing")).unwrap();
        let base = judged(&world.exact());
        let part = Critic::of_values(move |s, a| if s[0] > 0.5 { 1.0 } else { exact(s, a) });
        let compared = Compared::new(base.clone(), judged(&part));
        assert!(dead > 10 && compared.silent() == dead, "{dead} {}", compared.silent());
        let share = dead as f64 / 80.0;
        for truth in [Truth::Stored, Truth::Regenerated] {
            let gate = compared.gate(truth, Rule::default());
            assert_eq!(gate.verdict, Verdict::Regressed, "{gate:?}");
            assert!((gate.difference.value + share).abs() < 0.01, "{share} {gate:?}");
        }
        // One that says nothing at all is as far from an exact one as can be.
        let nothing = Compared::new(base, judged(&Critic::of_values(|_, _| 1.0)));
        let gate = nothing.gate(Truth::Stored, Rule::default());
        assert_eq!(gate.verdict, Verdict::Regressed, "{gate:?}");
        assert!((gate.difference.value + 1.0).abs() < 0.01, "{gate:?}");
    }
}
