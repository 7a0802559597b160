//! Do the programs keep their word?

mod analyze;
mod in_use;
mod interruptions;
mod maml;
mod meta_specs;
mod pearl;
mod pearl_cosine;
mod resume;
mod sweep;
mod track;
mod train;
