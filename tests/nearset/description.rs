//! `/openapi.json` is a valid description, and every answer of every route is as it says.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::support::{Nearset, Server, agent};

/// The description that a server gives of itself.
pub struct Description {
    pub document: Value,
    validators: HashMap<String, Validator>,
}

impl Description {
    pub fn of(server: &Server) -> Self {
        let document = server.get("/openapi.json").1;
        let mut components = document["components"].clone();
        let text = document.to_string();
        for (name, schema) in components["schemas"].as_object_mut().expect("schemas") {
            // a field that is not described is none; what others are made of cannot say so by itself
            let is_part = text.contains(&format!("\"allOf\":[{{\"$ref\":\"#/components/schemas/{name}\""));
            if !is_part && schema["type"] != "string" && schema["type"] != "integer" {
                schema["unevaluatedProperties"] = json!(false);
            }
        }
        let validator = |name: &String| {
            let schema = json!({"$ref": format!("#/components/schemas/{name}"), "components": components});
            (name.clone(), jsonschema::draft202012::new(&schema).expect("a schema"))
        };
        let validators = components["schemas"].as_object().expect("schemas").keys().map(validator).collect();
        Self { document, validators }
    }

    /// What is wrong with an answer of an operation, if anything is.
    pub fn verdict(&self, operation: (&str, &str), status: u16, kind: &str, body: &str) -> Result<(), String> {
        let (method, path) = operation;
        let responses = &self.document["paths"][path][method]["responses"];
        let range = format!("{}XX", status / 100);
        let response = responses.get(status.to_string()).or(responses.get(range));
        let response = response.ok_or_else(|| format!("{status} is not described"))?;
        let media = kind.split(';').next().unwrap_or_default();
        let schema =
            &response["content"].get(media).ok_or_else(|| format!("{status} as {media:?} is not described"))?["schema"];
        let Some(name) = schema["$ref"].as_str() else { return Ok(()) };
        let name = name.rsplit('/').next().unwrap_or_default();
        let body: Value = serde_json::from_str(body).map_err(|error| format!("{error}: {body}"))?;
        self.validators[name].validate(&body).map_err(|error| format!("{error} at {}: {body}", error.instance_path()))
    }

    fn operations(&self) -> Vec<(String, String, Value)> {
        let mut operations = Vec::new();
        for (path, item) in self.document["paths"].as_object().expect("paths") {
            for (method, operation) in item.as_object().expect("methods") {
                operations.push((method.clone(), path.clone(), operation.clone()));
            }
        }
        operations
    }
}

fn names(of: &Value) -> impl Iterator<Item = (&String, &Value)> {
    of.as_object().into_iter().flatten()
}

