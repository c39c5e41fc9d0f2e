//! Who is told of what is wrong, and whether they are.

use anyhow::Result;

use crate::common::finding::{Finding, Verdict};
use crate::common::language::{either, t};
use crate::config::Config;
use crate::operations::notify::{self, Routing};

/// The receivers, and what keeps them from being told.
pub fn notifications(config: &Config) -> Result<Finding> {
    let (routing, overview) = (Routing::of(config)?, notify::overview(config)?);
    let finding = |verdict, text| Finding::new(verdict, "notifications", text);
    if routing.receivers.is_empty() {
        let path = config.notify_path();
        return Ok(finding(
            Verdict::Fine,
            t!(
                "nobody is told when something goes wrong: there is no {}, and WEIXIN_CORP_ID is not set",
                "出错时不通知任何人：没有 {}，也没有设置 WEIXIN_CORP_ID",
                path.display()
            ),
        ));
    }
    let names: Vec<String> =
        overview.receivers.iter().map(|receiver| format!("{} ({})", receiver.name, receiver.kind)).collect();
    let mut text = t!("{} are told ({})", "通知 {}（{}）", names.join(", "), routing.origin);
    let mut odd = Vec::new();
    if routing.has_gaps() {
        odd.push(
            either(
                "what no route takes is told to nobody: let the last route ask for nothing",
                "没有路由匹配的告警不通知任何人：请让最后一条路由不带条件",
            )
            .to_owned(),
        );
    }
    let path = config.notify_path();
    if notify::is_open_to_others(&path)? {
        odd.push(t!(
            "{path} holds secrets and others of this machine may read it: chmod 600 {path}",
            "{path} 含有密钥，而本机其他用户可以读取：chmod 600 {path}",
            path = path.display()
        ));
    }
    for waiting in &overview.waiting {
        if let Some(error) = &waiting.error {
            odd.push(t!(
                "{} did not take the last message: {error}",
                "{} 没有接收最近的消息：{error}",
                waiting.receiver
            ));
        }
    }
    if !overview.refused.is_empty() {
        let count = overview.refused.len();
        odd.push(t!(
            "{count} messages were refused for good; `nearset notify list` says why",
            "有 {count} 条消息被永久拒收；`nearset notify list` 说明原因"
        ));
    }
    odd.iter().for_each(|fault| text += &format!("\n{fault}"));
    Ok(finding(if odd.is_empty() { Verdict::Fine } else { Verdict::Odd }, text))
}
