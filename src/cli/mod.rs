//! Flags → resolved config → run; the one place that prints.
//!
//! Results go to standard output, everything else to standard error. Exit codes: 0 ok, 1 a gate
//! failed, 2 inconclusive, 3 usage or data error, 130 stopped by a signal after saving, 131 stopped by a signal
//! with nothing saved (yet, or since the last save).

pub mod analyze;
mod claim;
mod compare_critics;
mod cosine;
mod crash;
mod diagnose;
mod gate;
mod hyper_parameters;
mod inspect;
mod maml_adaptation;
mod maml_noise;
mod meta_paper;
mod meta_returns;
mod meta_runs;
mod method;
mod output;
mod paper;
mod returns;
mod settings;
mod shared;
mod signals;
mod stderr;
mod task_gap;
pub mod train;
mod training;
mod unit_lock;
mod weights;
mod weights_page;
