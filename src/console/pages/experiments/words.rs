//! What pages say of experiments, and figures as their metric has them.

use maud::{Markup, html};

use crate::console::Ui;
use crate::console::parts::{badge, money, number, percent};
use crate::evaluate::experiments::{VariantResult, Verdict};
use crate::operations::experiments::Standing;
use crate::serve::deployment::State;

/// What becomes of an experiment.
pub fn state(ui: &Ui, standing: &Standing) -> Markup {
    let (kind, english, chinese) = match standing.state {
        Some(State::Planned) => ("", "planned", "未开始"),
        Some(State::Running) => ("good", "running", "运行中"),
        Some(State::Ended) => ("warn", "ended", "已结束"),
        Some(State::Stopped) => ("", "stopped", "已停止"),
        None if standing.name == "holdout" => ("", "held out of all", "长期预留"),
        None => ("", "not in the file any more", "已不在文件中"),
    };
    badge(kind, ui.say(english, chinese))
}

/// What may be said of a variant.
pub fn verdict(ui: &Ui, result: &VariantResult) -> Markup {
    let Some(verdict) = result.verdict else { return html! { span.soft { (ui.say("the control", "对照组")) } } };
    let kind = match verdict {
        Verdict::Better => "good",
        Verdict::Worse | Verdict::SampleRatioOff => "bad",
        Verdict::NoDifferenceFound | Verdict::TooEarly => "",
    };
    let (english, chinese) = verdict.words();
    html! {
        (badge(kind, ui.say(english, chinese)))
        @match (result.decided_on, result.days_left) {
            (Some(day), _) => { " " span.soft { (ui.say("since", "自")) " " (day) } }
            (None, Some(days)) => { " " span.soft {
                (ui.say("about", "约还需")) " " (days) " " (ui.say("more days", "天"))
            } }
            (None, None) => {}
        }
    }
}

/// What the variants are compared by.
pub fn metric(ui: &Ui, metric: &str) -> &'static str {
    let (english, chinese) = match metric {
        "orders" => ("orders for each visitor", "每访客订单数"),
        "revenue" => ("revenue for each visitor", "每访客收入"),
        _ => ("clicks for each list", "每列表点击数"),
    };
    ui.say(english, chinese)
}

/// A figure of the metric.
pub fn figure(metric: &str) -> fn(f64) -> String {
    match metric {
        "revenue" => money,
        "orders" => percent,
        _ => |value| number((value * 1e4).round() / 1e4),
    }
}

/// The same with its sign.
pub fn signed(metric: &str, value: f64) -> String {
    let text = figure(metric)(value);
    if value > 0.0 { format!("+{text}") } else { text }
}
