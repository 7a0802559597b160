//! What κ says of a critic, in one word and in one sentence.

use super::numbers::{fixed, short, significant, with_ends};
use super::theme::{env_label, model_label};
use crate::analysis::measure::policy_cosine::{Judged, Whose};
use crate::names::named;
use crate::stats::Estimate;
use crate::stats::stacked::Stacked;

/// Share of saturated coordinates above which an actor is said not to move.
const STUCK: f64 = 0.98;

/// Effective units below which a few states decide everything.
const FEW: f64 = 10.0;

/// Intervals of κ that reach this far to both sides say nothing.
const WIDE: f64 = 0.3;

named!("direction",
    /// What can be said of a critic.
    Direction {
        /// Its gradient points uphill.
        Uphill = "uphill",
        /// It points downhill.
        Downhill = "downhill",
        /// The truth is known, and κ may be 0.
        Neither = "neither",
        /// The truth is not known, or κ is hardly.
        Unknown = "unknown",
        /// The actor cannot move, whatever the critic says.
        Stuck = "stuck",
    }
);

impl Direction {
    /// Returns what a bank says of a critic.
    pub(crate) fn of(judged: &Judged) -> Self {
        Self::by(&judged.score.policy, judged.score.saturated)
    }

    /// Returns what κ says, given the share of saturated coordinates.
    fn by(policy: &Stacked, saturated: f64) -> Self {
        let Estimate { low, high, .. } = policy.kappa;
        match policy.resolved {
            false if saturated > STUCK => Self::Stuck,
            false => Self::Unknown,
            true if low < -WIDE && high > WIDE => Self::Unknown,
            true if low > 0.0 => Self::Uphill,
            true if high < 0.0 => Self::Downhill,
            true => Self::Neither,
        }
    }
}

/// A number with its interval, to two decimals.
pub(super) fn two(estimate: &Estimate) -> String {
    with_ends(estimate, |x| fixed(x, 2))
}

pub(super) fn whose(of: &Whose) -> String {
    let Whose { env, model, seed, step, .. } = of;
    let (model, env, step) = (model_label(model), env_label(env), short(*step as f64));
    format!("{model} on {env}, seed {seed}, {step} steps")
}

/// Says why the truth is not known, in words that follow "cannot be told".
pub(super) fn why_unknown(policy: &Stacked) -> String {
    let ceiling = policy.ceiling.value;
    if policy.effective < FEW {
        return format!(
            ": {} states count as {}, for the gradients of a few are far larger than the others'",
            policy.states,
            fixed(policy.effective, 0)
        );
    }
    if ceiling.is_finite() {
        let ceiling = fixed(ceiling, 2);
        return format!(
            " with these rollouts: an exactly right critic would score about {ceiling}"
        );
    }
    " with these rollouts: independent estimates of the truth do not agree at all".into()
}

/// Says in one sentence what a bank says of a critic.
pub(crate) fn answer(judged: &Judged) -> String {
    sentence(&whose(&judged.whose), &judged.score.policy, judged.score.saturated)
}

/// Says in one sentence what κ says of somebody's critic, given the share of saturated coordinates.
pub(super) fn sentence(whose: &str, policy: &Stacked, saturated: f64) -> String {
    let (kappa, gain) = (two(&policy.kappa), &policy.gain);
    let percent = |x: f64| fixed(100.0 * x, 0);
    let kept = || match gain.value {
        x if x <= 0.0 => "none of the promised improvement is real".to_owned(),
        x if x > 2.0 => {
            format!("the real improvement is {} times the promised one", significant(x, 2))
        }
        x => format!("{} % of the promised improvement is real", percent(x)),
    };
    match Direction::by(policy, saturated) {
        Direction::Uphill => format!("{whose}: uphill: {kappa} of a possible 1; {}.", kept()),
        Direction::Downhill => format!("{whose}: downhill: {kappa}; {}.", kept()),
        Direction::Neither if policy.kappa.value.is_nan() => {
            format!(
                "{whose}: the critic promises nothing: its gradient is 0, or not a number somewhere."
            )
        }
        Direction::Neither => {
            format!("{whose}: neither uphill nor downhill: {kappa}, which may be 0.")
        }
        Direction::Unknown if policy.resolved => {
            format!("{whose}: cannot be told with {} states: {kappa}.", policy.states)
        }
        Direction::Unknown => format!("{whose}: cannot be told{}.", why_unknown(policy)),
        Direction::Stuck => {
            let share = percent(saturated);
            format!("{whose}: the actor cannot move: {share} % of its coordinates are saturated.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_says_what_the_interval_says() {
        let one = Estimate::symmetric(0.5, 0.1, 60);
        for (value, half, said) in [
            (
                0.5,
                0.2,
                "C: uphill: 0.50 [0.30, 0.70] of a possible 1; 50 % of the promised improvement is real.",
            ),
            (0.1, 0.2, "C: neither uphill nor downhill: 0.10 [−0.10, 0.30], which may be 0."),
            (0.2, 0.7, "C: cannot be told with 60 states: 0.20 [−0.50, 0.90]."),
        ] {
            let kappa = Estimate::symmetric(value, half, 60);
            let [ceiling, raw, gain, found, reliability] = [one; 5];
            let policy = Stacked {
                kappa,
                ceiling,
                raw,
                gain,
                found,
                reliability,
                effective: 40.0,
                resolved: true,
                states: 60,
            };
            assert_eq!(sentence("C", &policy, 0.1), said);
        }
    }
}
