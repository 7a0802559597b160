//! Many runs, planned at once and trained wherever there is a processor: on this machine, or by Slurm.
//!
//! | file | what it holds |
//! |---|---|
//! | `plan.rs` | the runs of a sweep, as a file |
//! | `cost.rs` | how long a run may take |
//! | `state.rs` | how far a run is, as its own folder tells |
//! | `gather.rs` | what all runs wrote down, as one table |
//!
//! A task is one run of the plan with what is to be analysed of it. Whoever takes a task asks the run's own folder how
//! far it is, so that nothing is trained twice, and locks it, so that no two train it at once. There is no other record:
//! a task that was killed, preempted or lost with its node goes on from the run's latest point, bit for bit.

mod cost;
pub(crate) mod gather;
pub(crate) mod plan;
pub(crate) mod state;
