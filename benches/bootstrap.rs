//! What follows the rollouts: the least-squares gradient of a state, and intervals over states.

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use hyperl::gradient::local_gradient;
use hyperl::rng::Stream;
use hyperl::stats::resample::{
    Bootstrap, bootstrap, bootstrap_of_sums, jackknife, jackknife_of_sums,
};
use hyperl::stats::summary::{interquartile_mean, mean};
use ndarray::{Array1, Array2};

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let mut draws = Stream::new(0, "bench");
    for (rollouts, dims) in [(15, 6), (15, 3), (100, 8)] {
        let actions = Array2::from_shape_simple_fn((rollouts, dims), || draws.uniform(-1.0, 1.0));
        let returns = Array1::from_shape_simple_fn(rollouts, || draws.normal());
        criterion.bench_function(&format!("local gradient, {rollouts} × {dims}"), |bencher| {
            bencher.iter(|| local_gradient(black_box(actions.view()), black_box(returns.view())));
        });
    }
    for states in [15, 300] {
        let units: Vec<f64> = (0..states).map(|_| draws.normal()).collect();
        criterion.bench_function(&format!("jackknife of the mean, {states} states"), |bencher| {
            bencher.iter(|| jackknife(black_box(&units), mean, 0.95));
        });
        criterion.bench_function(&format!("bootstrap of the IQM, {states} states"), |bencher| {
            let mut stream = Stream::new(0, "bootstrap");
            let settings = Bootstrap::default();
            bencher
                .iter(|| bootstrap(black_box(&units), interquartile_mean, settings, &mut stream));
        });
    }
    // What a page of the gate asks of its statistics: a ratio of means over a thousand states.
    let rows: Vec<[f64; 8]> =
        (0..1000).map(|_| std::array::from_fn(|_| draws.uniform(0.2, 1.0))).collect();
    let corrected = |m: [f64; 8]| m[1] / m[2].sqrt();
    criterion.bench_function("jackknife and bootstrap of sums, 1000 states", |bencher| {
        let mut stream = Stream::new(0, "bootstrap");
        let settings = Bootstrap::default();
        bencher.iter(|| {
            let jackknife = jackknife_of_sums(black_box(&rows), corrected, 0.95);
            (jackknife, bootstrap_of_sums(black_box(&rows), corrected, settings, &mut stream))
        });
    });
    criterion.final_summary();
}
