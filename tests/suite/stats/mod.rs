//! Are the statistics those of scipy, of closed forms and of simulations?

mod scipy;
mod scipy_gate;
mod simulated_gradients;
mod variation;
