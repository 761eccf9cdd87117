//! What a test found, for people and for programs.

use std::time::Duration;

use serde::Serialize;

use crate::{
    cli::Cx,
    tool::mcp::Offer,
    ui::{printable, style},
};

#[derive(Debug, Serialize)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) ok: bool,
    ms: u128,
    tools: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stderr: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) call: Option<Call>,
}

/// A tool that was tried.
#[derive(Debug, Serialize)]
pub(super) struct Call {
    pub(super) tool: String,
    pub(super) ok: bool,
    pub(super) ms: u128,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

impl Row {
    pub(super) fn new(name: &str, took: Duration, offer: &Offer) -> Self {
        let mut row = Self {
            name: name.to_owned(),
            ok: true,
            ms: took.as_millis(),
            tools: offer.tools.iter().map(|tool| tool.spec().name.clone()).collect(),
            error: None,
            hint: None,
            stderr: vec![],
            call: None,
        };
        if let Some((_, failure)) = offer.failure.clone() {
            row.ok = false;
            (row.error, row.hint, row.stderr) = (Some(failure.reason), failure.hint, failure.stderr);
        } else if !offer.unknown.is_empty() {
            row.ok = false;
            row.error = Some(format!("it has no tool {}", offer.unknown.join(", ")));
            row.hint = Some("correct `tools` of the server".to_owned());
        }
        row
    }

    /// The user logged in, and it did not help.
    pub(super) fn in_vain(&mut self) {
        if self.error.is_some() {
            self.hint = Some("the login itself went well: ask who runs the server what else you need".to_owned());
        }
    }

    pub(super) fn good(&self) -> bool {
        self.ok && self.call.as_ref().is_none_or(|call| call.ok)
    }
}

pub(super) fn text(rows: &[Row], cx: &Cx) -> String {
    if rows.is_empty() {
        return "no MCP servers\n".to_owned();
    }
    let (hint, dim) = (cx.printer.out_style(style::HINT), cx.printer.out_style(style::DIM));
    let mut text = String::new();
    for row in rows {
        let count = row.tools.len();
        let tools = if count == 1 { "tool" } else { "tools" };
        let good = format!(", {count} {tools} in {} ms", row.ms);
        text.push_str(&line(&row.name, &good, row.error.as_deref(), cx));
        if row.error.is_none() {
            for tool in &row.tools {
                text.push_str(&format!("  {}\n", printable(tool)));
            }
        }
        for line in &row.stderr {
            text.push_str(&format!("  {dim}stderr: {}{dim:#}\n", printable(line)));
        }
        if let Some(next) = &row.hint {
            text.push_str(&format!("  {hint}hint{hint:#}: {}\n", printable(next)));
        }
        if let Some(call) = &row.call {
            text.push_str(&line(&call.tool, &format!(" in {} ms", call.ms), call.error.as_deref(), cx));
            for line in call.text.as_deref().unwrap_or_default().lines() {
                text.push_str(&format!("  {}\n", printable(line)));
            }
        }
    }
    text
}

fn line(name: &str, good: &str, error: Option<&str>, cx: &Cx) -> String {
    let (green, red) = (cx.printer.out_style(style::SUCCESS), cx.printer.out_style(style::ERROR));
    match error {
        None => format!("{}: {green}ok{green:#}{good}\n", printable(name)),
        Some(error) => format!("{}: {red}failed{red:#}: {}\n", printable(name), printable(error)),
    }
}
