use ndarray::Array1;

use super::*;
use crate::nn::workers;

fn truths() -> (Array2<f64>, Vec<Truth>) {
    let actions = ndarray::array![[0.0, 0.5], [0.9, -0.9], [0.0, 0.0]];
    let truth = |value, g: [f64; 2]| Truth { value, gradient: Array1::from(g.to_vec()) };
    (actions, vec![truth(-3.0, [1.0, 2.0]), truth(-1.0, [5.0, 5.0]), truth(1.0, [0.0, -2.0])])
}

fn asked(values: [f64; 3], of: impl Fn(usize, usize, f64) -> f64) -> Point {
    let (actions, truths) = truths();
    let gradients = Array2::from_shape_fn((3, 2), |(i, j)| of(i, j, truths[i].gradient[j]));
    point(1, &values, &gradients, &actions, &truths)
}

#[test]
fn an_exact_critic_has_no_error() {
    let point = asked([-3.0, -1.0, 1.0], |_, _, g| g);
    for error in [point.value_error, point.shifted_error, point.gradient_error] {
        assert!(error.abs() < 1e-15, "{point:?}");
    }
    assert!((point.kappa - 1.0).abs() < 1e-15);
}

#[test]
fn errors_are_those_worked_out_by_hand() {
    // Off by 4 everywhere; the values' standard deviation is 2.
    let shifted = asked([1.0, 3.0, 5.0], |_, _, g| 3.0 * g);
    assert!((shifted.value_error - 2.0).abs() < 1e-15 && shifted.shifted_error.abs() < 1e-15);
    assert!((shifted.kappa - 1.0).abs() < 1e-15);
    assert!((shifted.gradient_error - 2.0).abs() < 1e-15);
    // Before tanh the truth is (1, 1.5), (0.95, 0.95), (0, −2), and its square 1 + 2.25 + 1.805 + 4; a critic
    // that knows the first row alone shares 3.25 of it.
    let one = asked([-3.0, -1.0, 4.0], |i, _, g| if i == 0 { g } else { 0.0 });
    let (known, all) = (3.25_f64, 9.055_f64);
    assert!((one.kappa - (known / all).sqrt()).abs() < 1e-12, "{}", one.kappa);
    assert!((one.gradient_error - ((all - known) / all).sqrt()).abs() < 1e-12);
    // Errors (0, 0, 3): mean square 3, standard deviation √3.
    assert!((one.value_error - 3f64.sqrt() / 2.0).abs() < 1e-12);
    assert!((one.shifted_error - 3f64.sqrt() / 2.0).abs() < 1e-12);
}

fn unit() -> Unit {
    Unit {
        critic: CriticKind::QD2rl,
        targets: Targets::Exact,
        data: 10,
        exploration: 0.1,
        tau: 0.005,
        updates: 9,
        looks: 3,
        seed: 0,
    }
}

fn learned(critic: CriticKind, (data, seed): (usize, u64), points: &[(f64, f64)]) -> Learned {
    let unit = Unit { critic, data, seed, ..unit() };
    let point = |(i, &(value_error, kappa)): (usize, &(f64, f64))| Point {
        update: i as u64,
        value_error,
        shifted_error: -value_error,
        kappa,
        gradient_error: 0.0,
    };
    Learned { unit, points: points.iter().enumerate().map(point).collect() }
}

#[test]
fn agreement_is_the_share_of_pairs_in_order() {
    use CriticKind::{MlpSmall, MlpStandard, QD2rl};
    // Seed 0: of three pairs two are in order; seed 1: one pair, in order; other data make no pair.
    let all = [
        learned(MlpSmall, (10, 0), &[(0.3, 0.1)]),
        learned(MlpStandard, (10, 0), &[(0.2, 0.6)]),
        learned(QD2rl, (10, 0), &[(0.1, 0.5)]),
        learned(MlpSmall, (10, 1), &[(0.3, 0.1)]),
        learned(MlpStandard, (10, 1), &[(0.2, 0.2)]),
        learned(MlpStandard, (20, 1), &[(0.9, 0.9)]),
    ];
    let share = agreement(&all, |point| point.value_error);
    assert!((share.value - f64::midpoint(2.0 / 3.0, 1.0)).abs() < 1e-12, "{share:?}");
    assert_eq!(share.n, 2);
    let reversed = agreement(&all, |point| point.shifted_error);
    assert!((reversed.value - f64::midpoint(1.0 / 3.0, 0.0)).abs() < 1e-12, "{reversed:?}");
    assert!((agreement(&all, |_| 1.0).value - 0.5).abs() < 1e-15, "nothing but ties");
}

#[test]
fn looks_are_compared_within_one_critic() {
    let all = [
        learned(CriticKind::MlpSmall, (10, 0), &[(0.3, 0.1), (0.2, 0.2), (0.1, 0.15)]),
        learned(CriticKind::QD2rl, (10, 0), &[(9.0, 0.9)]),
    ];
    let share = agreement_while_learning(&all, |point| point.value_error);
    assert!((share.value - 2.0 / 3.0).abs() < 1e-12, "{share:?}");
}

#[test]
fn critics_come_nearer_to_the_truth_with_either_kind_of_targets() {
    let workers = workers::start(2).unwrap();
    for targets in Targets::ALL {
        let critic = CriticKind::MlpStandard;
        let unit = Unit { critic, targets, data: 2000, exploration: 0.5, seed: 100, ..unit() };
        let unit = Unit { updates: 1500, looks: 15, ..unit };
        let learned = unit.learn(&workers).unwrap();
        assert_eq!(learned.points.len(), 15);
        let (first, last) = (learned.points[0], learned.last());
        assert!(last.value_error < 0.5 * first.value_error, "{targets}: {first:?} {last:?}");
        assert!(last.kappa > 0.5f64.max(first.kappa), "{targets}: {first:?} {last:?}");
        assert!(last.shifted_error <= last.value_error * 1.01, "{targets}: {last:?}");
    }
}

#[test]
fn what_is_learned_does_not_depend_on_threads() {
    let unit = Unit { targets: Targets::Bootstrapped, data: 200, seed: 103, ..unit() };
    let unit = Unit { updates: 6, looks: 2, ..unit };
    let [one, three] = [1, 3].map(|n| unit.learn(&workers::start(n).unwrap()).unwrap());
    assert_eq!(one, three);
    assert_ne!(one.points[0], one.points[1]);
    assert_ne!(unit.key(), Unit { seed: 104, ..unit }.key());
}
