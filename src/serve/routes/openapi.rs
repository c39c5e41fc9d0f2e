//! `/openapi.json`: the description of the API, made from the handlers themselves.

use axum::Json;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{health, lists, metrics, models, search};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "nearset",
        description = "Datasets to show beside datasets. 数据集详情页的推荐接口。\n\nEvery list has a `request_id`: hand it to Matomo \
                       when an item is clicked (custom dimension, or `rid=` in the link), so that clicks and orders find their list."
    ),
    paths(
        lists::similar,
        lists::detail,
        lists::trending,
        search::search,
        health::health,
        health::live,
        health::ready,
        metrics::metrics,
        models::reload
    ),
    modifiers(&AdminToken)
)]
struct Description;

struct AdminToken;

impl Modify for AdminToken {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
        openapi.components.get_or_insert_default().add_security_scheme("admin_token", scheme);
    }
}

/// The document.
pub async fn document() -> Json<utoipa::openapi::OpenApi> {
    Json(Description::openapi())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_what_consumers_know() {
        let text = Description::openapi().to_pretty_json().expect("JSON");
        insta::assert_snapshot!(text);
    }
}
