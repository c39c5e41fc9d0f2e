//! The files of a version's folder, by name.

/// What a version says of itself.
pub const MANIFEST: &str = "manifest.json";
pub(super) const ITEMS: &str = "items.parquet";
pub(super) const NEIGHBOURS: &str = "neighbours.parquet";
pub(super) const LISTS: &str = "lists.parquet";
pub(super) const USERS: &str = "users.parquet";
pub(super) const VISITS: &str = "visits.parquet";
pub(super) const VECTORS: &str = "vectors.f32";
pub(super) const BEHAVIOUR: &str = "behaviour.f32";
pub(super) const RANKER: &str = "ranker.json";
pub(super) const GRAPH: &str = "graph.bin";
pub(super) const PICTURES: &str = "pictures.f32";
pub(super) const PICTURES_GRAPH: &str = "pictures_graph.bin";

/// What every version has.
pub(super) const ALWAYS: [&str; 7] = [ITEMS, NEIGHBOURS, LISTS, USERS, VISITS, VECTORS, BEHAVIOUR];

/// What only some have.
pub(super) const SOMETIMES: [&str; 4] = [RANKER, GRAPH, PICTURES, PICTURES_GRAPH];
