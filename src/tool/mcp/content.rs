//! What a call of a server gave, in our words. Sound and links are named, not carried: no wire of ours takes them.

use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::Value;

use crate::{
    domain::{Content, Image},
    tool::{ToolError, ToolResult, cap},
};

/// # Errors
/// A result that the server marks as an error.
pub(super) fn result(result: CallToolResult) -> Result<ToolResult, ToolError> {
    let mut content: Vec<Content> = result.content.into_iter().map(part).collect();
    // Servers repeat structured content as text for clients that do not know it; only one of them is needed.
    if let Some(structured) = result.structured_content.filter(|value| !value.is_null())
        && !content.iter().any(|part| matches!(part, Content::Text { .. }))
    {
        content.push(Content::text(pretty(&structured)));
    }
    if result.is_error == Some(true) {
        let texts: Vec<&str> = content
            .iter()
            .filter_map(|part| match part {
                Content::Text { text } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        let text = if texts.is_empty() { "the server gave no reason".to_owned() } else { texts.join("\n") };
        return Err(ToolError::Failed(cap::middle(text, 8 * 1024)));
    }
    if content.is_empty() {
        content.push(Content::text("(no output)"));
    }
    Ok(ToolResult { content, state: None })
}

fn part(block: ContentBlock) -> Content {
    match block {
        ContentBlock::Text(text) => Content::text(text.text),
        ContentBlock::Image(image) => Content::Image(Image { media_type: image.mime_type, data: image.data }),
        ContentBlock::Audio(audio) => Content::text(format!("[sound left out: {}]", audio.mime_type)),
        ContentBlock::Resource(embedded) => resource(embedded.resource),
        ContentBlock::ResourceLink(link) => {
            let description = link.description.map(|text| format!(": {text}")).unwrap_or_default();
            Content::text(format!("[resource {} at {}{description}]", link.name, link.uri))
        }
        _ => Content::text("[content of a kind that is not known here]"),
    }
}

fn resource(resource: ResourceContents) -> Content {
    match resource {
        ResourceContents::TextResourceContents { uri, text, .. } => Content::text(format!("{uri}:\n{text}")),
        ResourceContents::BlobResourceContents { mime_type: Some(media_type), blob, .. }
            if media_type.starts_with("image/") =>
        {
            Content::Image(Image { media_type, data: blob })
        }
        ResourceContents::BlobResourceContents { uri, mime_type, .. } => {
            Content::text(format!("[{uri} left out: {}]", mime_type.as_deref().unwrap_or("binary")))
        }
        _ => Content::text("[a resource of a kind that is not known here]"),
    }
}

fn pretty(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: Value) -> Result<ToolResult, ToolError> {
        result(serde_json::from_value(value).unwrap())
    }

    #[test]
    fn every_kind_of_content_is_carried_or_named() {
        let parts = parse(json!({ "content": [
            { "type": "text", "text": "hello" },
            { "type": "image", "data": "AAAA", "mimeType": "image/png" },
            { "type": "audio", "data": "AAAA", "mimeType": "audio/wav" },
            { "type": "resource", "resource": { "uri": "file:///a.txt", "text": "inside", "mimeType": "text/plain" } },
            { "type": "resource", "resource": { "uri": "file:///a.bin", "blob": "AAAA", "mimeType": "application/pdf" } },
            { "type": "resource", "resource": { "uri": "file:///a.png", "blob": "BBBB", "mimeType": "image/png" } },
            { "type": "resource_link", "uri": "file:///b", "name": "b", "description": "the other" },
        ] }));
        insta::assert_debug_snapshot!(parts.unwrap().content, @r#"
        [
            Text {
                text: "hello",
            },
            Image(
                Image {
                    media_type: "image/png",
                    data: "AAAA",
                },
            ),
            Text {
                text: "[sound left out: audio/wav]",
            },
            Text {
                text: "file:///a.txt:\ninside",
            },
            Text {
                text: "[file:///a.bin left out: application/pdf]",
            },
            Image(
                Image {
                    media_type: "image/png",
                    data: "BBBB",
                },
            ),
            Text {
                text: "[resource b at file:///b: the other]",
            },
        ]
        "#);
    }

    #[test]
    fn structured_content_is_used_where_there_is_no_text() {
        let both = parse(json!({ "content": [{ "type": "text", "text": "t" }], "structuredContent": { "a": 1 } }));
        assert_eq!(both.unwrap(), ToolResult::text("t"));
        let alone = parse(json!({ "structuredContent": { "a": 1 } }));
        assert_eq!(alone.unwrap(), ToolResult::text("{\n  \"a\": 1\n}"));
        assert_eq!(parse(json!({ "content": [] })).unwrap(), ToolResult::text("(no output)"));
    }

    #[test]
    fn an_error_result_is_an_error() {
        let error = parse(json!({ "content": [{ "type": "text", "text": "no such city" }], "isError": true }));
        assert_eq!(error.unwrap_err().to_string(), "no such city");
    }
}
