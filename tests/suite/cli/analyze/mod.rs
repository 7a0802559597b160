//! Does `hyperl-analyze` keep its word: contracts of output, equal bytes, errors that help?

mod audit;
mod claims;
mod compare_critics;
mod errors;
mod files;
mod gate;
mod noise;
mod outputs;
mod returns;
mod self_test;
mod specs;
mod value_error;
mod variants;
mod weights;
mod worker;
