//! The file tools that agents know, by the names, arguments and texts of the MCP server `filesystem` of the Python
//! runtime's images.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{
    FileError,
    edit::Edit,
    ops::{EntryKind, Onto},
    root::Root,
};

/// The name of the server that has them.
pub(crate) const SERVER: &str = "filesystem";
/// Most files of one `read_multiple_files`, and most bytes of them together.
const MOST_FILES: usize = 200;
const MOST_READ: usize = 16 << 20;

/// Arguments that need not be given.
const OPTIONAL: [&str; 4] = ["dryRun", "dry_run", "excludePatterns", "exclude_patterns"];

/// One of the tools.
pub struct FileTool {
    pub name: &'static str,
    pub description: &'static str,
    /// Whether it changes anything.
    pub writes: bool,
    parameters: fn() -> Value,
}

impl FileTool {
    /// JSON Schema of the arguments.
    #[must_use]
    pub fn parameters(&self) -> Value {
        (self.parameters)()
    }
}

/// All of them, in the order in which a model is told.
pub const TOOLS: [FileTool; 11] = [
    FileTool { name: "read_file", description: "Read a text file whole.", writes: false, parameters: path },
    FileTool {
        name: "read_multiple_files",
        description: "Read several text files at once. A file that cannot be read does not spoil the others.",
        writes: false,
        parameters: || object(json!({"paths": {"type": "array", "items": {"type": "string"}}}), &["paths"]),
    },
    FileTool {
        name: "write_file",
        description: "Write a text file whole, in place of what was there. Its folder must exist.",
        writes: true,
        parameters: || object(json!({"path": string(), "content": string()}), &["path", "content"]),
    },
    FileTool {
        name: "edit_file",
        description: "Replace texts in a file and return the difference. Each old text must be there exactly once; \
                      all edits are made or none. With dryRun, only show the difference.",
        writes: true,
        parameters: edits,
    },
    FileTool {
        name: "create_directory",
        description: "Make a folder, and those above it.",
        writes: true,
        parameters: path,
    },
    FileTool {
        name: "list_directory",
        description: "List a folder: [FILE] or [DIR] and the name, one a line.",
        writes: false,
        parameters: path,
    },
    FileTool {
        name: "directory_tree",
        description: "Show a folder and everything below it as JSON: name, type (file or directory), children.",
        writes: false,
        parameters: path,
    },
    FileTool {
        name: "move_file",
        description: "Move or rename a file or folder. Nothing may be at the destination yet.",
        writes: true,
        parameters: || object(json!({"source": string(), "destination": string()}), &["source", "destination"]),
    },
    FileTool {
        name: "search_files",
        description: "Find files and folders by name, below a folder. The pattern is a part of the name in any case, \
                      or a glob such as *.rs or src/**/*.rs.",
        writes: false,
        parameters: search,
    },
    FileTool {
        name: "get_file_info",
        description: "Size, times, type and permissions of a file or folder.",
        writes: false,
        parameters: path,
    },
    FileTool {
        name: "list_allowed_directories",
        description: "The folder that the file tools work in.",
        writes: false,
        parameters: || object(json!({}), &[]),
    },
];

fn string() -> Value {
    json!({"type": "string"})
}

fn object(properties: Value, required: &[&str]) -> Value {
    let parts = [("type", json!("object")), ("properties", properties), ("required", json!(required))];
    Value::Object(parts.map(|(name, part)| (name.to_owned(), part)).into_iter().collect())
}

fn path() -> Value {
    object(json!({"path": string()}), &["path"])
}

fn edits() -> Value {
    let edit = json!({
        "type": "object",
        "properties": {
            "oldText": {"type": "string", "description": "Text to search for - must match exactly"},
            "newText": {"type": "string", "description": "Text to replace it with"},
        },
        "required": ["oldText", "newText"],
    });
    let dry_run =
        json!({"type": "boolean", "default": false, "description": "Preview changes using git-style diff format"});
    let properties = json!({"path": string(), "edits": {"type": "array", "items": edit}, "dryRun": dry_run});
    object(properties, &["path", "edits"])
}

fn search() -> Value {
    let excludes = json!({"type": "array", "items": {"type": "string"}, "default": []});
    object(json!({"path": string(), "pattern": string(), "excludePatterns": excludes}), &["path", "pattern"])
}

/// The tools as `mcp/list_tools` lists those of a server.
pub(crate) fn catalogue() -> Value {
    let tool = |tool: &FileTool| {
        let function = json!({"name": tool.name, "description": tool.description, "parameters": tool.parameters()});
        let entry = json!({"name": tool.name, "json_schema": {"type": "function", "function": function}});
        (tool.name.to_owned(), entry)
    };
    Value::Object(TOOLS.iter().map(tool).collect::<Map<_, _>>())
}

pub(crate) fn is_file_tool(name: &str) -> bool {
    TOOLS.iter().any(|tool| tool.name == name)
}

#[derive(Deserialize)]
struct PathArgs {
    path: String,
}

#[derive(Deserialize)]
struct PathsArgs {
    paths: Vec<String>,
}

