//! Black-box tests: nearset as its users meet it, through the program, its files and HTTP.

mod api;
mod databases;
mod description;
mod embed;
mod exports;
mod extract;
mod faults;
mod fuzz;
mod hostile;
mod house;
mod mariadb;
mod memory;
mod pages;
mod pipeline;
mod postgres;
mod program;
mod project;
mod quality;
mod readme;
mod safety;
mod serving;
mod settings;
mod support;
mod time;
mod values;
mod versions;
