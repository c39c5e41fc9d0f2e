//! What the numbers mean with which WeCom, DingTalk and Feishu refuse a message, and whether it may arrive later.

use anyhow::anyhow;
use chrono::TimeDelta;
use serde_json::Value;

use crate::common::language::t;
use crate::operations::Refusal;

/// Whose numbers they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// WeCom's.
    Wecom,
    /// DingTalk's.
    DingTalk,
    /// Feishu's.
    Feishu,
}

/// How long a service that had too many requests is left alone at least, in seconds.
const REST: i64 = 5;

/// Why a service refused a message, in words that say what to do.
pub fn refusal(service: Service, code: i64, said: &str) -> Refusal {
    let error = anyhow!(t!("{} ({code}: {said})", "{}（{code}：{said}）", meaning(service, code, said)));
    let soon = Some(TimeDelta::seconds(1));
    match (service, code) {
        // busy; too many at once
        (Service::Wecom, -1 | 45033) | (Service::DingTalk, -1) => Refusal::Closed(error, soon),
        // too many in a minute
        (Service::Wecom, 45009) | (Service::DingTalk, 130101 | 410100) | (Service::Feishu, 9499 | 11232) => {
            Refusal::Closed(error, Some(TimeDelta::seconds(REST)))
        }
        // the message itself
        (Service::Wecom, 40008 | 44004 | 45002) | (Service::DingTalk, 400105) => Refusal::Never(error),
        // the settings: it arrives once they are mended
        _ if is_known(service, code) => Refusal::Closed(error, None),
        _ => Refusal::Later(error, None),
    }
}

fn is_known(service: Service, code: i64) -> bool {
    match service {
        Service::Wecom => matches!(
            code,
            40001
                | 40013
                | 40014
                | 40056
                | 40091
                | 41001
                | 41002
                | 41004
                | 41011
                | 42001
                | 48002
                | 60011
                | 60020
                | 81013
                | 93000
                | 301002
        ),
        Service::DingTalk => matches!(code, 300001 | 300005 | 310000),
        Service::Feishu => matches!(code, 19001 | 19021 | 19022 | 19024),
    }
}

fn meaning(service: Service, code: i64, said: &str) -> String {
    let known = match service {
        Service::Wecom => of_wecom(code, said),
        Service::DingTalk => of_dingtalk(code),
        Service::Feishu => of_feishu(code),
    };
    known.unwrap_or_else(|| t!("the message was refused", "消息被拒绝"))
}

fn of_wecom(code: i64, said: &str) -> Option<String> {
    Some(match code {
        -1 => t!("WeCom is busy", "企业微信系统繁忙"),
        40001 | 40091 => t!(
            "the secret is not that of the application: copy it anew from its page in WeCom's console",
            "Secret 不是该应用的：请在管理后台的应用页面重新复制"
        ),
        40013 | 41002 => {
            t!("corp_id is no company's: see My Company in WeCom's console", "企业 ID 无效：见管理后台“我的企业”")
        }
        40014 | 41001 | 42001 => {
            t!("the token has run out or was revoked; a new one is fetched", "token 已过期或失效；会重新获取")
        }
        40056 | 41011 | 301002 => t!(
            "agent_id is not the number of the application that the secret belongs to",
            "AgentId 与 Secret 不属于同一个应用"
        ),
        45009 => t!("WeCom had too many messages; it is waited", "超过企业微信的发送频率；稍后再发"),
        45033 => t!("too many requests at once; it is waited", "并发请求过多；稍后再发"),
        45002 => t!("the message is too long", "消息过长"),
        44004 => t!("the message is empty", "消息为空"),
        48002 | 60011 => {
            t!(
                "the application may not send to these people: widen who may see it",
                "应用无权向这些成员发送：请扩大可见范围"
            )
        }
        60020 => {
            let address = said.split("from ip:").nth(1).and_then(|rest| {
                rest.trim_start().split(|c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':')).next()
            });
            let address = address.map(|address| address.trim_end_matches([':', '.'])).unwrap_or_default();
            t!(
                "WeCom does not trust this machine's address {address}: add it to the trusted addresses of the application",
                "企业微信不信任本机的地址 {address}：请在该应用的“企业可信 IP”中加入它"
            )
        }
        81013 => {
            t!("none of those to be told is there: look at `to`", "要通知的成员、部门、标签都不存在：请检查 to")
        }
        93000 => {
            t!("the robot's key is none: copy its URL anew from the group", "机器人的 key 无效：请从群里重新复制地址")
        }
        _ => return None,
    })
}

fn of_dingtalk(code: i64) -> Option<String> {
    Some(match code {
        310000 => t!(
            "DingTalk's safety settings refuse it: sign with `secret`, or allow the keyword nearset or this machine's address",
            "不符合钉钉机器人的安全设置：请用 secret 加签，或允许关键词 nearset、本机地址"
        ),
        300001 | 300005 => {
            t!("the robot's access_token is none: copy its URL anew", "机器人的 access_token 无效：请重新复制地址")
        }
        130101 | 410100 => {
            t!("DingTalk takes 20 messages a minute; it is waited", "钉钉机器人每分钟限 20 条；稍后再发")
        }
        _ => return None,
    })
}

fn of_feishu(code: i64) -> Option<String> {
    Some(match code {
        19001 => t!("the robot's address is none: copy it anew", "机器人地址无效：请重新复制"),
        19021 => t!(
            "the signature does not fit: is `secret` the robot's, and this machine's clock right?",
            "签名不符：secret 是否为该机器人的，本机时钟是否准确？"
        ),
        19022 => {
            t!("Feishu does not allow this machine's address: add it to the robot's", "本机地址不在机器人的 IP 白名单")
        }
        19024 => {
            t!("a keyword is asked for: make it nearset, or sign instead", "缺少关键词：请设为 nearset，或改用签名校验")
        }
        9499 | 11232 => {
            t!("Feishu had too many messages; it is waited", "超过飞书的发送频率；稍后再发")
        }
        _ => return None,
    })
}

/// The number of an answer and what it says besides.
pub fn code_of(answer: &Value, code: &str, said: &str) -> (i64, String) {
    let number = answer[code].as_i64().or_else(|| answer["StatusCode"].as_i64());
    (number.unwrap_or(i64::MIN), answer[said].as_str().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(refusal: &Refusal) -> String {
        let (Refusal::Later(error, _) | Refusal::Closed(error, _) | Refusal::Never(error)) = refusal;
        format!("{error:#}")
    }

    #[test]
    fn the_address_to_allow_is_named_and_what_is_waited_for_is() {
        let said = "not allow to access from your ip, hint: [1], from ip: 203.0.113.7, more info at …";
        let refused = refusal(Service::Wecom, 60020, said);
        assert!(text(&refused).contains("this machine's address 203.0.113.7: add it"), "{refused:?}");
        assert!(matches!(refused, Refusal::Closed(_, None)));
        assert!(matches!(refusal(Service::Wecom, 45009, ""), Refusal::Closed(_, Some(_))));
        assert!(matches!(refusal(Service::Wecom, 44004, ""), Refusal::Never(_)));
        assert!(matches!(refusal(Service::Wecom, 12345, ""), Refusal::Later(_, None)));
    }
}
