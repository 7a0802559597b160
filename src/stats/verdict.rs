//! From p-values to a verdict, for one environment and for several together.
//!
//! # References
//! Holm, Scand. J. Stat. 1979, for alarms; Berger, Technometrics 1982 (intersection-union), for
//! passes; `docs/estimator.md` §5.

use super::hypothesis::holm;

/// What the gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Worse, beyond the tolerance.
    Regressed,
    /// Not worse by the margin or more.
    NonInferior,
    /// Neither is shown.
    Inconclusive,
}

impl Verdict {
    /// Returns what follows from both p-values. A drop of the margin that is ruled out is a pass, even
    /// where a smaller one is sure; NaN decides nothing.
    pub fn of(p_regress: f64, p_ni: f64, alpha: f64) -> Self {
        if p_ni <= alpha {
            Self::NonInferior
        } else if p_regress <= alpha {
            Self::Regressed
        } else {
            Self::Inconclusive
        }
    }
}

/// One environment of a family, after the correction for looking at several.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Adjusted {
    /// Holm's p-value of the alarm.
    pub p_holm: f64,
    /// The verdict with that p-value in place of the plain one.
    pub verdict: Verdict,
}

/// Several environments together.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Family {
    /// Each environment, in the order of the input.
    pub environments: Vec<Adjusted>,
    /// `Regressed` if any is, `NonInferior` if all are, `Inconclusive` otherwise.
    pub verdict: Verdict,
}

impl Family {
    /// Judges environments together, from `(p_regress, p_ni)` of each.
    ///
    /// Alarms are adjusted by Holm, so that the chance of any false one is at most `alpha`; an
    /// undefined p counts as 1. A pass needs all environments, each at `alpha` (Berger 1982),
    /// and no adjustment. No environments are inconclusive.
    pub fn of(p_values: &[(f64, f64)], alpha: f64) -> Self {
        let alarms: Vec<f64> =
            p_values.iter().map(|(p, _)| if p.is_nan() { 1.0 } else { *p }).collect();
        let environments: Vec<Adjusted> = holm(&alarms)
            .into_iter()
            .zip(p_values)
            .map(|(p_holm, (_, p_ni))| Adjusted {
                p_holm,
                verdict: Verdict::of(p_holm, *p_ni, alpha),
            })
            .collect();
        let verdicts = || environments.iter().map(|environment| environment.verdict);
        let verdict = if verdicts().any(|v| v == Verdict::Regressed) {
            Verdict::Regressed
        } else if !environments.is_empty() && verdicts().all(|v| v == Verdict::NonInferior) {
            Verdict::NonInferior
        } else {
            Verdict::Inconclusive
        };
        Self { environments, verdict }
    }
}
