//! Are the statistics those of scipy, of closed forms and of simulations?

mod attenuation;
mod corrected;
mod density;
mod gate;
mod histogram;
mod hypothesis;
mod lift;
mod printed;
mod replicates;
mod resample;
mod scipy;
mod scipy_gate;
mod signal_law;
mod similarity;
mod simulated_gradients;
mod summary;
mod variation;
mod verdict;
