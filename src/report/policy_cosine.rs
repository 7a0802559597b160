//! κ, gain and inside of checkpoints: the answer, a table, a figure (`docs/estimator.md` §8).

use serde_json::json;

use super::direction::{Direction, answer, two, whose};
use super::figure::{Panel, Point, Series};
use super::finding::Finding;
use super::numbers::{fixed, short};
use super::tables::{Cell, Table};
use super::text;
use super::view::step_axis;
use crate::analysis::measure::policy_cosine::{Judged, Whose};
use crate::gradient::horizon::{CLEAR, Choice, LITTLE, PILOT};
use crate::gradient::score::StateScore;
use crate::gradient::{Settings, StatesFrom};
use crate::stats::Estimate;

/// Returns the numbers that a page has room for, one line for each checkpoint.
pub(crate) fn table(all: &[Judged]) -> Table {
    let row = |judged: &Judged| {
        let Judged { whose, horizon, score, .. } = judged;
        let Whose { env, model, seed, step, .. } = whose;
        vec![
            ("critic", Cell::text(format!("{env} {model} s{seed}"))),
            ("step", Cell::text(short(*step as f64))),
            ("states", Cell::text(score.states)),
            ("κ", Cell::resolved(score.policy.resolved, score.policy.kappa)),
            ("ceiling", Cell::number(score.policy.ceiling.value)),
            ("gain", Cell::resolved(score.policy.resolved, score.policy.gain)),
            ("inside", Cell::resolved(score.inside.resolved, score.inside.corrected)),
            ("horizon", Cell::text(horizon)),
        ]
    };
    Table::of_named(all.iter().map(row))
}

/// Returns all numbers, one line for each checkpoint.
pub(crate) fn summary(all: &[Judged]) -> Table {
    let row = |judged: &Judged| -> Vec<(&'static str, Cell)> {
        let Judged { whose, horizon, rollouts, score, .. } = judged;
        let Whose { env, algo, model, seed, step } = whose;
        let (policy, local, inside) = (&score.policy, &score.local, &score.inside);
        vec![
            ("environment", Cell::text(env)),
            ("algorithm", Cell::text(algo)),
            ("critic", Cell::text(model)),
            ("seed", Cell::text(seed)),
            ("step", Cell::text(step)),
            ("direction", Cell::text(Direction::of(judged))),
            ("states", Cell::text(score.states)),
            ("left out", Cell::text(score.left_out)),
            ("rollouts", Cell::text(rollouts)),
            ("horizon", Cell::text(horizon)),
            ("effective units", Cell::number(policy.effective)),
            ("saturated", Cell::number(score.saturated)),
            ("reach", Cell::number(score.reach)),
            ("resolved", Cell::text(policy.resolved)),
            ("reliability", Cell::Interval(policy.reliability)),
            ("kappa", Cell::Interval(policy.kappa)),
            ("ceiling", Cell::Interval(policy.ceiling)),
            ("raw", Cell::Interval(policy.raw)),
            ("gain", Cell::Interval(policy.gain)),
            ("found", Cell::Interval(policy.found)),
            ("local kappa", Cell::Interval(local.kappa)),
            ("local gain", Cell::Interval(local.gain)),
            ("inside resolved", Cell::text(inside.resolved)),
            ("inside", Cell::Interval(inside.corrected)),
            ("inside ceiling", Cell::Interval(inside.ceiling_block)),
        ]
    };
    Table::of_named(all.iter().map(row))
}

