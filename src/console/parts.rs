//! What pages are made of: cards, tables, filters, and figures as people write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use maud::{Markup, Render, html};
use serde_json::Value;

use super::ui::Ui;
use crate::query::{Column, Rows};
use crate::sql_project::Relation;

/// What stands for a figure that is not known.
const NONE: &str = "–";

/// A whole or broken number: `12,345`, `0.125`.
pub fn number(value: f64) -> String {
    let places = match value.abs() {
        _ if !value.is_finite() => return NONE.to_owned(),
        _ if value.fract() == 0.0 => 0,
        large if large >= 1000.0 => 0,
        middle if middle >= 10.0 => 1,
        small if small >= 0.1 => 2,
        _ => 4,
    };
    grouped(&format!("{value:.places$}"))
}

/// A rate or a share: `4.2 %` of 0.042.
pub fn percent(value: f64) -> String {
    let hundredths = value * 100.0;
    let places = if hundredths.abs() >= 10.0 || hundredths == 0.0 { 1 } else { 2 };
    if value.is_finite() { format!("{}%", grouped(&format!("{hundredths:.places$}"))) } else { NONE.to_owned() }
}

/// A sum of money, whose cents are left out where they do not matter: `¥1,234.50`.
pub fn money(value: f64) -> String {
    let places = if value.fract() == 0.0 || value.abs() >= 100_000.0 { 0 } else { 2 };
    let sign = if value < 0.0 { "−" } else { "" };
    if value.is_finite() {
        format!("{sign}¥{}", grouped(&format!("{:.places$}", value.abs())))
    } else {
        NONE.to_owned()
    }
}

/// What something costs; nothing is known where it has no price.
pub fn price(ui: &Ui, value: Option<f64>) -> String {
    match value {
        None => ui.say("price unknown", "价格未知").to_owned(),
        Some(0.0) => ui.say("free", "免费").to_owned(),
        Some(value) => money(value),
    }
}

/// How long something took: `850 ms`, `12.5 s`, `3 min 20 s`.
pub fn duration(ui: &Ui, seconds: f64) -> String {
    let (minute, second, hour) = (ui.say("min", "分"), ui.say("s", "秒"), ui.say("h", "时"));
    match seconds {
        _ if !seconds.is_finite() => NONE.to_owned(),
        short if short < 1.0 => format!("{:.0} {}", short * 1000.0, ui.say("ms", "毫秒")),
        some if some < 60.0 => format!("{some:.1} {second}"),
        many if many < 3600.0 => format!("{} {minute} {} {second}", many as u64 / 60, many as u64 % 60),
        long => format!("{} {hour} {} {minute}", long as u64 / 3600, long as u64 % 3600 / 60),
    }
}

/// How much room something takes.
pub fn bytes(value: u64) -> String {
    bytesize::ByteSize(value).display().si().to_string()
}

/// Groups of three digits before the point; a minus that is one.
fn grouped(text: &str) -> String {
    let (sign, text) = text.strip_prefix('-').map_or(("", text), |rest| ("−", rest));
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut digits = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            digits.push(',');
        }
        digits.push(digit);
    }
    let sign = if whole.chars().chain(rest.chars()).any(|c| ('1'..='9').contains(&c)) { sign } else { "" };
    format!("{sign}{digits}{rest}")
}

/// The moment that a text of the warehouse or of a file says, which is UTC where it says no zone.
pub fn read_moment(text: &str) -> Option<DateTime<Utc>> {
    let naive = |format| NaiveDateTime::parse_from_str(text, format).ok();
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%F %T%.f%#z"))
        .map(|moment| moment.with_timezone(&Utc))
        .ok()
        .or_else(|| naive("%F %T%.f").or_else(|| naive("%FT%T%.f")).map(|moment| moment.and_utc()))
}

