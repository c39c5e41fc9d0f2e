//! All routes, and what holds for every one of them.

use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use tower_http::CompressionLevel;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::limit::RequestBodyLimitLayer;

use super::{docs, health, lists, metrics, models, openapi, reports, search, sql, views};
use crate::serve::http::{ApiError, error};
use crate::serve::state::Shared;

/// The most bytes of a request's body: a query, or what `/models/reload` reads, is much shorter.
const BODY: usize = 64 * 1024;

/// The paths of all routes; what stands in braces is any part of a path.
const PATHS: [&str; 19] = [
    "/similar/{dataset_id}",
    "/recommend/detail/{dataset_id}",
    "/recommend",
    "/hot/trending",
    "/search",
    "/health",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/models/reload",
    "/openapi.json",
    "/docs",
    "/",
    "/reports",
    "/reports/{file}",
    "/report/{file}",
    "/views",
    "/views/{name}",
    "/sql",
];

/// Pages for people, which stand below `/console`.
pub type Pages = fn() -> Router<Shared>;

/// The route that answers a path, as logs and traces name it: there are few of them, whatever is asked for.
pub fn route_of(path: &str) -> &'static str {
    if path == "/console" || path.starts_with("/console/") {
        return "/console";
    }
    let fits = |route: &str| {
        route.split('/').count() == path.split('/').count()
            && route.split('/').zip(path.split('/')).all(|(part, asked)| part == asked || part.starts_with('{'))
    };
    PATHS.into_iter().find(|route| fits(route)).unwrap_or("none")
}

/// All routes, and those of pages.
pub fn router(state: Shared, pages: Pages) -> Router {
    let router = Router::new()
        .route("/similar/{dataset_id}", get(lists::similar))
        .route("/recommend/detail/{dataset_id}", get(lists::detail))
        .route("/recommend", get(lists::person))
        .route("/hot/trending", get(lists::trending))
        .route("/search", get(search::search))
        .route("/health", get(health::health))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .route("/models/reload", post(models::reload))
        .route("/openapi.json", get(openapi::document))
        .route("/docs", get(docs::page))
        .route("/", get(|| async { Redirect::temporary("/console") }))
        .route("/reports", get(reports::list))
        .route("/reports/{file}", get(reports::file))
        .route("/report/{file}", get(reports::report))
        .route("/views", get(views::list))
        .route("/views/{name}", get(views::rows))
        .route("/sql", post(sql::sql))
        .merge(pages())
        .fallback(error::no_route)
        .method_not_allowed_fallback(error::wrong_method)
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(RequestBodyLimitLayer::new(BODY))
        .layer(map_response(|response: Response| async move {
            let mut response = match response.status() {
                StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge(BODY).into_response(),
                _ => response,
            };
            // lists are new for each request, errors and figures are of the moment
            response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
            response
        }));
    let router = match cors(&state.config.serve.cors_origins) {
        Some(layer) => router.layer(layer),
        None => router,
    };
    router.with_state(state)
}

/// Lets pages of these origins ask from a browser.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    let allowed = match origins {
        [] => return None,
        all if all.iter().any(|origin| origin == "*") => AllowOrigin::any(),
        some => AllowOrigin::list(some.iter().filter_map(|origin| origin.parse().ok())),
    };
    let sent = ["x-recommend-source", "x-client-app", "x-request-id"].map(HeaderName::from_static);
    let said = ["x-request-id", "x-response-time"].map(HeaderName::from_static);
    let cors =
        CorsLayer::new().allow_origin(allowed).allow_methods([Method::GET]).allow_headers(sent).expose_headers(said);
    Some(cors.max_age(Duration::from_secs(3600)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_known_by_its_path() {
        let code = include_str!("router.rs").split_once("with_state").map_or("", |(code, _)| code);
        let routes: Vec<&str> =
            code.split(".route(\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(path, _)| path).collect();
        assert_eq!(routes, PATHS);
        for (path, expected) in [
            ("/", "/"),
            ("/similar/7", "/similar/{dataset_id}"),
            ("/similar", "none"),
            ("/similar/7/8", "none"),
            ("/health/ready", "/health/ready"),
            ("/reports/a.html", "/reports/{file}"),
        ] {
            assert_eq!(route_of(path), expected, "{path}");
        }
    }
}
