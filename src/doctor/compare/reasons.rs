//! Why figures of the old system and nearset's differ: what is known of how the old ones were made, beside what this warehouse
//! holds of it.

use anyhow::Result;
use duckdb::Connection;

use crate::common::language::{either, t};
use crate::common::progress::grouped;
use crate::config::Config;

/// What of the warehouse explains differences.
pub(super) struct Facts {
    bot_visits: u64,
    bot_views: u64,
    /// Rows of Matomo with a page's URL that are no page views.
    other_rows: u64,
    business_timezone: String,
    report_timezone: String,
}

/// A figure that differs.
pub(super) struct Seen<'a> {
    pub figure: &'a str,
    pub old: f64,
    pub nearset: Option<f64>,
    /// Whether it is the same over all days together.
    pub is_shifted: bool,
}

impl Facts {
    /// # Errors
    /// The warehouse lacks a relation that every run makes.
    pub fn read(db: &Connection, config: &Config) -> Result<Self> {
        let (bot_visits, bot_views, other_rows) = db.query_row(
            "select
                 (select count(*) from visits where is_bot),
                 (select count(*) from stg_link_visit_action as rows inner join visits on visits.visit_id = rows.visit_id
                  where visits.is_bot and rows.is_page_view),
                 (select count(*) from stg_link_visit_action where not is_page_view)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let zones = &config.parameters;
        let (business_timezone, report_timezone) = (zones.business_timezone.clone(), zones.report_timezone.clone());
        Ok(Self { bot_visits, bot_views, other_rows, business_timezone, report_timezone })
    }

    /// Why a figure may differ, in a sentence or two.
    pub fn why(&self, seen: &Seen<'_>) -> String {
        let Seen { figure, old, nearset, is_shifted } = *seen;
        let leaf = figure.rsplit('.').next().unwrap_or(figure);
        let has = |parts: &[&str]| parts.iter().any(|part| leaf.contains(part));
        let Some(nearset) = nearset else {
            return either("nearset has no such figure here", "nearset 此处没有这一项").to_owned();
        };
        if is_shifted {
            return t!(
                "the same over all days: the old system cut days in another time zone; here they are cut in {} \
                 (REPORT_TIMEZONE), and the marketplace's times are read in {} (BUSINESS_TIMEZONE)",
                "各日合计相同：旧系统按另一时区划分日期；此处按 {}（REPORT_TIMEZONE）划分，业务时间按 {}（BUSINESS_TIMEZONE）读取",
                self.report_timezone,
                self.business_timezone
            );
        }
        if leaf == "exposure_to_order_ratio" {
            return ratio(old, nearset);
        }
        let is_more = old > nearset;
        match () {
            () if has(&["hit_rate", "ndcg", "mrr", "recall", "precision"]) => either(
                "measured otherwise: nearset asks for visits that the model has not seen, the old system asked for those it was \
                 trained on",
                "衡量方式不同：nearset 用模型没见过的访问，旧系统用训练过的访问",
            )
            .to_owned(),
            () if has(&["score", "quality", "anomal"]) => {
                either("scores are made otherwise: docs/quality.md says how", "评分方法不同：见 docs/quality.zh-CN.md").to_owned()
            }
            () if has(&["tracking", "coverage"]) => either(
                "another base: of the views that came from a page whose list had shown the dataset, not of all views",
                "分母不同：只算来自曾展示该数据集的页面的浏览，而不是全部浏览",
            )
            .to_owned(),
            () if leaf.starts_with("average") => either(
                "the old system took the mean of the datasets' rates; a dataset seen once weighed as much as one seen often",
                "旧系统取各数据集比率的平均；只被看过一次的与常被看的权重相同",
            )
            .to_owned(),
            () if has(&["business", "order", "matched", "missing"]) => either(
                "an order counts once, on the day of its create_time, and is matched by its id (T or A and the number); orders set \
                 aside are in rejected_rows",
                "一笔订单只在其 create_time 当天计一次，按 ID（T 或 A 加数字）匹配；被搁置的订单见 rejected_rows",
            )
            .to_owned(),
            () if has(&["conversion", "cvr", "revenue"]) => conversions(is_more),
            () if has(&["click", "ctr"]) => self.clicks(is_more),
            () if has(&["exposure", "request"]) && !leaf.starts_with("matomo") => exposures(is_more),
            () if has(&["view", "visit", "visitor", "user", "matomo", "dataset"]) => self.views(is_more),
            () => either(
                "no reason is known; `nearset views list` names the relation to ask",
                "没有已知原因；可用 `nearset views list` 找到相应关系查询",
            )
            .to_owned(),
        }
    }

    fn bots(&self) -> String {
        let (visits, views) = (grouped(self.bot_visits), grouped(self.bot_views));
        t!("{views} views of {visits} bot visits are left out here", "此处略去了 {visits} 次机器访问的 {views} 次浏览")
    }

    fn clicks(&self, is_more: bool) -> String {
        match is_more {
            true => t!(
                "the old system counted every view and event with a request id, bots' too; nearset counts an exposed (request, \
                 dataset) once: {}",
                "旧系统把带请求 ID 的每次浏览和事件都算作点击，机器访问也算；nearset 对每个展示过的（请求，数据集）只计一次：{}",
                self.bots()
            ),
            false => either(
                "nearset looks for the request id in more places (MATOMO_REQUEST_DIMENSIONS, the URL, events of clicks)",
                "nearset 在更多地方寻找请求 ID（MATOMO_REQUEST_DIMENSIONS、URL、点击事件）",
            )
            .to_owned(),
        }
    }

    fn views(&self, is_more: bool) -> String {
        let others = grouped(self.other_rows);
        match is_more {
            true => t!(
                "the old system counted bots, and events, downloads and searches as views ({others} such rows here); {}",
                "旧系统把机器访问以及事件、下载、搜索都算作浏览（此处有 {others} 行）；{}",
                self.bots()
            ),
            false => either(
                "nearset reads more of Matomo: increments that come late, pages by every URL form, visits without a user",
                "nearset 读取的 Matomo 数据更全：迟到的增量、各种形式的 URL、没有用户的访问",
            )
            .to_owned(),
        }
    }
}

fn ratio(old: f64, nearset: f64) -> String {
    if (old * nearset - 1.0).abs() < 0.02 {
        return either(
            "the other way up: one of them is exposures per order, the other orders per exposure",
            "方向相反：一个是每单曝光数，另一个是每次曝光的订单数",
        )
        .to_owned();
    }
    either("it follows from exposures and orders", "由曝光数与订单数得出").to_owned()
}

fn conversions(is_more: bool) -> String {
    match is_more {
        true => either(
            "the old system joined a conversion to every exposure of its list, so that an order counted many times; nearset \
             attributes it once, and only where the business knows the order",
            "旧系统把一次转化连接到该列表的每条曝光，一笔订单被计多次；nearset 只归因一次，且须是业务库中存在的订单",
        ),
        false => either(
            "nearset also attributes orders whose request id stands on an earlier page of the visit",
            "nearset 还会归因请求 ID 出现在同次访问较早页面上的订单",
        ),
    }
    .to_owned()
}

fn exposures(is_more: bool) -> String {
    match is_more {
        true => either(
            "nearset counts a request id once, whatever files hold it, and no list that a crawler or a prefetch asked for",
            "nearset 对一个请求 ID 只计一次（无论出现在哪些文件），爬虫与预取请求的列表不计",
        ),
        false => either(
            "nearset reads all rotated files of the exposure log; the old system read the current one",
            "nearset 读取曝光日志的所有轮转文件；旧系统只读当前文件",
        ),
    }
    .to_owned()
}
