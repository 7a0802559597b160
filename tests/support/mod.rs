//! What tests share: worlds with known answers, runs of seconds, programs, damaged files.

pub(crate) mod bench;
pub(crate) mod damage;
pub(crate) mod figures;
pub(crate) mod formula;
pub(crate) mod lab;
pub(crate) mod mutated;
pub(crate) mod program;
pub(crate) mod run_tables;
pub(crate) mod runs;
pub(crate) mod scipy;
pub(crate) mod seeds;
pub(crate) mod svg;
pub(crate) mod torch;
pub(crate) mod violins;
pub(crate) mod worker;
