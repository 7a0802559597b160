//! Are bins those of numpy, and distances those of the areas?

use hyperl::stats::histogram::{Bins, kolmogorov_smirnov, total_variation, wasserstein};

#[test]
fn every_value_falls_into_the_bin_of_numpy() {
    let bins = Bins::between(0.0, 1.0, 4).unwrap();
    let sample = [-0.1, 0.0, 0.24, 0.25, 0.5, 0.99, 1.0, 1.01, 7.0, f64::INFINITY];
    let shares = bins.shares(&sample).unwrap();
    let expected = [0.1, 0.2, 0.1, 0.1, 0.2, 0.3];
    assert!(shares.iter().zip(expected).all(|(s, e)| (s - e).abs() < 1e-15), "{shares:?}");
    assert_eq!(bins.edges(), [0.0, 0.25, 0.5, 0.75, 1.0]);
}

#[test]
fn joint_bins_leave_nothing_outside() {
    let (a, b) = ([0.3, -2.0, 0.1], [5.0, 0.2]);
    let bins = Bins::spanning(&[&a, &b], 10).unwrap();
    for sample in [&a[..], &b[..]] {
        let shares = bins.shares(sample).unwrap();
        assert!(shares[0].abs() < 1e-15 && shares[11].abs() < 1e-15);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-15);
    }
}

#[test]
fn total_variation_of_shifted_uniforms_is_the_part_that_does_not_overlap() {
    let grid = |from: f64| (0..10_000).map(|i| from + f64::from(i) * 1e-4).collect::<Vec<_>>();
    let (a, b) = (grid(0.0), grid(0.3));
    let bins = Bins::between(-0.000_05, 1.3, 13).unwrap();
    let tv = total_variation(&bins.shares(&a).unwrap(), &bins.shares(&b).unwrap());
    assert!((tv - 0.3).abs() < 1e-3, "{tv}");
    assert!((wasserstein(&a, &b) - 0.3).abs() < 1e-9);
    assert!((kolmogorov_smirnov(&a, &b) - 0.3).abs() < 1e-3);
}

#[test]
fn what_cannot_be_binned_is_refused() {
    assert!(Bins::spanning(&[&[1.0, 1.0]], 5).is_err() && Bins::spanning(&[], 5).is_err());
    assert!(Bins::between(0.0, 1.0, 0).is_err() && Bins::between(0.0, f64::NAN, 3).is_err());
    let bins = Bins::between(0.0, 1.0, 3).unwrap();
    assert!(bins.shares(&[]).is_err() && bins.shares(&[f64::NAN]).is_err());
    assert!(wasserstein(&[], &[1.0]).is_nan());
}
