//! A robot of a DingTalk group: a URL with a token, signed where a secret is set.

use anyhow::Result;
use chrono::Utc;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::super::fields::Fields;
use super::super::letters::Letter;
use super::super::receiver::Carrier;
use super::answer::json_of;
use super::errcode::{Service, code_of, refusal};
use super::secret_url;
use super::sign::sign;
use crate::common::secrets::Secret;
use crate::operations::Refusal;

/// A robot.
#[derive(Clone, Debug)]
pub struct DingTalk {
    /// Its URL, which holds its token.
    pub url: Secret,
    secret: Option<Secret>,
}

impl DingTalk {
    /// That of `notify.toml`.
    pub fn read(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self { url: secret_url(fields, "url")?, secret: fields.secret("secret")? })
    }

    /// Sends a letter.
    pub fn bring(&self, letter: &Letter, carrier: &Carrier<'_>) -> Result<String, Refusal> {
        let mut url = self.url.0.clone();
        if let Some(secret) = &self.secret {
            let at = Utc::now().timestamp_millis();
            let signature = sign(&secret.0, &format!("{at}\n{}", secret.0));
            let signature = utf8_percent_encode(&signature, NON_ALPHANUMERIC);
            let and = if url.contains('?') { '&' } else { '?' };
            url += &format!("{and}timestamp={at}&sign={signature}");
        }
        let message = json!({ "msgtype": "text", "text": { "content": letter.text } });
        let answer = json_of(carrier.outgoing.post_json(&url, &message))?;
        match code_of(&answer, "errcode", "errmsg") {
            (0, said) => Ok(said),
            (code, said) => Err(refusal(Service::DingTalk, code, &said)),
        }
    }
}
