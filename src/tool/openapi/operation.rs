//! One operation of an OpenAPI document as a tool.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Map, Value, json};
use url::Url;

use super::document::Document;
use crate::{
    domain::{Effect, ToolSpec},
    runtime::http::Http,
    tool::{
        Tool, ToolCx, ToolError, ToolResult, cap,
        http::{plain, query_values, segment},
        web,
    },
};

const LONGEST_DESCRIPTION: usize = 2 * 1024;

/// What every operation of a document is called with.
pub(super) struct Api {
    pub(super) http: Arc<Http>,
    pub(super) base: Url,
    pub(super) headers: HeaderMap,
    pub(super) timeout: Duration,
}

pub(super) struct Operation {
    spec: ToolSpec,
    api: Arc<Api>,
    method: Method,
    path: String,
    parameters: Vec<Parameter>,
    body: Option<Body>,
}

#[derive(Debug)]
struct Parameter {
    /// The name of the argument.
    argument: String,
    /// The name in the request.
    name: String,
    place: Place,
    style: Style,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Path,
    Query,
    Header,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// `form` with `explode`: a list gives several, an object one for each property.
    Exploded,
    /// `simple`, or `form` without `explode`: joined by commas.
    Joined,
    /// `deepObject`: `name[property]=value`.
    Deep,
    /// Described by `content`: JSON text.
    Json,
}

#[derive(Debug)]
struct Body {
    argument: String,
    form: bool,
    media_type: String,
}

impl Operation {
    /// The id that `include` names it by.
    pub(super) fn id(method: &str, path: &str, operation: &Value) -> String {
        operation["operationId"].as_str().map_or_else(
            || {
                let words: Vec<&str> =
                    path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
                format!("{method}_{}", words.join("_"))
            },
            str::to_owned,
        )
    }

    /// # Errors
    /// Why this operation cannot be called.
    pub(super) fn new(
        document: &Document,
        api: Arc<Api>,
        (method, path): (&str, &str),
        item: &Value,
        operation: &Value,
    ) -> Result<Self, String> {
        let mut schema = Arguments::default();
        let mut parameters = vec![];
        for parameter in merged(document, item, operation) {
            if let Some(parameter) = schema.parameter(document, parameter, &api.headers) {
                parameters.push(parameter);
            }
        }
        let body = schema.body(document, document.resolve(&operation["requestBody"]))?;
        let method = Method::from_bytes(method.to_ascii_uppercase().as_bytes()).map_err(|error| error.to_string())?;
        let effect = if matches!(method, Method::GET | Method::HEAD) { Effect::Reads } else { Effect::Writes };
        let texts = [&operation["summary"], &operation["description"]];
        let texts: Vec<&str> = texts.iter().filter_map(|text| text.as_str()).map(str::trim).collect();
        let description = if texts.is_empty() {
            format!("{method} {path}")
        } else {
            cap::short(&texts.join("\n"), LONGEST_DESCRIPTION)
        };
        Ok(Self {
            spec: ToolSpec {
                name: Self::id(&method.as_str().to_ascii_lowercase(), path, operation),
                description,
                parameters: schema.finish(),
                effect,
                rule_name: None,
            },
            api,
            method,
            path: path.to_owned(),
            parameters,
            body,
        })
    }

    fn url(&self, arguments: &Map<String, Value>) -> Result<Url, ToolError> {
        let mut path = self.path.clone();
        for parameter in self.parameters.iter().filter(|parameter| parameter.place == Place::Path) {
            let value = arguments
                .get(&parameter.argument)
                .ok_or_else(|| ToolError::Arguments(format!("`{}` is missing", parameter.argument)))?;
            let value = segment(&parameter.argument, &joined(value))?;
            path = path.replace(&format!("{{{}}}", parameter.name), &value);
        }
        let mut url = self.api.base.clone();
        url.set_path(&format!("{}{path}", url.path().trim_end_matches('/')));
        let pairs: Vec<(String, String)> = self
            .parameters
            .iter()
            .filter(|parameter| parameter.place == Place::Query)
            .filter_map(|parameter| arguments.get(&parameter.argument).map(|value| parameter.pairs(value)))
            .flatten()
            .collect();
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        Ok(url)
    }

    fn headers(&self, arguments: &Map<String, Value>) -> Result<HeaderMap, ToolError> {
        let mut headers = self.api.headers.clone();
        for parameter in self.parameters.iter().filter(|parameter| parameter.place == Place::Header) {
            let Some(value) = arguments.get(&parameter.argument) else { continue };
            let wrong = || ToolError::Arguments(format!("`{}` cannot be sent as a header", parameter.argument));
            let name: HeaderName = parameter.name.parse().map_err(|_| wrong())?;
            headers.insert(name, HeaderValue::from_str(&joined(value)).map_err(|_| wrong())?);
        }
        Ok(headers)
    }
}

#[async_trait]
impl Tool for Operation {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Value, _cx: &ToolCx) -> Result<ToolResult, ToolError> {
        let Value::Object(arguments) = arguments else {
            return Err(ToolError::Arguments("an object is wanted".to_owned()));
        };
        let url = self.url(&arguments)?;
        let mut headers = self.headers(&arguments)?;
        let body = self.body.as_ref().and_then(|body| Some((body, arguments.get(&body.argument)?)));
        let body = body.map(|(body, value)| {
            if let Ok(media_type) = HeaderValue::from_str(&body.media_type) {
                headers.insert(CONTENT_TYPE, media_type);
            }
            body.encode(value)
        });
        let request = web::WebRequest { method: self.method.clone(), url, headers, body };
        web::send(&self.api.http, request, self.api.timeout).await?.result().await
    }
}

