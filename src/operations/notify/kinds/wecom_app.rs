//! An application at WeCom: `gettoken`, then `message/send` with a text.

use anyhow::{Result, anyhow};
use chrono::{TimeDelta, Utc};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::super::fields::Fields;
use super::super::letters::Letter;
use super::super::notice::episode;
use super::super::receiver::Carrier;
use super::answer::json_of;
use super::errcode::{Service, code_of, refusal};
use super::token::{EARLY, Token};
use crate::common::language::{either, t};
use crate::common::secrets::{self, Secret};
use crate::operations::Refusal;

/// Where WeCom is, but for private deployments.
const WECOM: &str = "https://qyapi.weixin.qq.com";

/// For how long WeCom shows the same text once, in seconds.
const SAME: u32 = 4 * 3600;

/// A token was asked for with this that is none any more.
const TOKEN_FAULTS: [i64; 3] = [40014, 41001, 42001];

/// An application.
#[derive(Clone, Debug)]
pub struct WecomApp {
    corp_id: String,
    corp_secret: Secret,
    agent: u64,
    to: String,
    to_party: String,
    to_tag: String,
    base_url: String,
}

impl WecomApp {
    /// That of `notify.toml`.
    pub fn read(fields: &Fields<'_>) -> Result<Self> {
        let agent = fields.needed("agent_id")?;
        let (to, to_party, to_tag) = (fields.text("to")?, fields.text("to_party")?, fields.text("to_tag")?);
        let nobody = [&to, &to_party, &to_tag].iter().all(|to| to.is_none());
        let base_url = fields.text("base_url")?.unwrap_or_else(|| WECOM.to_owned());
        if !super::is_http(&base_url) {
            return Err(fields.fault("base_url", either("a URL of http or https", "http 或 https 的 URL")));
        }
        Ok(Self {
            corp_id: fields.needed("corp_id")?,
            corp_secret: fields.needed_secret("corp_secret")?,
            agent: agent.parse().map_err(|_| fields.fault("agent_id", either("a number", "数字")))?,
            to: to.unwrap_or_else(|| if nobody { "@all".to_owned() } else { String::new() }),
            to_party: to_party.unwrap_or_default(),
            to_tag: to_tag.unwrap_or_default(),
            base_url: base_url.trim_end_matches('/').to_owned(),
        })
    }

    /// That of the settings; none where the agent is no number.
    pub fn of(corp_id: &str, corp_secret: Secret, agent: &str, to: &str) -> Option<Self> {
        let agent = agent.trim().parse().ok()?;
        let (corp_id, to, base_url) = (corp_id.to_owned(), to.to_owned(), WECOM.to_owned());
        Some(Self { corp_id, corp_secret, agent, to, to_party: String::new(), to_tag: String::new(), base_url })
    }

    /// Who is told, for people.
    pub fn address(&self) -> String {
        let to = [&self.to, &self.to_party, &self.to_tag].into_iter().filter(|to| !to.is_empty());
        t!("agent {} to {}", "应用 {} → {}", self.agent, to.cloned().collect::<Vec<_>>().join("|"))
    }

    /// Sends a letter.
    pub fn bring(&self, receiver: &str, letter: &Letter, carrier: &Carrier<'_>) -> Result<String, Refusal> {
        let send = |token: &str| {
            let url = format!("{}/cgi-bin/message/send?access_token={}", self.base_url, escaped(token));
            let answer = json_of(carrier.outgoing.post_json(&url, &self.message(letter)))?;
            Ok::<_, Refusal>((code_of(&answer, "errcode", "errmsg"), answer))
        };
        let token = self.token(receiver, carrier)?;
        let ((mut code, mut said), mut answer) = send(&token)?;
        if TOKEN_FAULTS.contains(&code) {
            Token::forget(carrier.config, receiver).map_err(|error| Refusal::Closed(error, None))?;
            let token = self.token(receiver, carrier)?;
            ((code, said), answer) = send(&token)?;
        }
        if code != 0 {
            return Err(refusal(Service::Wecom, code, &said));
        }
        let unknown: Vec<&str> = ["invaliduser", "invalidparty", "invalidtag", "unlicenseduser"]
            .into_iter()
            .filter_map(|name| answer[name].as_str().filter(|who| !who.is_empty()))
            .collect();
        if !unknown.is_empty() {
            tracing::warn!(
                "{receiver}: WeCom does not know {}, or they may not see the application",
                unknown.join(", ")
            );
            return Ok(t!("ok, but WeCom does not know {}", "ok，但企业微信不认识 {}", unknown.join(", ")));
        }
        Ok(said)
    }

    fn message(&self, letter: &Letter) -> Value {
        json!({
            "touser": self.to,
            "toparty": self.to_party,
            "totag": self.to_tag,
            "msgtype": "text",
            "agentid": self.agent,
            "text": { "content": letter.text },
            "safe": 0,
            // what is sent again after a kill is not shown again
            "enable_duplicate_check": 1,
            "duplicate_check_interval": SAME,
        })
    }

    /// The token that is kept, or a new one.
    fn token(&self, receiver: &str, carrier: &Carrier<'_>) -> Result<String, Refusal> {
        let of = episode(&[&self.base_url, &self.corp_id, &self.corp_secret.0]);
        if let Some(token) = Token::kept(carrier.config, receiver, &of) {
            return Ok(token);
        }
        let url = format!(
            "{}/cgi-bin/gettoken?corpid={}&corpsecret={}",
            self.base_url,
            escaped(&self.corp_id),
            escaped(&self.corp_secret.0)
        );
        let answer = json_of(carrier.outgoing.get(&url))?;
        let (code, said) = code_of(&answer, "errcode", "errmsg");
        let token = answer["access_token"].as_str().filter(|token| !token.is_empty());
        let Some(token) = token.filter(|_| code == 0) else { return Err(refusal(Service::Wecom, code, &said)) };
        secrets::register(token);
        let lasts = answer["expires_in"].as_i64().unwrap_or(0);
        let until = Utc::now() + TimeDelta::seconds((lasts - EARLY).clamp(0, 86_400));
        let kept = Token { of, text: token.to_owned(), until };
        kept.keep(carrier.config, receiver).map_err(|error| Refusal::Closed(anyhow!(error), None))?;
        Ok(kept.text)
    }
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
