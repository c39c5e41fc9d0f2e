//! Values as they were meant, from every source: a table of dirty ones, and inputs that people met.

mod cases;
mod table;
