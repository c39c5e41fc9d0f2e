//! Lists that somebody tries: those of requests with the test token, and the console's previews. They are answered like all
//! others, and neither logged nor counted.

use axum::http::{HeaderMap, HeaderName};
use subtle::ConstantTimeEq;

use super::http::ApiError;
use super::state::State;

static TEST_TOKEN: HeaderName = HeaderName::from_static("x-test-token");

/// A token for the console's own page, as long as this process runs.
pub fn console_token() -> String {
    format!("console-{:032x}", rand::random::<u128>())
}

/// Whether a list is asked for as a test.
///
/// # Errors
/// It says so without the right to: answered as a visitor's, it would be logged.
pub fn is_test(headers: &HeaderMap, state: &State) -> Result<bool, ApiError> {
    let Some(given) = headers.get(&TEST_TOKEN) else { return Ok(false) };
    // the time that comparing takes tells nothing of a token but its length
    let is = |token: &str| bool::from(token.as_bytes().ct_eq(given.as_bytes()));
    match &state.config.serve.test_token {
        _ if is(&state.console_token) => Ok(true),
        Some(token) if is(token) => Ok(true),
        Some(_) => Err(ApiError::Unauthorized("the test token in X-Test-Token is wrong")),
        None => {
            Err(ApiError::Unauthorized("there are no test requests here; set TEST_TOKEN, or leave X-Test-Token out"))
        }
    }
}
