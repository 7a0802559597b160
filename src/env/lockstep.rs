//! Environments stepped together: all actions in, all steps out, physics in parallel.
//!
//! The policy's one batched forward pass per step is the caller's; so is the choice of threads:
//! slots are spread over the rayon pool that calls. A slot's numbers depend on that slot alone, so
//! the number of threads changes nothing but time.

use rayon::prelude::*;

use super::{Env, Spec, Step};
use crate::error::Result;
use crate::rng::Stream;

/// `B` environments of one kind.
pub struct Lockstep {
    slots: Vec<Box<dyn Env>>,
}

impl Lockstep {
    /// Makes `slots` environments with `make`.
    ///
    /// # Errors
    /// Those of `make`.
    ///
    /// # Panics
    /// If `slots` is 0.
    ///
    /// # Examples
    /// ```
    /// use hyperl::env::{EnvId, Lockstep};
    /// use hyperl::rng::Stream;
    ///
    /// let mut envs = Lockstep::new(2, || EnvId::Hopper.make())?;
    /// envs.reset_all(&mut [Stream::new(0, "a"), Stream::new(0, "b")])?;
    /// let mut steps = [None, None];
    /// envs.step(&[0.0; 2 * 3], &[true, false], &mut steps);
    /// assert!(matches!(steps, [Some(Ok(_)), None]));
    /// # Ok::<(), hyperl::Error>(())
    /// ```
    pub fn new(slots: usize, mut make: impl FnMut() -> Result<Box<dyn Env>>) -> Result<Self> {
        assert!(slots > 0, "no slots, no steps");
        Ok(Self { slots: (0..slots).map(|_| make()).collect::<Result<_>>()? })
    }

    /// Returns sizes and limits, the same for every slot.
    fn spec(&self) -> &Spec {
        self.slots[0].spec()
    }

    /// Returns one slot, to reset, save or restore it by itself.
    ///
    /// # Panics
    /// If there is no such slot.
    pub fn slot(&mut self, index: usize) -> &mut dyn Env {
        &mut *self.slots[index]
    }

    /// Starts an episode in each slot, from its own stream `[B]`.
    ///
    /// # Errors
    /// Those of [`Env::reset`].
    ///
    /// # Panics
    /// If there is not one stream per slot.
    pub fn reset_all(&mut self, streams: &mut [Stream]) -> Result<()> {
        assert_eq!(streams.len(), self.slots.len(), "one stream per slot");
        self.slots.par_iter_mut().zip(streams).try_for_each(|(slot, stream)| slot.reset(stream))
    }

    /// Writes the observations of all slots `[B, S]`, row by row, as networks read them.
    ///
    /// # Panics
    /// If `obs` has not `B × S` entries.
    pub fn observe_into(&self, obs: &mut [f32]) {
        let width = self.spec().obs_dim;
        assert_eq!(obs.len(), self.slots.len() * width, "one row of {width} per slot");
        for (row, slot) in obs.chunks_exact_mut(width).zip(&self.slots) {
            for (to, from) in row.iter_mut().zip(slot.obs()) {
                *to = *from as f32;
            }
        }
    }

    /// Applies one row of `actions [B, A]` in each active slot; `steps [B]` takes the results, `None` where the slot
    /// is not active and stands still.
    ///
    /// A slot whose physics becomes unstable gives an error for itself; the others go on.
    ///
    /// # Panics
    /// If a length does not fit.
    pub fn step(&mut self, actions: &[f64], active: &[bool], steps: &mut [Option<Result<Step>>]) {
        let (slots, width) = (self.slots.len(), self.spec().action_dim);
        assert_eq!(actions.len(), slots * width, "one row of {width} per slot");
        assert_eq!((active.len(), steps.len()), (slots, slots), "one entry per slot");
        self.slots
            .par_iter_mut()
            .zip(actions.par_chunks_exact(width))
            .zip(active)
            .zip(steps)
            .for_each(|(((slot, action), &active), out)| {
                *out = active.then(|| slot.step(action));
            });
    }
}
