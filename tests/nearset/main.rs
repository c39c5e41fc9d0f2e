//! Black-box tests: nearset as its users meet it, through the program, its files and HTTP.

mod api;
mod extract;
mod pipeline;
mod project;
mod settings;
mod support;
