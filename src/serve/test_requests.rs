//! Lists that somebody tries: those of requests with the test token, and the console's previews. They are answered like all
//! others, and neither logged nor counted.

use axum::extract::Query;
use axum::http::HeaderName;
use axum::http::request::Parts;
use serde::Deserialize;
use subtle::ConstantTimeEq;
use utoipa::IntoParams;

use super::http::ApiError;
use super::state::State;

static TEST_TOKEN: HeaderName = HeaderName::from_static("x-test-token");

/// What a query may say of itself, where headers cannot be set.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TestParams {
    /// The test token, where no header can be set: the list is answered, and neither logged nor counted. Other programs may log
    /// whole addresses: better is the header X-Test-Token.
    test_token: Option<String>,
}

/// A token for the console's own page, as long as this process runs.
pub fn console_token() -> String {
    format!("console-{:032x}", rand::random::<u128>())
}

/// Whether a list is asked for as a test.
///
/// # Errors
/// It says so without the right to: answered as a visitor's, it would be logged.
pub fn is_test(parts: &Parts, state: &State) -> Result<bool, ApiError> {
    let header = parts.headers.get(&TEST_TOKEN).map(|value| value.as_bytes().to_vec());
    let given = header.or_else(|| Some(parameter(parts)?.into_bytes()));
    let Some(given) = given else { return Ok(false) };
    // the time that comparing takes tells nothing of a token but its length
    let is = |token: &str| bool::from(token.as_bytes().ct_eq(&given));
    match &state.config.serve.test_token {
        _ if is(&state.console_token) => Ok(true),
        Some(token) if is(token) => Ok(true),
        Some(_) => Err(ApiError::Unauthorized("the test token is wrong")),
        None => Err(ApiError::Unauthorized(
            "there are no test requests here; set TEST_TOKEN, or leave X-Test-Token and test_token out",
        )),
    }
}

fn parameter(parts: &Parts) -> Option<String> {
    // most queries hold none, and need not be read twice
    parts.uri.query().filter(|query| query.contains("test_token"))?;
    Query::<TestParams>::try_from_uri(&parts.uri).ok()?.0.test_token
}
