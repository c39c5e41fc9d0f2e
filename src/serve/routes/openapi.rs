//! `/openapi.json`: the description of the API, made from the handlers themselves.

use axum::Json;
use axum::extract::State;
use utoipa::openapi::info::LicenseBuilder;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{self, Content, Ref, ResponseBuilder, Schema};
use utoipa::{Modify, OpenApi};

use super::{health, lists, metrics, models, reports, search, sql, views};
use crate::common::ids::IdFormat;
use crate::serve::state::Shared;

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
        lists::person,
        lists::trending,
        search::search,
        health::health,
        health::live,
        health::ready,
        metrics::metrics,
        models::reload,
        views::list,
        views::rows,
        sql::sql,
        reports::list,
        reports::file
    ),
    tags(
        (name = "lists", description = "Lists for pages, and search"),
        (name = "figures", description = "What the warehouse knows, for programs and spreadsheets"),
        (name = "operation", description = "For probes, Prometheus and operators"),
    ),
    servers((url = "/", description = "The server that gives this description")),
    modifiers(&Tokens, &Refusals)
)]
struct Description;

struct Tokens;

impl Modify for Tokens {
    fn modify(&self, openapi: &mut openapi::OpenApi) {
        for name in ["admin_token", "analyst_token"] {
            let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
            openapi.components.get_or_insert_default().add_security_scheme(name, scheme);
        }
        // whoever reaches the server may ask for all the rest
        openapi.security = Some(Vec::new());
    }
}

/// What any route may answer, whatever is asked.
struct Refusals;

impl Modify for Refusals {
    fn modify(&self, openapi: &mut openapi::OpenApi) {
        let error = |description: &str| {
            let schema = Ref::from_schema_name("ErrorBody");
            ResponseBuilder::new().description(description).content("application/json", Content::new(Some(schema)))
        };
        for item in openapi.paths.paths.values_mut() {
            for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
                let refused = "Refused: a malformed request, a wrong method, a head, address or body that is too large";
                operation.responses.responses.insert("4XX".to_owned(), error(refused).into());
                operation
                    .responses
                    .responses
                    .insert("5XX".to_owned(), error("Something broke; the log says what").into());
            }
        }
        // a licence that has a name
        let name = env!("CARGO_PKG_LICENSE");
        let license = LicenseBuilder::new().name(name).identifier(Some(name)).build();
        openapi.info.license = (!name.is_empty()).then_some(license);
    }
}

/// The description for clients that get ids in this format.
fn description(ids: IdFormat) -> openapi::OpenApi {
    let mut description = Description::openapi();
    let schemas = &mut description.components.get_or_insert_default().schemas;
    schemas.insert("Id".to_owned(), Schema::Object(ids.schema()).into());
    description
}

/// The document.
pub async fn document(State(state): State<Shared>) -> Json<openapi::OpenApi> {
    Json(description(state.config.serve.id_format))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_what_consumers_know() {
        let text = description(IdFormat::Number).to_pretty_json().expect("JSON");
        insta::assert_snapshot!(text);
    }
}