/// A moment in the zone of the reports, by the minute; a text that is none as it is.
pub fn moment(ui: &Ui, text: &str) -> Markup {
    match read_moment(text) {
        Some(at) => time(ui, at),
        None => html! { (if text.is_empty() { NONE } else { text }) },
    }
}

/// A moment in the zone of the reports, by the minute.
pub fn time(ui: &Ui, at: DateTime<Utc>) -> Markup {
    let there = at.with_timezone(&ui.zone);
    html! { time datetime=(at.to_rfc3339()) title=(there.format("%F %T %Z")) { (there.format("%F %H:%M")) } }
}

/// How long ago a moment was, with the moment itself for who asks.
pub fn ago(ui: &Ui, at: DateTime<Utc>) -> Markup {
    let there = at.with_timezone(&ui.zone);
    html! { time datetime=(at.to_rfc3339()) title=(there.format("%F %T %Z")) { (distance(ui, Utc::now() - at)) } }
}

fn distance(ui: &Ui, past: chrono::Duration) -> String {
    let (seconds, is_past) = (past.num_seconds().unsigned_abs(), past >= chrono::Duration::zero());
    let (count, english, chinese) = match seconds {
        0..60 => return ui.say("just now", "刚刚").to_owned(),
        60..3600 => (seconds / 60, "minute", "分钟"),
        3600..86_400 => (seconds / 3600, "hour", "小时"),
        _ => (seconds / 86_400, "day", "天"),
    };
    let plural = if count == 1 { "" } else { "s" };
    match (ui.is_chinese(), is_past) {
        (true, true) => format!("{count} {chinese}前"),
        (true, false) => format!("{count} {chinese}后"),
        (false, true) => format!("{count} {english}{plural} ago"),
        (false, false) => format!("in {count} {english}{plural}"),
    }
}

/// A day as people write it, with its weekday.
pub fn day(ui: &Ui, day: NaiveDate) -> String {
    let weekday = day.format("%u").to_string().parse::<usize>().unwrap_or(1) - 1;
    if ui.is_chinese() {
        let name = ["一", "二", "三", "四", "五", "六", "日"][weekday];
        format!("{} 周{name}", day.format("%Y年%-m月%-d日"))
    } else {
        day.format("%a %-d %b %Y").to_string()
    }
}

/// A figure in a box: what it is, how much, and what to know of it.
pub fn card(title: &str, value: impl Render, detail: &Markup) -> Markup {
    html! {
        div.card {
            h3 { (title) }
            div.value { (value) }
            p { (detail) }
        }
    }
}

/// A figure with the interval that it lies in, in the same form.
pub fn figure_with_interval(value: f64, low_high: Option<(f64, f64)>, form: fn(f64) -> String) -> Markup {
    html! {
        span.number { (form(value)) }
        @if let Some((low, high)) = low_high { " " span.interval { (form(low)) "–" (form(high)) } }
    }
}

/// What the columns of daily figures are called.
pub fn figure_names(ui: &Ui) -> [(&'static str, &'static str); 11] {
    [
        ("day", "Day", "日期"),
        ("requests", "Lists", "列表请求"),
        ("exposures", "Shown", "曝光"),
        ("clicks", "Clicks", "点击"),
        ("conversions", "Orders through lists", "列表带来的订单"),
        ("revenue", "Revenue through lists", "列表带来的收入"),
        ("views", "Views", "浏览"),
        ("visitors", "Visitors", "访客"),
        ("ctr", "Click rate", "点击率"),
        ("ctr_low", "Low end", "下限"),
        ("ctr_high", "High end", "上限"),
    ]
    .map(|(name, english, chinese)| (name, if ui.is_chinese() { chinese } else { english }))
}

