//! What differences between models say about a claim.
//!
//! Training runs are the units of replication. With one seed a difference, however sharp within the
//! runs, says nothing about another seed, and the verdict stays open.

use super::figure::extremes;
use super::finding::Answer;
use super::numbers::fixed;
use super::page::Headline;
use super::tables::{Cell, Table};
use super::theme::model_label;
use crate::analysis::summary::{NoiseCorrected, Status, Summary};
use crate::stats::hypothesis::{holm, paired_t};
use crate::study::claim::{Evidence, Verdict};
use crate::study::contrast::{Contrast, RunValues};

/// Chance of an error in the tests of a condition.
const ALPHA: f64 = 0.05;

/// A condition of the claim that is judged by itself.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    /// The verdict on it, in these runs.
    pub verdict: Verdict,
    pub text: String,
}

/// Fewest seeds whose difference says something about other seeds.
const SEEDS: usize = 2;

/// Returns what contrasts, of which the claim asks for so many, and a further condition say of it.
///
/// A condition is about these runs alone: it can keep a claim from holding, and does not refute it.
pub(crate) fn compared(
    contrasts: &[Contrast],
    condition: Option<Condition>,
    asked: usize,
) -> Answer {
    let Some(seeds) = contrasts.iter().map(|c| c.over_seeds.n).min() else {
        let reason = "No two models of the claim share runs: same environment, seed and step.";
        return Answer::without_evidence(reason);
    };
    let shown = |condition: &Condition| match condition.verdict {
        Verdict::Holds => Verdict::Holds,
        _ => Verdict::Undecided,
    };
    let differences: Vec<_> = contrasts.iter().map(|c| c.over_seeds).collect();
    let compared = Verdict::of_each(&differences).into_iter();
    let comparisons = compared.chain(condition.iter().map(shown)).collect();
    let asked = asked + usize::from(condition.is_some());
    let evidence = Evidence { comparisons, asked, incomplete: false, seeds, needed: SEEDS };
    let reason = format!("Intervals are over {seeds} seeds.");
    Answer {
        reason: if seeds < SEEDS { String::new() } else { reason },
        evidence,
        notes: condition.map_or(String::new(), |condition| condition.text),
        headline: contrasts.first().map(headline),
        reached: Vec::new(),
    }
}

/// The first contrast as the number of the report.
fn headline(c: &Contrast) -> Headline {
    let within = c.over_seeds.n < SEEDS && c.within_runs.half_width().is_finite();
    Headline {
        label: format!(
            "difference {} − {} in {} on {}{}",
            model_label(&c.better),
            model_label(&c.worse),
            c.quantity,
            c.envs.join(", "),
            if within { ", interval within these runs only" } else { "" }
        ),
        estimate: if within { c.within_runs } else { c.over_seeds },
        unit: String::new(),
    }
}

pub(crate) fn table(contrasts: &[Contrast]) -> Table {
    let names = ["difference", "in", "environments", "steps", "seeds"];
    let names = names.into_iter().chain(["over seeds", "within these runs"]);
    let row = |c: &Contrast| {
        let over_seeds = Some(c.over_seeds).filter(|over_seeds| over_seeds.n >= SEEDS);
        let within = Some(c.within_runs).filter(|within| !within.half_width().is_nan());
        vec![
            Cell::text(format!("{} − {}", model_label(&c.better), model_label(&c.worse))),
            Cell::text(&c.quantity),
            Cell::text(c.envs.join(", ")),
            Cell::text(c.steps),
            Cell::text(c.over_seeds.n),
            over_seeds.map_or(Cell::number(c.over_seeds.value), Cell::Interval),
            within.map_or(Cell::Missing, Cell::Interval),
        ]
    };
    Table::of(names, contrasts.iter().map(row))
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
    let (least, most) = extremes(resolved.iter().map(|n| n.ceiling.mean));
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
pub(crate) fn stays_above_zero(runs: &[RunValues], critic: &str) -> Option<Condition> {
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
    Some(Condition { verdict, text })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::contrast::{StepValues, contrast};

    fn run(critic: &str, seed: u64, values: &[f64]) -> RunValues {
        let at = |(step, value): (usize, &f64)| StepValues {
            step: step as u64,
            value: *value,
            states: [-0.1, 0.0, 0.1].map(|x| value + x).to_vec(),
        };
        let steps = values.iter().enumerate().map(at).collect();
        RunValues { env: "hopper".into(), critic: critic.into(), seed, steps }
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

    fn verdict(contrasts: &[Contrast], condition: Option<Verdict>, asked: usize) -> Verdict {
        let text = String::new();
        let condition = condition.map(|verdict| Condition { verdict, text });
        compared(contrasts, condition, asked).evidence.verdict()
    }

    #[test]
    fn one_seed_decides_nothing_however_large_the_difference() {
        let runs = [run("a", 0, &[1.0, 1.1, 0.9]), run("b", 0, &[0.0, 0.1, -0.1])];
        let found = pair(&runs, ["a", "b"]);
        assert!((found.within_runs.value - 1.0).abs() < 1e-12 && found.within_runs.low > 0.0);
        assert_eq!(verdict(&[found], None, 1), Verdict::Undecided);
    }

    #[test]
    fn several_seeds_decide_both_ways() {
        let (up, down) = (pair(&seeds(), ["a", "b"]), pair(&seeds(), ["b", "a"]));
        let up = std::slice::from_ref(&up);
        assert_eq!(verdict(up, None, 1), Verdict::Holds);
        assert_eq!(verdict(up, None, 2), Verdict::Undecided);
        assert_eq!(verdict(&[up[0].clone(), down], None, 2), Verdict::Fails);
        assert_eq!(verdict(&[], None, 2), Verdict::NotTested);
    }

    #[test]
    fn a_claim_holds_only_with_its_condition() {
        let found = [pair(&seeds(), ["a", "b"])];
        assert_eq!(verdict(&found, Some(Verdict::Holds), 1), Verdict::Holds);
        for open in [Verdict::Undecided, Verdict::Fails] {
            assert_eq!(verdict(&found, Some(open), 1), Verdict::Undecided);
        }
    }

    #[test]
    fn a_contrast_without_known_error_within_runs_has_an_empty_cell() {
        let of = |critic, value| RunValues {
            steps: vec![StepValues { step: 1, value, states: Vec::new() }],
            ..run(critic, 0, &[])
        };
        let found = pair(&[of("a", 3.0), of("b", 1.0)], ["a", "b"]);
        assert_eq!(table(&[found]).rows[0].last(), Some(&Cell::Missing));
    }

    #[test]
    fn above_zero_needs_every_step_and_one_clear_step_below_refutes_it() {
        let verdict = |values: &[f64]| {
            stays_above_zero(&[run("a", 0, values)], "a").map(|found| found.verdict)
        };
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
