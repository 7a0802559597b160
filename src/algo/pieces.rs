//! The actor's batch, cut into pieces that run side by side.

use tch::Tensor;

/// Pieces of a batch: always two, whatever the number of workers, so that results do not depend on it.
pub const PIECES: i64 = 2;

/// A loss and its gradient for each weight.
pub type Descent = (f64, Vec<Tensor>);

/// Does `work` on each piece with its own helper, and adds up losses and gradients in the order of the
/// pieces.
///
/// # Panics
/// If there is no piece, or fewer helpers than pieces.
pub fn sum_over<H: Send, P: Send>(
    workers: &rayon::ThreadPool,
    helpers: &mut [H],
    pieces: Vec<P>,
    work: impl Fn(&mut H, P) -> Descent + Sync,
) -> Descent {
    assert!(helpers.len() >= pieces.len(), "a helper for each piece");
    let mut results: Vec<Option<Descent>> = pieces.iter().map(|_| None).collect();
    let work = &work;
    workers.scope(|scope| {
        for ((helper, piece), result) in helpers.iter_mut().zip(pieces).zip(&mut results) {
            scope.spawn(move |_| *result = Some(work(helper, piece)));
        }
    });
    let mut results = results.into_iter().flatten();
    let (mut loss, mut gradients) = results.next().expect("a batch has rows");
    for (piece_loss, piece) in results {
        loss += piece_loss;
        for (sum, gradient) in gradients.iter_mut().zip(piece) {
            *sum += gradient;
        }
    }
    (loss, gradients)
}
