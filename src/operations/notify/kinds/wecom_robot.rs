//! A robot of a WeCom group: one URL with a key.

use anyhow::Result;
use serde_json::json;

use super::super::fields::Fields;
use super::super::letters::Letter;
use super::super::receiver::Carrier;
use super::answer::json_of;
use super::errcode::{Service, code_of, refusal};
use super::secret_url;
use crate::common::secrets::Secret;
use crate::operations::Refusal;

/// A robot.
#[derive(Clone, Debug)]
pub struct WecomRobot {
    /// Its URL, which holds its key.
    pub url: Secret,
}

impl WecomRobot {
    /// That of `notify.toml`.
    pub fn read(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self { url: secret_url(fields, "url")? })
    }

    /// Sends a letter.
    pub fn bring(&self, letter: &Letter, carrier: &Carrier<'_>) -> Result<String, Refusal> {
        let message = json!({ "msgtype": "text", "text": { "content": letter.text } });
        let answer = json_of(carrier.outgoing.post_json(&self.url.0, &message))?;
        match code_of(&answer, "errcode", "errmsg") {
            (0, said) => Ok(said),
            (code, said) => Err(refusal(Service::Wecom, code, &said)),
        }
    }
}
