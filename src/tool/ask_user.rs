//! `ask_user`: a question to the user in the middle of a turn.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Tool, ToolCx, ToolError, ToolResult};
use crate::domain::{Effect, Question, ToolSpec};

pub struct AskUser {
    spec: ToolSpec,
}

#[derive(Deserialize)]
struct Call {
    question: String,
    #[serde(default)]
    choices: Vec<String>,
}

impl Default for AskUser {
    fn default() -> Self {
        Self::new()
    }
}

impl AskUser {
    #[must_use]
    pub fn new() -> Self {
        let parameters = json!({
            "type": "object",
            "properties": {
                "question": { "type": "string", "description": "One short question." },
                "choices": {
                    "type": "array",
                    "items": { "type": "string" },
                    "description": "Answers to choose from; the user may still answer in their own words.",
                },
            },
            "required": ["question"],
            "additionalProperties": false,
        });
        Self {
            spec: ToolSpec {
                name: "ask_user".to_owned(),
                description: "Asks the user a question and waits for the answer. Use it only where you cannot go on \
                              without a decision that is the user's to make."
                    .to_owned(),
                parameters,
                effect: Effect::Reads,
                rule_name: None,
            },
        }
    }
}

#[async_trait]
impl Tool for AskUser {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Value, cx: &ToolCx) -> Result<ToolResult, ToolError> {
        let call: Call = serde_json::from_value(arguments).map_err(|error| ToolError::Arguments(error.to_string()))?;
        let question = Question { text: call.question, choices: call.choices, closed: false };
        let answer = tokio::select! {
            answer = cx.host.ask(question) => answer,
            () = cx.cancel.cancelled() => return Err(ToolError::Canceled),
        };
        answer.map(ToolResult::text).ok_or_else(|| {
            ToolError::Failed("nobody answered; go on with what you know, and say what you assumed".to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::testing;

    #[tokio::test]
    async fn the_answer_is_the_result_and_silence_an_error() {
        let arguments = json!({ "question": "Tea?", "choices": ["yes", "no"] });
        let (cx, host) = testing::cx_answering(&["yes"]);
        let result = AskUser::new().call(arguments.clone(), &cx).await.unwrap();
        assert_eq!(testing::text(&result), "yes");
        let question = Question { text: "Tea?".to_owned(), choices: vec!["yes".into(), "no".into()], closed: false };
        assert_eq!(host.asked(), [question]);

        let (cx, _) = testing::cx_answering(&[]);
        let error = AskUser::new().call(arguments, &cx).await.unwrap_err();
        insta::assert_snapshot!(error, @"nobody answered; go on with what you know, and say what you assumed");
    }
}
