//! MAML: does every model train in every family, and alike with any number of workers?

use hyperl::algo::RunConfig;
use hyperl::algo::maml::config::{MamlConfig, TrpoConfig};
use hyperl::algo::maml::{Iteration, Maml, Play};
use hyperl::env::Family;
use hyperl::nn::meta_policy::PolicyKind;
use hyperl::nn::workers;
use tch::{Kind, Tensor};

/// Few tasks, few episodes, short solves.
fn small(env: Family, policy: PolicyKind, multi_task: bool) -> MamlConfig {
    let trpo = TrpoConfig { cg_steps: 1, search_steps: 8, ..TrpoConfig::default() };
    let few = MamlConfig {
        iterations: 2,
        tasks: 2,
        episodes: 2,
        train_tasks: 4,
        ..MamlConfig::default()
    };
    MamlConfig { env, policy, multi_task, test_tasks: 2, test_episodes: 1, trpo, ..few }
        .resolved()
        .unwrap()
}

/// One number that changes with the weights.
fn norm(maml: &Maml) -> f64 {
    let square = |t: &Tensor| t.detach().square().sum(Kind::Double).double_value(&[]);
    maml.policy().params().tensors().iter().map(square).sum()
}

/// The weights as bits.
fn bits(maml: &Maml) -> Vec<u32> {
    let flat = |t: &Tensor| Vec::<f32>::try_from(t.detach().flatten(0, -1)).unwrap();
    let params = maml.policy().params().tensors();
    params.iter().flat_map(flat).map(f32::to_bits).collect()
}

fn step(config: &MamlConfig, threads: usize) -> (Maml, Iteration) {
    let mut maml = Maml::new(config.clone(), workers::start(threads).unwrap()).unwrap();
    let done = maml.step().unwrap();
    (maml, done)
}

fn trains_everywhere(policy: PolicyKind, multi_task: bool) {
    for family in Family::ALL {
        let config = small(family, policy, multi_task);
        let what = config.run_name();
        let mut maml = Maml::new(config.clone(), workers::start(2).unwrap()).unwrap();
        let before = norm(&maml);
        let done = maml.step().unwrap();
        assert_eq!(done.iteration, 1, "{what}");
        assert!(done.train[0].is_finite(), "{what}: {done:?}");
        assert_eq!(done.train[1].is_nan(), multi_task, "{what}: {done:?}");
        assert_eq!(maml.policy().params().non_finite(), 0, "{what}");
        // A step was found, and it is within its bound.
        assert!(done.update.accepted, "{what}: {done:?}");
        assert!((0.0..config.trpo.max_kl).contains(&done.update.divergence), "{what}: {done:?}");
        assert!(norm(&maml) != before, "{what}: it did not move");
        let play = Play { episodes: 1, adapt: Some(config.inner_lr()) };
        let returns = maml.returns(&maml.tasks().test, play, &maml.stream("test")).unwrap();
        assert_eq!(returns.len(), 2, "{what}");
        assert!(returns.iter().flatten().all(|r| r.is_finite()), "{what}: {returns:?}");
    }
}

#[test]
fn the_vanilla_policy_trains_in_every_family() {
    trains_everywhere(PolicyKind::Vanilla, false);
}

#[test]
fn the_context_policy_trains_in_every_family() {
    trains_everywhere(PolicyKind::Context, false);
}

#[test]
fn the_hypernetwork_trains_in_every_family() {
    trains_everywhere(PolicyKind::Hyper, false);
}

#[test]
fn the_hypernetwork_trains_on_all_tasks_at_once_in_every_family() {
    trains_everywhere(PolicyKind::Hyper, true);
}

#[test]
fn results_do_not_depend_on_the_number_of_workers() {
    for (kind, second_order) in
        [(PolicyKind::Vanilla, true), (PolicyKind::Context, false), (PolicyKind::Hyper, false)]
    {
        let config = small(Family::HalfCheetahVel, kind, false);
        let config = MamlConfig { tasks: 5, second_order, ..config };
        let [one, three] = [1, 3].map(|threads| {
            let (maml, done) = step(&config, threads);
            (bits(&maml), done.train, done.update)
        });
        assert!(one == three, "{kind}: {:?} and {:?}", (one.1, one.2), (three.1, three.2));
    }
}
