//! What a training run leaves on disk.
//!
//! ```text
//! checkpoints/td3-hopper-sa-hyper-s0/
//!   run.toml                     the resolved configuration
//!   evaluations.csv              step and return of each greedy episode
//!   timing.csv                   step and seconds of training so far
//!   step-000010000/
//!     manifest.json              format, configuration, step, hashes, versions
//!     weights.safetensors        online and target networks
//!     states.safetensors         a uniform sample of the visited states
//!   resume/                      the latest point from which training continues bit for bit
//! ```
//!
//! Everything is written beside its place, synced and renamed; nothing is half written. Loading is
//! strict: a missing, surplus or misshapen tensor, a hash that differs and a NaN are errors.

pub mod disk;
pub mod kept;
pub mod load;
pub mod lock;
mod logs;
pub mod manifest;
pub mod meta_run;
mod networks;
mod numbers;
mod open;
pub mod pearl_run;
mod replay_log;
pub mod resume_point;
pub mod run;
pub mod save;
pub mod stored;
pub mod tensors;
mod v1;

pub use open::Checkpoint;
