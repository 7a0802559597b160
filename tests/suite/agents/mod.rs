//! Are agents that other tools trained understood as those tools do?

mod import;
mod script;
mod stretched;
mod torch;
