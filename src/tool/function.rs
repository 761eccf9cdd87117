//! Tools that are a Rust closure.

use std::{fmt::Display, marker::PhantomData, time::Duration};

use async_trait::async_trait;
use schemars::{JsonSchema, generate::SchemaSettings};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Tool, ToolCx, ToolError, ToolResult};
use crate::domain::{Effect, ToolSpec};

/// A tool made of a closure; see [`tool`].
pub struct FnTool<A, F> {
    spec: ToolSpec,
    timeout: Option<Duration>,
    run: F,
    arguments: PhantomData<fn() -> A>,
}

/// A tool named `name`, which a model knows by `description` and by the fields of `A`: their doc comments are told, too.
/// What `run` gives is told to the model, and so is its error.
///
/// It counts as one that [writes](Effect::Writes) unless [`FnTool::reads`] says otherwise.
pub fn tool<A, F, Fut, R, E>(name: impl Into<String>, description: impl Into<String>, run: F) -> FnTool<A, F>
where
    A: DeserializeOwned + JsonSchema + 'static,
    F: Fn(A, ToolCx) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, E>> + Send,
    R: Into<ToolResult>,
    E: Display,
{
    let spec = ToolSpec {
        name: name.into(),
        description: description.into(),
        parameters: parameters::<A>(),
        effect: Effect::Writes,
        rule_name: None,
    };
    FnTool { spec, timeout: None, run, arguments: PhantomData }
}

impl<A, F> FnTool<A, F> {
    /// It changes nothing: where somebody is asked before a tool writes, nobody is asked before this one.
    #[must_use]
    pub fn reads(mut self) -> Self {
        self.spec.effect = Effect::Reads;
        self
    }

    /// No call takes longer.
    #[must_use]
    pub fn timeout(mut self, most: Duration) -> Self {
        self.timeout = Some(most);
        self
    }
}

#[async_trait]
impl<A, F, Fut, R, E> Tool for FnTool<A, F>
where
    A: DeserializeOwned + JsonSchema + 'static,
    F: Fn(A, ToolCx) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, E>> + Send,
    R: Into<ToolResult>,
    E: Display,
{
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn timeout(&self) -> Option<Duration> {
        self.timeout
    }

    async fn call(&self, arguments: Value, cx: &ToolCx) -> Result<ToolResult, ToolError> {
        let arguments = serde_json::from_value(arguments).map_err(|error| ToolError::Arguments(error.to_string()))?;
        match (self.run)(arguments, cx.clone()).await {
            Ok(result) => Ok(result.into()),
            Err(error) => Err(ToolError::Failed(error.to_string())),
        }
    }
}

impl From<String> for ToolResult {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

impl From<&str> for ToolResult {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

/// As JSON.
impl From<Value> for ToolResult {
    fn from(value: Value) -> Self {
        Self::text(value.to_string())
    }
}

/// The schema as providers want it: in one piece, with nothing in it that is for readers of documents.
fn parameters<A: JsonSchema>() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut schema = settings.into_generator().into_root_schema_for::<A>();
    schema.remove("title");
    schema.remove("description");
    schema.to_value()
}
