//! Exclusions as tables of the warehouse, where SQL finds what they take out, and what that was.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use duckdb::{Connection, params};
use serde::Deserialize;

use super::{Exclusion, Exclusions};
use crate::common::language::{either, t};
use crate::common::progress::grouped;
use crate::exposures::visitors::Visitors;
use crate::warehouse::rows;

/// Makes the tables of rules, and of what they name, where they are not there.
///
/// # Errors
/// DuckDB cannot make them.
pub fn create_tables(db: &Connection) -> Result<()> {
    db.execute_batch(
        "create table if not exists raw.exclusion_rules (rule varchar, from_at timestamp, until_at timestamp, endpoints varchar[]);
         create table if not exists raw.exclusions (rule varchar, kind varchar, value varchar);",
    )
    .context(either("the tables of exclusions could not be made", "排除规则的表未能创建"))
}

/// Puts the rules in the place of those of before; `visitors` turns names into what the log holds.
///
/// # Errors
/// DuckDB cannot write them.
pub fn load(db: &Connection, exclusions: Exclusions, visitors: Option<&Visitors>) -> Result<()> {
    create_tables(db)?;
    db.execute_batch("delete from raw.exclusion_rules; delete from raw.exclusions;")?;
    let exclusions = match visitors {
        Some(visitors) => exclusions.known_to(visitors),
        None => exclusions,
    };
    let text = |at: Option<DateTime<Utc>>| at.map(|at| at.format("%Y-%m-%d %H:%M:%S%.6f").to_string());
    for rule in &exclusions.rules {
        let endpoints: Vec<&str> = rule.endpoints.iter().map(String::as_str).collect();
        db.execute(
            "insert into raw.exclusion_rules values (?, ?, ?, nullif(string_split(?, chr(10)), ['']))",
            params![rule.name, text(rule.from), text(rule.until), endpoints.join("\n")],
        )?;
    }
    let mut table = db.appender_to_db("exclusions", "raw")?;
    for rule in &exclusions.rules {
        for (kind, value) in named(rule) {
            table.append_row(params![rule.name, kind, value])?;
        }
    }
    table.flush().context(either("the exclusions could not be kept", "排除规则未能保存"))
}

/// What a rule names, by what SQL knows lists, visits and orders by.
fn named(rule: &Exclusion) -> Vec<(&'static str, String)> {
    let texts =
        |kind: &'static str, all: &BTreeSet<String>| all.iter().map(|value| (kind, value.clone())).collect::<Vec<_>>();
    let mut all = [
        texts("visitor", &rule.visitors),
        texts("source", &rule.sources),
        texts("request_id", &rule.request_ids),
        rule.users.iter().map(|user| ("user", user.to_string())).collect(),
    ]
    .concat();
    if rule.is_of_clients() {
        all.push(("client", rule.name.clone()));
    }
    if rule.is_of_all() {
        all.push(("all", String::new()));
    }
    all
}

/// What a rule takes out: a row of `exclusion_effects`.
#[derive(Debug, Deserialize)]
pub struct Effect {
    /// The rule.
    pub rule: String,
    lists: u64,
    exposures: u64,
    visits: u64,
    orders: u64,
}

/// What each rule takes out, by the rules' names.
///
/// # Errors
/// The relation cannot be read.
pub fn effects(db: &Connection) -> Result<Vec<Effect>> {
    rows(db, "select rule, lists, exposures, visits, orders from exclusion_effects order by rule")
}

impl Effect {
    /// How much that is, in a line.
    pub fn text(&self) -> String {
        let Self { rule, lists, exposures, visits, orders } = self;
        if lists + visits + orders == 0 {
            return t!("{rule} matches nothing", "{rule} 没有匹配到任何内容");
        }
        let [lists, exposures, visits, orders] = [*lists, *exposures, *visits, *orders].map(grouped);
        t!(
            "{rule} takes out {exposures} exposures in {lists} lists, {visits} visits, {orders} orders",
            "{rule} 排除 {lists} 个列表中的 {exposures} 次曝光、{visits} 次访问、{orders} 个订单"
        )
    }
}
