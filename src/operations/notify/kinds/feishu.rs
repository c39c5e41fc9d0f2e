//! A robot of a Feishu group: a URL that ends in its key, signed where a secret is set.

use anyhow::Result;
use chrono::Utc;
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
pub struct Feishu {
    /// Its URL, which ends in its key.
    pub url: Secret,
    secret: Option<Secret>,
}

impl Feishu {
    /// That of `notify.toml`.
    pub fn read(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self { url: secret_url(fields, "url")?, secret: fields.secret("secret")? })
    }

    /// Sends a letter.
    pub fn bring(&self, letter: &Letter, carrier: &Carrier<'_>) -> Result<String, Refusal> {
        let mut message = json!({ "msg_type": "text", "content": { "text": letter.text } });
        if let Some(secret) = &self.secret {
            // the key is what elsewhere is signed, and nothing is what is signed
            let at = Utc::now().timestamp().to_string();
            message["sign"] = sign(&format!("{at}\n{}", secret.0), "").into();
            message["timestamp"] = at.into();
        }
        let answer = json_of(carrier.outgoing.post_json(&self.url.0, &message))?;
        match code_of(&answer, "code", "msg") {
            (0, said) => Ok(if said.is_empty() { "ok".to_owned() } else { said }),
            (code, said) => Err(refusal(Service::Feishu, code, &said)),
        }
    }
}
