//! Are networks and the libraries under them right?

mod native_libraries;
mod torch;
