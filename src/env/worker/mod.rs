//! Environments in other processes, which speak the protocol of `docs/worker.md`.
//!
//! | file | what it holds |
//! |---|---|
//! | `process.rs` | one process: a question, an answer, and what is said when none comes |
//! | `protocol.rs` | the bytes of questions and answers |
//! | `known.rs` | which environments are known: what they say of themselves, and by which command they start |
//! | `lease.rs` | the processes of an environment, and which thread works with which |
//! | `slot.rs` | one environment in a process, as all others see it |
//! | `replay.rs` | whether a restored state repeats what followed it |

mod known;
mod lease;
mod process;
mod protocol;
mod replay;
mod slot;

pub(super) use known::Stored;
pub use known::WorkerEnv;
