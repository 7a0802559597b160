//! What adaptation steps of MAML did, as a table, and what they say of the claim that none is needed.

use serde_json::json;

use super::finding::{Answer, Finding};
use super::tables::{Cell, Column, Table};
use super::text;
use super::theme::model_label;
use super::{interval, significant};
use crate::analysis::measure::maml_adaptation::{Adaptation, AdaptationSettings};
use crate::study::claim::{Evidence, Verdict};

/// Divergence below which a step is said to have changed nothing, nats: a tenth of the bound on one
/// update of the policy.
const UNCHANGED: f64 = 1e-3;

/// Seeds from which a verdict is given.
const SEEDS: usize = 5;

/// Returns a row for each checkpoint and step; a star marks the step of its training.
fn table(all: &[Adaptation]) -> Table {
    let names =
        ["family", "model", "seed", "iteration", "η", "‖φ − θ‖", "KL", "before", "after", "gain"];
    let row = |a: &Adaptation| {
        vec![
            Cell::text(&a.env),
            Cell::text(model_label(&a.model)),
            Cell::text(a.seed),
            Cell::text(a.iteration),
            Cell::text(format!("{:e}{}", a.inner_lr, if a.own { " *" } else { "" })),
            Cell::number(a.distance),
            Cell::number(a.divergence),
            Cell::number(a.before),
            Cell::number(a.after),
            Cell::Interval(a.gain),
        ]
    };
    let columns = names.map(|name| Column::new(name, if name == "KL" { "nats" } else { "" }));
    Table { columns: columns.into(), rows: all.iter().map(row).collect() }
}

pub(crate) fn finding(all: &[Adaptation], settings: &AdaptationSettings) -> Finding {
    let table = table(all);
    Finding {
        files: vec![("summary.csv", table.clone())],
        table: Some(table),
        method: text::method(
            include_str!("text/maml-adaptation.md"),
            json!({ "episodes": settings.episodes }),
        ),
        answer: answer(all),
        ..Finding::default()
    }
}

/// Returns what the adaptations of hypernetworks at their own η say about "no adaptation step is needed": a
/// step that hardly moves the policy says nothing.
fn answer(all: &[Adaptation]) -> Answer {
    let own: Vec<&Adaptation> = all.iter().filter(|a| a.own && a.model == "hyper").collect();
    if own.is_empty() {
        return Answer::without_evidence("There is no checkpoint of Hyper-MAML.");
    }
    let describe = |a: &&Adaptation| {
        let moved = if a.divergence < UNCHANGED {
            "the step hardly changes the policy, so that no gain could be expected of it"
        } else {
            "the step changes the policy"
        };
        format!(
            "{} at iteration {}: at its own η = {:e} the gain is {} at a divergence of {} nats: {moved}.",
            a.env,
            a.iteration,
            a.inner_lr,
            interval(&a.gain),
            significant(a.divergence, 2)
        )
    };
    let needless = |a: &&Adaptation| match a.gain {
        _ if a.divergence < UNCHANGED => Verdict::Undecided,
        gain if gain.high <= 0.0 => Verdict::Holds,
        gain if gain.low > 0.0 => Verdict::Fails,
        _ => Verdict::Undecided,
    };
    let seeds = Evidence::fewest_seeds(own.iter().map(|a| (&*a.env, a.seed)));
    Answer {
        evidence: Evidence::of(own.iter().map(needless).collect(), seeds, SEEDS),
        reason: own.iter().map(describe).collect::<Vec<_>>().join(" "),
        ..Answer::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Estimate;

    fn adapted(seed: u64, divergence: f64, [low, high]: [f64; 2]) -> Adaptation {
        let value = f64::midpoint(low, high);
        Adaptation {
            env: "half-cheetah-vel".into(),
            model: "hyper".into(),
            seed,
            iteration: 400,
            inner_lr: 5e-5,
            own: true,
            distance: 1.0,
            divergence,
            before: -180.0,
            after: -180.0 + value,
            gain: Estimate { value, low, high, n: 30 },
        }
    }

    fn verdict(seeds: u64, divergence: f64, gain: [f64; 2]) -> Verdict {
        let all: Vec<_> = (0..seeds).map(|seed| adapted(seed, divergence, gain)).collect();
        answer(&all).evidence.verdict()
    }

    #[test]
    fn only_a_step_that_moves_the_policy_can_be_needless() {
        assert_eq!(verdict(5, 0.1, [-3.0, -1.0]), Verdict::Holds);
        assert_eq!(verdict(5, 0.1, [1.0, 3.0]), Verdict::Fails);
        assert_eq!(verdict(5, 0.1, [-1.0, 1.0]), Verdict::Undecided);
        assert_eq!(verdict(5, 1e-4, [-3.0, -1.0]), Verdict::Undecided);
        assert_eq!(verdict(4, 0.1, [-3.0, -1.0]), Verdict::Undecided);
        assert_eq!(verdict(0, 0.1, [1.0, 3.0]), Verdict::NotTested);
    }
}
