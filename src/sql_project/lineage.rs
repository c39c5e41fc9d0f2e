//! What feeds what: the order to build in, circles, and what stands on what.

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;
use petgraph::Direction;
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs, Reversed};

use super::{Project, Relation, Room};

/// Names by what they read; a node's index is its place in the list the graph was made of.
pub(super) struct Lineage(DiGraph<(), ()>);

impl Lineage {
    /// A graph of names and what each reads; what is read and has no node of its own is passed over.
    pub fn new<'a>(nodes: impl Iterator<Item = (&'a str, &'a BTreeSet<String>)> + Clone) -> Self {
        let mut graph = DiGraph::new();
        let places: HashMap<&str, NodeIndex> = nodes.clone().map(|(name, _)| (name, graph.add_node(()))).collect();
        for (name, inputs) in nodes {
            for input in inputs.iter().filter_map(|input| places.get(input.as_str())) {
                graph.add_edge(*input, places[name], ());
            }
        }
        Self(graph)
    }

    /// Inputs before what reads them; of those that could be next, the one that comes first in the list.
    ///
    /// # Errors
    /// There is a circle: its nodes, each followed by one that it reads.
    pub fn order(&self) -> Result<Vec<usize>, Vec<usize>> {
        let inputs = |node| self.0.edges_directed(node, Direction::Incoming).count();
        let mut missing: Vec<usize> = self.0.node_indices().map(inputs).collect();
        let mut ready: BTreeSet<NodeIndex> = self.0.node_indices().filter(|node| missing[node.index()] == 0).collect();
        let mut order = Vec::with_capacity(missing.len());
        while let Some(node) = ready.pop_first() {
            order.push(node.index());
            for reader in self.0.neighbors(node) {
                missing[reader.index()] -= 1;
                if missing[reader.index()] == 0 {
                    ready.insert(reader);
                }
            }
        }
        if order.len() == missing.len() { Ok(order) } else { Err(self.circle()) }
    }

    /// The way around a circle, from its first node in the list.
    fn circle(&self) -> Vec<usize> {
        let is_circle = |nodes: &Vec<NodeIndex>| nodes.len() > 1 || self.0.contains_edge(nodes[0], nodes[0]);
        let circles = tarjan_scc(&self.0).into_iter().filter(is_circle);
        let nodes: BTreeSet<NodeIndex> =
            circles.min_by_key(|nodes| nodes.iter().min().copied()).into_iter().flatten().collect();
        let read = |node: &NodeIndex| {
            self.0.neighbors_directed(*node, Direction::Incoming).filter(|input| nodes.contains(input)).min()
        };
        let mut way: Vec<NodeIndex> = Vec::new();
        let mut next = nodes.first().copied();
        while let Some(node) = next {
            if let Some(start) = way.iter().position(|seen| *seen == node) {
                way.drain(..start);
                break;
            }
            way.push(node);
            next = read(&node);
        }
        way.into_iter().map(NodeIndex::index).collect()
    }

    /// Where one gets from `starts`, them included: to what they read, or (outgoing) to what reads them.
    pub(super) fn reached(&self, starts: impl Iterator<Item = usize>, direction: Direction) -> BTreeSet<usize> {
        let mut walk = Dfs::empty(&self.0);
        walk.stack.extend(starts.map(NodeIndex::new));
        let next = |walk: &mut Dfs<_, _>| match direction {
            Direction::Incoming => walk.next(Reversed(&self.0)),
            Direction::Outgoing => walk.next(&self.0),
        };
        std::iter::from_fn(|| next(&mut walk)).map(NodeIndex::index).collect()
    }
}

impl Project {
    /// The relations of the rooms asked for and all they need, inputs first.
    pub fn needed_for(&self, rooms: &[Room]) -> Vec<&Relation> {
        let needed = self.lineage.reached(self.places(|r| rooms.contains(&r.room)), Direction::Incoming);
        needed.into_iter().map(|place| &self.relations[place]).filter(|r| r.room != Room::Checks).collect()
    }

    /// The relations whose rows depend on one of these variables, of those that the `wanted` ones are made of, inputs first.
    ///
    /// # Errors
    /// The project has no relation of a wanted name.
    pub fn dependent_on(&self, variables: &[&str], wanted: &[&str]) -> Result<Vec<&Relation>> {
        wanted.iter().try_for_each(|name| self.get(name).map(drop))?;
        let reads = |r: &Relation| variables.iter().any(|variable| r.variables.contains(*variable));
        let dependent = self.lineage.reached(self.places(reads), Direction::Outgoing);
        let needed = self.lineage.reached(self.places(|r| wanted.contains(&r.name.as_str())), Direction::Incoming);
        Ok(dependent.intersection(&needed).map(|place| &self.relations[*place]).collect())
    }

