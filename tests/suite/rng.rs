//! Are streams independent, continued where they stood, and distributed as stated?

use hyperl::rng::Stream;

use crate::support::seeds::drawn;

#[test]
fn a_stream_continues_where_it_stood() {
    let mut stream = drawn(7, "explore");
    for _ in 0..101 {
        stream.normal();
    }
    let mut copy = Stream::from_state(&stream.state()).unwrap();
    for _ in 0..101 {
        assert_eq!(stream.normal().to_bits(), copy.normal().to_bits());
    }
}

#[test]
fn seeds_and_names_give_different_streams() {
    let first = |seed, name: &str| drawn(seed, name).uniform(0.0, 1.0);
    assert_ne!(first(0, "a").to_bits(), first(1, "a").to_bits());
    assert_ne!(first(0, "a").to_bits(), first(0, "b").to_bits());
    let parent = drawn(0, "a");
    assert_ne!(parent.child("x").normal().to_bits(), parent.child("y").normal().to_bits());
}

#[test]
fn draws_have_the_stated_moments() {
    let mut stream = drawn(1, "moments");
    let n = 200_000;
    let normal: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
    let mean = normal.iter().sum::<f64>() / f64::from(n);
    let var = normal.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / f64::from(n);
    assert!(mean.abs() < 0.01 && (var - 1.0).abs() < 0.015, "{mean} {var}");
    let counts = (0..n).fold([0u32; 3], |mut c, _| {
        c[stream.index(3)] += 1;
        c
    });
    assert!(counts.iter().all(|&c| (f64::from(c) / f64::from(n) - 1.0 / 3.0).abs() < 0.005));
}

#[test]
fn sampling_without_replacement_repeats_nothing() {
    let mut drawn = drawn(3, "states").sample_without_replacement(1000, 1000);
    drawn.sort_unstable();
    assert!(drawn.iter().copied().eq(0..1000));
}
