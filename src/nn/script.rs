//! Networks of any architecture, in `TorchScript`.
//!
//! # Numbers
//!
//! `PyTorch` would watch the first calls of a script and then run a changed one, whose sums may be in another order.
//! Here it runs a script as it is written, so that equal inputs give equal bytes at any call and in any thread.

use std::sync::Arc;

use tch::{CModule, Device, IValue, Kind, Tensor, jit};

use super::architecture::Critic;
use super::plain::{Gives, Plain};
use super::weights::{BYTES, Builder, Shapes, Training, non_finite};
use crate::error::{Error, Result};
use crate::pickled::script::checked;

/// Name of a script's bytes among the tensors of its network.
const SCRIPT: &str = "script";

/// Rows of the batch on which a script is tried.
const ROWS: i64 = 5;

/// Calls that must agree.
const CALLS: usize = 5;

/// What an action of exactly 1 is taken for before tanh; tanh(20) is 1 in double precision.
const SATURATED: f64 = 20.0;

/// A network in `TorchScript`.
#[derive(Debug)]
pub(super) struct Script {
    module: Arc<CModule>,
    gives: Gives,
}

impl Script {
    /// Takes a script from the weights' source and tries it; `sizes` are those of observation and action.
    ///
    /// # Errors
    /// [`Error::Script`] if it holds what is not allowed, or gives something else; those of the weights' source.
    pub(super) fn new(builder: &mut Builder, gives: Gives, sizes: [i64; 2]) -> Result<Self> {
        let module = builder.script(SCRIPT, |bytes| {
            let bytes = Vec::<u8>::try_from(bytes.view([-1]))?;
            let bytes = checked(&bytes).map_err(Error::Script)?;
            let read = CModule::load_data_on_device(&mut &bytes[..], Device::Cpu);
            let mut module = read.map_err(Error::script)?;
            module.f_set_eval()?;
            check(&module, gives, sizes)?;
            Ok(module)
        })?;
        Ok(Self { module, gives })
    }

    /// Returns what an actor's actions are tanh of, `[B, A]`.
    pub(super) fn before_tanh(&self, obs: &Tensor) -> Tensor {
        let given = self.run(&[obs]).remove(0);
        if self.gives == Gives::Action { before_tanh(&given) } else { given }
    }

    /// Returns an actor's actions, `[B, A]`.
    pub(super) fn act(&self, obs: &Tensor) -> Tensor {
        let given = self.run(&[obs]).remove(0);
        if self.gives == Gives::Action { given.clamp(-1.0, 1.0) } else { given.tanh() }
    }

    /// Returns mean and log σ of what an actor's actions are tanh of, `[B, A]` each.
    pub(super) fn mean_and_log_std(&self, obs: &Tensor) -> [Tensor; 2] {
        self.run(&[obs]).try_into().expect("two outputs were there when it was loaded")
    }

    /// Runs a script that ran when it was loaded.
    fn run(&self, inputs: &[&Tensor]) -> Vec<Tensor> {
        run(&self.module, inputs)
            .unwrap_or_else(|e| panic!("it ran on other numbers of the same shapes; now {e}"))
    }
}

impl Critic for Script {
    fn q(&self, obs: &Tensor, action: &Tensor) -> Tensor {
        self.run(&[obs, action]).remove(0).view([obs.size()[0]])
    }
}

/// Returns name and shape of each tensor of a network that is a script; a script has no weights before it is loaded.
pub(crate) fn shapes(plain: &Plain, obs: i64, network: &str) -> Result<Vec<(String, Vec<i64>)>> {
    let mut source = Shapes;
    let mut builder = Builder::new(&mut source, Training::Frozen);
    plain.standardiser(&mut builder, obs)?;
    let mut all = builder.finish().shapes(network);
    all.push((format!("{network}.{SCRIPT}"), vec![BYTES]));
    Ok(all)
}

/// Returns atanh of actions, taken in double precision; ±[`SATURATED`] of ±1.
fn before_tanh(action: &Tensor) -> Tensor {
    let action = action.to_kind(Kind::Double);
    let saturated = action.abs().ge(1.0);
    // What `where` passes over must be finite too, else its gradient is NaN.
    let inside = action.masked_fill(&saturated, 0.0).atanh();
    (action.detach().sign() * SATURATED).where_self(&saturated, &inside).to_kind(Kind::Float)
}

