//! What a training run leaves on disk.
//!
//! ```text
//! checkpoints/td3-hopper-sa-hyper-s0/
//!   run.toml                     the resolved configuration
//!   evaluations.csv              returns of evaluated episodes
//!   progress.csv                 seconds of training, and what the algorithm tells of itself
//!   step-000010000/
//!     manifest.json              format, configuration, step, hashes, versions
//!     weights.safetensors        online and target networks
//!     states.safetensors         a uniform sample of the visited states; TD3 and SAC only
//!   tensorboard/                 the same numbers as TensorBoard reads them, if asked for
//!   resume/                      the latest point from which training continues bit for bit
//! ```
//!
//! Everything is written beside its place, synced and renamed; nothing is half written. Loading is
//! strict: a missing, surplus or misshapen tensor, a hash that differs and a NaN are errors. What the first
//! version of this layout wrote is read too (`v1.rs`, `v1_logs.rs`).

mod csv;
pub mod disk;
pub mod kept;
pub mod load;
pub mod lock;
pub mod manifest;
mod networks;
mod open;
mod replay_log;
pub mod resume_point;
pub mod run;
pub mod run_log;
pub mod save;
pub mod stored;
pub(crate) mod tensorboard;
pub mod tensors;
mod v1;
mod v1_logs;

pub use open::Checkpoint;
