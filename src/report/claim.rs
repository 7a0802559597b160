//! What our data say about a claim, and how far they carry.
//!
//! Training runs are the units of replication. With one seed a difference, however sharp within the
//! runs, says nothing about another seed, and the verdict stays open. So it does where runs are
//! missing or shorter than those of the claim.

use super::contrast::{Contrast, RunValues};
use super::numbers::{fixed, short};
use super::page::Verdict;
use super::theme::model_label;
use crate::analysis::summary::{NoiseCorrected, Status, Summary};
use crate::stats::Estimate;
use crate::stats::hypothesis::{holm, paired_t};

/// Chance of an error in the tests of a claim's parts.
const ALPHA: f64 = 0.05;

/// What the claim is about, against what there is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scope {
    /// Contrasts that the claim asks for.
    pub asked: usize,
    /// Runs that nobody has trained.
    pub missing_runs: usize,
    /// Last measured step of each run.
    pub reached: Vec<u64>,
    /// Steps of a run in the paper.
    pub claimed: u64,
    /// What is compared: `critics`, or `policies`.
    pub models: &'static str,
    /// What the length of a run is counted in: `steps`, or `iterations`.
    pub steps: &'static str,
}

impl Scope {
    /// Returns an empty scope of critics, whose runs are counted in environment steps.
    pub(crate) fn of_critics() -> Self {
        let (models, steps) = ("critics", "steps");
        Self { asked: 0, missing_runs: 0, reached: Vec::new(), claimed: 0, models, steps }
    }

    /// Returns an empty scope of meta-learned policies, whose runs are counted in iterations.
    pub(crate) fn of_policies() -> Self {
        Self { models: "policies", steps: "iterations", ..Self::of_critics() }
    }

    /// Says how far the runs go, if any is shorter than those of the claim.
    pub(crate) fn shortness(&self) -> Option<String> {
        let (least, most) = (self.reached.iter().min()?, self.reached.iter().max()?);
        let steps = |n: u64| short(n as f64);
        let reach = if least == most {
            steps(*most)
        } else {
            format!("{} to {}", steps(*least), steps(*most))
        };
        let (paper, unit) = (steps(self.claimed), self.steps);
        (*least < self.claimed).then(|| format!("runs reach {reach} of the paper's {paper} {unit}"))
    }
}

/// A part of the claim that is judged by itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    /// What became of it, in these runs.
    pub verdict: Verdict,
    /// The sentence about it.
    pub text: String,
}

/// The verdict on a claim about several contrasts and parts, with its reason.
///
/// It holds if all do, and fails if a contrast does; neither while runs are missing or short.
pub(crate) fn judge(contrasts: &[Contrast], parts: &[Part], scope: &Scope) -> (Verdict, String) {
    if contrasts.is_empty() {
        let Scope { models, steps, .. } = scope;
        let reason = format!(
            "No two {models} of the claim share runs: same environment, seeds and {steps}."
        );
        return (Verdict::NotTested, reason);
    }
    let verdicts: Vec<Verdict> = contrasts.iter().map(Contrast::verdict).collect();
    let holds = || verdicts.iter().chain(parts.iter().map(|part| &part.verdict));
    let short = scope.shortness();
    let verdict = if scope.missing_runs > 0 || short.is_some() {
        Verdict::Undecided
    } else if verdicts.contains(&Verdict::Fails) {
        Verdict::Fails
    } else if holds().all(|v| *v == Verdict::Holds) && contrasts.len() == scope.asked {
        Verdict::Holds
    } else {
        Verdict::Undecided
    };
    let seeds = contrasts.iter().map(|c| c.over_seeds.n).min().unwrap_or(0);
    let mut reasons = vec![if seeds < 2 {
        format!(
            "There is one seed: differences between {} cannot be told from differences between \
             training runs",
            scope.models
        )
    } else {
        format!("Intervals are over {seeds} seeds")
    }];
    if scope.missing_runs > 0 {
        let missing = scope.missing_runs;
        reasons.push(format!("of the runs that the claim is about, {missing} were not trained"));
    }
    reasons.extend(short);
    let mut reason = reasons.join("; ") + ".";
    for part in parts {
        reason = format!("{reason} {}", part.text);
    }
    (verdict, reason)
}

