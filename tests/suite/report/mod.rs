//! Do figures, tables and pages say what the data say, legibly?

mod browser;
mod figures;
mod text;
mod violins;