/// A sentence whose parts in backquotes are code.
pub fn sentence(text: &str) -> Markup {
    html! {
        @for (place, part) in text.split('`').enumerate() {
            @if place % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// What a recall channel is called.
pub fn channel<'a>(ui: &Ui, name: &'a str) -> &'a str {
    let chinese = match name {
        "behaviour" => "行为",
        "graph" => "图谱",
        "sessions" => "会话",
        "content" => "内容",
        "visual" => "图像",
        "lists" => "列表点击",
        "taste" => "偏好",
        "popular" => "热门",
        "trending" => "近期热门",
        "rule" => "规则",
        other => other,
    };
    ui.say(name, chinese)
}

/// A word in a frame; `kind` is good, bad, warn or nothing.
pub fn badge(kind: &str, text: &str) -> Markup {
    html! { span class=(format!("badge {kind}")) { (text) } }
}

/// What stands where there is nothing to see, and what to do about it.
pub fn empty(text: &str, cure: &str) -> Markup {
    html! { p.empty { (text) @if !cure.is_empty() { " " (cure) } } }
}

/// Where a page is below others: their addresses and names.
pub fn crumbs(ui: &Ui, above: &[(&str, &str)]) -> Markup {
    html! {
        nav.crumbs aria-label=(ui.say("Where this page is", "所在位置")) {
            @for (address, name) in above { a href=(address) { (name) } " / " }
        }
    }
}

/// What wider things than the page stand in: they scroll, also by keyboard.
pub fn scroll(label: &str, wide: &Markup) -> Markup {
    html! { div.scroll tabindex="0" role="region" aria-label=(label) { (wide) } }
}

/// What stands over a column.
#[derive(Clone, Copy, Debug)]
pub enum Head<'a> {
    /// Of words.
    Words(&'a str),
    /// Of figures, which stand to the right.
    Figures(&'a str),
    /// Of what is seen for what it is, as a bar: for those who hear the page.
    Unseen(&'a str),
}

/// A table in a box of its own; `rows` are its `tr`s.
pub fn listed(label: &str, heads: &[Head<'_>], rows: &Markup) -> Markup {
    scroll(
        label,
        &html! {
            table {
                thead { tr { @for head in heads {
                    @match head {
                        Head::Words(title) => th scope="col" { (title) },
                        Head::Figures(title) => th.number scope="col" { (title) },
                        Head::Unseen(title) => th scope="col" { span.visually-hidden { (title) } },
                    }
                } } }
                tbody { (rows) }
            }
        },
    )
}

/// The columns of a relation, each as its file describes it.
pub fn described(ui: &Ui, relation: Option<&Relation>, columns: &[Column]) -> Markup {
    let title = ui.say("Columns", "列");
    let sentence = |name: &str| {
        let described = relation.and_then(|relation| relation.columns.iter().find(|column| column.name == name));
        described.map_or("", |column| column.sentence.as_str())
    };
    html! {
        section {
            h2 { (title) }
            (listed(title, &[
                Head::Words(ui.say("Column", "列")),
                Head::Words(ui.say("Type", "类型")),
                Head::Words(ui.say("What it holds", "说明")),
            ], &html! {
                @for column in columns {
                    tr { th scope="row" { code { (column.name) } } td { code.soft { (column.r#type) } } td.text { (sentence(&column.name)) } }
                }
            }))
        }
    }
}

/// Facts with their names, one below the other.
pub fn facts(all: &[(&str, Markup)]) -> Markup {
    html! { dl.facts { @for (name, fact) in all { dt { (name) } dd { (fact) } } } }
}

/// What the cells of a column are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// As its type and its name say: see [`Kind::of`].
    #[default]
    Auto,
    Text,
    Number,
    Percent,
    Money,
    Moment,
    /// Numbers that are names: ids, days.
    Plain,
    Yes,
}

impl Kind {
    /// What a column with this name and type holds.
    pub fn of(name: &str, r#type: &str) -> Self {
        let ends =
            |endings: &[&str]| endings.iter().any(|ending| name == *ending || name.ends_with(&format!("_{ending}")));
        let is_number = ["INT", "DOUBLE", "FLOAT", "DECIMAL"].iter().any(|word| r#type.contains(word));
        let is_rate =
            ends(&["rate", "share", "ctr", "cvr", "coverage"]) || name.starts_with("ctr") || name.starts_with("cvr");
        match () {
            () if r#type.contains("[]") || r#type.starts_with("STRUCT") || r#type.starts_with("MAP") => Self::Text,
            () if r#type.starts_with("TIMESTAMP") => Self::Moment,
            () if r#type == "BOOLEAN" => Self::Yes,
            () if !is_number => Self::Text,
            () if ends(&["id"]) => Self::Plain,
            () if is_rate && !r#type.contains("INT") => Self::Percent,
            () if ends(&["revenue", "price", "amount"]) => Self::Money,
            () => Self::Number,
        }
    }

    /// Whether its cells stand at the right.
    fn is_figure(self) -> bool {
        matches!(self, Self::Number | Self::Percent | Self::Money)
    }
}

/// What a table makes of one cell: the table and the row.
type Made<'a, T> = Box<dyn Fn(&Rows, usize) -> T + 'a>;

/// A column of a table.
pub struct Col<'a> {
    name: &'a str,
    title: &'a str,
    kind: Kind,
    show: Option<Made<'a, Markup>>,
    link: Option<Made<'a, String>>,
    is_sortable: bool,
}

impl<'a> Col<'a> {
    /// A column of the rows under the title that people read.
    pub fn new(name: &'a str, title: &'a str) -> Self {
        Self { name, title, kind: Kind::Auto, show: None, link: None, is_sortable: false }
    }

    /// With cells of this kind.
    pub fn of(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// With cells that something else makes.
    pub fn shown(self, show: impl Fn(&Rows, usize) -> Markup + 'a) -> Self {
        Self { show: Some(Box::new(show)), ..self }
    }

    /// With a link to where `address` says.
    pub fn linked(self, address: impl Fn(&Rows, usize) -> String + 'a) -> Self {
        Self { link: Some(Box::new(address)), ..self }
    }

    /// Whose title sorts the page by it: `sort=NAME` and `sort=-NAME` in the address.
    pub fn sortable(self) -> Self {
        Self { is_sortable: true, ..self }
    }
}

/// Rows as a table in a box of its own. A column that the rows lack is left out, unless it is [shown](Col::shown).
pub fn table(ui: &Ui, label: &str, rows: &Rows, columns: &[Col<'_>]) -> Markup {
    let is_there = |col: &&Col<'_>| col.show.is_some() || rows.place(col.name).is_some();
    let columns: Vec<(&Col<'_>, Kind)> = columns.iter().filter(is_there).map(|col| (col, kind_in(col, rows))).collect();
    let class = |kind: Kind| if kind.is_figure() { "number" } else { "" };
    scroll(
        label,
        &html! {
            table {
                thead { tr { @for (col, kind) in &columns { (head(ui, col, class(*kind))) } } }
                tbody {
                    @for row in 0..rows.len() {
                        tr { @for (col, kind) in &columns {
                            td class=(class(*kind)) {
                                @match (&col.show, &col.link) {
                                    (Some(show), _) => (show(rows, row)),
                                    (_, Some(address)) => a href=(address(rows, row)) { (rows.text(row, col.name)) },
                                    _ => (cell(ui, *kind, rows.get(row, col.name))),
                                }
                            }
                        } }
                    }
                }
            }
        },
    )
}

/// All columns of rows as they are, each under its own name.
pub fn plain_table(ui: &Ui, label: &str, rows: &Rows) -> Markup {
    let columns: Vec<Col<'_>> = rows.columns.iter().map(|column| Col::new(&column.name, &column.name)).collect();
    table(ui, label, rows, &columns)
}

fn kind_in(col: &Col<'_>, rows: &Rows) -> Kind {
    match (col.kind, rows.place(col.name)) {
        (Kind::Auto, Some(place)) => Kind::of(col.name, &rows.columns[place].r#type),
        (kind, _) => kind,
    }
}

fn head(ui: &Ui, col: &Col<'_>, class: &str) -> Markup {
    if !col.is_sortable {
        return html! { th scope="col" class=(class) { (col.title) } };
    }
    let down = format!("-{}", col.name);
    let sort = ui.parameter("sort").unwrap_or_default();
    let (order, mark, next) = match sort {
        up if up == col.name => (Some("ascending"), " ↑", down.as_str()),
        by if by == down => (Some("descending"), " ↓", col.name),
        _ => (None, "", down.as_str()),
    };
    let address = ui.with(&[("sort", next), ("page", "")]);
    html! { th scope="col" class=(class) aria-sort=[order] { a href=(address) { (col.title) (mark) } } }
}

/// One value of the warehouse.
pub fn cell(ui: &Ui, kind: Kind, value: &Value) -> Markup {
    let form = |form: fn(f64) -> String| value.as_f64().map(form);
    let figure = match kind {
        Kind::Number => form(number),
        Kind::Percent => form(percent),
        Kind::Money => form(money),
        _ => None,
    };
    match (value, figure) {
        (Value::Null, _) => html! { span.soft { (NONE) } },
        (_, Some(figure)) => html! { (figure) },
        (Value::Bool(true), _) => html! { (ui.say("yes", "是")) },
        (Value::Bool(false), _) => html! { (ui.say("no", "否")) },
        (Value::String(text), _) if kind == Kind::Moment => moment(ui, text),
        (Value::String(text), _) => html! { (text) },
        (other, _) => html! { (other.to_string()) },
    }
}

/// One field of a [filter form](filters).
pub enum Field<'a> {
    /// Words: name, label, value.
    Text(&'a str, &'a str, &'a str),
    /// A number: name, label, value.
    Number(&'a str, &'a str, &'a str),
    /// A day: name, label, value.
    Day(&'a str, &'a str, &'a str),
    /// One of some: name, label, value, and the choices with what they are called.
    Choice(&'a str, &'a str, &'a str, Vec<(String, String)>),
    /// Yes or no: name, label, whether it is chosen.
    Check(&'a str, &'a str, bool),
}

/// A form whose answer is the same page with other parameters, so that it can be shared.
pub fn filters(ui: &Ui, path: &str, fields: &[Field<'_>]) -> Markup {
    html! {
        form.filters method="get" action=(path) {
            @for one in fields { (field(one)) }
            button.go { (ui.say("Show", "查看")) }
        }
    }
}

/// A field with its label.
pub fn field(field: &Field<'_>) -> Markup {
    html! {
        @match field {
            Field::Text(name, label, value) => label { (label) input type="search" name=(name) value=(value) maxlength="300"; },
            Field::Number(name, label, value) => {
                label { (label) input name=(name) value=(value) inputmode="numeric" maxlength="40"; }
            }
            Field::Day(name, label, value) => label { (label) input type="date" name=(name) value=(value); },
            Field::Choice(name, label, chosen, choices) => label {
                (label)
                select name=(name) {
                    @for (value, text) in choices { option value=(value) selected[value == chosen] { (text) } }
                }
            },
            Field::Check(name, label, is_chosen) => {
                label.check { input type="checkbox" name=(name) value="1" checked[*is_chosen]; (label) }
            }
        }
    }
}

/// The way to the pages before and after; `page` counts from 1.
pub fn paging(ui: &Ui, page: usize, per_page: usize, total: usize) -> Markup {
    let last = total.div_ceil(per_page).max(1);
    let first_row = (page - 1) * per_page + 1;
    let (from, to) = (number(first_row as f64), number((page * per_page).min(total) as f64));
    let all = number(total as f64);
    let link = |to: usize, text: &str, rel: &str| html! { a rel=(rel) href=(ui.with(&[("page", &to.to_string())])) { (text) } };
    html! {
        nav.paging aria-label=(ui.say("Pages of the list", "列表分页")) {
            @if page > 1 { (link(page - 1, ui.say("← Before", "← 上一页"), "prev")) }
            @if total == 0 { span { (ui.say("nothing", "没有结果")) } }
            @else if first_row <= total { span { (from) "–" (to) " " (ui.say("of", "/ 共")) " " (all) } }
            @if page < last { (link(page + 1, ui.say("After →", "下一页 →"), "next")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::common::language::Language;

    fn ui(language: Language) -> Ui {
        Ui { language, theme: "auto", address: "/console?page=2".into(), zone: chrono_tz::Asia::Shanghai }
    }

    #[test]
    fn figures_are_written_as_people_write_them() {
        assert_eq!(
            [0.0, 12345.0, 1234.5, 12.34, 0.5, 0.00123].map(number),
            ["0", "12,345", "1,234", "12.3", "0.50", "0.0012"]
        );
        assert_eq!([-1234567.0, -0.0, f64::NAN].map(number), ["−1,234,567", "0", "–"]);
        assert_eq!([0.0, 0.042, 0.1234, 1.0, f64::INFINITY].map(percent), ["0.0%", "4.20%", "12.3%", "100.0%", "–"]);
        assert_eq!([0.0, 1234.5, -3.25, 1_234_567.89].map(money), ["¥0", "¥1,234.50", "−¥3.25", "¥1,234,568"]);
        let english = ui(Language::English);
        assert_eq!(
            [0.25, 12.34, 200.0, 7300.0].map(|s| duration(&english, s)),
            ["250 ms", "12.3 s", "3 min 20 s", "2 h 1 min"]
        );
        assert_eq!(price(&ui(Language::Chinese), None), "价格未知");
    }

    #[test]
    fn moments_are_in_the_zone_of_the_reports() {
        let said = |text| moment(&ui(Language::English), text).into_string();
        for text in
            ["2026-10-01T20:00:00Z", "2026-10-01 20:00:00", "2026-10-01 20:00:00+00", "2026-10-02T04:00:00+08:00"]
        {
            assert!(said(text).contains(">2026-10-02 04:00<"), "{text}: {}", said(text));
        }
        assert_eq!(said("soon"), "soon");
        assert_eq!(distance(&ui(Language::Chinese), chrono::Duration::hours(50)), "2 天前");
        assert_eq!(distance(&ui(Language::English), chrono::Duration::minutes(-1)), "in 1 minute");
        let sunday = NaiveDate::from_ymd_opt(2026, 11, 29).expect("a day");
        assert_eq!(day(&ui(Language::Chinese), sunday), "2026年11月29日 周日");
    }

    #[test]
    fn a_column_is_what_its_name_and_type_say() {
        for (name, r#type, kind) in [
            ("ctr", "DOUBLE", Kind::Percent),
            ("ctr_low", "DOUBLE", Kind::Percent),
            ("fallback_share", "DOUBLE", Kind::Percent),
            ("dataset_id", "BIGINT", Kind::Plain),
            ("revenue", "DECIMAL(18,2)", Kind::Money),
            ("clicks", "BIGINT", Kind::Number),
            ("at", "TIMESTAMP WITH TIME ZONE", Kind::Moment),
            ("tags", "VARCHAR[]", Kind::Text),
        ] {
            assert_eq!(Kind::of(name, r#type), kind, "{name} {type}");
        }
    }

    #[test]
    fn pages_before_and_after_keep_the_rest_of_the_address() {
        let markup = paging(&ui(Language::English), 2, 50, 120).into_string();
        assert!(
            markup.contains("51–100 of 120")
                && markup.contains("/console?page=1")
                && markup.contains("/console?page=3"),
            "{markup}"
        );
        assert!(!paging(&ui(Language::English), 3, 50, 120).into_string().contains("page=4"));
    }
}
