//! Do intervals cover the truth as often as they say?

use hyperl::stats::resample::{
    Bootstrap, bootstrap, bootstrap_of_sums, jackknife, jackknife_of_clusters, paired_differences,
    pseudo_values_of_clusters, stratified_bootstrap,
};
use hyperl::stats::summary::{interquartile_mean, mean, std};

use crate::support::seeds::drawn;

/// Units as clusters of one.
fn alone<const K: usize>(units: &[[f64; K]]) -> Vec<Vec<[f64; K]>> {
    units.iter().map(|unit| vec![*unit]).collect()
}

fn normal_units(seed: u64, n: usize) -> Vec<f64> {
    let mut stream = drawn(seed, "units");
    (0..n).map(|_| stream.normal()).collect()
}

#[test]
fn jackknife_of_a_ratio_matches_the_sum_written_out() {
    let units = [(1.0, 2.0), (3.0, 1.0), (2.0, 5.0), (0.5, 2.0)];
    let ratio =
        |u: &[(f64, f64)]| u.iter().map(|p| p.0).sum::<f64>() / u.iter().map(|p| p.1).sum::<f64>();
    // leave-one-out ratios: 5.5/8, 3.5/9, 4.5/5, 6/8; se² = ¾ Σ(θ−θ̄)²; t₃(0.9) = 2.3533634348
    let left_out: [f64; 4] = [5.5 / 8.0, 3.5 / 9.0, 4.5 / 5.0, 6.0 / 8.0];
    let centre = left_out.iter().sum::<f64>() / 4.0;
    let se = (0.75 * left_out.iter().map(|x| (x - centre).powi(2)).sum::<f64>()).sqrt();
    let estimate = jackknife(&units, ratio, 0.9);
    assert!((estimate.value - 0.65).abs() < 1e-15);
    assert!((estimate.half_width() - 2.353_363_434_801_82 * se).abs() < 1e-10);
    assert_eq!(estimate.n, 4);
}

#[test]
fn one_unit_or_a_nan_has_no_interval() {
    let one = jackknife(&[3.0], mean, 0.95);
    assert!(one.low.is_nan() && (one.value - 3.0).abs() < 1e-15);
    assert!(jackknife(&[1.0, f64::NAN, 2.0], mean, 0.95).half_width().is_nan());
    assert!(!one.covers(3.0));
}

#[test]
fn jackknife_covers_the_truth_as_often_as_it_says() {
    let covered = (0..2000)
        .filter(|&seed| jackknife(&normal_units(seed, 15), mean, 0.95).covers(0.0))
        .count();
    // 0.95 ± 4 standard errors of 2000 trials
    assert!((covered as f64 / 2000.0 - 0.95).abs() < 0.02, "{covered}");
}

#[test]
fn where_clusters_differ_in_size_the_interval_covers_too() {
    // By simulation elsewhere (numpy): 0.957, and 0.863 with the degrees of freedom of twenty equal clusters.
    let mut sizes = vec![20, 20];
    sizes.resize(20, 1);
    let of_draw = |seed: u64| {
        let mut stream = drawn(seed, "clusters of many sizes");
        let mut cluster = |size: &usize| -> Vec<[f64; 1]> {
            let shared = stream.normal();
            (0..*size).map(|_| [shared + stream.normal()]).collect()
        };
        sizes.iter().map(&mut cluster).collect::<Vec<_>>()
    };
    let covers = |seed: &u64| jackknife_of_clusters(&of_draw(*seed), |[x]| x, 0.95).covers(0.0);
    let covered = (0..2000).filter(covers).count() as f64 / 2000.0;
    assert!((0.93..0.98).contains(&covered), "{covered}");
}

#[test]
fn bootstrap_of_the_mean_has_the_width_of_the_normal_interval() {
    let units = normal_units(5, 400);
    let estimate = bootstrap(&units, mean, Bootstrap::default(), &mut drawn(0, "bootstrap"));
    let expected = 1.96 * std(&units) / 20.0;
    assert!((estimate.half_width() / expected - 1.0).abs() < 0.05, "{estimate:?}");
    assert!((estimate.value - mean(&units)).abs() < 1e-15);
}

