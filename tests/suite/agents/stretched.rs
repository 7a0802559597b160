//! Agents whose critics see actions as the environment takes them, where those do not lie in [-1, 1].

use std::fs;
use std::path::Path;

use hyperl::agents::import;
use hyperl::checkpoint::Checkpoint;
use hyperl::checkpoint::load::Which;
use hyperl::env::EnvId;
use hyperl::gradient::ActionValue;
use ndarray::Array2;
use tch::{Kind, Tensor};

use super::torch::given;
use crate::support::torch::{assert_close, numbers};

const STATES: i64 = 6;

/// Weight and bias of a layer.
type Linear = [Tensor; 2];

fn linear(outputs: i64, inputs: i64, phase: f64) -> Linear {
    let wave = |n: i64, phase: f64| {
        (Tensor::arange(n, (Kind::Float, tch::Device::Cpu)) * 1.7 + phase).sin()
    };
    [wave(outputs * inputs, phase).view([outputs, inputs]), wave(outputs, phase + 0.5)]
}

fn forward(layers: &[Linear], input: &Tensor) -> Tensor {
    let (last, hidden) = layers.split_last().unwrap();
    let apply = |x: &Tensor, [weight, bias]: &Linear| x.matmul(&weight.tr()) + bias;
    apply(&hidden.iter().fold(input.shallow_clone(), |x, layer| apply(&x, layer).relu()), last)
}

fn write(path: &Path, layers: &[Linear]) {
    let named: Vec<(String, &Tensor)> = layers
        .iter()
        .enumerate()
        .flat_map(|(i, [weight, bias])| {
            [(format!("{i}.weight"), weight), (format!("{i}.bias"), bias)]
        })
        .collect();
    Tensor::write_safetensors(&named, path).unwrap();
}

/// Writes a pendulum's agent of three layers each, whose critic takes the action first.
fn write_agent(folder: &Path, algo: &str) -> Vec<Linear> {
    let actor = [linear(5, 4, 0.1), linear(5, 5, 0.2), linear(1, 5, 0.3), linear(1, 5, 0.4)];
    let critic = vec![linear(6, 5, 0.6), linear(5, 6, 0.7), linear(1, 5, 0.8)];
    write(&folder.join("actor.safetensors"), &actor);
    write(&folder.join("critic.safetensors"), &critic);
    let (log_std, alpha) =
        if algo == "sac" { ("log_std = \"3\"", "alpha = 0.2") } else { ("", "") };
    let text = format!(
        "algo = \"{algo}\"\nactivation = \"relu\"\ngamma = 0.99\nsteps = 5\n{alpha}\n\
         [actor]\nfile = \"actor.safetensors\"\nlayers = [\"0\", \"1\", \"2\"]\n{log_std}\naction_scale = 3.0\n\
         [[critics]]\nfile = \"critic.safetensors\"\nlayers = [\"0\", \"1\", \"2\"]\n\
         inputs = [\"action\", \"observation\"]\n"
    );
    fs::write(folder.join("agent.toml"), text).unwrap();
    critic
}

#[test]
fn a_critic_that_sees_the_action_of_the_environment_is_asked_for_that_of_the_box() {
    let place = tempfile::tempdir().unwrap();
    let layers = write_agent(place.path(), "td3");
    let folder = place.path().join("checkpoint");
    import(&place.path().join("agent.toml"), &given(EnvId::InvertedPendulumV5), &folder).unwrap();
    let checkpoint = Checkpoint::open(&folder).unwrap();
    let weights = checkpoint.weights().unwrap();

    let obs = linear(STATES, 4, 1.0)[0].shallow_clone();
    let action = linear(STATES, 1, 2.0)[0].shallow_clone().set_requires_grad(true);
    let own = forward(&layers, &Tensor::cat(&[&action * 3.0, obs.shallow_clone()], 1));
    own.sum(Kind::Float).backward();

    let rows = |x: &Tensor| {
        Array2::from_shape_vec((STATES as usize, x.size()[1] as usize), numbers(&x.detach()))
            .unwrap()
    };
    for which in [Which::Q1, Which::Q2, Which::TargetQ1] {
        let critic = checkpoint.critic(&weights, which).unwrap();
        let value = critic.value(&rows(&obs), &rows(&action)).unwrap();
        assert_close(&value, &numbers(&own.detach()), 1e-5, "values");
        let slope = critic.action_gradient(&rows(&obs), &rows(&action)).unwrap();
        assert_close(&slope.into_raw_vec_and_offset().0, &numbers(&action.grad()), 1e-5, "slopes");
    }
}

#[test]
fn an_agent_of_sac_that_sees_it_is_refused_for_its_densities_are_others() {
    let place = tempfile::tempdir().unwrap();
    write_agent(place.path(), "sac");
    let folder = place.path().join("checkpoint");
    let pendulum = given(EnvId::InvertedPendulumV5);
    let error =
        import(&place.path().join("agent.toml"), &pendulum, &folder).unwrap_err().to_string();
    assert!(error.contains("in [-3, 3]; agents of SAC"), "{error}");
}