/// Runs a script; all that it gives are tensors.
fn run(module: &CModule, inputs: &[&Tensor]) -> Result<Vec<Tensor>> {
    // A setting of this thread alone.
    jit::f_set_graph_executor_optimize(false)?;
    let inputs: Vec<IValue> =
        inputs.iter().map(|input| IValue::Tensor(input.shallow_clone())).collect();
    let given = match module.forward_is(&inputs).map_err(Error::script)? {
        IValue::Tuple(parts) => parts,
        one => vec![one],
    };
    let tensor = |part| match part {
        IValue::Tensor(tensor) => Ok(tensor),
        _ => Err(Error::Script("it returns something other than tensors".into())),
    };
    given.into_iter().map(tensor).collect()
}

/// Runs a script on a few rows: shapes must be those of the environment, numbers finite and the same at every call.
fn check(module: &CModule, gives: Gives, [obs, action]: [i64; 2]) -> Result<()> {
    let rows = |width: i64| {
        let places = Tensor::arange(ROWS * width, (Kind::Float, Device::Cpu));
        (places * 0.7).sin().view([ROWS, width])
    };
    let (seen, tried) = (rows(obs), rows(action).set_requires_grad(true));
    let critic = gives == Gives::Value;
    let inputs = if critic { vec![&seen, &tried] } else { vec![&seen] };
    let takes = if critic { format!(" and actions [{ROWS}, {action}]") } else { String::new() };
    let given = run(module, &inputs).map_err(|error| {
        let why = if let Error::Script(reason) = error { reason } else { error.to_string() };
        Error::Script(format!(
            "it does not run on observations [{ROWS}, {obs}]{takes} ({why}); if it was made for another environment, \
             choose another --env"
        ))
    })?;
    let shapes: Vec<Vec<i64>> = given.iter().map(Tensor::size).collect();
    let fits = match gives {
        Gives::Value => shapes == [vec![ROWS]] || shapes == [vec![ROWS, 1]],
        Gives::MeanAndLogStd => shapes == [vec![ROWS, action], vec![ROWS, action]],
        Gives::BeforeTanh | Gives::Action => shapes == [vec![ROWS, action]],
    };
    let wrong = |reason: String| Err(Error::Script(reason));
    if !fits {
        let expected = match gives {
            Gives::Value => format!("[{ROWS}] or [{ROWS}, 1]"),
            Gives::MeanAndLogStd => format!("two of [{ROWS}, {action}]"),
            Gives::BeforeTanh | Gives::Action => format!("[{ROWS}, {action}]"),
        };
        return wrong(format!(
            "of observations [{ROWS}, {obs}]{takes} it gives {shapes:?}; `{gives}` is {expected}"
        ));
    }
    if let Some(other) = given.iter().find(|part| part.kind() != Kind::Float) {
        let kind = other.kind();
        return wrong(format!("it gives numbers of {kind:?}; save it with .float(), as f32"));
    }
    if given.iter().any(|part| non_finite(part) > 0) {
        return wrong("it gives NaN or infinity: its training had diverged".into());
    }
    if gives == Gives::Action && given[0].abs().max().double_value(&[]) > 1.0 {
        return wrong("its actions are not in [-1, 1]; divide them by their bound".into());
    }
    for _ in 1..CALLS {
        if run(module, &inputs)? != given {
            return wrong("it returns other numbers when it is called again".into());
        }
    }
    if critic {
        let sum = given[0].sum(Kind::Float);
        if !sum.requires_grad() {
            return wrong("no gradient goes from its value to the action".into());
        }
        let slope = Tensor::f_run_backward(&[sum], &[&tried], false, false)?.remove(0);
        if !slope.defined() || non_finite(&slope) > 0 {
            return wrong(
                "the gradient of its value with respect to the action is missing or NaN".into(),
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_taken_back_through_tanh_and_those_at_the_bound_stay_finite() {
        let action = Tensor::from_slice(&[0.5f32, -0.9, 1.0, -1.0, 0.999_999_9]);
        let action = action.set_requires_grad(true);
        let before = before_tanh(&action);
        let numbers = |x: &Tensor| Vec::<f32>::try_from(x).unwrap();
        let known = [0.549_306_15, -1.472_219_5, 20.0, -20.0];
        for (found, known) in numbers(&before).iter().zip(known) {
            assert!((found - known).abs() < 1e-6, "{found} {known}");
        }
        let slope = Tensor::run_backward(&[before.sum(Kind::Float)], &[&action], false, false);
        let slope = numbers(&slope[0]);
        // 1 / (1 − a²), and nothing comes through at the bound.
        assert!((slope[0] - 4.0 / 3.0).abs() < 1e-6 && slope[2..4] == [0.0, 0.0], "{slope:?}");
        assert!(slope[4].is_finite());
    }
}
