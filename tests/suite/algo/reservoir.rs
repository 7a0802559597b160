//! Is every visited state kept with the same probability?

use hyperl::algo::reservoir::Reservoir;
use hyperl::env::Snapshot;

use crate::support::seeds::drawn;

#[test]
fn every_visited_state_is_kept_with_the_same_probability() {
    // 20 of 100 states, 3000 times: each is kept 600 times, standard deviation 22.
    let mut kept = [0u32; 100];
    for seed in 0..3000 {
        let mut stream = drawn(seed, "reservoir");
        let mut reservoir = Reservoir::new(20);
        for i in 0..100 {
            reservoir.offer(&mut stream, || Ok(Snapshot(vec![f64::from(i)]).into())).unwrap();
        }
        assert_eq!((reservoir.states().len(), reservoir.seen()), (20, 100));
        for state in reservoir.states() {
            kept[state.snapshot.0[0] as usize] += 1;
        }
    }
    assert!(kept.iter().all(|&k| (490..=710).contains(&k)), "{kept:?}");
}
