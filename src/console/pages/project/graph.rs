//! What feeds what, as a picture of links: inputs at the left, what reads them at the right.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::address;
use crate::console::parts::{crumbs, scroll};
use crate::console::sources::Sources;
use crate::console::{Section, Ui, page};
use crate::serve::Shared;
use crate::sql_project::{Project, Room};

/// Measures of the picture.
const WIDTH: usize = 210;
const HEIGHT: usize = 26;
/// Between two columns, and from row to row.
const GAP: usize = 70;
const STEP: usize = 38;

pub async fn show(ui: Ui, State(state): State<Shared>) -> Response {
    let above = crumbs(&ui, &[(Section::Project.path(), Section::Project.title(&ui))]);
    let title = ui.say("What feeds what", "血缘关系");
    let body = match Sources::read(&state).await {
        Ok(sources) => {
            let project = &sources.project;
            let names = project.relations.iter().filter(|one| one.room != Room::Checks).map(|one| one.name.clone());
            html! { (above) (drawn(title, project, &names.collect(), "")) }
        }
        Err(error) => html! { (above) pre.problem role="alert" { (format!("{error:#}")) } },
    };
    page(&ui, Section::Project, title, &body)
}

/// A relation among those that it reads and that read it.
pub fn around(ui: &Ui, project: &Project, name: &str) -> Markup {
    let near = project.edges().filter(|(input, relation)| *input == name || *relation == name);
    let mut names: BTreeSet<String> =
        near.flat_map(|(input, relation)| [input.to_owned(), relation.to_owned()]).collect();
    names.insert(name.to_owned());
    drawn(ui.say("What it reads, and what reads it", "它读取的与读取它的"), project, &names, name)
}

/// How far each is from the left: one more than the furthest of what it reads.
fn layers(project: &Project, names: &BTreeSet<String>) -> Vec<Vec<String>> {
    let mut depths: BTreeMap<&str, usize> = BTreeMap::new();
    // what is not of the project is read and reads nothing; relations stand behind what they read
    let raw = names.iter().filter(|name| !project.has(name)).map(String::as_str);
    let ordered = project.relations.iter().map(|one| one.name.as_str()).filter(|name| names.contains(*name));
    for name in raw.chain(ordered) {
        let inputs =
            project.edges().filter(|(_, relation)| *relation == name).filter_map(|(input, _)| depths.get(input));
        let depth = inputs.max().map_or(0, |depth| depth + 1);
        depths.insert(name, depth);
    }
    let mut layers: Vec<Vec<String>> = Vec::new();
    for (name, depth) in depths {
        layers.resize(layers.len().max(depth + 1), Vec::new());
        layers[depth].push(name.to_owned());
    }
    // each beside the middle of what it reads, so that fewer lines cross
    for at in 1..layers.len() {
        let (before, after) = layers.split_at_mut(at);
        let place = |name: &str| before.iter().filter_map(|layer| layer.iter().position(|one| one == name)).next_back();
        let middle = |name: &String| {
            let places: Vec<usize> = project
                .edges()
                .filter(|(_, relation)| *relation == name)
                .filter_map(|(input, _)| place(input))
                .collect();
            (100 * places.iter().sum::<usize>() / places.len().max(1), name.clone())
        };
        after[0].sort_by_key(middle);
    }
    layers
}

fn drawn(title: &str, project: &Project, names: &BTreeSet<String>, this: &str) -> Markup {
    let layers = layers(project, names);
    let mut at: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (column, layer) in layers.iter().enumerate() {
        for (row, name) in layer.iter().enumerate() {
            at.insert(name, (column * (WIDTH + GAP), row * STEP));
        }
    }
    let width = layers.len() * (WIDTH + GAP) - GAP + 4;
    let height = layers.iter().map(Vec::len).max().unwrap_or(1) * STEP + 4;
    let lines = project.edges().filter_map(|(input, relation)| Some((at.get(input)?, at.get(relation)?)));
    scroll(
        title,
        &html! {
            svg.lineage width=(width) height=(height) viewBox=(format!("-2 -2 {width} {height}")) role="group" aria-label=(title) {
                g.edges fill="none" stroke="currentColor" stroke-opacity="0.3" {
                    @for ((x, y), (to, below)) in lines {
                        @let (from, y, below) = (x + WIDTH, y + HEIGHT / 2, below + HEIGHT / 2);
                        path d=(format!("M{from} {y} C{} {y} {} {below} {to} {below}", from + GAP / 2, to.saturating_sub(GAP / 2))) {}
                    }
                }
                @for (name, (x, y)) in &at {
                    @let is_link = project.has(name);
                    a href=[is_link.then(|| address(name))] aria-current=[(*name == this).then_some("page")] {
                        rect x=(x) y=(y) width=(WIDTH) height=(HEIGHT) rx="5" fill="currentColor" fill-opacity=(if *name == this { "0.18" } else { "0.05" }) stroke="currentColor" stroke-opacity="0.35" {}
                        text x=(x + 8) y=(y + HEIGHT / 2 + 4) fill="currentColor" font-size="12" { (shown(name)) }
                    }
                }
            }
        },
    )
}

/// A name as it fits into its box.
fn shown(name: &str) -> String {
    const LETTERS: usize = 29;
    if name.chars().count() <= LETTERS {
        name.to_owned()
    } else {
        name.chars().take(LETTERS - 1).chain(['…']).collect()
    }
}
