//! Verdicts of made-up states.

use hyperl::stats::gate::{Doubt, Gate, PairedState, Rule};
use hyperl::stats::replicates::Replicates;
use hyperl::stats::verdict::Verdict;

use crate::support::seeds::drawn;

/// States of an episode each, whose difference alternates around `mean` by `spread`, all with one agreement.
fn states(n: usize, mean: f64, spread: f64, pair: f64) -> Vec<Vec<PairedState>> {
    let sign = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
    (0..n)
        .map(|i| {
            vec![PairedState {
                base_block: 0.4,
                cand_block: 0.4 + mean + spread * sign(i),
                pair: pair + 0.001 * sign(i / 2),
                quad: f64::NAN,
            }]
        })
        .collect()
}

#[test]
fn a_critic_compared_to_itself_passes() {
    let gate = Gate::paired(&states(60, 0.0, 0.0, 0.5), Rule::default());
    assert_eq!((gate.verdict, gate.doubt), (Verdict::NonInferior, None));
    assert!(gate.p_regress > 0.999 && gate.p_ni < 1e-10, "{gate:?}");
    assert_eq!(gate.states_needed(0.05, 0.8), Some(0));
}

#[test]
fn three_verdicts() {
    let rule = Rule::default();
    let worse = Gate::paired(&states(100, -0.05, 0.1, 0.5), rule);
    assert_eq!((worse.verdict, worse.doubt), (Verdict::Regressed, None));
    // Sure, and below the margin: 0.05 of true cosine are 0.035 as measured.
    let small = Gate::paired(&states(100, -0.02, 0.01, 0.5), rule);
    assert!(small.p_regress < 1e-10 && small.verdict == Verdict::NonInferior, "{small:?}");
    let wide = Gate::paired(&states(100, 0.0, 0.5, 0.5), rule);
    assert_eq!((wide.verdict, wide.doubt), (Verdict::Inconclusive, Some(Doubt::TooWide)));
    assert_eq!(Gate::paired(&states(100, 0.0, 0.1, 0.5), rule).verdict, Verdict::NonInferior);
    let few = Gate::paired(&states(1, 0.0, 0.1, 0.5), rule);
    assert_eq!(few.doubt, Some(Doubt::TooFewStates));
    assert_eq!(Gate::paired(&[], rule).doubt, Some(Doubt::TooFewStates));
    // Nine states that agree on a drop would alarm; ten do.
    let nine = Gate::paired(&states(9, -0.5, 0.01, 0.5), rule);
    assert_eq!(nine.doubt, Some(Doubt::TooFewStates));
    assert_eq!(Gate::paired(&states(10, -0.5, 0.01, 0.5), rule).verdict, Verdict::Regressed);
    // A drop within the tolerance does not alarm; the margin then decides.
    let tolerant = Rule { tolerance: 0.06, ..rule };
    let within = Gate::paired(&states(100, -0.05, 0.1, 0.5), tolerant);
    assert_eq!(within.verdict, Verdict::Inconclusive);
}

#[test]
fn an_unresolved_truth_neither_passes_nor_alarms() {
    let silent = Gate::paired(&states(100, 0.0, 0.01, 0.02), Rule::default());
    assert_eq!(silent.verdict, Verdict::Inconclusive);
    assert_eq!(silent.doubt, Some(Doubt::TruthUnresolved));
    assert!(silent.p_ni.is_nan() && silent.states_needed(0.05, 0.8).is_none());
    let worse = Gate::paired(&states(100, -0.05, 0.01, 0.02), Rule::default());
    assert_eq!(worse.doubt, Some(Doubt::TruthUnresolved));
    assert!(worse.p_regress.is_nan() && worse.verdict == Verdict::Inconclusive);
}

#[test]
fn states_of_one_episode_are_one_unit() {
    let one_each = states(100, -0.06, 0.1, 0.5);
    // The same states ten times: as many independent ones would be sure of far more.
    let copied: Vec<Vec<PairedState>> = one_each.iter().map(|s| s.repeat(10)).collect();
    let (one, ten) =
        (Gate::paired(&one_each, Rule::default()), Gate::paired(&copied, Rule::default()));
    assert!((one.p_regress - ten.p_regress).abs() < 1e-9 && (one.p_ni - ten.p_ni).abs() < 1e-9);
    assert!((one.sd - ten.sd).abs() < 1e-9 && one.difference.n == 100 && ten.difference.n == 100);
    // Ten times as many states decide the same, of as many episodes.
    let needed = |gate: &Gate| gate.states_needed(0.05, 0.8).unwrap();
    assert!(needed(&ten).abs_diff(10 * needed(&one)) < 10, "{} {}", needed(&one), needed(&ten));
    // Many states of a few episodes say nothing.
    let few = Gate::paired(&[copied.concat()], Rule::default());
    assert_eq!((few.verdict, few.doubt), (Verdict::Inconclusive, Some(Doubt::TooFewStates)));
}

