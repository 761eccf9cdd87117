//! A file against its schema: every fault, in words for the person who wrote the file.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::Value;

use super::{
    Bytes, Cpu, Effort, Rate, Span, Tokens,
    fault::{self, Fault, On},
    interpolate::{Interpolated, State, push},
    json_schema::{STRICT, VALIDATOR},
    unknown_key, yaml,
};

/// What is wrong with `value`.
///
/// A reference gives a string. Where that does not do, what it gave is read as YAML would read it; what is still not
/// fit is a fault if the reference is set, and left out by [`leave_out_unset`] if it is not.
pub(super) fn validate(value: &mut Value, interpolated: &Interpolated) -> Vec<Fault> {
    let origins = Origins::new(interpolated);
    let wrong = collect(value, &origins);
    let mut converted = false;
    for fault in wrong.iter().filter(|fault| origins.of(&fault.pointer) == Origin::Set) {
        if let Some(place) = value.pointer_mut(&fault.pointer)
            && let Some(text) = place.as_str()
        {
            *place = yaml::scalar(text);
            converted = true;
        }
    }
    let wrong = if converted { collect(value, &origins) } else { wrong };
    let in_list = |pointer: &str| {
        let parent = pointer.rsplit_once('/').and_then(|(parent, _)| value.pointer(parent));
        parent.is_some_and(Value::is_array)
    };
    wrong
        .into_iter()
        .filter_map(|fault| match origins.of(&fault.pointer) {
            Origin::Unset(name) if in_list(&fault.pointer) => Some(
                Fault::new(&fault.pointer, On::Value, "unset", format!("`{name}` is not set"))
                    .help("an entry of a list cannot be left out: set it, or give a default"),
            ),
            Origin::Unset(_) => None,
            // Nothing at all, such as an empty default, leaves the key out.
            Origin::Set if value.pointer(&fault.pointer).is_some_and(Value::is_null) => None,
            Origin::Set | Origin::Written => Some(fault),
        })
        .collect()
}

/// Removes every value that would have to be something but a string and is not set, so that its default holds.
pub(super) fn leave_out_unset(value: &mut Value, interpolated: &Interpolated) {
    if interpolated.references.is_empty() {
        return;
    }
    // What an object cannot do without takes the object with it, at most up to the root.
    for _ in 0..8 {
        let errors: Vec<_> = VALIDATOR.iter_errors(value).collect();
        let wrong: BTreeSet<String> = errors
            .iter()
            .flat_map(leaves)
            // A string that only looks wrong stays as it was written.
            .filter(|leaf| !matches!(leaf.kind(), ValidationErrorKind::Pattern { .. }))
            .map(|leaf| leaf.instance_path().as_str().to_owned())
            .collect();
        drop(errors);
        if wrong.is_empty() {
            return;
        }
        for pointer in wrong {
            if let Some((parent, key)) = pointer.rsplit_once('/')
                && let Some(parent) = value.pointer_mut(parent).and_then(Value::as_object_mut)
            {
                parent.remove(&key.replace("~1", "/").replace("~0", "~"));
            }
        }
    }
}

/// How a string came about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin<'a> {
    /// As it stands in the file.
    Written,
    /// By references that are all set; never quoted, for it may be a secret.
    Set,
    Unset(&'a str),
}

struct Origins<'a>(BTreeMap<&'a str, Origin<'a>>);

impl<'a> Origins<'a> {
    fn new(interpolated: &'a Interpolated) -> Self {
        let mut map = BTreeMap::new();
        for reference in &interpolated.references {
            let origin = map.entry(reference.pointer.as_str()).or_insert(Origin::Set);
            if reference.state == State::Unset {
                *origin = Origin::Unset(&reference.name);
            }
        }
        Self(map)
    }

    fn of(&self, pointer: &str) -> Origin<'a> {
        self.0.get(pointer).copied().unwrap_or(Origin::Written)
    }
}

/// A file that is no agent file has no more to tell after so many.
const ENOUGH: usize = 100;

fn collect(value: &Value, origins: &Origins) -> Vec<Fault> {
    let mut out: Vec<Fault> = vec![];
    for error in VALIDATOR.iter_errors(value) {
        explain(&error, origins, &mut out);
        if out.len() >= ENOUGH {
            break;
        }
    }
    out
}

/// The errors below alternatives: those of the alternative that was meant, as far as one can tell.
fn leaves<'e>(error: &'e ValidationError<'_>) -> Vec<&'e ValidationError<'e>> {
    match error.kind() {
        ValidationErrorKind::AnyOf { context }
        | ValidationErrorKind::OneOfNotValid { context }
        | ValidationErrorKind::OneOfMultipleValid { context } => match meant(error, context) {
            Some(errors) => errors.iter().flat_map(leaves).collect(),
            None => vec![error],
        },
        _ => vec![error],
    }
}