fn states(all: &[Judged]) -> Table {
    let row = |judged: &Judged, number: usize, state: &StateScore| {
        let Whose { env, model, seed, step, .. } = &judged.whose;
        let number_of = |x: Option<f64>| x.map_or(Cell::Missing, Cell::number);
        let (smoothed, local) = (state.smoothed, state.local);
        vec![
            ("environment", Cell::text(env)),
            ("critic", Cell::text(model)),
            ("seed", Cell::text(seed)),
            ("step", Cell::text(step)),
            ("state", Cell::text(number)),
            ("episode", state.episode.map_or(Cell::Missing, Cell::text)),
            ("dot", number_of(smoothed.map(|s| s.dot))),
            ("critic square", number_of(smoothed.map(|s| s.critic))),
            ("truth square", number_of(smoothed.map(|s| s.truth))),
            ("noisy square", number_of(smoothed.map(|s| s.noisy))),
            ("local dot", number_of(local.map(|s| s.dot))),
            ("local critic square", number_of(local.map(|s| s.critic))),
            ("inside cosine", number_of(state.inside.map(|s| s.block))),
            ("inside agreement", number_of(state.inside.map(|s| s.pair))),
            ("saturated", Cell::number(state.saturated)),
        ]
    };
    Table::of_named(all.iter().flat_map(|judged| {
        let states = judged.states.iter().enumerate();
        states.map(|(number, state)| row(judged, number, state)).collect::<Vec<_>>()
    }))
}

/// Says what a reader should know before believing the numbers.
pub(super) fn warnings(judged: &Judged) -> Vec<String> {
    let (score, whose) = (&judged.score, whose(&judged.whose));
    let mut said = Vec::new();
    let effective = score.policy.effective;
    if score.policy.resolved && effective < (score.states as f64 / 2.0).min(30.0) {
        said.push(format!(
            "{whose}: a few states decide: {} states count as {}, for their gradients are far larger than \
             the others'",
            score.states,
            fixed(effective, 0)
        ));
    }
    let ends = format!("{whose}: rollouts end after {} steps", judged.horizon);
    match judged.choice {
        // What was seen to be next to nothing needs no warning.
        Choice::Seen { missed } if missed.low < -LITTLE || missed.high > LITTLE => {
            said.push(format!(
                "{ends}; what follows was seen to change the gain by {} of it",
                two(&missed)
            ));
        }
        Choice::Longest => said.push(format!(
            "{ends}, the most that are made without --horizon; its discount is so near to 1 that what follows counts, and \
             nothing is known of it"
        )),
        Choice::Seen { .. } | Choice::Asked | Choice::Full => {}
    }
    if judged.blocks < 4 {
        said.push(format!(
            "{whose}: with fewer than 4 blocks inside is corrected too little where states differ in their noise"
        ));
    }
    said.extend(warnings_of_critic(judged));
    if score.left_out > 0 {
        let left = score.left_out;
        said.push(format!(
            "{whose}: {left} states are left out, for their simulation became unstable"
        ));
    }
    said
}

/// The same of the critic alone, whatever the bank.
pub(super) fn warnings_of_critic(judged: &Judged) -> Vec<String> {
    let (score, whose) = (&judged.score, whose(&judged.whose));
    let mut said = Vec::new();
    let silent = judged.states.iter().filter(|state| state.silent.is_some()).count();
    if 0 < silent && silent < score.states {
        said.push(format!(
            "{whose}: the critic has no gradient at {silent} of {} states; inside is about the others, and differences of it count 0 there",
            score.states
        ));
    }
    let [smoothed, local] = [&score.policy, &score.local].map(|stacked| stacked.kappa);
    if score.policy.resolved && (local.high < smoothed.low || smoothed.high < local.low) {
        said.push(format!(
            "{whose}: the critic is rough: at the policy's own action, where an actor climbs it, κ is {}, and not {}",
            two(&local),
            two(&smoothed)
        ));
    }
    said
}

/// Returns a panel of one number of each run during training.
fn panel(all: &[Judged], title: &str, of: impl Fn(&Judged) -> Option<Estimate>) -> Option<Panel> {
    let mut series: Vec<Series> = Vec::new();
    for judged in all {
        let Whose { env, model, seed, step, .. } = &judged.whose;
        let name = format!("{model}, {env} s{seed}");
        let x = *step as f64;
        let point = of(judged).map_or(Point::new(x, f64::NAN), |e| Point::estimate(x, &e));
        match series.iter_mut().find(|series| series.name == name) {
            Some(series) => series.points.push(point),
            None => series.push(Series::line(name, vec![point], judged.score.states)),
        }
    }
    for series in &mut series {
        series.points.sort_by(|a, b| a.x.total_cmp(&b.x));
    }
    let known = series.iter().any(|series| series.points.iter().any(|p| p.y.is_finite()));
    known.then(|| Panel::beside_exact(title, step_axis(), series))
}

