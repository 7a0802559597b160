//! Cosines, ratios and signs of known vectors.

use hyperl::stats::similarity::{chance_above, cosine, norm_ratio, sign_agreement};

use crate::support::seeds::drawn;

#[test]
fn cosine_of_known_angles() {
    let right = cosine(&[1.0, 0.0], &[0.0, 5.0]).unwrap();
    let sixty = cosine(&[2.0, 0.0], &[1.0, 3f64.sqrt()]).unwrap();
    assert!(right.abs() < 1e-15 && (sixty - 0.5).abs() < 1e-15);
    // A direction beside the true gradient of the worked example (docs/estimator.md §4.2).
    let truth = [-0.310_719_522_131_316_8, -0.991_238_135_004_686_4];
    let expected = 0.463_227_391_441_138_8;
    assert!((cosine(&truth, &[1.0, -1.0]).unwrap() - expected).abs() < 1e-15);
}

#[test]
fn cosine_does_not_depend_on_scale_even_at_the_ends_of_f64() {
    let (a, b) = ([1.0, 2.0, -3.0], [0.5, -1.0, 4.0]);
    let expected = cosine(&a, &b).unwrap();
    for scale in [1e-300, 1e-160, 1e160, 1e300] {
        let scaled = cosine(&a.map(|x| x * scale), &b.map(|x| x * scale)).unwrap();
        assert!((scaled - expected).abs() < 1e-15, "{scale}");
    }
}

#[test]
fn undefined_is_none_and_never_zero() {
    for bad in [[0.0, 0.0], [f64::NAN, 1.0], [f64::INFINITY, 1.0]] {
        assert_eq!(cosine(&bad, &[1.0, 2.0]), None);
        assert_eq!(cosine(&[1.0, 2.0], &bad), None);
        assert_eq!(norm_ratio(&bad, &[1.0, 2.0]), None);
    }
    assert_eq!(sign_agreement(&[0.0, 1.0], &[1.0, 0.0]), None);
    assert_eq!(sign_agreement(&[f64::NAN, 1.0], &[1.0, 1.0]), None);
}

#[test]
fn ratio_and_signs_by_hand() {
    assert!((norm_ratio(&[3.0, 4.0], &[0.0, 2.0]).unwrap() - 2.5).abs() < 1e-15);
    let share = sign_agreement(&[1.0, -1.0, 2.0, 0.0], &[3.0, 1.0, 0.1, 1.0]).unwrap();
    assert!((share - 2.0 / 3.0).abs() < 1e-15);
}

#[test]
fn chance_matches_the_worked_values() {
    // docs/estimator.md §2.1, at τ = ¼, ½, ¾
    let golden = [
        (3, [0.375, 0.25, 0.125]),
        (6, [0.294_362_224, 0.126_584_997_6, 0.026_090_700_23]),
        (8, [0.258_244_776_2, 0.085_235_330_39, 0.009_971_063_066]),
    ];
    for (dims, values) in golden {
        for (tau, value) in [0.25, 0.5, 0.75].into_iter().zip(values) {
            let chance = chance_above(tau, dims);
            assert!((chance / value - 1.0).abs() < 2e-9, "{dims} {tau} {chance}");
            assert!((chance_above(-tau, dims) - (1.0 - chance)).abs() < 1e-15);
        }
    }
    assert!((chance_above(0.0, 1) - 0.5).abs() < 1e-15);
    assert!((chance_above(0.5, 2) - 1.0 / 3.0).abs() < 1e-14); // acos(½)/π
}

#[test]
fn random_directions_exceed_a_threshold_as_often_as_chance_says() {
    let mut stream = drawn(0, "directions");
    let fixed = [0.3, -1.0, 0.2, 0.9, 0.0, 2.0];
    let above = (0..40_000)
        .filter(|_| {
            let direction: Vec<f64> = (0..6).map(|_| stream.normal()).collect();
            cosine(&direction, &fixed).unwrap() > 0.25
        })
        .count();
    assert!((above as f64 / 40_000.0 - chance_above(0.25, 6)).abs() < 0.01);
}