/// The alternative that the value is of, if it is of one: its errors lie deeper than the value itself, or are about the
/// keys that it has.
fn meant<'e>(
    error: &ValidationError<'_>,
    context: &'e [Vec<ValidationError<'static>>],
) -> Option<&'e Vec<ValidationError<'static>>> {
    let here = error.instance_path().as_str();
    let fits = |errors: &&Vec<ValidationError<'static>>| {
        !errors.is_empty()
            && errors.iter().all(|nested| {
                nested.instance_path().as_str() != here
                    || match nested.kind() {
                        ValidationErrorKind::Type { .. }
                        | ValidationErrorKind::Enum { .. }
                        | ValidationErrorKind::Constant { .. }
                        | ValidationErrorKind::Pattern { .. }
                        | ValidationErrorKind::AnyOf { .. }
                        | ValidationErrorKind::OneOfNotValid { .. } => false,
                        // Of the tools, only the one that the key names.
                        ValidationErrorKind::Required { .. } => !is_tool(error),
                        _ => true,
                    }
            })
    };
    let mut candidates = context.iter().filter(fits);
    let first = candidates.next()?;
    candidates.next().is_none().then_some(first)
}

fn is_tool(error: &ValidationError<'_>) -> bool {
    error.schema_path().as_str().starts_with("/$defs/ToolEntry/")
}

fn explain(error: &ValidationError<'_>, origins: &Origins, out: &mut Vec<Fault>) {
    for leaf in leaves(error) {
        let at = leaf.instance_path().as_str();
        let written = origins.of(at) == Origin::Written;
        match leaf.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                unknown_keys(leaf, at, unexpected, out);
            }
            _ if is_tool(leaf) => out.push(super::tool_entry::explain(at, leaf.instance())),
            ValidationErrorKind::Required { property } => out.push(required(leaf, at, property)),
            _ => out.push(if written { value(leaf, at) } else { unfit(leaf, at) }),
        }
    }
}

fn unknown_keys(error: &ValidationError<'_>, at: &str, unexpected: &[String], out: &mut Vec<Fault>) {
    let schema = parent_schema(error);
    let known: Vec<&str> =
        schema["properties"].as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    for key in unexpected.iter().take(ENOUGH) {
        let mut pointer = at.to_owned();
        push(&mut pointer, key);
        let fault = if is_tool(error) {
            super::tool_entry::several_keys(pointer, key, error.instance())
        } else {
            unknown_key::explain(pointer, key, at, &known)
        };
        out.push(fault);
    }
}

fn required(error: &ValidationError<'_>, at: &str, property: &Value) -> Fault {
    let key = property.as_str().unwrap_or_default();
    let schema = &parent_schema(error)["properties"][key];
    let what = schema["description"].as_str().and_then(|text| text.split(['.', ';']).next());
    let message = match at.rsplit_once('/') {
        None => format!("the file has no `{key}`"),
        Some((_, parent)) if parent.parse::<usize>().is_ok() => format!("`{key}` is missing here"),
        Some((_, parent)) => format!("`{}` has no `{key}`", parent.replace("~1", "/")),
    };
    let fault = Fault::new(at, On::Key, "missing-key", message);
    match (at, what) {
        ("", _) if key == "name" => fault.help("add a line such as `name: assistant`"),
        (_, Some(what)) => fault.help(format!("`{key}`: {}", lower_first(what))),
        (_, None) => fault.help(format!("`{key}` is {}", describe(schema))),
    }
}

fn lower_first(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        // A word in capitals stays one.
        Some(first) if !chars.clone().next().is_some_and(char::is_uppercase) => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}

/// A value that stands in the file as it is, and may be quoted.
fn value(error: &ValidationError<'_>, at: &str) -> Fault {
    let instance = error.instance();
    let schema = parent_schema(error);
    let expected = describe(schema);
    let mistyped = || {
        Fault::new(at, On::Value, "wrong-type", format!("expected {expected}, found {}", found(instance)))
            .maybe_help(mistyped_help(schema, instance))
    };
    let wrong = |message: String| Fault::new(at, On::Value, "wrong-value", message);
    match error.kind() {
        ValidationErrorKind::Type { kind: TypeKind::Single(_) | TypeKind::Multiple(_) } => mistyped(),
        ValidationErrorKind::Pattern { .. } | ValidationErrorKind::Format { .. } => {
            let text = instance.as_str().unwrap_or_default();
            match schema["patternErrorMessage"].as_str() {
                Some(message) => wrong(format!("`{text}` {message}")),
                None => wrong(format!("`{text}` is not {expected}")),
            }
        }
        ValidationErrorKind::Minimum { limit } | ValidationErrorKind::ExclusiveMinimum { limit } => {
            wrong(format!("{instance} is too small: the least is {limit}"))
        }
        ValidationErrorKind::Maximum { limit } if at == "/version" => {
            wrong(format!("version {instance} of the format is not known: the latest is {limit}"))
                .help("a newer agentscope may know it")
        }
        ValidationErrorKind::Maximum { limit } => wrong(format!("{instance} is too large: the most is {limit}")),
        ValidationErrorKind::MinItems { limit } => wrong(format!("expected at least {limit} entry, found none")),
        ValidationErrorKind::Enum { .. }
        | ValidationErrorKind::Constant { .. }
        | ValidationErrorKind::AnyOf { .. }
        | ValidationErrorKind::OneOfNotValid { .. } => match instance.as_str() {
            Some(text) => {
                let message = unit(schema_name(error), text).unwrap_or_else(|| format!("`{text}` is not {expected}"));
                let choices = choices(schema);
                let choices: Vec<&str> = choices.iter().map(String::as_str).collect();
                wrong(message).maybe_help(fault::suggest(text, &choices))
            }
            None => mistyped(),
        },
        _ => wrong(error.masked().to_string()),
    }
}