#[derive(Deserialize)]
struct WriteArgs {
    path: String,
    content: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EditArgs {
    path: String,
    edits: Vec<Edit>,
    #[serde(default, alias = "dry_run")]
    dry_run: bool,
}

#[derive(Deserialize)]
struct MoveArgs {
    source: String,
    destination: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SearchArgs {
    path: String,
    pattern: String,
    #[serde(default, alias = "exclude_patterns")]
    exclude_patterns: Vec<String>,
}

/// Runs a tool; the texts are those of the result. Blocks.
///
/// # Errors
/// What the model is told after `Error: `.
pub(crate) fn call(root: &Root, name: &str, arguments: Value) -> Result<String, FileError> {
    let arguments = without_empty(arguments);
    match name {
        "read_file" => root.read_text(&parse::<PathArgs>(arguments)?.path),
        "read_multiple_files" => read_many(root, &parse::<PathsArgs>(arguments)?.paths),
        "write_file" => {
            let WriteArgs { path, content } = parse(arguments)?;
            root.write(&path, content.as_bytes()).map_err(|error| match error {
                FileError::NotFound(_) => {
                    FileError::Invalid(format!("the folder of `{path}` does not exist; make it first"))
                }
                error => error,
            })?;
            Ok(format!("Successfully wrote to {path}"))
        }
        "edit_file" => {
            let EditArgs { path, edits, dry_run } = parse(arguments)?;
            Ok(fenced(&root.edit(&path, &edits, dry_run)?))
        }
        "create_directory" => {
            let PathArgs { path } = parse(arguments)?;
            root.mkdir(&path)?;
            Ok(format!("Successfully created directory {path}"))
        }
        "list_directory" => list(root, &parse::<PathArgs>(arguments)?.path),
        "directory_tree" => {
            let tree = root.tree(&parse::<PathArgs>(arguments)?.path)?;
            let text = serde_json::to_string_pretty(&tree.found).unwrap_or_default();
            Ok(if tree.cut { format!("{text}\n[there is more; ask for a folder below]") } else { text })
        }
        "move_file" => {
            let MoveArgs { source, destination } = parse(arguments)?;
            root.rename(&source, &destination, Onto::Nothing, false)?;
            Ok(format!("Successfully moved {source} to {destination}"))
        }
        "search_files" => {
            let SearchArgs { path, pattern, exclude_patterns } = parse(arguments)?;
            let search = root.search(&path, &pattern, &exclude_patterns)?;
            let text = if search.found.is_empty() { "No matches found".to_owned() } else { search.found.join("\n") };
            Ok(if search.cut { format!("{text}\n[there may be more; search in a folder below]") } else { text })
        }
        "get_file_info" => info(root, &parse::<PathArgs>(arguments)?.path),
        "list_allowed_directories" => Ok(format!("Allowed directories:\n{}", root.shown().display())),
        name => Err(FileError::Invalid(format!("there is no file tool `{name}`"))),
    }
}

/// The Python client sends arguments that were left out as null or as an empty text.
fn without_empty(arguments: Value) -> Value {
    let is_left_out = |name: &str, value: &Value| value.is_null() || (OPTIONAL.contains(&name) && *value == "");
    match arguments {
        Value::Object(map) => {
            Value::Object(map.into_iter().filter(|(name, value)| !is_left_out(name, value)).collect())
        }
        Value::Null => json!({}),
        other => other,
    }
}

fn parse<T: DeserializeOwned>(arguments: Value) -> Result<T, FileError> {
    serde_json::from_value(arguments).map_err(|error| FileError::Invalid(format!("invalid arguments: {error}")))
}

fn read_many(root: &Root, paths: &[String]) -> Result<String, FileError> {
    if paths.len() > MOST_FILES {
        return Err(FileError::TooMany { what: "the request".to_owned(), most: MOST_FILES });
    }
    let mut left = MOST_READ;
    let mut parts = vec![];
    for path in paths {
        parts.push(match root.read_text(path) {
            Ok(text) if text.len() <= left => {
                left -= text.len();
                format!("{path}:\n{text}\n")
            }
            Ok(_) => format!("{path}: Error - the files together are larger than {MOST_READ} bytes"),
            Err(error) => format!("{path}: Error - {error}"),
        });
    }
    Ok(parts.join("\n---\n"))
}

fn list(root: &Root, path: &str) -> Result<String, FileError> {
    let entries = root.list(path, 1)?;
    let lines = entries.iter().map(|entry| {
        let kind = if entry.kind == EntryKind::Dir { "[DIR]" } else { "[FILE]" };
        format!("{kind} {}", entry.name)
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// The difference as a code block that no line of it can end.
fn fenced(diff: &str) -> String {
    let mut fence = "```".to_owned();
    while diff.contains(&fence) {
        fence.push('`');
    }
    let end = if diff.is_empty() || diff.ends_with('\n') { "" } else { "\n" };
    format!("{fence}diff\n{diff}{end}{fence}\n\n")
}

fn info(root: &Root, path: &str) -> Result<String, FileError> {
    let info = root.info(path)?;
    let mut lines = vec![format!("size: {}", info.size)];
    let times = [("created", info.created), ("modified", Some(info.modified)), ("accessed", Some(info.accessed))];
    lines.extend(times.iter().filter_map(|(name, time)| time.map(|time| format!("{name}: {time}"))));
    lines.push(format!("isDirectory: {}", info.is_folder));
    lines.push(format!("isFile: {}", info.is_file));
    lines.push(format!("permissions: {:03o}", info.mode));
    Ok(lines.join("\n"))
}
