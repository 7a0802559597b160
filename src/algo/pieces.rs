//! A batch cut into pieces that run side by side.

use tch::Tensor;

/// Pieces of a batch: always two, whatever the number of workers, so that results do not depend on it.
pub(crate) const PIECES: i64 = 2;

/// A loss and its gradient for each weight.
pub type Descent = (f64, Vec<Tensor>);

/// Does `work` on each piece with its own helper; returns the results in the order of the pieces.
///
/// # Panics
/// If there are fewer helpers than pieces.
pub(crate) fn on_each<H: Send, P: Send, R: Send>(
    workers: &rayon::ThreadPool,
    helpers: Vec<H>,
    pieces: Vec<P>,
    work: impl Fn(H, P) -> R + Sync,
) -> Vec<R> {
    assert!(helpers.len() >= pieces.len(), "a helper for each piece");
    let mut results: Vec<Option<R>> = pieces.iter().map(|_| None).collect();
    let work = &work;
    workers.scope(|scope| {
        for ((helper, piece), result) in helpers.into_iter().zip(pieces).zip(&mut results) {
            scope.spawn(move |_| *result = Some(work(helper, piece)));
        }
    });
    results.into_iter().flatten().collect()
}

/// Adds up losses and gradients in the order of the pieces.
///
/// # Panics
/// If there is no piece.
pub fn sum(pieces: impl IntoIterator<Item = Descent>) -> Descent {
    let mut pieces = pieces.into_iter();
    let (mut loss, mut gradients) = pieces.next().expect("a batch has rows");
    for (piece_loss, piece) in pieces {
        loss += piece_loss;
        for (sum, gradient) in gradients.iter_mut().zip(piece) {
            *sum += gradient;
        }
    }
    (loss, gradients)
}

/// Does `work` on each piece with its own helper, and adds up losses and gradients in the order of the
/// pieces.
///
/// # Panics
/// If there is no piece, or fewer helpers than pieces.
pub(crate) fn sum_over<H: Send, P: Send>(
    workers: &rayon::ThreadPool,
    helpers: &mut [H],
    pieces: Vec<P>,
    work: impl Fn(&mut H, P) -> Descent + Sync,
) -> Descent {
    sum(on_each(workers, helpers.iter_mut().collect(), pieces, work))
}