pub(crate) fn finding(all: &[Judged], settings: &Settings) -> Finding {
    let policy = |pick: fn(&Judged) -> Estimate| {
        move |judged: &Judged| judged.score.policy.resolved.then(|| pick(judged))
    };
    let panels = [
        panel(all, "κ", policy(|j| j.score.policy.kappa)),
        panel(all, "gain", policy(|j| j.score.policy.gain)),
        panel(all, "inside", |j| j.score.inside.resolved.then_some(j.score.inside.corrected)),
    ];
    let values = json!({
        "blocks": all.first().map_or(0, |j| j.blocks),
        "std": settings.std,
        "seed": settings.seed,
        "states": settings.states,
        "half_width": settings.adaptive.map(|a| a.half_width),
        "max_states": settings.most_states(),
        "asked": settings.horizon.is_some(),
        "pilot": PILOT,
        "clear": CLEAR,
        "source": settings.source().name(),
        "visited": settings.source() == StatesFrom::Replay,
        "soft": all.iter().any(|judged| judged.whose.algo == "sac"),
    });
    Finding {
        subtitle: "κ: cosine of the critic's and the true gradient as the actor feels them; gain: share of \
                   the promised improvement that is real; bands: 95 % over episodes"
            .into(),
        panels: panels.into_iter().flatten().collect(),
        files: vec![("summary.csv", summary(all)), ("states.csv", states(all))],
        table: Some(table(all)),
        warnings: all.iter().flat_map(warnings).collect(),
        method: text::method(include_str!("text/policy-cosine.md"), values),
        ..Finding::default()
    }
}

pub(crate) fn answers(all: &[Judged]) -> Vec<String> {
    all.iter().map(answer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gradient::known::{Critic, Place, World};
    use crate::gradient::score::{Score, score_states};
    use crate::rng::Stream;

    /// What a clean bank of 40 states says of a critic.
    fn judged(world: &World, critic: &Critic) -> Judged {
        let workers = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let bank = world.bank(&world.plan(0), &workers).unwrap();
        let states = score_states(&bank, 0, critic, &Stream::new(0, "smoothing")).unwrap();
        Judged {
            whose: Whose {
                env: "hopper".into(),
                algo: "td3".into(),
                model: "mlp-small".into(),
                seed: 0,
                step: 1000,
            },
            horizon: 4,
            choice: Choice::Asked,
            pilot: Vec::new(),
            blocks: bank.plan.blocks,
            rollouts: 0,
            score: Score::of(&states, bank.plan.blocks, bank.dims()),
            states,
        }
    }

    #[test]
    fn a_critic_whose_slope_at_the_policys_action_is_not_that_around_it_is_called_rough() {
        let world = World::new(Place::FREE, 40, 7).unwrap();
        assert!(warnings_of_critic(&judged(&world, &world.exact())).is_empty());
        // Right over the perturbations, and the reverse of it at the action itself.
        let reverse = world.exact().map(|_, slope| -slope);
        let said = warnings_of_critic(&judged(&world, &reverse));
        let [said] = &said[..] else { panic!("{said:?}") };
        assert!(said.contains("the critic is rough") && said.contains("κ is −1.00"), "{said}");
    }

    #[test]
    fn what_is_known_to_add_next_to_nothing_is_no_warning() {
        let world = World::new(Place::FREE, 40, 7).unwrap();
        let said = |half| {
            let choice = Choice::Seen { missed: Estimate::symmetric(0.01, half, 60) };
            warnings(&Judged { choice, ..judged(&world, &world.exact()) }).join("; ")
        };
        assert!(!said(0.03).contains("what follows"), "{}", said(0.03));
        assert!(said(0.3).contains("what follows"), "{}", said(0.3));
    }
}