/// A value that came from somewhere else, and is not quoted.
fn unfit(error: &ValidationError<'_>, at: &str) -> Fault {
    let expected = describe(parent_schema(error));
    Fault::new(at, On::Value, "wrong-value", format!("what this is filled in with is not {expected}"))
        .help("look at the variable; its value is not shown because it may be a secret")
}

fn mistyped_help(schema: &Value, instance: &Value) -> Option<String> {
    let kind = schema["type"].as_str();
    match (kind, instance) {
        (_, Value::Null) => Some("give it a value, or remove the key".to_owned()),
        (Some("string"), Value::Number(_) | Value::Bool(_)) => Some("put quotes around it".to_owned()),
        (Some("boolean"), Value::String(text)) => match text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "y" => Some("write `true`".to_owned()),
            "no" | "off" | "n" => Some("write `false`".to_owned()),
            _ => None,
        },
        (Some("integer" | "number"), Value::String(text)) if matches!(yaml::scalar(text), Value::Number(_)) => {
            Some("remove the quotes".to_owned())
        }
        (Some("array"), Value::String(text)) if !text.contains(['\n', '`']) && text.len() < 60 => {
            Some(format!("write `[{text}]`"))
        }
        (Some("array"), Value::Object(_)) => Some("begin each entry with `- `".to_owned()),
        _ => None,
    }
}

/// The schema that an error's keyword stands in.
fn parent_schema(error: &ValidationError<'_>) -> &'static Value {
    let path = error.schema_path().as_str();
    let path = match error.kind() {
        // The keyword holds a list of names, of which the error names one.
        ValidationErrorKind::Required { .. } => path.split("/required").next(),
        _ => path.rsplit_once('/').map(|(parent, _)| parent),
    };
    path.and_then(|path| STRICT.pointer(path)).unwrap_or(&Value::Null)
}

/// The name of the definition that an error is in.
fn schema_name<'e>(error: &'e ValidationError<'_>) -> &'e str {
    error.schema_path().as_str().strip_prefix("/$defs/").and_then(|path| path.split('/').next()).unwrap_or_default()
}

fn unit(name: &str, text: &str) -> Option<String> {
    let error = match name {
        "Span" => text.parse::<Span>().err(),
        "Bytes" => text.parse::<Bytes>().err(),
        "Tokens" => text.parse::<Tokens>().err(),
        "Cpu" => text.parse::<Cpu>().err(),
        "Effort" => text.parse::<Effort>().err(),
        "Rate" => text.parse::<Rate>().err(),
        _ => None,
    };
    error.map(|error| error.to_string())
}

/// What a value is, in words.
pub(super) fn found(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(value) => format!("`{value}`"),
        Value::Number(_) => "a number".to_owned(),
        Value::String(_) => "a string".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
    }
}

/// What a schema wants, in words.
fn describe(schema: &Value) -> String {
    if let Some(target) = schema["$ref"].as_str() {
        let name = target.rsplit('/').next().unwrap_or_default();
        return describe(&STRICT["$defs"][name]);
    }
    if let Some(words) = schema["x-words"].as_str() {
        return words.to_owned();
    }
    let names = choices(schema);
    let mut alternatives: Vec<String> = vec![];
    match names.as_slice() {
        [] => {}
        [only] => alternatives.push(format!("`{only}`")),
        [..] => alternatives
            .push(format!("one of {}", names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))),
    }
    for keyword in ["anyOf", "oneOf"] {
        for option in schema[keyword].as_array().into_iter().flatten() {
            if choices(option).is_empty() {
                alternatives.push(describe(option));
            }
        }
    }
    if alternatives.is_empty() {
        alternatives.push(
            match (schema["type"].as_str(), schema["format"].as_str()) {
                (_, Some("ip")) => "an IP address",
                (Some("array"), _) => "a list",
                (Some("object"), _) => "a mapping",
                (Some("string"), _) => "a string",
                (Some("boolean"), _) => "`true` or `false`",
                (Some("integer"), _) => "a whole number",
                (Some("number"), _) => "a number",
                _ => "another value",
            }
            .to_owned(),
        );
    }
    alternatives.join(", or ")
}

/// The strings that a schema names one by one.
fn choices(schema: &Value) -> Vec<String> {
    let own = schema["enum"].as_array().into_iter().flatten().chain(schema.get("const"));
    let nested = ["anyOf", "oneOf"].iter().flat_map(|keyword| schema[*keyword].as_array().into_iter().flatten());
    own.filter_map(|value| value.as_str().map(str::to_owned)).chain(nested.flat_map(choices)).collect()
}
