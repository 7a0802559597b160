use super::*;

/// Rewards of unrest alone from a state, of so many steps with the same action.
fn rewards(world: &World, action: &[f64], steps: usize) -> Vec<f64> {
    let rewards = |agent: &Agent, starts: &[Visited]| {
        let mut env = (agent.make_env)()?;
        env.restore(&starts[0].snapshot)?;
        (0..steps).map(|_| Ok(env.step(action)?.reward)).collect()
    };
    world.ask(&world.exact(), |agent, starts| rewards(agent, starts)).unwrap()
}

fn at(s: [f64; SIZE.0], unrest: Unrest) -> World {
    let world = World::new(Place::FREE, 1, 0).unwrap().without_signal().under(unrest);
    World { states: vec![s.to_vec()], ..world }
}

#[test]
fn chaos_is_the_tripled_number_of_state_and_action() {
    // x = 5/32 + (1 + 2·2 + 3·3)/64 = 3/8, and 3¹²·3 = 1 594 323 = 199 290·8 + 3.
    let s = [2.0, 5.0 / 32.0, 0.0, 0.0, -1.0, -1.0];
    let world = at(s, Unrest::Chaos(0.5));
    let found = rewards(&world, &[1.0 / 64.0, 2.0 / 64.0, 3.0 / 64.0], 1)[0];
    // 0.5 · 2² · √2 cos(2π·3/8)
    assert!((found + 2.0).abs() < 1e-9, "{found}");
}

#[test]
fn the_least_push_changes_chaos_and_the_same_one_does_not() {
    let s = [1.0, 0.3, -0.7, 0.2, 0.9, -0.4];
    for (unrest, steps) in [(Unrest::Chaos(1.0), 5), (Unrest::Noise(1.0), 1)] {
        let world = at(s, unrest);
        let found = rewards(&world, &[0.1, 0.2, 0.3], steps);
        assert_eq!(rewards(&world, &[0.1, 0.2, 0.3], steps), found);
        let pushed = rewards(&world, &[0.1 + 1e-5, 0.2, 0.3], steps);
        assert!(found.iter().zip(&pushed).all(|(a, b)| (a - b).abs() > 1e-6), "{found:?}");
    }
    let quiet = at(s, Unrest::Quiet);
    assert_eq!(rewards(&quiet, &[0.1, 0.2, 0.3], 3), [0.0; 3]);
    // Noise belongs to the first action alone.
    assert_eq!(rewards(&at(s, Unrest::Noise(1.0)), &[0.1, 0.2, 0.3], 3)[1..], [0.0; 2]);
}

#[test]
fn a_restored_world_goes_on_bit_for_bit() {
    let world = at([1.0, 0.3, -0.7, 0.2, 0.9, -0.4], Unrest::Chaos(1.0));
    let twice = world.ask(&world.exact(), |agent, starts| {
        let mut env = (agent.make_env)()?;
        env.restore(&starts[0].snapshot)?;
        env.step(&[0.1, 0.2, 0.3])?;
        let kept = env.snapshot().unwrap();
        let first = env.step(&[-0.1, 0.0, 0.4])?;
        let mut other = (agent.make_env)()?;
        other.restore(&kept)?;
        Ok((first, other.step(&[-0.1, 0.0, 0.4])?))
    });
    let (first, again) = twice.unwrap();
    assert_eq!(first, again);
    assert!(first.reward.abs() > 0.0);
}

#[test]
fn actors_stand_where_they_are_said_to() {
    // 1 − tanh² u < 0.05 beyond ±2.178: as shares of the normal laws, in closed form.
    for (place, saturated) in [(Place::FREE, 0.0), (Place::HALF, 0.414), (Place::SATURATED, 0.832)]
    {
        let world = World::new(place, 2000, 1).unwrap();
        let all: Vec<f64> = world.states.iter().flat_map(|s| world.before_tanh(s)).collect();
        let share = all.iter().filter(|u| u.abs() > 2.178).count() as f64 / all.len() as f64;
        // Four standard errors of 6000 coordinates.
        assert!((share - saturated).abs() < 0.026, "{place:?} {share}");
    }
}