/// Says what noise, ceiling and chance leave of the cosines measured; `None` where nothing was
/// replicated.
pub(crate) fn beside_noise(summaries: &[Summary]) -> Option<String> {
    let noise: Vec<&NoiseCorrected> = summaries.iter().filter_map(|s| s.noise.as_ref()).collect();
    if noise.is_empty() {
        return None;
    }
    let resolved: Vec<&NoiseCorrected> =
        noise.iter().copied().filter(|n| n.status == Status::Resolved).collect();
    let (all, clear) = (noise.len(), resolved.len());
    let lost = format!(
        "{} of {all} checkpoints ({:.0} %) are unresolved",
        all - clear,
        100.0 * (all - clear) as f64 / all as f64
    );
    if clear == 0 {
        return Some(format!("{lost}: nothing can be said about any critic."));
    }
    let ceilings = || resolved.iter().map(|n| n.ceiling.mean);
    let least = ceilings().fold(f64::INFINITY, f64::min);
    let most = ceilings().fold(f64::NEG_INFINITY, f64::max);
    let above = resolved.iter().filter(|n| n.corrected.low > 0.0).count();
    let below = resolved.iter().filter(|n| n.corrected.high < 0.0).count();
    Some(format!(
        "{lost}; at the others an exactly right critic would show a mean cosine of {} to {} \
         (ceiling) and a random direction one of 0 (chance): the interval of the corrected cosine \
         lies above chance at {above} of these {clear}, below it at {below}.",
        fixed(least, 2),
        fixed(most, 2)
    ))
}

/// Judges whether a critic stays above zero in all steps of all its runs; `None` if it has none.
///
/// It does if each step is above zero (one-sided t over states at 5 %, intersection-union), and does
/// not if one is below (the same, Holm over the steps).
pub(crate) fn stays_above_zero(runs: &[RunValues], critic: &str) -> Option<Part> {
    let of_critic = runs.iter().filter(|run| run.critic == critic);
    let tests: Vec<_> =
        of_critic.flat_map(|run| &run.steps).map(|step| paired_t(&step.states)).collect();
    if tests.is_empty() {
        return None;
    }
    let above = tests.iter().filter(|test| test.p_greater <= ALPHA).count();
    let p_values: Vec<f64> =
        tests.iter().map(|test| if test.p_less.is_nan() { 1.0 } else { test.p_less }).collect();
    let below = holm(&p_values).into_iter().filter(|p| *p <= ALPHA).count();
    let (verdict, so) = if below > 0 {
        (Verdict::Fails, "does not")
    } else if above == tests.len() {
        (Verdict::Holds, "does")
    } else {
        (Verdict::Undecided, "is not shown to")
    };
    let (label, steps) = (model_label(critic), tests.len());
    let text = format!(
        "In these runs {label} {so} stay above zero: of {steps} usable checkpoints {above} are above \
         (one-sided t over states, 5 %) and {below} below (the same, Holm over checkpoints)."
    );
    Some(Part { verdict, text })
}

#[cfg(test)]
mod tests {
    use super::super::contrast::{StepValues, contrast};
    use super::*;

    fn run(critic: &str, seed: u64, values: &[f64]) -> RunValues {
        let at = |(step, value): (usize, &f64)| StepValues {
            step: step as u64,
            value: *value,
            states: [-0.1, 0.0, 0.1].map(|x| value + x).to_vec(),
        };
        let steps = values.iter().enumerate().map(at).collect();
        RunValues { env: "hopper".into(), critic: critic.into(), seed, steps }
    }

    fn scope(asked: usize) -> Scope {
        Scope { asked, reached: vec![1000], claimed: 1000, ..Scope::of_critics() }
    }

