//! What a program of another version will change on what lies here. It only looks.

mod check;

pub use check::check;
