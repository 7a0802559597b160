//! Does `hyperl-analyze` keep its word: contracts of output, equal bytes, errors that help?

mod bench;
mod errors;
mod gate;
mod noise;
mod outputs;
mod returns;
mod specs;
mod weights;