    /// Ways around these variables: relations that `wanted` ones are made of, each with what it reads that any raw table but
    /// the `harmless` ones feeds, where neither it reads all of the variables nor what it reads minds any. One whose header
    /// says why that is harmless (`unwindowed`) is passed over.
    ///
    /// # Errors
    /// The project has no relation of a wanted name.
    pub fn ways_around(
        &self,
        variables: &[&str],
        wanted: &[&str],
        harmless: &[&str],
    ) -> Result<Vec<(&Relation, &str)>> {
        let minding = self.dependent_on(variables, wanted)?;
        let is_minding = |name: &str| minding.iter().any(|relation| relation.name == name);
        let tells = |input: &str| input.starts_with("raw.") && !harmless.contains(&input);
        let reads_source = |r: &Relation| r.inputs.iter().any(|input| tells(input));
        let fed = self.lineage.reached(self.places(reads_source), Direction::Outgoing);
        let is_fed = |name: &str| self.places(|r| r.name == name).any(|place| fed.contains(&place));
        let knows = |r: &Relation| variables.iter().all(|variable| r.variables.contains(*variable));
        let open = minding.iter().copied().chain(wanted.iter().filter_map(|name| self.get(name).ok()));
        let mut found: Vec<(&Relation, &str)> = open
            .filter(|relation| relation.unwindowed.is_none() && !knows(relation))
            .flat_map(|relation| relation.inputs.iter().map(move |input| (relation, input.as_str())))
            .filter(|(_, input)| (is_fed(input) || tells(input)) && !is_minding(input))
            .collect();
        found.sort_by_key(|(relation, input)| (&relation.name, *input));
        found.dedup_by_key(|(relation, input)| (&relation.name, *input));
        Ok(found)
    }

    /// What these relations are made of, directly or through others, without themselves, unless one reads another.
    pub fn inputs_of(&self, names: &BTreeSet<String>) -> BTreeSet<String> {
        let inputs = self.places(|one| names.contains(&one.name)).flat_map(|place| &self.relations[place].inputs);
        let inputs: BTreeSet<&String> = inputs.collect();
        self.named(self.lineage.reached(self.places(|one| inputs.contains(&one.name)), Direction::Incoming))
    }

    /// These relations and all that is made of them, directly or through others, but for assertions.
    pub fn readers_of(&self, names: &BTreeSet<String>) -> BTreeSet<String> {
        self.named(self.lineage.reached(self.places(|one| names.contains(&one.name)), Direction::Outgoing))
    }

    fn named(&self, places: BTreeSet<usize>) -> BTreeSet<String> {
        let relations = places.into_iter().map(|place| &self.relations[place]);
        relations.filter(|one| one.room != Room::Checks).map(|one| one.name.clone()).collect()
    }

    /// Whether a relation stands on one of that name, directly or through others.
    pub fn needs(&self, relation: &Relation, name: &str) -> bool {
        let reached = self.lineage.reached(self.places(|one| one.name == relation.name), Direction::Incoming);
        reached
            .into_iter()
            .any(|place| self.relations[place].name == name || self.relations[place].inputs.contains(name))
    }

    fn places(&self, is_one: impl Fn(&Relation) -> bool) -> impl Iterator<Item = usize> {
        self.relations.iter().enumerate().filter(move |(_, relation)| is_one(relation)).map(|(place, _)| place)
    }

    /// What feeds what, as (input, relation) pairs.
    pub fn edges(&self) -> impl Iterator<Item = (&str, &str)> {
        self.relations.iter().flat_map(|r| r.inputs.iter().map(move |i| (i.as_str(), r.name.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(nodes: &[(&str, &[&str])]) -> Result<Vec<usize>, Vec<usize>> {
        let nodes: Vec<(&str, BTreeSet<String>)> =
            nodes.iter().map(|(name, inputs)| (*name, inputs.iter().map(|i| (*i).to_owned()).collect())).collect();
        Lineage::new(nodes.iter().map(|(name, inputs)| (*name, inputs))).order()
    }

    #[test]
    fn inputs_come_first_and_the_list_decides_among_equals() {
        assert_eq!(order(&[("a", &["c"]), ("b", &["raw.x"]), ("c", &[]), ("d", &["a", "b"])]), Ok(vec![1, 2, 0, 3]));
    }

    #[test]
    fn a_circle_is_told_without_what_only_hangs_on_it() {
        assert_eq!(order(&[("a", &["b"]), ("b", &["d"]), ("c", &["b"]), ("d", &["c"])]), Err(vec![1, 3, 2]));
        assert_eq!(order(&[("a", &[]), ("b", &["a", "b"])]), Err(vec![1]));
    }
}