impl Parameter {
    fn pairs(&self, value: &Value) -> Vec<(String, String)> {
        let named = |value: String| (self.name.clone(), value);
        match (self.style, value) {
            (_, Value::Null) => vec![],
            (Style::Json, value) => vec![named(value.to_string())],
            (Style::Deep, Value::Object(fields)) => {
                fields.iter().map(|(field, value)| (format!("{}[{field}]", self.name), plain(value))).collect()
            }
            (Style::Exploded, Value::Object(fields)) => {
                fields.iter().map(|(field, value)| (field.clone(), plain(value))).collect()
            }
            (Style::Exploded | Style::Deep, value) => query_values(value).into_iter().map(named).collect(),
            (Style::Joined, value) => vec![named(joined(value))],
        }
    }
}

impl Body {
    fn encode(&self, value: &Value) -> Vec<u8> {
        if !self.form {
            return value.to_string().into_bytes();
        }
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in value.as_object().into_iter().flatten() {
            for value in query_values(value) {
                form.append_pair(name, &value);
            }
        }
        form.finish().into_bytes()
    }
}

/// `simple` style: a list by commas, an object as `name,value,…`.
fn joined(value: &Value) -> String {
    match value {
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(","),
        Value::Object(fields) => {
            fields.iter().flat_map(|(name, value)| [name.clone(), plain(value)]).collect::<Vec<_>>().join(",")
        }
        other => plain(other),
    }
}

/// The parameters of the path and of the operation, which wins over the path.
fn merged<'a>(document: &'a Document, item: &'a Value, operation: &'a Value) -> Vec<&'a Value> {
    let mut all: Vec<&Value> = vec![];
    for list in [&item["parameters"], &operation["parameters"]] {
        for parameter in list.as_array().into_iter().flatten().map(|parameter| document.resolve(parameter)) {
            let same = |other: &&Value| other["name"] == parameter["name"] && other["in"] == parameter["in"];
            match all.iter().position(same) {
                Some(index) => all[index] = parameter,
                None => all.push(parameter),
            }
        }
    }
    all
}

/// The schema of the arguments, as it grows.
#[derive(Default)]
struct Arguments {
    properties: Map<String, Value>,
    required: Vec<Value>,
}

impl Arguments {
    /// `None` for what a model has no say in: cookies, headers that HTTP or the agent file sets.
    fn parameter(&mut self, document: &Document, parameter: &Value, configured: &HeaderMap) -> Option<Parameter> {
        let name = parameter["name"].as_str()?;
        let place = match parameter["in"].as_str()? {
            "path" => Place::Path,
            "query" => Place::Query,
            "header" => Place::Header,
            _ => return None,
        };
        let reserved = ["accept", "content-type", "authorization", "host", "content-length"];
        if place == Place::Header
            && (reserved.contains(&name.to_ascii_lowercase().as_str()) || configured.contains_key(name))
        {
            return None;
        }
        let json_content = parameter["content"].as_object().and_then(|content| content.values().next());
        let schema = json_content.map_or(&parameter["schema"], |media| &media["schema"]);
        let explode = parameter["explode"].as_bool();
        let style = match (json_content.is_some(), place, parameter["style"].as_str(), explode) {
            (true, ..) => Style::Json,
            (_, Place::Query, Some("deepObject"), _) => Style::Deep,
            (_, Place::Query, None | Some("form"), None | Some(true)) => Style::Exploded,
            _ => Style::Joined,
        };
        let required = place == Place::Path || parameter["required"] == Value::Bool(true);
        let argument = self.add(name, document.schema(schema), parameter["description"].as_str(), required);
        Some(Parameter { argument, name: name.to_owned(), place, style })
    }

    fn body(&mut self, document: &Document, body: &Value) -> Result<Option<Body>, String> {
        let Some(content) = body["content"].as_object() else { return Ok(None) };
        let kind = |media_type: &str| media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let is_json = |media_type: &str| {
            let kind = kind(media_type);
            kind == "application/json" || kind.ends_with("+json") || kind == "*/*"
        };
        let found =
            content.iter().find(|(media_type, _)| is_json(media_type)).map(|found| (found, false)).or_else(|| {
                let form = |media_type: &str| kind(media_type) == "application/x-www-form-urlencoded";
                content.iter().find(|(media_type, _)| form(media_type)).map(|found| (found, true))
            });
        let required = body["required"] == Value::Bool(true);
        let Some(((media_type, media), form)) = found else {
            let kinds: Vec<&str> = content.keys().map(String::as_str).collect();
            return if required { Err(format!("its body is {}", kinds.join(" or "))) } else { Ok(None) };
        };
        let schema = document.schema(&media["schema"]);
        let argument = self.add("body", schema, body["description"].as_str(), required);
        let media_type = if kind(media_type) == "*/*" { "application/json" } else { media_type };
        Ok(Some(Body { argument, form, media_type: media_type.to_owned() }))
    }

    /// Adds an argument under a name that is still free.
    fn add(&mut self, name: &str, mut schema: Value, description: Option<&str>, required: bool) -> String {
        let mut argument = name.to_owned();
        while self.properties.contains_key(&argument) {
            argument.push('_');
        }
        if !schema.is_object() {
            schema = json!({});
        }
        if let (Some(description), Value::Object(schema)) = (description, &mut schema) {
            schema.insert("description".to_owned(), cap::short(description, 1000).into());
        }
        self.properties.insert(argument.clone(), schema);
        if required {
            self.required.push(argument.clone().into());
        }
        argument
    }

    fn finish(self) -> Value {
        let mut schema = json!({ "type": "object", "properties": self.properties });
        if !self.required.is_empty() {
            schema["required"] = Value::Array(self.required);
        }
        schema["additionalProperties"] = Value::Bool(false);
        schema
    }
}
