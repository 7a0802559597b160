//! Does the ring forget the oldest transitions, and are batches whole?

use hyperl::algo::replay::{Replay, Transition};
use hyperl::nn::critic::Dims;
use tch::{Device, Tensor};

use crate::support::seeds::drawn;

const DIMS: Dims = Dims { obs: 2, action: 1 };

fn filled(capacity: usize, count: u64) -> Replay {
    let mut replay = Replay::new(DIMS, capacity);
    for i in 0..count {
        let x = i as f64;
        replay.push(Transition {
            obs: &[x, 0.0],
            action: &[0.5],
            next_obs: &[x + 1.0, 0.0],
            reward: -x,
            terminated: i % 3 == 2,
        });
    }
    replay
}

#[test]
fn the_ring_forgets_the_oldest_and_survives_a_save() {
    let replay = filled(10, 25);
    assert_eq!((replay.len(), replay.added()), (10, 25));
    assert_eq!(replay.oldest(), 15);
    assert_eq!(replay.rows(0..25)[0] as u64, 15, "the oldest held is number 15");
    assert_eq!(replay.rows(24..30).len(), replay.row_len());
    // In two parts, the first of which begins before what was held.
    let before = filled(100, 25).rows(13..18);
    let mut again = Replay::new(DIMS, 10);
    again.restore(&before, 18);
    again.restore(&replay.rows(18..25), 25);
    assert_eq!((again.rows(0..25), again.added()), (replay.rows(0..25), 25));
}

#[test]
#[allow(clippy::float_cmp, reason = "rows are copied, not computed")]
fn a_batch_holds_whole_transitions() {
    let replay = filled(100, 60);
    let batch = replay.sample(500, Device::Cpu, &mut drawn(0, "minibatch"));
    let column = |t: &Tensor, c: i64| Vec::<f32>::try_from(t.select(1, c)).unwrap();
    let obs = column(&batch.obs, 0);
    let next = column(&batch.next_obs, 0);
    let reward = Vec::<f32>::try_from(&batch.reward).unwrap();
    let alive = Vec::<f32>::try_from(&batch.alive).unwrap();
    for i in 0..500 {
        assert_eq!((next[i], reward[i]), (obs[i] + 1.0, -obs[i]));
        assert_eq!(alive[i], if obs[i] as u64 % 3 == 2 { 0.0 } else { 1.0 });
    }
    let distinct: std::collections::BTreeSet<u32> = obs.iter().map(|x| *x as u32).collect();
    assert!(distinct.len() > 55, "every transition has its turn: {}", distinct.len());
}
