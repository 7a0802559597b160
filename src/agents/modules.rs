//! Modules of `PyTorch` that were saved whole: their tensors by name, and what stands between them. Their classes are
//! names here, and nothing of them is executed.

use std::collections::BTreeMap;

use super::numpy::numbers;
use super::state_dict::{Layer, StateDict};
use crate::nn::plain::Activation;
use crate::pickled::pickle::Value;
use crate::pickled::pickle_code::Read;
use crate::pickled::tensor::Tensor;
use crate::pickled::torch_file::TorchFile;

/// Most modules in a file, all levels together.
const MOST: usize = 1_000;

/// Most modules inside each other.
const MOST_NESTED: usize = 8;

/// The modules of a file that were not taken yet.
#[derive(Default)]
pub(super) struct Modules {
    pub(super) state: StateDict,
    /// Classes of those that hold neither tensors nor modules.
    classes: BTreeMap<String, String>,
    /// Single numbers of those that hold some, by their names.
    limits: BTreeMap<String, f64>,
    visited: usize,
    /// Numbers that tensors may still have.
    allowed: usize,
}

impl Modules {
    /// Returns whether a file holds a module that holds one called `name`.
    pub(super) fn has(file: &TorchFile, name: &str) -> bool {
        file.root().attribute("_modules").is_some_and(|modules| modules.get(name).is_some())
    }

    /// Reads the module of a file of so many bytes, and the attribute `limit` of each module that has it.
    pub(super) fn read(file: &TorchFile, bytes: usize, limit: &str) -> Read<Self> {
        let mut all = Self { allowed: bytes, ..Self::default() };
        all.walk(file, limit, file.root(), &mut Vec::new())?;
        Ok(all)
    }

    fn walk<'f>(
        &mut self,
        file: &'f TorchFile,
        limit: &str,
        value: Value<'f>,
        path: &mut Vec<&'f str>,
    ) -> Read<()> {
        let name = path.join(".");
        let class = class(value).ok_or_else(|| format!("{name} is no module"))?;
        self.visited += 1;
        if self.visited > MOST || path.len() > MOST_NESTED {
            return Err(format!("more than {MOST} modules, or {MOST_NESTED} inside each other"));
        }
        let entries = |kind: &str| {
            let entries = value.attribute(kind).and_then(|all| all.entries()).unwrap_or_default();
            entries.into_iter().filter(|(_, value)| !value.is_none())
        };
        if let Some(number) = value.attribute(limit) {
            let found = numbers(number).map_err(|e| format!("{name}.{limit}: {e}"))?;
            let [number] = found[..] else {
                return Err(format!("{name}.{limit} is no single number"));
            };
            self.limits.insert(name.clone(), number);
        }
        let text =
            |key: Value<'f>| key.text().ok_or_else(|| format!("{name} has a key that is no text"));
        let mut leaf = true;
        for (key, tensor) in entries("_parameters").chain(entries("_buffers")) {
            let key = [&path[..], &[text(key)?]].concat().join(".");
            let tensor = Tensor::read(file, tensor).map_err(|e| format!("{key}: {e}"))?;
            let left = self.allowed.checked_sub(tensor.numbers.len());
            self.allowed = left.ok_or("more numbers than a file of this length holds")?;
            self.state.insert(key, tensor);
            leaf = false;
        }
        for (key, module) in entries("_modules") {
            path.push(text(key)?);
            self.walk(file, limit, module, path)?;
            path.pop();
            leaf = false;
        }
        if leaf {
            check_defaults(&name, value)?;
            self.classes.insert(name, class.into());
        }
        Ok(())
    }

    /// Takes the layers of a `Sequential` and the activation between them; after the last layer comes `end`.
    pub(super) fn sequential(
        &mut self,
        name: &str,
        end: &str,
    ) -> Read<(Vec<Layer>, Option<Activation>)> {
        let layers = self.state.sequential(&format!("{name}."))?;
        let mut activation = None;
        for i in 0..layers.len() {
            let place = format!("{name}.{}", 2 * i + 1);
            let class =
                self.classes.remove(&place).ok_or_else(|| format!("it holds no {place}"))?;
            if i + 1 == layers.len() && end == class {
                continue;
            }
            let found = activation_of(&class).filter(|_| i + 1 < layers.len() || end.is_empty());
            let found =
                found.ok_or_else(|| format!("{place} is a {class}, which is not known there"))?;
            if activation.replace(found).is_some_and(|other| other != found) {
                return Err(format!("{name} has several activations"));
            }
        }
        Ok((layers, activation))
    }

    /// Takes the number that was read of a module.
    pub(super) fn limit(&mut self, name: &str) -> Read<f64> {
        self.limits
            .remove(name)
            .ok_or_else(|| format!("{name} does not give the bound of its actions"))
    }

    /// Checks that nothing is left over.
    pub(super) fn finish(self) -> Read<()> {
        self.state.finish()?;
        match self.classes.into_iter().next() {
            Some((name, class)) => Err(format!("{name}, a {class}, has no place in such an agent")),
            None => Ok(()),
        }
    }
}

/// Returns the class of an object.
fn class(value: Value<'_>) -> Option<&str> {
    let made = ["copyreg", "copy_reg"].iter().find_map(|of| value.calls(of, "_reconstructor"));
    let class = match made {
        Some(parts) => *parts.first()?,
        None => value.callable()?,
    };
    // The oldest files store classes elsewhere, with their source: ("module", class, file, source).
    let class = class.persistent().map_or(Some(class), |stored| stored.tuple()?.get(1).copied())?;
    class.global().map(|(_, name)| name)
}

/// Checks that an activation has its default parameters.
fn check_defaults(name: &str, value: Value) -> Read<()> {
    let number = |key: &str| value.attribute(key).and_then(|number| number.float());
    for (key, default) in [("alpha", 1.0), ("negative_slope", 0.01)] {
        if let Some(found) = number(key).filter(|found| (found - default).abs() > 1e-9) {
            return Err(format!("{name} has {key} {found}; only {default} can be measured"));
        }
    }
    match value.attribute("approximate").and_then(|how| how.text()) {
        Some(how) if how != "none" => {
            Err(format!("{name} is approximate ({how}), which is not known"))
        }
        _ => Ok(()),
    }
}

/// Returns the activation that a class of `torch.nn` is with its default parameters.
pub(super) fn activation_of(class: &str) -> Option<Activation> {
    Some(match class {
        "ReLU" => Activation::Relu,
        "Tanh" => Activation::Tanh,
        "ELU" => Activation::Elu,
        "GELU" => Activation::Gelu,
        "SiLU" => Activation::Silu,
        "LeakyReLU" => Activation::LeakyRelu,
        _ => return None,
    })
}
