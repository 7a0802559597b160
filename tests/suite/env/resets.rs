//! Are targets and objects drawn by Gymnasium's laws?

use hyperl::env::{EnvId, Snapshot};
use hyperl::rng::Stream;

const RESETS: usize = 20_000;

/// Two numbers of `qpos` after each of many resets; they follow elapsed (1), what is stale (3) and time (1).
fn drawn(id: EnvId, first: usize) -> Vec<[f64; 2]> {
    let mut env = id.make().unwrap();
    let mut reset = Stream::new(0, "reset");
    let mut one = || {
        env.reset(&mut reset).unwrap();
        let Snapshot(state) = env.snapshot().unwrap();
        [state[5 + first], state[6 + first]]
    };
    (0..RESETS).map(|_| one()).collect()
}

#[test]
fn a_reachers_target_lies_evenly_in_a_disc() {
    let squares: Vec<f64> = drawn(EnvId::ReacherV5, 2).iter().map(|[x, y]| x * x + y * y).collect();
    assert!(squares.iter().all(|square| *square < 0.2 * 0.2));
    // In a disc of radius R the square of the distance is uniform: mean R²/2, standard deviation R²/√12.
    let mean = squares.iter().sum::<f64>() / RESETS as f64;
    let error = 0.04 / 12f64.sqrt() / (RESETS as f64).sqrt();
    assert!((mean - 0.02).abs() < 4.0 * error, "{mean}");
}

#[test]
fn a_pushers_object_lies_evenly_away_from_the_goal() {
    let objects = drawn(EnvId::PusherV5, 7);
    let allowed =
        |[y, x]: &[f64; 2]| (-0.3..=0.0).contains(y) && x.abs() <= 0.2 && y.hypot(*x) > 0.17;
    assert!(objects.iter().all(allowed));
    // What lies behind y = −0.17 is allowed as a whole: 0.13 · 0.4 of 0.3 · 0.4 less half a disc.
    let behind = objects.iter().filter(|[y, _]| *y < -0.17).count() as f64 / RESETS as f64;
    let expected = 0.13 * 0.4 / (0.3 * 0.4 - std::f64::consts::PI * 0.17 * 0.17 / 2.0);
    let error = (expected * (1.0 - expected) / RESETS as f64).sqrt();
    assert!((behind - expected).abs() < 4.0 * error, "{behind} instead of {expected}");
}
