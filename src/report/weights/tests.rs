//! Groups, verdicts and tables of made-up networks whose answers are plain.

use super::*;
use crate::analysis::measure::weights::distance::{Binning, Distances};
use crate::analysis::measure::weights::{Reading, WeightSettings};
use crate::report::Verdict;

/// A network at this total variation on both kinds of bins, whose equals are at 0.05 and 0.07.
fn one(env: EnvId, layer: Layer, start: Start, (seed, tv): (u64, f64)) -> Measured {
    let binned = |binning| Binned { binning, bins: 30, tv, nulls: vec![0.05, 0.07] };
    let distances = Distances {
        binned: vec![binned(Binning::Reference), binned(Binning::Joint)],
        wasserstein: tv * layer.bound(env),
        kolmogorov_smirnov: tv / 2.0,
        values: [512, 256],
    };
    let (twin, step, uniform, beyond) = (0, 0, tv, 0.1);
    let (std, shares) = ([1.0; 2], [vec![1.0 / 62.0; 62], vec![1.0 / 62.0; 62]]);
    Measured { env, seed, twin, step, start, layer, distances, uniform, beyond, std, shares }
}

/// Three seeds of hopper and walker2d with both initialisations; `walker` is the sign of what
/// `PyTorch`'s gains on walker2d.
fn networks(seeds: u64, walker: f64) -> Vec<Measured> {
    let mut all = Vec::new();
    for (env, sign) in [(EnvId::Hopper, 1.0), (EnvId::Walker2d, walker)] {
        for layer in Layer::ALL {
            for seed in 0..seeds {
                let noise = 0.001 * seed as f64;
                let of = |start, tv| one(env, layer, start, (seed, tv));
                all.push(of(Start::Hyper, 0.5 + 2.0 * noise));
                all.push(of(Start::Pytorch, 0.5 - sign * 0.2 + noise));
            }
        }
    }
    all
}

fn readings(measured: [Vec<Measured>; 2]) -> Vec<Reading> {
    let all = WeightSettings::default().readings();
    all.into_iter()
        .zip(measured)
        .map(|(settings, measured)| Reading { settings, measured })
        .collect()
}

#[test]
fn the_claim_holds_or_fails_only_if_all_readings_agree() {
    let verdict = |a: f64, b: f64| {
        let judged = judge(&readings([networks(3, a), networks(3, b)])).unwrap();
        (judged.verdict, judged.reason)
    };
    assert_eq!(verdict(1.0, 1.0).0, Verdict::Holds);
    assert_eq!(verdict(-1.0, -1.0).0, Verdict::Fails);
    let (open, reason) = verdict(1.0, -1.0);
    assert_eq!(open, Verdict::Undecided);
    let counts = "of 4 readings";
    assert!(
        reason.contains(counts) && reason.contains("it holds in 2, fails in 2 and"),
        "{reason}"
    );
    assert!(reason.contains("closer to MLP-Small in 4 of 4"), "{reason}");
    // A difference that is as large as its noise decides nothing.
    assert_eq!(verdict(0.005, 0.005).0, Verdict::Undecided);
}

#[test]
fn one_seed_decides_nothing() {
    let judged = judge(&readings([networks(1, 1.0), networks(1, 1.0)])).unwrap();
    assert_eq!(judged.verdict, Verdict::Undecided);
    assert!(judged.reason.starts_with("There is one seed"), "{}", judged.reason);
    assert!(judged.difference.low.is_nan());
    assert!(judge(&[]).is_none());
    let trained: Vec<Measured> =
        networks(2, 1.0).into_iter().map(|one| Measured { start: Start::Trained, ..one }).collect();
    assert!(judge(&readings([trained, Vec::new()])).is_none());
}

#[test]
fn differences_are_paired_by_seed() {
    // 0.2 + 0.001 · seed: mean 20.1 points, standard deviation 0.1, t(0.975, 2) = 4.3027.
    let judged = judge(&readings([networks(3, 1.0), networks(3, 1.0)])).unwrap();
    assert!((judged.difference.value - 20.1).abs() < 1e-9);
    let half = 4.302_652_729_911 * 0.1 / 3f64.sqrt();
    assert!((judged.difference.half_width() - half).abs() < 1e-9, "{:?}", judged.difference);
}

#[test]
fn a_group_averages_the_critics_of_a_run_and_takes_the_distance_of_equals_off() {
    let of = |seed, twin, tv| Measured {
        twin,
        step: 1000,
        ..one(EnvId::Hopper, Layer::Output, Start::Trained, (seed, tv))
    };
    let measured = [of(1, 1, 0.3), of(0, 1, 0.2), of(0, 2, 0.4), of(1, 2, 0.7)];
    let all = groups(&measured);
    let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found}");
    let runs = all[0].values(|one| one.uniform);
    assert_eq!((all.len(), runs.len()), (1, 2));
    near(runs[0], 0.3);
    near(runs[1], 0.5);
    let s = all[0].summary();
    assert_eq!(s.networks, 2);
    near(s.tv.mean, 40.0);
    near(s.half_tv.mean, 20.0);
    near(s.null.mean, 6.0);
    near(s.excess.mean, 34.0);
    near(s.wasserstein.mean, 0.4);
    near(s.kolmogorov_smirnov.mean, 20.0);
    near(s.beyond, 10.0);
    // Table 2, Hopper, second layer, after 100K steps.
    assert_eq!(s.published, Some(31.2));
}

#[test]
fn tables_say_how_far_the_paper_is_and_leave_out_what_nobody_printed() {
    let measured = networks(3, 1.0);
    let table = distance_table(&measured);
    let names: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!((table.rows.len(), names[names.len() - 1]), (8, "paper − TV/2"));
    // Hopper, first layer: 31.4 in the paper, (50 + 50.2 + 50.4) / 3 here with SD 0.2.
    let csv = table.to_csv().unwrap();
    let first: Vec<&str> = csv.lines().nth(1).unwrap().split(',').collect();
    let last: Vec<f64> = first[first.len() - 3..].iter().map(|x| x.parse().unwrap()).collect();
    assert!((last[0] - 31.4).abs() < 1e-9);
    assert!((last[1] - (31.4 - 50.2) / 0.2).abs() < 1e-6, "{last:?}");
    assert!((last[2] - (31.4 - 25.1) / 0.1).abs() < 1e-6, "{last:?}");
    let contact: Vec<Measured> =
        measured.into_iter().map(|one| Measured { env: EnvId::AntContact, ..one }).collect();
    let names = distance_table(&contact).columns;
    assert!(names.iter().all(|column| !column.name.starts_with("paper")), "{names:?}");
}
