//! Are the actions that are tried spread as the designs say?

use hyperl::gradient::perturb::{Cloud, Design, perturb};

use crate::support::seeds::drawn;

/// Variance of one dimension around its mean, over σ².
fn variance_factor(cloud: &Cloud, std: f64) -> f64 {
    let n = cloud.actions.len() as f64;
    let mean = cloud.actions.sum() / n;
    cloud.actions.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / n / (std * std)
}

#[test]
fn clipping_has_the_known_moments() {
    // docs/estimator.md §1.7 at σ = 0.3; the factor at the bound is ½ − 1/2π exactly
    let at_bound = 0.5 - 0.5 / std::f64::consts::PI;
    for (centre, share, factor) in
        [(0.0, 0.000_858, 1.0), (0.5, 0.0478, 0.92), (0.7, 0.1587, 0.75), (0.85, 0.3085, 0.55)]
            .into_iter()
            .chain([(1.0, 0.5, at_bound), (-1.0, 0.5, at_bound)])
    {
        let mut stream = drawn(0, "perturb");
        let cloud = perturb(&[centre], 200_000, 0.3, Design::Gaussian, &mut stream);
        assert!((cloud.clipped - share).abs() < 0.004, "{centre} {}", cloud.clipped);
        let found = variance_factor(&cloud, 0.3);
        assert!((found - factor).abs() < 0.01, "{centre} {found}");
    }
}

#[test]
fn far_from_the_bounds_perturbations_are_normal_around_the_centre() {
    let mut stream = drawn(1, "perturb");
    let cloud = perturb(&[0.1, -0.2], 100_000, 0.05, Design::Gaussian, &mut stream);
    assert!(cloud.clipped == 0.0);
    for (column, centre) in cloud.actions.columns().into_iter().zip([0.1, -0.2]) {
        let fourth = column.iter().map(|a| ((a - centre) / 0.05).powi(4)).sum::<f64>() / 1e5;
        assert!((column.sum() / 1e5 - centre).abs() < 1e-3);
        assert!((fourth - 3.0).abs() < 0.1, "{fourth}");
    }
}

#[test]
fn the_release_differs_from_the_paper_in_one_row() {
    let centre = [0.4, -0.3, 1.0];
    let cloud = |design, rollouts| {
        perturb(&centre, rollouts, 0.3, design, &mut drawn(2, "perturb")).actions
    };
    let paper = cloud(Design::Gaussian, 14);
    let release = cloud(Design::CentreThenGaussian, 15);
    assert_eq!(release.row(0).to_vec(), centre);
    assert_eq!(release.slice(ndarray::s![1.., ..]), paper);
}

#[test]
fn designs_have_names_of_the_command_line() {
    let json = serde_json::to_string(&Design::CentreThenGaussian).unwrap();
    assert_eq!(json, "\"centre-then-gaussian\"");
}
