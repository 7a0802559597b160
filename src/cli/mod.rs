//! Flags → resolved config → run; the one place that prints.
//!
//! Results go to standard output, everything else to standard error. Exit codes: 0 ok, 1 a gate or a known answer of self-test
//! failed, 2 inconclusive, 3 usage or data error, 130 stopped by a signal after saving, 131 stopped by a signal
//! with nothing saved (yet, or since the last save).

mod agent;
pub mod analyze;
mod audit;
mod bank;
mod claims;
mod compare_critics;
mod cosine;
mod crash;
mod critic;
mod diagnose;
mod finding;
mod gate;
mod hyper_parameters;
mod import;
mod inspect;
mod maml_adaptation;
mod maml_noise;
mod one_checkpoint;
mod output;
mod program;
mod progress;
mod promise;
mod report;
mod returns;
mod self_test;
mod settings;
mod signals;
mod sweep;
mod terminal;
mod threads;
pub mod train;
mod training;
mod value_error;
mod weights;
mod weights_page;
mod worker;
