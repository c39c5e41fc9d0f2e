//! What came back of a request, as far as it is the same everywhere: nobody there, another status than success, no JSON.

use anyhow::{Result, anyhow};
use chrono::TimeDelta;
use serde_json::Value;

use crate::common::language::t;
use crate::operations::{Answer, Refusal};

/// The JSON of an answer of success.
///
/// # Errors
/// Nobody answered, or not with success: whether it may do so later follows from the status.
pub fn json_of(answer: Result<Answer>) -> Result<Value, Refusal> {
    let answer = success_of(answer)?;
    serde_json::from_slice(&answer.body).map_err(|_| {
        let start: String = answer.text().chars().take(100).collect();
        Refusal::Closed(
            anyhow!(t!(
                "the answer is not what this service gives: {start:?}; is the address right, or a proxy in between?",
                "应答不是该服务应有的内容：{start:?}；地址是否正确，中间是否有代理？"
            )),
            None,
        )
    })
}

/// An answer of success.
///
/// # Errors
/// As for [`json_of`].
pub fn success_of(answer: Result<Answer>) -> Result<Answer, Refusal> {
    let answer = answer.map_err(|error| Refusal::Closed(error, None))?;
    if answer.is_success() {
        return Ok(answer);
    }
    let start: String = answer.text().chars().take(200).collect();
    let error = anyhow!(t!("status {}: {start}", "状态码 {}：{start}", answer.status));
    let wait = answer.retry_after.map(|seconds| TimeDelta::seconds(seconds.min(3600) as i64));
    Err(match answer.status {
        // a message that is not understood will not be understood later
        400 | 413 | 415 | 422 => Refusal::Never(error),
        _ => Refusal::Closed(error, wait),
    })
}