#[test]
fn the_stream_decides_the_bootstrap() {
    let units = normal_units(6, 20);
    let run = |seed| {
        let settings = Bootstrap { level: 0.9, resamples: 200 };
        bootstrap(&units, interquartile_mean, settings, &mut drawn(seed, "bootstrap"))
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1).low.to_bits(), run(2).low.to_bits());
}

/// Two columns whose ratio of means is the statistic, as rows and as the general form takes it.
fn ratio_units() -> Vec<[f64; 2]> {
    let mut stream = drawn(8, "units");
    (0..40).map(|_| [stream.normal(), 2.0 + stream.uniform(0.0, 1.0)]).collect()
}

fn ratio_of_units(units: &[[f64; 2]]) -> f64 {
    units.iter().map(|u| u[0]).sum::<f64>() / units.iter().map(|u| u[1]).sum::<f64>()
}

#[test]
fn sums_give_the_same_intervals_as_going_through_all_units() {
    let units = ratio_units();
    let slow = jackknife(&units, ratio_of_units, 0.95);
    let fast = jackknife_of_clusters(&alone(&units), |[a, b]| a / b, 0.95);
    assert!((slow.low - fast.low).abs() < 1e-12 && (slow.high - fast.high).abs() < 1e-12);
    let settings = Bootstrap { level: 0.9, resamples: 500 };
    let stream = || drawn(0, "bootstrap");
    let slow = bootstrap(&units, ratio_of_units, settings, &mut stream());
    let fast = bootstrap_of_sums(&units, |[a, b]| a / b, settings, &mut stream());
    assert!((slow.low - fast.low).abs() < 1e-12 && (slow.high - fast.high).abs() < 1e-12);
    assert!(fast.n == 40 && (slow.value - fast.value).abs() < 1e-12);
}

#[test]
fn pseudo_values_of_a_mean_are_the_units_and_of_a_ratio_carry_its_jackknife() {
    let units = ratio_units();
    let same = pseudo_values_of_clusters(&alone(&units), |[a, _]| a);
    assert!(same.iter().zip(&units).all(|(p, u)| (p - u[0]).abs() < 1e-12));
    let interval = jackknife_of_clusters(&alone(&units), |[a, b]| a / b, 0.95);
    let pseudo = jackknife(&pseudo_values_of_clusters(&alone(&units), |[a, b]| a / b), mean, 0.95);
    assert!((pseudo.half_width() - interval.half_width()).abs() < 1e-12);
    assert!(jackknife_of_clusters(&alone(&units[..1]), |[a, _]| a, 0.95).low.is_nan());
    assert!(pseudo_values_of_clusters(&alone(&units[..1]), |[a, _]| a)[0].is_nan());
}

#[test]
fn strata_keep_their_level_apart() {
    // Two constant environments: the mean of means has no spread at all, however it is drawn.
    let strata = vec![vec![1.0; 5], vec![9.0; 5]];
    let stat = |s: &[Vec<f64>]| s.iter().map(|x| mean(x)).sum::<f64>() / s.len() as f64;
    let mut stream = drawn(0, "bootstrap");
    let estimate = stratified_bootstrap(&strata, stat, Bootstrap::default(), &mut stream);
    assert!((estimate.low - 5.0).abs() < 1e-12 && (estimate.high - 5.0).abs() < 1e-12);
    assert_eq!(estimate.n, 10);
}

#[test]
fn pairing_removes_the_noise_of_the_state() {
    let state = normal_units(7, 60);
    let better: Vec<f64> = state.iter().map(|x| x + 0.05).collect();
    let difference = jackknife(&paired_differences(&better, &state), mean, 0.95);
    assert!(difference.covers(0.05) && difference.half_width() < 1e-12);
}
