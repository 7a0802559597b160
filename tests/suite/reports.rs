//! Do figures, tables and pages say what the data say, legibly?

mod examples;
mod figures;
mod svg;
mod text;
mod violins;
