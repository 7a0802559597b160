//! Two critics that met the same rollouts: differences by state.

use super::plan::{Plan, Test, units_to_resolve};
use super::{Doubt, Gate, PairedState, Rule, Spread, shrink};
use crate::stats::corrected::{ceiling_block, enough, is_resolved};
use crate::stats::hypothesis::paired_t_with_freedom;
use crate::stats::resample::{
    freedom_of_clusters, jackknife_of_clusters, pseudo_values_of_clusters,
};
use crate::stats::summary::{mean, std};

impl Gate {
    /// Compares two critics on the same states and rollouts; states of one episode are one `unit`.
    ///
    /// Without an agreement of the rollouts there is no truth, and neither p-value.
    pub fn paired(units: &[Vec<PairedState>], rule: Rule) -> Self {
        let rows: Vec<Vec<[f64; 3]>> =
            units.iter().map(|states| states.iter().map(row).collect()).collect();
        let all = rows.concat();
        let mean_of = |k: usize| mean(&all.iter().map(|row| row[k]).collect::<Vec<_>>());
        // One value for each unit: that of its state, where it has one.
        let differences = pseudo_values_of_clusters(&rows, |[d, _, _]| d);
        let pairs: Vec<Vec<[f64; 1]>> =
            units.iter().map(|states| states.iter().map(|s| [s.pair]).collect()).collect();
        let (count, resolved) = (differences.len(), is_resolved(&pairs));
        let paired_t = |values: &[f64]| paired_t_with_freedom(values, freedom_of_clusters(units));

        // T1: mean d < −tolerance
        let shifted: Vec<f64> = differences.iter().map(|d| d + rule.tolerance).collect();
        let p_regress = if resolved { paired_t(&shifted).p_less } else { f64::NAN };

        // T2: mean d + δ·C > 0
        let margin = rule.margin * shrink(units.iter().flatten().map(|s| s.quad));
        let above = pseudo_values_of_clusters(&rows, |[d, pair, quad]| {
            d + margin * ceiling_block(pair, quad)
        });
        let p_ni = if resolved { paired_t(&above).p_greater } else { f64::NAN };

        let (sd, ceiling) = (std(&differences), ceiling_block(mean_of(1), mean_of(2)));
        let clear_drop = rule.margin * ceiling - rule.tolerance;
        let spread = Spread {
            sd,
            standard_error: sd / (count as f64).sqrt(),
            scale: if resolved { ceiling } else { f64::NAN },
            margin: margin * ceiling,
            plan: Plan {
                states: all.len(),
                units: count,
                alarm: Test { sd, clear: clear_drop, seen: -mean(&shifted) },
                pass: Test { sd: std(&above), clear: margin * ceiling, seen: mean(&above) },
                resolving: units_to_resolve(&pairs),
            },
        };
        let difference = jackknife_of_clusters(&rows, |[d, ..]| d, 1.0 - 2.0 * rule.alpha);
        let doubt = match (enough(all.len(), count), resolved) {
            (false, _) => Some(Doubt::TooFewStates),
            (true, false) => Some(Doubt::TruthUnresolved),
            (true, true) => None,
        };
        Self::judge((p_regress, p_ni), difference, spread, doubt, rule)
    }
}

/// Difference, agreement and product of agreements of a state.
fn row(state: &PairedState) -> [f64; 3] {
    [state.cand_block - state.base_block, state.pair, state.quad]
}
