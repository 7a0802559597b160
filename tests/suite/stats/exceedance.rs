//! Does the band cover the whole curve of differences?

use hyperl::stats::Estimate;
use hyperl::stats::exceedance::{Exceedance, ExceedanceCurve, Larger, Stretch, exceedance};
use hyperl::stats::resample::Bootstrap;
use hyperl::stats::summary::quantile;

use crate::support::seeds::drawn;

/// 0, 0.01, …, 1.
fn grid() -> Vec<f64> {
    (0..=100).map(|i| f64::from(i) / 100.0).collect()
}

fn uniform(name: &str, n: usize) -> Vec<f64> {
    let mut stream = drawn(3, name);
    (0..n).map(|_| stream.uniform(0.0, 1.0)).collect()
}

fn curve(first: &[f64], second: &[f64], resamples: usize) -> ExceedanceCurve {
    let settings = Bootstrap { level: 0.95, resamples };
    exceedance((first, second), &grid(), settings, &mut drawn(0, "bootstrap"))
}

#[test]
fn equal_samples_differ_by_nothing_and_the_band_has_no_width() {
    let mut same = uniform("same", 50);
    same[7] = f64::NAN;
    same[8] = same[9]; // ties
    let found = curve(&same, &same, 200);
    assert_eq!(found.half_width.to_bits(), 0.0f64.to_bits());
    assert!(found.points.iter().all(|p| p.difference.value == 0.0 && p.difference.high == 0.0));
    assert_eq!(found.excludes_zero(), []);
}

#[test]
fn the_half_width_is_kolmogorovs_where_theory_knows_it() {
    // sup |Brownian bridge| has the 95 % quantile 1.3581; the difference of two independent
    // curves of one law is √2 times as rough.
    let n = 1500;
    let (a, b, nowhere) = (uniform("a", n), uniform("b", n), vec![f64::NAN; n]);
    for (second, expected) in [(&nowhere, 1.3581), (&b, 1.3581 * 2f64.sqrt())] {
        let scaled = curve(&a, second, 3000).half_width * (n as f64).sqrt();
        assert!((scaled / expected - 1.0).abs() < 0.05, "{scaled} {expected}");
    }
    // The same from below: shares of the second alone.
    let below = curve(&nowhere, &a, 3000);
    assert!((below.half_width - curve(&a, &nowhere, 3000).half_width).abs() < 1e-15);
    assert_eq!(below.excludes_zero()[0].larger, Larger::Second);
}

#[test]
fn the_sweep_finds_the_supremum_of_all_thresholds() {
    // The plain way: the same draws, every threshold between two values looked at by itself.
    let (a, b) = (uniform("a", 30), uniform("b", 30));
    let settings = Bootstrap { level: 0.9, resamples: 300 };
    let found = exceedance((&a, &b), &[0.2, 0.7], settings, &mut drawn(1, "draws"));
    let mut taus = [a.clone(), b.clone(), vec![0.2]].concat();
    taus.retain(|tau| (0.2..=0.7).contains(tau));
    let difference = |units: &[usize], tau: f64| {
        let share = |x: &[f64]| units.iter().filter(|&&u| x[u] > tau).count() as f64 / 30.0;
        share(&a) - share(&b)
    };
    let (all, mut stream) = ((0..30).collect::<Vec<_>>(), drawn(1, "draws"));
    let largest = |_| {
        let units: Vec<usize> = (0..30).map(|_| stream.index(30)).collect();
        let away = |&tau: &f64| (difference(&units, tau) - difference(&all, tau)).abs();
        taus.iter().map(away).fold(0.0, f64::max)
    };
    let plain: Vec<f64> = (0..300).map(largest).collect();
    let expected = quantile(&plain, 0.9) * (30.0f64 / 29.0).sqrt();
    assert!((found.half_width - expected).abs() < 1e-12, "{} {expected}", found.half_width);
}

#[test]
fn the_band_covers_the_whole_curve_and_pointwise_intervals_do_not() {
    // first = √U, second = U of the same unit or, in three of ten, of another: D(τ) = τ − τ².
    let (mut whole, mut pointwise, trials) = (0, 0, 300);
    for trial in 0..trials {
        let mut stream = drawn(trial, "coverage");
        let mut draw = |_| {
            let (u, other) = (stream.uniform(0.0, 1.0), stream.uniform(0.0, 1.0));
            (u.sqrt(), if stream.uniform(0.0, 1.0) < 0.3 { other } else { u })
        };
        let (first, second): (Vec<f64>, Vec<f64>) = (0..80).map(&mut draw).unzip();
        let settings = Bootstrap { level: 0.95, resamples: 300 };
        let found = exceedance((&first, &second), &grid(), settings, &mut stream);
        let all = |covers: &dyn Fn(&Exceedance, f64) -> bool| {
            found.points.iter().all(|p| covers(p, p.tau - p.tau * p.tau))
        };
        whole += u32::from(all(&|p, truth| found.band(p).covers(truth)));
        pointwise += u32::from(all(&|p, truth| p.difference.covers(truth)));
    }
    // 0.95 ± 4 standard errors of 300 trials, and a little more for looking at 101 thresholds
    let share = f64::from(whole) / trials as f64;
    assert!((0.90..=0.995).contains(&share), "{share}");
    assert!(f64::from(pointwise) / (trials as f64) < 0.75, "{pointwise}");
}

#[test]
fn stretches_end_where_the_sign_changes_or_the_band_meets_zero() {
    let values = [0.3, 0.2, -0.2, -0.1, 0.0, 0.4];
    let point = |(i, &value): (usize, &f64)| Exceedance {
        tau: i as f64,
        first: f64::NAN,
        second: f64::NAN,
        difference: Estimate::without_interval(value, 9),
    };
    let points = values.iter().enumerate().map(point).collect();
    let found = ExceedanceCurve { points, half_width: 0.15 }.excludes_zero();
    let expected =
        [(0.0, 1.0, Larger::First), (2.0, 2.0, Larger::Second), (5.0, 5.0, Larger::First)];
    assert_eq!(found, expected.map(|(from, to, larger)| Stretch { from, to, larger }));
}

#[test]
fn one_unit_has_no_band_and_the_stream_decides_it() {
    assert!(curve(&[0.5], &[0.1], 10).half_width.is_nan());
    assert_eq!(curve(&[0.5], &[0.1], 10).excludes_zero(), []);
    let (a, b) = (uniform("a", 40), uniform("b", 40));
    let of = |seed| {
        let settings = Bootstrap { level: 0.9, resamples: 101 };
        let stream = &mut drawn(seed, "bootstrap");
        exceedance((&a, &b), &grid(), settings, stream).half_width.to_bits()
    };
    assert_eq!(of(1), of(1));
    assert!((2..20).any(|seed| of(seed) != of(1)));
}
