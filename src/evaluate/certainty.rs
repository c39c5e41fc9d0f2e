//! How sure one can be of the figures, in plain words: what so many visits can tell apart, whether `/recommend/detail` beats
//! what one could have without it, and how it does beside the lists that visitors were shown then.

use anyhow::Result;
use duckdb::Connection;
use serde::{Deserialize, Serialize};

use crate::common::language::{either, t};
use crate::common::progress::grouped;
use crate::warehouse::rows;

/// What one could have without nearset, in a few lines of SQL.
const SIMPLE: [&str; 3] = ["popular", "content", "behaviour"];

/// Below so many visits a single odd visitor moves the figures.
const FEW_VISITS: u64 = 200;

/// What an interval of a difference says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Better,
    Worse,
    Even,
    #[serde(rename = "too few")]
    TooFew,
}

/// `/recommend/detail` against another list: a row of `offline_certainty`.
#[derive(Debug, Serialize, Deserialize)]
struct Compared {
    model: String,
    list: String,
    segment: String,
    pairs: u64,
    visits: u64,
    #[serde(rename = "hit_rate@10")]
    hit_rate: f64,
    #[serde(rename = "other_hit_rate@10")]
    other_hit_rate: f64,
    difference: f64,
    difference_low: Option<f64>,
    difference_high: Option<f64>,
    detectable: Option<f64>,
    verdict: Verdict,
}

/// A replayed list beside those that were shown: a row of `offline_against_shown`.
#[derive(Debug, Serialize, Deserialize)]
struct AgainstShown {
    algorithm_version: String,
    endpoint: String,
    model: String,
    list: String,
    segment: String,
    pairs: u64,
    visits: u64,
    shown_length: f64,
    shown_hit_rate: f64,
    hit_rate: f64,
    difference: f64,
    difference_low: Option<f64>,
    difference_high: Option<f64>,
    verdict: Verdict,
}

/// All of both relations.
#[derive(Debug, Default, Serialize)]
pub(super) struct Certainty {
    certainty: Vec<Compared>,
    against_shown: Vec<AgainstShown>,
}

impl Certainty {
    pub(super) fn read(db: &Connection) -> Result<Self> {
        Ok(Self {
            certainty: rows(db, "from offline_certainty order by model, segment, difference, list")?,
            against_shown: rows(
                db,
                "from offline_against_shown order by model, algorithm_version, endpoint, segment, hit_rate desc, list",
            )?,
        })
    }

    /// What there is to say of a model, a sentence or two each.
    pub(super) fn sentences(&self, model: &str) -> Vec<String> {
        let mut said = Vec::new();
        let of = |segment: &str, list: &str| {
            self.certainty.iter().find(|row| row.model == model && row.segment == segment && row.list == list)
        };
        let Some(similar) = of("all", "similar") else { return said };
        said.push(power(similar));
        if similar.visits < FEW_VISITS {
            said.push(
                either(
                    "With so few visits read the intervals, not the figures. --from an earlier time holds more out; until traffic \
                     comes, lists rest on texts, and an experiment would take long.",
                    "访问这么少时请看区间而不是数值。用 --from 给出更早的时间可留出更多访问；流量到来之前列表主要依靠文本，做实验也要很久。",
                )
                .to_owned(),
            );
        }
        let simple: Vec<&Compared> = SIMPLE.iter().filter_map(|list| of("all", list)).collect();
        if !simple.is_empty() {
            said.push(beside(similar.hit_rate, &simple));
        }
        said.push(cold(of("cold", "content").or_else(|| of("cold", "similar"))));
        let shown: Vec<&AgainstShown> =
            self.against_shown.iter().filter(|row| row.model == model && row.list == "detail").collect();
        let maker = |row: &AgainstShown| (row.algorithm_version.clone(), row.endpoint.clone());
        said.extend(shown.chunk_by(|a, b| maker(a) == maker(b)).map(then));
        said
    }
}

