//! A batch cut into chunks that run side by side, and what each gives: a loss and its gradient.

use rayon::prelude::*;
use tch::Tensor;

use crate::nn::weights::Params;

/// Chunks of a batch: always two, whatever the number of workers, so that results do not depend on it.
pub(super) const CHUNKS: i64 = 2;

/// A loss and its gradient for each weight.
pub(super) type LossAndGradient = (f64, Vec<Tensor>);

/// Returns the value of a loss and its gradient for each weight.
pub(super) fn loss_and_gradient(loss: &Tensor, params: &Params) -> LossAndGradient {
    let gradient = Tensor::run_backward(&[loss], &params.tensors(), false, false);
    (loss.double_value(&[]), gradient)
}

/// Does `work` on each chunk with its own helper; returns the results in the order of the chunks.
///
/// # Panics
/// If there are fewer helpers than chunks.
pub(super) fn on_each<H: Send, C: Send, R: Send>(
    workers: &rayon::ThreadPool,
    helpers: Vec<H>,
    chunks: Vec<C>,
    work: impl Fn(H, C) -> R + Sync,
) -> Vec<R> {
    assert!(helpers.len() >= chunks.len(), "a helper for each chunk");
    let pairs = helpers.into_par_iter().zip(chunks);
    workers.install(|| pairs.map(|(helper, chunk)| work(helper, chunk)).collect())
}

/// Adds up losses and gradients in the order of the chunks.
///
/// # Panics
/// If there is no chunk.
pub(super) fn sum(chunks: Vec<LossAndGradient>) -> LossAndGradient {
    let mut chunks = chunks.into_iter();
    let (mut loss, mut gradient) = chunks.next().expect("a batch has rows");
    for (chunk_loss, chunk) in chunks {
        loss += chunk_loss;
        for (sum, part) in gradient.iter_mut().zip(chunk) {
            *sum += part;
        }
    }
    (loss, gradient)
}

/// Does `work` on each chunk with its own helper, and adds up losses and gradients in the order of the chunks.
///
/// # Panics
/// If there is no chunk, or fewer helpers than chunks.
pub(super) fn sum_over<H: Send, C: Send>(
    workers: &rayon::ThreadPool,
    helpers: &mut [H],
    chunks: Vec<C>,
    work: impl Fn(&mut H, C) -> LossAndGradient + Sync,
) -> LossAndGradient {
    sum(on_each(workers, helpers.iter_mut().collect(), chunks, work))
}
