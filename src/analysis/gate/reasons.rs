//! Verdicts of the gate, their reasons, and warnings.

use super::baseline::Baseline;
use super::record::{Outcome, Truth};
use crate::checkpoint::manifest::Versions;
use crate::stats::corrected::{FEWEST_STATES, FEWEST_UNITS, RESOLVED_ABOVE};
use crate::stats::gate::{Doubt, POWER};
use crate::stats::verdict::{Family, Verdict};

/// Fewest blocks with which two truths of different noise rarely seem to differ.
const FEWEST_BLOCKS: usize = 4;

/// Judges all environments together: Holm for alarms, all of them for a pass.
pub fn conclude(outcomes: &mut [Outcome], alpha: f64) -> Verdict {
    let p_values: Vec<(f64, f64)> = outcomes.iter().map(|o| (o.p_regress, o.p_ni)).collect();
    let family = Family::of(&p_values, alpha);
    for (outcome, adjusted) in outcomes.iter_mut().zip(&family.environments) {
        outcome.p_holm = adjusted.p_holm;
        outcome.verdict = adjusted.verdict;
        let undecided = adjusted.verdict == Verdict::Inconclusive;
        outcome.states_needed = if undecided { bank_needed(outcome, p_values.len()) } else { None };
        outcome.reason = reason(outcome);
    }
    family.verdict
}

/// States of a bank that would decide, if the same share of them is usable.
fn bank_needed(o: &Outcome, environments: usize) -> Option<usize> {
    let usable = o.gate.states_to_decide(environments)?;
    (o.n_states > 0).then(|| usable.saturating_mul(o.counts.bank).div_ceil(o.n_states))
}

fn reason(o: &Outcome) -> String {
    match o.verdict {
        Verdict::Regressed => format!(
            "the candidate's cosine is lower by {:.3} ({} after Holm)",
            -o.diff.range.est,
            p_text(o.p_holm)
        ),
        Verdict::NonInferior => {
            let said = format!("a drop of {} in true cosine is ruled out", o.delta_ni);
            format!("{said} ({}){}", p_text(o.p_ni), not_drawn(o))
        }
        Verdict::Inconclusive => match o.gate.doubt {
            Some(Doubt::TooFewStates) => too_few(o),
            Some(Doubt::TruthUnresolved | Doubt::BaseUnresolved) => unresolved(o, "baseline"),
            Some(Doubt::CandidateUnresolved) => unresolved(o, "candidate"),
            Some(Doubt::TooWide) | None => match o.states_needed {
                Some(n) => format!(
                    "neither a drop nor its absence is shown; {} (margin {})",
                    would_decide(n),
                    o.delta_ni
                ),
                None => format!(
                    "a drop between the margin {} and the tolerance {} neither passes nor alarms: \
                     more states would not decide; lower --tolerance or raise --margin",
                    o.delta_ni, o.delta_tol
                ),
            },
        },
    }
}

/// Says which share of the episodes can hide a drop beyond the margin because none of them was drawn: a critic
/// with its sign flipped in a share `q` of them loses `2q`.
fn not_drawn(o: &Outcome) -> String {
    let share = 1.0 - 0.05f64.powf(1.0 / o.n_episodes as f64); // drawn at least once with 95 %
    if 2.0 * share <= o.delta_ni {
        return String::new();
    }
    format!(
        "; one that sits whole in less than {:.1} % of the episodes may be in none of these {}",
        100.0 * share,
        o.n_episodes
    )
}

fn would_decide(states: usize) -> String {
    format!("a bank of about {states} states would decide with {:.0} % power", 100.0 * POWER)
}

fn too_few(o: &Outcome) -> String {
    let counted = if o.n_states < FEWEST_STATES {
        format!(
            "{} of {} states have a cosine on both sides, {FEWEST_STATES} are needed",
            o.n_states, o.counts.bank
        )
    } else {
        format!(
            "the {} states compared are of {} episodes, {FEWEST_UNITS} are needed: states of one \
             episode resemble each other",
            o.n_states, o.n_episodes
        )
    };
    match o.states_needed {
        Some(n) => format!("{counted}; {}", would_decide(n)),
        None => format!(
            "{counted}: more states of this kind would not decide; see hyperl-analyze diagnose"
        ),
    }
}

fn unresolved(o: &Outcome, side: &str) -> String {
    let said = format!("independent estimates of the {side}'s true gradient hardly agree");
    match o.states_needed {
        Some(n) => format!("{said}; {}, if their agreement is what it seems", would_decide(n)),
        None => format!(
            "{said} (mean cosine at most {RESOLVED_ABOVE}): more states would not decide; more \
             --blocks, another --std or a shorter --horizon may; see hyperl-analyze diagnose"
        ),
    }
}

/// A p-value as text; a bound where a double cannot distinguish it from 0.
fn p_text(p: f64) -> String {
    if p < 1e-16 { "p < 1e-16".into() } else { format!("p = {p:.2e}") }
}

/// Says at how many states the candidate's critic has no gradient and the baseline's has one.
pub(super) fn silent(o: &Outcome, states: usize) -> Option<String> {
    let said = || {
        format!(
            "{}: the candidate's critic has no gradient at {states} of {} states, where the baseline's has one; \
             there it counts as orthogonal",
            o.env, o.n_states
        )
    };
    (states > 0).then(said)
}

/// Says what weakens the verdict.
pub(super) fn warnings(o: &Outcome, base: &Baseline) -> Vec<String> {
    let mut said = Vec::new();
    // Of none at all the reason speaks.
    if o.n_states > 0 && 2 * o.n_states < o.counts.bank {
        said.push(format!(
            "{}: {} of {} states have a cosine on both sides, fewer than half; the verdict is \
             about those only",
            o.env, o.n_states, o.counts.bank
        ));
    }
    if o.truth == Truth::Regenerated && o.blocks < FEWEST_BLOCKS {
        said.push(format!(
            "{}: two truths with {} blocks each: if the candidate's is the noisier one, false alarms \
             are up to twice as frequent as --alpha says; make the baseline with --blocks \
             {FEWEST_BLOCKS}",
            o.env, o.blocks
        ));
    }
    let (theirs, ours) = (&base.critic.versions, Versions::current());
    for (name, theirs, ours) in [
        ("hyperl", &theirs.hyperl, ours.hyperl),
        ("libtorch", &theirs.libtorch, ours.libtorch),
        ("MuJoCo", &theirs.mujoco, ours.mujoco),
    ] {
        if *theirs != ours {
            said.push(format!(
                "{}: the baseline was made with {name} {theirs}, this is {ours}; make it again if the \
                 verdict surprises",
                o.env
            ));
        }
    }
    said
}