/// From which difference on so many visits would show it.
fn power(row: &Compared) -> String {
    let (steps, visits) = (grouped(row.pairs), grouped(row.visits));
    match row.detectable {
        Some(least) => t!(
            "{steps} steps of {visits} visits: where two such lists truly differ by {} of HR@10, this would show it four times of \
             five; smaller differences are more likely missed, and half of it takes four times the visits.",
            "{visits} 次访问，共 {steps} 步：两个这样的列表的 HR@10 真实相差 {}时，五次中有四次能看出来；更小的差别多半看不出，要看出它的一半需要四倍的访问。",
            points(least)
        ),
        None => t!(
            "{steps} steps of {visits} visit: nothing can be told from one.",
            "{visits} 次访问，共 {steps} 步：一次访问说明不了什么。"
        ),
    }
}

/// `/recommend/detail` beside what is simple.
fn beside(hit_rate: f64, simple: &[&Compared]) -> String {
    let named = |verdict| {
        let rows = simple.iter().filter(|row| row.verdict == verdict);
        let names: Vec<String> =
            rows.map(|row| t!("{} ({})", "{}（{}）", row.list, share(row.other_hit_rate))).collect();
        (!names.is_empty()).then(|| names.join(either(", ", "、")))
    };
    let clause = |verdict| {
        let names = named(verdict)?;
        Some(match verdict {
            Verdict::Better => t!("beyond chance more often than {names}", "明显高于 {names}"),
            Verdict::Even => t!("no difference to be seen from {names}", "与 {names}看不出差别"),
            Verdict::Worse => t!("beyond chance less often than {names}", "明显低于 {names}"),
            Verdict::TooFew => t!("too few visits to compare with {names}", "访问太少，无法与 {names} 比较"),
        })
    };
    let verdicts = [Verdict::Better, Verdict::Even, Verdict::Worse, Verdict::TooFew];
    let clauses: Vec<String> = verdicts.into_iter().filter_map(clause).collect();
    t!(
        "/recommend/detail holds the next page among its first ten in {} of steps: {}.",
        "/recommend/detail 的前十项在 {} 的步中包含下一页：{}。",
        share(hit_rate),
        clauses.join(either("; ", "；"))
    )
}

/// Whether pages that hardly anybody has seen are covered.
fn cold(row: Option<&Compared>) -> String {
    let Some(row) = row else {
        return either(
            "No step begins at a page with at most 2 views: how new datasets fare is not measured here. --from an earlier time \
             learns from less, so that more pages are new.",
            "没有从浏览不超过 2 次的页面开始的步：这里衡量不了新数据集的表现。用 --from 给出更早的时间，学习的数据更少，新页面就更多。",
        )
        .to_owned();
    };
    let verdict = match row.verdict {
        Verdict::Better => either("better beyond chance", "明显更好"),
        Verdict::Worse => either("worse beyond chance", "明显更差"),
        Verdict::Even => either("no difference to be seen", "看不出差别"),
        Verdict::TooFew => either("too few visits to tell", "访问太少，无法判断"),
    };
    t!(
        "Pages with at most 2 views ({} steps of {} visits): {} against {} of {}: {verdict}.",
        "浏览不超过 2 次的页面（{1} 次访问，{0} 步）：{2}，{4} 为 {3}：{verdict}。",
        grouped(row.pairs),
        grouped(row.visits),
        share(row.hit_rate),
        share(row.other_hit_rate),
        row.list
    )
}