#[test]
fn equal_critics_alarm_as_rarely_where_one_episode_holds_most_states() {
    // With as many degrees of freedom as there are episodes less one they did in a fifth of the draws.
    let sizes = [51, 1, 1, 1, 1, 1, 1, 1, 1, 1];
    let mut stream = drawn(3, "uneven episodes");
    let mut of_episode = |states: usize| -> Vec<PairedState> {
        let shared = stream.normal();
        let mut state = |_| 0.4 + 0.1 * (shared + stream.normal());
        let blocks = (0..states).map(&mut state);
        let of = |cand_block| PairedState { base_block: 0.4, cand_block, pair: 0.5, quad: 0.25 };
        blocks.map(of).collect()
    };
    let rule = Rule { tolerance: 0.0, ..Rule::default() };
    let mut alarms = |_: &u32| Gate::paired(&sizes.map(&mut of_episode), rule).p_regress < 0.05;
    let alarmed = (0..1000).filter(&mut alarms).count();
    assert!(alarmed <= 80, "{alarmed} of 1000"); // 50 and four standard errors
}

#[test]
fn rounding_never_alarms() {
    // The same critic ten times as large once differed by 4.5e-8, with a spread as small.
    for drop in [1e-9, 4.5e-8, 1e-6, 1e-4] {
        let gate = Gate::paired(&states(100, -drop, 0.1 * drop, 0.5), Rule::default());
        assert_eq!(gate.verdict, Verdict::NonInferior, "{gate:?}");
        let strict = Rule { tolerance: 0.0, ..Rule::default() };
        let gate = Gate::paired(&states(100, -drop, 0.1 * drop, 0.5), strict);
        assert_eq!(gate.verdict, Verdict::NonInferior, "{gate:?}");
    }
}

#[test]
fn the_margin_is_true_cosine_and_shrinks_below_four_blocks() {
    // C = 0.5: a true margin of 0.05 is 0.025 as measured, and 0.02375 once shrunk.
    let mut drop = states(10_000, -0.0241, 0.001, 0.25);
    assert!(Gate::paired(&drop, Rule::default()).p_ni > 0.999);
    for state in drop.iter_mut().flatten() {
        state.quad = state.pair.powi(2); // no spread of C: the same ceiling, but known
    }
    let four = Gate::paired(&drop, Rule::default());
    assert!(four.p_ni < 1e-10 && (four.scale - 0.5).abs() < 1e-3);
}

#[test]
fn the_sample_size_is_that_of_the_formula() {
    let rule = Rule { tolerance: 0.0, ..Rule::default() };
    // 6.18 · (sd/(C·Δ))² at 80 % power (docs/estimator.md §5.2), sd = 0.5·√(100/99), C = √½
    let gate = Gate::paired(&states(100, 0.0, 0.5, 0.5), rule);
    let expected = 6.182_557 * 0.25 * (100.0 / 99.0) / 0.5 / 0.0025;
    assert_eq!(gate.states_needed(0.05, 0.8), Some(f64::ceil(expected) as usize));
    // With exactly so many states the detectable drop is 0.05, and the power 0.8.
    let enough = Gate::paired(&states(1236, 0.0, 0.5, 0.5), rule);
    assert!((enough.min_detectable_drop_80 - 0.05).abs() < 1e-4);
    assert!((enough.power_at_005 - 0.8).abs() < 1e-3);
    assert_eq!(gate.states_needed(0.0, 0.8), None);
}

#[test]
fn two_truths_need_both_to_be_resolved() {
    let side = |block: f64, pair: f64| -> Vec<Vec<Replicates>> {
        let products = (1.0, 1.0, 1.0, 1.0);
        let (dot, truth_square, critic_square, error_square) = products;
        let sign = |i: u32| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
        (0..80)
            .map(|i| {
                vec![Replicates {
                    full: block,
                    block: block + 0.02 * sign(i),
                    pair: pair + 0.01 * sign(i / 2),
                    quad: f64::NAN,
                    dot,
                    truth_square,
                    critic_square,
                    error_square,
                }]
            })
            .collect()
    };
    let gate = |base: (f64, f64), candidate: (f64, f64)| {
        let [base, candidate] = [base, candidate].map(|(block, pair)| side(block, pair));
        Gate::regenerated(&base, &candidate, Rule::default())
    };
    // 0.4/√0.64 = 0.2/√0.16 = 0.5: twice the noise is no regression.
    let same = gate((0.4, 0.64), (0.2, 0.16));
    assert_eq!(same.verdict, Verdict::NonInferior);
    assert!(same.difference.value.abs() < 1e-3 && (same.scale - 1.0).abs() < 1e-15);
    assert_eq!(gate((0.4, 0.64), (0.1, 0.16)).verdict, Verdict::Regressed);
    assert_eq!(gate((0.4, 0.64), (0.0, 0.03)).doubt, Some(Doubt::CandidateUnresolved));
    assert_eq!(gate((0.4, 0.03), (0.4, 0.64)).doubt, Some(Doubt::BaseUnresolved));
    assert!(gate((0.4, 0.03), (0.0, 0.64)).p_regress.is_nan());
}