/// Every `$ref` below a value.
fn references(of: &Value, found: &mut BTreeSet<String>) {
    match of {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| match value {
            Value::String(to) if name == "$ref" => drop(found.insert(to.clone())),
            other => references(other, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// What linters of such descriptions ask (redocly's recommended rules).
#[test]
fn the_description_is_valid() {
    let n = Nearset::empty();
    let server = n.serve();
    let description = Description::of(&server);
    let document = &description.document;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")));
    assert!(document["servers"].as_array().is_some_and(|servers| !servers.is_empty()));
    assert!(document["info"].get("license").is_none_or(|license| license.get("identifier").is_some()));
    let tags: BTreeMap<&str, &str> = document["tags"]
        .as_array()
        .expect("tags")
        .iter()
        .map(|tag| (tag["name"].as_str().expect("a name"), tag["description"].as_str().expect("a sentence")))
        .collect();
    let mut ids = BTreeSet::new();
    for (method, path, operation) in description.operations() {
        let at = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].to_string()), "{at}: an operationId twice");
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{at}");
        assert!(
            operation["tags"]
                .as_array()
                .is_some_and(|of| of.iter().all(|t| tags.contains_key(t.as_str().expect("a tag"))))
        );
        assert!(operation.get("security").or(document.get("security")).is_some(), "{at}: security is not said");
        let mut statuses = Vec::new();
        for (status, response) in names(&operation["responses"]) {
            statuses.push(status.as_str());
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{at} {status}");
        }
        assert!(
            statuses.contains(&"200") && statuses.iter().any(|status| status.starts_with('4')),
            "{at}: {statuses:?}"
        );
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let mut seen = BTreeSet::new();
        for parameter in &parameters {
            let name = parameter["name"].as_str().expect("a name");
            assert!(seen.insert(name.to_owned()), "{at}: {name} twice");
            assert!(parameter["description"].as_str().is_some_and(|text| !text.is_empty()), "{at} {name}");
            assert!(parameter.get("schema").is_some(), "{at} {name}");
            if parameter["in"] == "path" {
                assert!(path.contains(&format!("{{{name}}}")) && parameter["required"] == true, "{at} {name}");
            }
        }
        let in_path = path.split('{').skip(1).filter_map(|part| part.split_once('}'));
        assert!(in_path.map(|(name, _)| name).all(|name| seen.contains(name)), "{at}");
    }
    assert!(ids.len() >= 9, "{ids:?}");
    let mut found = BTreeSet::new();
    references(document, &mut found);
    let defined: BTreeSet<String> =
        names(&document["components"]["schemas"]).map(|(name, _)| format!("#/components/schemas/{name}")).collect();
    assert_eq!(found, defined, "every schema is there, and used");
}

#[test]
fn ids_are_described_as_they_are_answered() {
    let mut n = Nearset::demo();
    for (format, kind) in [("number", "integer"), ("string", "string")] {
        n.set("ID_FORMAT", format);
        let server = n.serve();
        let description = Description::of(&server);
        assert_eq!(description.document["components"]["schemas"]["Id"]["type"], kind);
        for (path, asked) in [
            ("/similar/{dataset_id}", "/similar/1001"),
            ("/recommend/detail/{dataset_id}", "/recommend/detail/1001?user_id=3&recent=1002"),
            ("/hot/trending", "/hot/trending"),
            ("/search", "/search?q=weather"),
        ] {
            let (status, body) = server.get_text(asked);
            assert_eq!(description.verdict(("get", path), status, "application/json", &body), Ok(()), "{asked}");
        }
    }
}

#[test]
fn every_answer_of_every_route_is_as_described() {
    let n = Nearset::demo();
    let server = n.serve_with(|command| {
        command.env("ADMIN_TOKEN", "t");
    });
    let without_model = Nearset::empty();
    let waiting = without_model.serve();
    let description = Description::of(&server);
    let agent = agent();
    let mut seen = BTreeSet::new();
    let long = "x".repeat(20_000);
    let body = vec![b'x'; 70_000];
    for (method, path, _) in description.operations() {
        let path_with =
            |id: &str| path.replace("{dataset_id}", id).replace("{file}", "summary.json").replace("{name}", "coverage");
        let plain = path_with("1001");
        let other = if method == "get" { "POST" } else { "GET" };
        let mut asked: Vec<(&Server, &str, String, &str, &[u8])> = vec![
            (&server, "", plain.clone(), "t", b""),
            (&server, "", plain.clone(), "wrong", b""),
            (&server, "", format!("{plain}?q=weather&top_n=5&limit=5&lang=ja&user_id=3"), "t", b""),
            (&server, "", format!("{plain}?q=&top_n=0&limit=x"), "t", b""),
            (&server, "", format!("{plain}?q=%FF&top_n=%zz"), "t", b""),
            (&server, "", path_with("%FF"), "t", b""),
            (&server, "", path_with("1e2"), "t", b""),
            (&server, "", format!("{plain}/nowhere"), "t", b""),
            (&server, "", format!("{plain}?visitor_id={long}"), "t", b""),
            (&server, other, plain.clone(), "t", b""),
            (&server, "PROPFIND", plain.clone(), "t", b""),
            (&waiting, "", plain.clone(), "t", b""),
            (&waiting, "", format!("{plain}?q=weather"), "t", b""),
        ];
        if method == "post" {
            asked.push((&server, "", plain.clone(), "t", &body));
        }
        for (server, with, path_and_query, token, body) in asked {
            let with = if with.is_empty() { method.to_uppercase() } else { with.to_owned() };
            let request = ureq::http::Request::builder()
                .method(with.as_str())
                .uri(format!("{}{path_and_query}", server.base))
                .header("authorization", format!("Bearer {token}"));
            let mut response = if body.is_empty() {
                let request = agent.configure_request(request.body(()).expect("a request"));
                agent.run(request.allow_non_standard_methods(true).build())
            } else {
                agent.run(request.body(body).expect("a request"))
            }
            .unwrap_or_else(|error| panic!("{with} {path_and_query}: {error}"));
            let status = response.status().as_u16();
            let kind = response.headers()["content-type"].to_str().expect("text").to_owned();
            assert!(response.headers().contains_key("cache-control"), "{with} {path_and_query}");
            let text = response.body_mut().read_to_string().expect("text");
            let verdict = description.verdict((method.as_str(), path.as_str()), status, &kind, &text);
            assert_eq!(verdict, Ok(()), "{with} {path_and_query}");
            seen.insert(status);
        }
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [200, 400, 401, 404, 405, 413, 414, 503]);
}