/// The lists that one maker had shown: where they were seen, where they were not followed, and where they were not seen.
fn then(rows: &[&AgainstShown]) -> String {
    let of = |segment: &str| rows.iter().find(|row| row.segment == segment);
    let rates = |row: &AgainstShown| t!("{} against {}", "{} 比 {}", share(row.shown_hit_rate), share(row.hit_rate));
    let mut said = rows.first().map_or_else(String::new, |row| {
        t!(
            "What {} ({}) showed against as many places of /recommend/detail, {:.1} on average:",
            "{}（{}）当时展示的列表与 /recommend/detail 同样多的位置（平均 {:.1} 个）相比：",
            row.algorithm_version,
            row.endpoint,
            row.shown_length
        )
    });
    if let Some(row) = of("seen") {
        said += &t!(
            " where it was seen ({} steps) {}, {};",
            "在看到它的 {} 步中为 {}，{}；",
            grouped(row.pairs),
            rates(row),
            match row.verdict {
                Verdict::Better => either(
                    "better beyond chance though visitors follow what they see",
                    "尽管访客会跟随所看到的，仍明显更好",
                ),
                _ => either("but visitors follow what they see", "但访客会跟随所看到的"),
            }
        );
    }
    if let Some(row) = of("organic") {
        said += &t!(
            " where it was seen and not followed ({}) {}, which is unfair to it;",
            "在看到而未跟随的 {} 步中为 {}，这对它不公；",
            grouped(row.pairs),
            rates(row)
        );
    }
    let Some(row) = of("unseen") else {
        return said + either(" an experiment decides.", "要由实验来定。");
    };
    said += &t!(
        " where no list was seen ({}; the last one shown on that page counts) {}",
        "在没有看到列表的 {} 步中（按该页此前最后展示的列表）为 {}",
        grouped(row.pairs),
        rates(row)
    );
    said + &match (row.verdict, row.difference_low, row.difference_high) {
        (Verdict::TooFew, ..) | (_, None, _) | (_, _, None) => {
            either(", too few to tell: an experiment decides.", "，太少，无法判断：要由实验来定。").to_owned()
        }
        (_, Some(low), Some(high)) => t!(
            ", {:+.1} points ({:+.1} to {:+.1}), which is fair to both.",
            "，相差 {:+.1} 个百分点（{:+.1} 至 {:+.1}），这对双方都公平。",
            row.difference * 100.0,
            low * 100.0,
            high * 100.0
        ),
    }
}

/// A share in percent.
pub(super) fn share(value: f64) -> String {
    t!("{:.1} %", "{:.1}%", value * 100.0)
}

