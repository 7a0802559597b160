//! What came of a few episodes of an agent, in words.

use super::figure::extremes;
use super::numbers::{fixed, significant};
use crate::analysis::measure::played::{Beside, Played};
use crate::stats::summary::mean;

/// Correlation below which the critic can hardly belong to the actor.
const BELONGS: f64 = 0.3;

/// Share of the return that was claimed which is near enough.
const NEAR: f64 = 0.2;

/// Says what came, a sentence each.
pub(crate) fn sentences(played: &Played, claimed: Option<f64>) -> Vec<String> {
    let Played { env, returns, values } = played;
    let (low, high) = extremes(returns.iter().copied());
    let claimed =
        claimed.map_or(String::new(), |claimed| format!(", {} is claimed", fixed(claimed, 0)));
    let [mean, low, high] = [mean(returns), low, high].map(|x| fixed(x, 0));
    let episodes = returns.len();
    vec![
        format!(
            "In {env}, {episodes} episodes without noise: return {mean} ({low} to {high}){claimed}."
        ),
        values.as_ref().map_or_else(unknown, beside),
    ]
}

fn unknown() -> String {
    "Episodes are too short, for its discount factor, to set the critic's values beside what came."
        .into()
}

fn beside(beside: &Beside) -> String {
    let Beside { steps, correlation, value, discounted_return } = *beside;
    let off = value - discounted_return;
    let which = if off > 0.0 { "above" } else { "below" };
    format!(
        "Over {steps} steps the critic's values and the discounted returns that came correlate by {}; on average the values lie \
         {} {which} the returns, which are {}.",
        fixed(correlation, 2),
        significant(off.abs(), 2),
        significant(discounted_return, 3)
    )
}

/// Says what makes it doubtful that the agent was understood.
pub(crate) fn warnings(played: &Played, claimed: Option<f64>) -> Vec<String> {
    let mut all = Vec::new();
    let came = mean(&played.returns);
    if let Some(claimed) = claimed.filter(|claimed| (came - claimed).abs() > NEAR * claimed.abs()) {
        all.push(format!(
            "the return is {}, {} was claimed: another environment or version of it, or \
             normalised observations (--normalise)?",
            fixed(came, 0),
            fixed(claimed, 0)
        ));
    }
    if let Some(Beside { correlation, .. }) = played.values
        && (correlation.is_nan() || correlation < BELONGS)
    {
        all.push(format!(
            "the critic's values correlate by {} with the returns that came: one that has hardly learned may do so; else, does it \
             belong to this actor, and is γ right?",
            fixed(correlation, 2)
        ));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(correlation: f64) -> Played {
        let values = Beside { steps: 5410, correlation, value: 812.0, discounted_return: 780.0 };
        Played { env: "half-cheetah", returns: vec![9000.0, 9800.0], values: Some(values) }
    }

    #[test]
    fn episodes_are_told_in_two_sentences() {
        insta::assert_snapshot!(sentences(&played(0.94), Some(9410.0)).join("\n"), @r"
        In half-cheetah, 2 episodes without noise: return 9400 (9000 to 9800), 9410 is claimed.
        Over 5410 steps the critic's values and the discounted returns that came correlate by 0.94; on average the values lie 32 above the returns, which are 780.
        ");
        assert!(warnings(&played(0.94), Some(9410.0)).is_empty());
    }

    #[test]
    fn what_can_hardly_be_right_is_said() {
        let said = warnings(&played(0.1), Some(4000.0));
        assert!(said[0].starts_with("the return is 9400, 4000 was claimed"), "{said:?}");
        assert!(said[1].starts_with("the critic's values correlate by 0.10 with"), "{said:?}");
        assert_eq!(warnings(&played(f64::NAN), None).len(), 1);
    }
}
