//! Schema contracts: the old system's YAML is held against the rows, and a critical one stops publishing.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Nearset, catalogue, text};

/// A catalogue with one fault of each kind.
fn faulty() -> Nearset {
    let n = Nearset::empty();
    let row = |id: i64, name: &str, price: &str, colour: &str| {
        json!({"id": id, "dataset_name": name, "create_time": "2026-01-01 00:00:00", "price": price, "colour": colour,
               "listed_at": if id == 2 { "2020-05-01" } else { "2026-05-01" }})
    };
    let rows = [
        row(1, "Rainfall", "10.5", "red"),
        row(2, "Snow", "by arrangement", "blue"),
        row(3, "Wind", "-4", "puce"),
        row(4, "", "1,200", "red"),
    ];
    n.write("dataset.json", &Value::from(rows.to_vec()).to_string());
    fs::create_dir(n.path().join("config")).expect("a folder");
    n
}

fn contract(n: &Nearset, text: &str) {
    fs::write(n.path().join("config/schema_contracts.yaml"), text).expect("a contract");
}

const CONTRACT: &str = "\
sources:
  business:
    dataset:
      primary_key: id
      required_columns:
        id: {type: bigint(20), nullable: false}
        dataset_name: {type: varchar(255), nullable: false}
        price: {type: 'decimal(10,2)', nullable: true, min: 0, max: 1000}
        colour: {type: varchar(16), allowed: [red, blue], unique: true}
        listed_at: {type: date, min: '2026-01-01'}
        weight: {type: int, nullable: true}
    user:
      primary_key: id
      required_columns:
        id: {type: bigint, nullable: false}
  matomo:
    log_visit:
      required: true
";

#[test]
fn every_rule_of_the_old_file_is_counted_on_the_rows() {
    let n = faulty();
    contract(&n, CONTRACT);
    let output = n.run(&["run"]);
    let said = text(&output.stderr) + &text(&output.stdout);
    assert!(output.status.success(), "{said}");
    let rows = n.sql(
        "select concat_ws(' ', source || '.' || table_name, nullif(column_name, ''), rule, violations, nullif(example, '')) as broken
         from schema_contract_results where status = 'violated' order by source, table_name, column_name, rule",
    );
    let broken: Vec<&str> = rows.iter().filter_map(|row| row["broken"].as_str()).collect();
    assert_eq!(
        broken,
        [
            "business.dataset colour allowed 1 puce",
            "business.dataset colour unique 1 red",
            "business.dataset dataset_name not_null 1",
            "business.dataset listed_at min 1 2020-05-01",
            "business.dataset price max 1 1,200",
            "business.dataset price min 1 -4",
            "business.dataset price type 1 by arrangement",
            "business.dataset weight present 4",
            "matomo.matomo_log_visit table 1",
        ]
    );
    assert_eq!(n.value("select count(*) from schema_contract_results where status = 'ok'"), 11);
    // a table that is not there and need not be has no line
    assert_eq!(n.value("select count(*) from schema_contract_results where table_name = 'user'"), 0);
    for part in
        ["contract of business.dataset.price: min >= 0: 1 of 4 rows, such as \"-4\" (warning)", "matomo_log_visit"]
    {
        assert!(said.contains(part), "{part} is missing in {said}");
    }
    let doctor = n.run(&["doctor"]);
    let doctor = text(&doctor.stdout);
    assert!(
        doctor.contains("config/schema_contracts.yaml") && doctor.contains("price: type decimal(10,2)"),
        "{doctor}"
    );
    let alerts = n.sql("select table_name, value from data_quality_alerts where check_name = 'contract' order by all");
    assert_eq!(alerts[0]["value"], 8.0, "{alerts:?}");
}

#[test]
fn a_critical_rule_stops_publishing_and_says_where() {
    let n = faulty();
    contract(
        &n,
        "sources:\n  business:\n    dataset:\n      required_columns:\n        price: {type: double, min: 0, severity: critical}\n",
    );
    let said = n.fails(4, &["run"]);
    for part in
        ["business.dataset.price", "min >= 0", "\"-4\"", "type double", "by arrangement", "nothing was published"]
    {
        assert!(said.contains(part), "{part} is missing in {said}");
    }
    assert!(!n.data().join("warehouse.duckdb").exists());
    contract(
        &n,
        "severity: info\nsources:\n  business:\n    dataset:\n      required_columns:\n        price: {type: double, min: 0}\n",
    );
    n.ok(&["run"]);
    assert_eq!(n.value("select count(*) from data_quality_alerts where check_name = 'contract'"), 0);
}

#[test]
fn a_file_that_makes_no_sense_is_named_with_line_and_field() {
    let mut n = Nearset::empty();
    n.write("dataset.json", &catalogue(&["Rainfall", "Snow"]));
    n.set("SCHEMA_CONTRACTS", "contracts.yaml");
    assert!(n.fails(1, &["run"]).contains("SCHEMA_CONTRACTS names contracts.yaml, which is not there"));
    let write = |text: &str| fs::write(n.path().join("contracts.yaml"), text).expect("a contract");
    let column = "sources:\n  business:\n    dataset:\n      required_columns:\n        price: ";
    write(&format!("{column}{{type: decimall}}\n"));
    let said = n.fails(1, &["run"]);
    assert!(said.contains("contracts.yaml: line 5: sources.business.dataset.required_columns.price.type"), "{said}");
    write(&format!("{column}{{type: double, nulable: true}}\n"));
    let said = n.fails(1, &["run"]);
    assert!(said.contains("nulable") && said.contains('5'), "{said}");
    let doctor = n.run(&["doctor"]);
    assert!(text(&doctor.stdout).contains("nulable"), "{}", text(&doctor.stdout));
    // a table that nearset reads nothing of is named and does no harm
    write("sources:\n  business:\n    coupon: {primary_key: id}\n");
    let output = n.run(&["run"]);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(output.status.success() && said.contains("line 3: sources.business.coupon"), "{said}");
}

#[test]
fn without_a_file_the_columns_that_nearset_needs_are_asked_for() {
    let n = Nearset::demo();
    let rows = n.sql(
        "select source || '.' || table_name as name, count(*) as rules, sum(violations)::bigint as violations
         from schema_contract_results group by all order by all",
    );
    let told: Vec<(&str, i64, i64)> = rows
        .iter()
        .map(|r| {
            let number = |name: &str| r[name].as_i64().unwrap_or(-1);
            (r["name"].as_str().unwrap_or_default(), number("rules"), number("violations"))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("business.api_order", 5, 0),
            ("business.dataset", 4, 0),
            ("business.dataset_image", 5, 0),
            ("business.task", 5, 0),
            ("business.user", 3, 0),
            ("matomo.matomo_log_action", 4, 0),
            ("matomo.matomo_log_conversion", 3, 0),
            ("matomo.matomo_log_conversion_item", 4, 0),
            ("matomo.matomo_log_link_visit_action", 5, 0),
            ("matomo.matomo_log_visit", 5, 0),
        ]
    );
}
