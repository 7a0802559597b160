//! Is a critic linear at the scale of the perturbations (paper, Fig. 8)? Its gradient against its own values,
//! smoothed as a truth would be; nothing is simulated.

use super::Agent;
use super::bank::{Bank, Plan, bank_states};
use super::pairs::Around;
use super::score::{StateScore, ask};
use crate::env::Visited;
use crate::error::Result;
use crate::rng::Stream;
use crate::stats::replicates::Replicates;
use crate::stats::stacked::Sums;

/// Judges a critic's gradient at each of `starts` by its own values in place of the truth: a linear critic scores
/// κ = 1, gain 1 and inside 1.
pub(crate) fn own_scores(
    agent: &Agent,
    starts: &[Visited],
    std: f64,
    seed: u64,
) -> Result<Vec<StateScore>> {
    let plan = Plan { std, seed, ..Plan::default() };
    let bank = Bank { plan, states: bank_states(agent, starts)? };
    let stream = Stream::new(seed, "smoothing").child(agent.streams);
    let said = ask(&bank, 0, agent.critic, &stream)?;
    let [obs, before] = bank.points(0);
    let mut centres = before.clone();
    for mut u in centres.rows_mut() {
        let centre = Around::Inside.centre(&u.to_vec(), std);
        u.assign(&ndarray::aview1(&centre));
    }
    let inside = agent.critic.action_gradient(&obs, &centres)?;
    let judge = |((state, said), inside): ((_, _), ndarray::ArrayView1<f64>)| {
        let mut score = StateScore::of(state, said, &[]);
        for (around, halves) in bank.plan.around.iter().zip(&said.smoothed) {
            match around {
                Around::Policy => score.smoothed = Some(Sums::of(halves, &said.through(state))),
                Around::Inside => score.inside = Replicates::of(halves, &inside.to_vec()),
            }
        }
        score
    };
    Ok(bank.states.iter().zip(&said).zip(inside.rows()).map(judge).collect())
}
