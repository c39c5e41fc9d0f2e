//! A program that takes a notice as JSON over HTTP.

use anyhow::{Context, Result};
use ureq::http::{Request, header};

use super::super::fields::Fields;
use super::super::letters::Letter;
use super::super::receiver::Carrier;
use super::answer::success_of;
use super::secret_url;
use crate::common::language::{either, t};
use crate::common::secrets::Secret;
use crate::operations::Refusal;

/// Such a program.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// Where it listens.
    pub url: Secret,
    token: Option<Secret>,
}

impl Webhook {
    /// That of `notify.toml`.
    pub fn read(fields: &Fields<'_>) -> Result<Self> {
        Ok(Self { url: secret_url(fields, "url")?, token: fields.secret("token")? })
    }

    /// Posts a notice.
    pub fn bring(&self, letter: &Letter, carrier: &Carrier<'_>) -> Result<String, Refusal> {
        let request = || {
            let mut request = Request::post(&self.url.0)
                .header(header::CONTENT_TYPE, "application/json")
                // the same where it is sent again
                .header("Idempotency-Key", &letter.id);
            if let Some(token) = &self.token {
                request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.0));
            }
            request.body(serde_json::to_vec(&letter.json)?).context(either("this is no URL", "不是有效的 URL"))
        };
        let request = request().map_err(|error| Refusal::Closed(error, None))?;
        let answer = success_of(carrier.outgoing.send(request))?;
        Ok(t!("status {}", "状态码 {}", answer.status))
    }
}
