//! The network that acts in one task: a plain Gaussian policy whose weights are given, with its
//! derivatives in closed form.
//!
//! MAML adapts a policy to each task, so each of forty tasks has weights of its own, and each update
//! takes some thirty passes over their 4000 states. Here a pass is a few matrix products and records no
//! graph. How these weights come from the policy's parameters is [`super::meta_policy`]'s affair.

use tch::Tensor;

use crate::error::Result;

/// A Gaussian policy of linear layers with ReLU between them: the mean of its actions is the output,
/// their standard deviation is one vector for all states.
#[derive(Debug)]
pub struct TaskNet {
    /// Weight `[out, in]` and bias `[out]` of each layer in turn, then log σ `[A]`; no graph.
    parts: Vec<Tensor>,
}

/// What a forward pass leaves for the derivatives.
#[derive(Debug)]
pub struct Activations {
    /// Input `[N, in]` of each layer.
    inputs: Vec<Tensor>,
    /// Mean of the actions `[N, A]`.
    pub mean: Tensor,
}

/// A direction or a gradient in the outputs of a [`TaskNet`].
#[derive(Debug)]
pub struct Outputs {
    /// Of the means, `[N, A]`.
    pub mean: Tensor,
    /// Of log σ, `[A]`.
    pub log_std: Tensor,
}

impl TaskNet {
    /// Takes weights and biases of each layer in turn, then log σ.
    ///
    /// # Panics
    /// If there is no layer, or log σ is missing.
    pub fn new(parts: Vec<Tensor>) -> Self {
        assert!(parts.len() >= 3 && parts.len() % 2 == 1, "layers, then log σ");
        Self { parts }
    }

    /// Returns the weights, in the order of [`Self::new`].
    pub fn parts(&self) -> &[Tensor] {
        &self.parts
    }

    fn layers(&self) -> impl DoubleEndedIterator<Item = (&Tensor, &Tensor)> + ExactSizeIterator {
        self.parts[..self.parts.len() - 1].chunks_exact(2).map(|pair| (&pair[0], &pair[1]))
    }

    /// Returns log σ `[A]`.
    pub fn log_std(&self) -> &Tensor {
        &self.parts[self.parts.len() - 1]
    }

    /// Returns the mean of the actions; `obs [N, S]`, result `[N, A]`.
    pub fn mean(&self, obs: &Tensor) -> Tensor {
        self.forward(obs).mean
    }

    /// Returns the mean of the actions and what the derivatives need; `obs [N, S]`.
    pub fn forward(&self, obs: &Tensor) -> Activations {
        let mut inputs = Vec::new();
        let mut x = obs.shallow_clone();
        for (layer, (weight, bias)) in self.layers().enumerate() {
            if layer > 0 {
                let _ = x.relu_();
            }
            let y = x.linear(weight, Some(bias));
            inputs.push(x);
            x = y;
        }
        Activations { inputs, mean: x }
    }

    /// Returns the gradient of each weight, given that of the outputs.
    pub fn backward(&self, at: &Activations, outputs: &Outputs) -> Vec<Tensor> {
        let mut gradients = vec![outputs.log_std.shallow_clone()];
        let mut of_y = outputs.mean.shallow_clone();
        for ((weight, _), input) in self.layers().zip(&at.inputs).rev() {
            gradients.push(of_y.sum_dim_intlist([0i64].as_slice(), false, of_y.kind()));
            gradients.push(of_y.tr().matmul(input));
            if gradients.len() < self.parts.len() {
                of_y = let_through(input, &of_y.matmul(weight));
            }
        }
        gradients.reverse();
        gradients
    }

    /// Returns how the outputs change along a direction in the weights (`[..]` as the weights are).
    pub fn tangent(&self, at: &Activations, direction: &[Tensor]) -> Outputs {
        let mut of_x: Option<Tensor> = None;
        let layers = self.layers().zip(&at.inputs).zip(direction.chunks_exact(2));
        for (((weight, _), input), of) in layers {
            let mut of_y = input.linear(&of[0], Some(&of[1]));
            if let Some(of_x) = of_x {
                of_y += let_through(input, &of_x).matmul(&weight.tr());
            }
            of_x = Some(of_y);
        }
        let mean = of_x.unwrap_or_else(|| at.mean.zeros_like());
        Outputs { mean, log_std: direction[direction.len() - 1].shallow_clone() }
    }

    /// Returns the log-density of actions, `[N]`; `mean` and `actions [N, A]`.
    pub fn log_prob(&self, mean: &Tensor, actions: &Tensor) -> Tensor {
        let z = (actions - mean) * (-self.log_std()).exp();
        let constant = self.log_std() + 0.5 * (2.0 * std::f64::consts::PI).ln();
        (z.square() * -0.5 - constant).sum_dim_intlist([1i64].as_slice(), false, mean.kind())
    }

    /// Returns −mean(Â log π(a|s)) and its gradient in the outputs; `advantages [N]`.
    ///
    /// It is the loss of an adaptation step, and where old and new policy agree the gradient is also
    /// that of the surrogate `−mean(Â π(a|s)/π_old(a|s))`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the loss cannot be read.
    pub fn policy_loss(
        &self,
        at: &Activations,
        actions: &Tensor,
        advantages: &Tensor,
    ) -> Result<(f64, Outputs)> {
        let loss = -(self.log_prob(&at.mean, actions) * advantages).mean(at.mean.kind());
        let weights = (advantages / -(advantages.size()[0] as f64)).unsqueeze(1);
        let inverse = (-self.log_std()).exp();
        let z = (actions - &at.mean) * &inverse;
        let log_std =
            ((z.square() - 1.0) * &weights).sum_dim_intlist([0i64].as_slice(), false, z.kind());
        Ok((f64::try_from(&loss)?, Outputs { mean: z * inverse * weights, log_std }))
    }

    /// Returns the Hessian of the mean KL divergence from itself, applied to a direction in the outputs.
    ///
    /// There the divergence has no slope, so that this, taken between `tangent` and `backward`, gives the
    /// exact Hessian in the weights: 1/σ² for each mean, 2 for each log σ.
    pub fn divergence_hessian(&self, direction: &Outputs) -> Outputs {
        let rows = direction.mean.size()[0] as f64;
        let precision = (self.log_std() * -2.0).exp();
        Outputs { mean: &direction.mean * precision / rows, log_std: &direction.log_std * 2.0 }
    }

    /// Returns the mean over states of KL(this ‖ other), in nats; the means are `[N, A]` each.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if it cannot be read.
    pub fn divergence(&self, mean: &Tensor, other: &Self, other_mean: &Tensor) -> Result<f64> {
        let precision = (other.log_std() * -2.0).exp();
        let spread =
            ((self.log_std() * 2.0).exp() + (mean - other_mean).square()) * precision * 0.5;
        let each = other.log_std() - self.log_std() + spread - 0.5;
        let all = each.sum_dim_intlist([1i64].as_slice(), false, mean.kind()).mean(mean.kind());
        Ok(f64::try_from(all)?)
    }
}

/// Returns a slope where ReLU let its input through, zero elsewhere; `input` is what ReLU returned.
fn let_through(input: &Tensor, slope: &Tensor) -> Tensor {
    input.threshold_backward(slope, 0.0)
}