/// A difference of shares.
pub(super) fn points(value: f64) -> String {
    t!("{:.1} points", "{:.1} 个百分点", value * 100.0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::common::language::in_chinese;
    use crate::extract::raw_tables;
    use crate::sql_project::Project;

    fn compared(list: &str, segment: &str, visits: u64, verdict: &str) -> Value {
        json!({
            "model": "holdout", "list": list, "segment": segment, "pairs": 3 * visits, "visits": visits, "hit_rate@10": 0.5285,
            "other_hit_rate@10": 0.256, "difference": 0.2725, "difference_low": 0.25, "difference_high": 0.295,
            "detectable": 0.032, "verdict": verdict
        })
    }

    fn shown(segment: &str, shown_hit_rate: f64, verdict: &str) -> Value {
        json!({
            "algorithm_version": "legacy", "endpoint": "recommend_detail", "model": "holdout", "list": "detail", "segment": segment,
            "pairs": 1065, "visits": 614, "shown_length": 6.0, "shown_hit_rate": shown_hit_rate, "hit_rate": 0.426,
            "difference": 0.426 - shown_hit_rate, "difference_low": 0.276, "difference_high": 0.351, "verdict": verdict
        })
    }

    fn said(compared: Value, shown: Value) -> Result<String> {
        let certainty =
            Certainty { certainty: serde_json::from_value(compared)?, against_shown: serde_json::from_value(shown)? };
        Ok(certainty.sentences("holdout").join("\n"))
    }

    #[test]
    fn much_is_told_in_plain_words_in_both_languages() -> Result<()> {
        let many = || {
            said(
                json!([
                    compared("similar", "all", 900, "even"),
                    compared("popular", "all", 900, "better"),
                    compared("content", "all", 900, "better"),
                    compared("behaviour", "all", 900, "even"),
                    compared("content", "cold", 60, "better"),
                ]),
                json!([
                    shown("seen", 0.457, "worse"),
                    shown("organic", 0.095, "better"),
                    shown("unseen", 0.113, "better")
                ]),
            )
        };
        insta::assert_snapshot!("many", many()?);
        insta::assert_snapshot!("many_chinese", in_chinese(many)?);
        Ok(())
    }

    #[test]
    fn little_says_what_to_do_and_nothing_says_nothing() -> Result<()> {
        let few = said(json!([compared("similar", "all", 20, "too few")]), json!([shown("unseen", 0.1, "too few")]))?;
        for part in [
            "20 visits",
            "read the intervals",
            "No step begins at a page with at most 2 views",
            "an experiment decides",
        ] {
            assert!(few.contains(part), "{part}: {few}");
        }
        assert_eq!(said(json!([]), json!([]))?, "");
        Ok(())
    }

    /// The rows of `offline_against_shown` for /recommend/detail, each with the shown and the replayed hits: page 1 was looked at
    /// in visits 1 to 4, and in each of them dataset 5 was next.
    #[test]
    fn a_shown_list_goes_to_the_view_of_its_page_whether_it_was_clicked_or_not() -> Result<()> {
        let db = Connection::open_in_memory()?;
        let project = Project::load(None, &raw_tables()?)?;
        project.create_macros(&db)?;
        db.execute_batch(
            "create schema raw;
             create table raw.offline_replays (model varchar, list varchar, action_row_id bigint, place integer);
             create table next_pages (action_row_id bigint, visit_id bigint, viewed_at timestamp, dataset_id bigint,
                 next_dataset_id bigint);
             create table page_views (action_row_id bigint, visit_id bigint, viewed_at timestamp, dataset_id bigint, user_id bigint,
                 place bigint, request_id varchar);
             create table exposures (request_id varchar, algorithm_version varchar, endpoint varchar, user_id bigint,
                 page_dataset_id bigint, shown_at timestamp, position bigint, dataset_id bigint);
             insert into next_pages select 10 * n, n, timestamp '2026-11-01 10:00:00' + to_minutes(10 * n), 1, 5 from range(1, 5) as t (n);
             insert into page_views select 10 * n, n, timestamp '2026-11-01 10:00:00' + to_minutes(10 * n), 1, null, 1, null
                 from range(1, 5) as t (n);
             -- the first followed the list, the second and third found it themselves; where the fourth had it from nobody knows
             insert into page_views select 10 * n + 1, n, timestamp '2026-11-01 10:01:00' + to_minutes(10 * n), 5, null, 2,
                 case n when 1 then 'req_a' when 4 then 'req_lost' end from range(1, 5) as t (n);
             -- second place, but a list of a single dataset counts one
             insert into raw.offline_replays select 'holdout', 'detail', 10 * n, 2 from range(1, 5) as t (n);
             insert into exposures values
                 ('req_a', 'old', 'detail', null, 1, '2026-11-01 10:10:02', 0, 5),
                 ('req_b', 'old', 'detail', null, 1, '2026-11-01 10:20:02', 0, 7),
                 ('req_b', 'old', 'detail', null, 1, '2026-11-01 10:20:02', 1, 8),
                 ('req_c', 'old', 'detail', null, 2, '2026-11-01 10:29:59', 0, 5);",
        )?;
        project.get("offline_against_shown")?.build(&db)?;
        let found: Vec<Value> = rows(
            &db,
            "select segment, pairs, cast(round(pairs * shown_hit_rate) as integer) as shown, cast(round(pairs * hit_rate) as integer) as hits,
                 shown_length
             from offline_against_shown order by segment",
        )?;
        let expected = [
            json!({"segment": "organic", "pairs": 1, "shown": 0, "hits": 1, "shown_length": 2.0}),
            json!({"segment": "seen", "pairs": 2, "shown": 1, "hits": 1, "shown_length": 1.5}),
            json!({"segment": "unseen", "pairs": 1, "shown": 0, "hits": 1, "shown_length": 2.0}),
        ];
        assert_eq!(found, expected);
        Ok(())
    }
}