    fn pair(runs: &[RunValues], critics: [&str; 2]) -> Contrast {
        contrast(runs, critics, "x").unwrap()
    }

    /// Three seeds of `a`, well above those of `b`.
    fn seeds() -> Vec<RunValues> {
        let of = |(seed, a): (u64, [f64; 2])| {
            [run("a", seed, &a), run("b", seed, &[0.1 * seed as f64, 0.1])]
        };
        [(0, [1.0, 1.2]), (1, [1.1, 1.3]), (2, [0.9, 1.2])].into_iter().flat_map(of).collect()
    }

    #[test]
    fn one_seed_decides_nothing_however_large_the_difference() {
        let runs = [run("a", 0, &[1.0, 1.1, 0.9]), run("b", 0, &[0.0, 0.1, -0.1])];
        let found = pair(&runs, ["a", "b"]);
        assert!((found.within_runs.value - 1.0).abs() < 1e-12 && found.within_runs.low > 0.0);
        assert_eq!(judge(&[found], &[], &scope(1)).0, Verdict::Undecided);
    }

    #[test]
    fn several_seeds_decide_both_ways() {
        let (up, down) = (pair(&seeds(), ["a", "b"]), pair(&seeds(), ["b", "a"]));
        let up = std::slice::from_ref(&up);
        assert_eq!(judge(up, &[], &scope(1)).0, Verdict::Holds);
        assert_eq!(judge(up, &[], &scope(2)).0, Verdict::Undecided);
        assert_eq!(judge(&[up[0].clone(), down], &[], &scope(2)).0, Verdict::Fails);
        assert_eq!(judge(&[], &[], &scope(2)).0, Verdict::NotTested);
    }

    #[test]
    fn missing_and_short_runs_decide_nothing_and_are_named() {
        for critics in [["a", "b"], ["b", "a"]] {
            let found = [pair(&seeds(), critics)];
            let missing = Scope { missing_runs: 2, ..scope(1) };
            assert_eq!(judge(&found, &[], &missing).0, Verdict::Undecided);
            let short = Scope { reached: vec![1000, 10], ..scope(1) };
            let (verdict, reason) = judge(&found, &[], &short);
            assert_eq!(verdict, Verdict::Undecided);
            assert!(reason.contains("runs reach 10 to 1K of the paper's 1K steps"), "{reason}");
        }
    }

    #[test]
    fn a_claim_holds_only_with_all_its_parts() {
        let found = [pair(&seeds(), ["a", "b"])];
        let part = |verdict| [Part { verdict, text: "Part.".into() }];
        assert_eq!(judge(&found, &part(Verdict::Holds), &scope(1)).0, Verdict::Holds);
        for open in [Verdict::Undecided, Verdict::Fails] {
            assert_eq!(judge(&found, &part(open), &scope(1)).0, Verdict::Undecided);
        }
    }

    #[test]
    fn above_zero_needs_every_step_and_one_clear_step_below_refutes_it() {
        let verdict =
            |values: &[f64]| stays_above_zero(&[run("a", 0, values)], "a").map(|part| part.verdict);
        // se = 0.1/√3 with two degrees of freedom: 0.3 is t = 5.2, p = 0.018; 0.05 is t = 0.9.
        assert_eq!(verdict(&[0.3, 0.4]), Some(Verdict::Holds));
        assert_eq!(verdict(&[0.3, 0.05]), Some(Verdict::Undecided));
        assert_eq!(verdict(&[0.3, -0.4]), Some(Verdict::Fails));
        // −0.3 alone is below (p = 0.018), but not as one of three (Holm: 0.054).
        assert_eq!(verdict(&[-0.3]), Some(Verdict::Fails));
        assert_eq!(verdict(&[-0.3, 0.3, 0.3]), Some(Verdict::Undecided));
        assert_eq!(stays_above_zero(&[run("a", 0, &[1.0])], "b"), None);
    }
}
