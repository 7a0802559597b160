//! What of the evaluations of runs enters no number: NaN and infinite returns, and what is said of them.

use std::collections::BTreeSet;

use super::returns::by_series;
use super::theme::model_label;
use crate::analysis::measure::returns::ReturnCurve;

/// Most steps that a warning lists.
const LISTED: usize = 3;

/// Returns what readers must be told of returns that enter no figure, mean or maximum: one line for each run
/// with undefined evaluations, and for each model whose seeds were never evaluated at the same step.
pub(crate) fn warnings(curves: &[ReturnCurve]) -> Vec<String> {
    curves.iter().filter_map(of_run).chain(without_common_step(curves)).collect()
}

fn name(curve: &ReturnCurve) -> String {
    format!("{}, {}, seed {}", curve.env, model_label(&curve.series), curve.seed)
}

fn of_run(curve: &ReturnCurve) -> Option<String> {
    let undefined: Vec<String> = curve.undefined().map(|at| at.to_string()).collect();
    if undefined.is_empty() {
        return None;
    }
    let (count, moment) = (undefined.len(), curve.algo.unit().one());
    let more = if count > LISTED { format!(" and {} more", count - LISTED) } else { String::new() };
    let steps = undefined[..count.min(LISTED)].join(", ");
    let left = match curve.measured().last() {
        Some((at, _)) => format!("left out; its last one counted is that of {moment} {at}"),
        None => "all there are: the run is left out".into(),
    };
    Some(format!(
        "{}: evaluations with NaN or infinite returns, at {moment} {steps}{more}, are {left}",
        name(curve)
    ))
}

/// Says of which models no mean over seeds exists.
fn without_common_step(curves: &[ReturnCurve]) -> Vec<String> {
    let apart = |((_, env, critic), runs): ((&str, &str, &str), Vec<&ReturnCurve>)| {
        let steps =
            |run: &&ReturnCurve| run.measured().map(|(at, _)| at).collect::<BTreeSet<u64>>();
        let common = runs.iter().map(steps).reduce(|a, b| &a & &b)?;
        let (seeds, moment) = (runs.len(), runs[0].algo.unit().one());
        (seeds > 1 && common.is_empty()).then(|| {
            format!(
                "{env}, {}: no {moment} has an evaluation of all {seeds} seeds, and so there is no mean \
                 over them",
                model_label(critic)
            )
        })
    };
    by_series(curves).into_iter().filter_map(apart).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algo::Algo;
    use crate::report::returns::{Against, Band, return_panels};
    use crate::report::scores::scores;

    fn curve(seed: u64, evaluations: &[(u64, f64)]) -> ReturnCurve {
        ReturnCurve {
            env: "hopper".into(),
            algo: Algo::Td3,
            series: "mlp-small".into(),
            seed,
            evaluations: evaluations.iter().map(|&(at, x)| (at, vec![1.0, x])).collect(),
            seconds: Vec::new(),
        }
    }

    #[test]
    fn undefined_returns_enter_nothing_and_are_named() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -f64::NAN] {
            let run = curve(3, &[(0, 3.0), (5, 7.0), (10, bad), (15, bad)]);
            let found = run.summary().unwrap();
            assert_eq!((found.last.step, found.highest.step, found.evaluations), (5, 5, 2));
            let score = &scores(std::slice::from_ref(&run), "mlp-small")[0];
            assert_eq!(
                (score.last.mean, score.highest.mean, score.mean_of_maxima),
                (4.0, 4.0, 4.0)
            );
            assert!((score.to_baseline.unwrap().share.value - 1.0).abs() < 1e-12);
            let panels = return_panels(std::slice::from_ref(&run), Against::Steps, Band::Interval);
            assert_eq!(panels[0].series[0].points.len(), 2);
            assert_eq!(
                warnings(&[run]),
                [
                    "hopper, MLP-Small, seed 3: evaluations with NaN or infinite returns, at step 10, 15, \
                  are left out; its last one counted is that of step 5"
                ]
            );
        }
        let none = curve(0, &[(0, f64::NAN)]);
        assert_eq!(none.summary(), None);
        assert!(warnings(&[none])[0].contains("the run is left out"));
        assert!(warnings(&[curve(0, &[(0, 1.0)])]).is_empty());
    }

    #[test]
    fn seeds_without_a_common_step_are_named() {
        let said = warnings(&[curve(0, &[(5, 1.0)]), curve(1, &[(6, 1.0)])]);
        assert_eq!(said.len(), 1);
        assert!(said[0].starts_with("hopper, MLP-Small: no step has an evaluation of all 2 seeds"));
        assert!(warnings(&[curve(0, &[(5, 1.0)]), curve(1, &[(5, 1.0)])]).is_empty());
    }
}
