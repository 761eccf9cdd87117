//! The `toolsets` of an agent of a docker agent file.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::agent_file::{
    import::{
        server,
        source::{Fields, Node, Notes, free_name},
        template::{literal, literal_value, template},
        yaml::{Map, Yaml},
    },
    valid_name,
};

/// Tools of theirs that change files.
const WRITERS: [&str; 8] = [
    "add_allowed_directory",
    "create_directory",
    "edit_file",
    "move_file",
    "remove_directory",
    "remove_file",
    "write_file",
    "write_multiple_files",
];

/// What the toolsets of one agent become.
#[derive(Default)]
pub(super) struct Tools {
    pub(super) tools: Vec<Yaml>,
    pub(super) mcp: Map,
    /// What the toolsets add to the instructions.
    pub(super) instructions: Vec<String>,
    /// Rules that the toolsets bring with them.
    pub(super) deny: Vec<String>,
    /// Names that tools have been given.
    names: Vec<String>,
}

/// The servers under `mcps`, by name.
pub(super) type Servers<'a> = BTreeMap<&'a str, Node<'a>>;

impl Tools {
    pub(super) fn toolset(&mut self, node: &Node<'_>, servers: &Servers<'_>, notes: &mut Notes) {
        let mut fields = node.fields(notes);
        let kind = fields.text("type", notes).unwrap_or_default();
        if let Some(text) = fields.text("instruction", notes) {
            let text = text.replace("{ORIGINAL_INSTRUCTIONS}", "").trim().to_owned();
            if !text.is_empty() {
                self.instructions.push(text);
            }
        }
        fields.refuse(
            &[
                ("defer", "tools are always offered from the start"),
                ("toon", "results are passed on as they are"),
                ("model", "the agent's own model reads the results of its tools"),
            ],
            notes,
        );
        match kind.as_str() {
            "mcp" => return self.mcp(fields, servers, node, notes),
            "filesystem" => self.filesystem(&mut fields, notes),
            "script" => self.scripts(&mut fields, notes),
            "api" => self.api(&mut fields, notes),
            "openapi" => self.openapi(&mut fields, notes),
            "a2a" => self.a2a(&mut fields, node, notes),
            _ => self.builtin(&kind, &mut fields, node, notes),
        }
        fields.finish(&format!("a toolset of type `{kind}`"), notes);
    }

    /// A name for a tool, which no other tool has.
    fn name(&mut self, text: &str) -> String {
        let name = free_name(&tool_name(text), |name| self.names.iter().any(|taken| taken == name));
        self.names.push(name.clone());
        name
    }

    fn add(&mut self, tool: impl Into<Yaml>) {
        let tool = tool.into();
        if !self.tools.contains(&tool) {
            self.tools.push(tool);
        }
    }

    fn builtin(&mut self, kind: &str, fields: &mut Fields<'_>, node: &Node<'_>, notes: &mut Notes) {
        match kind {
            "shell" => {
                self.add("shell");
                fields.refuse(&[("env", "set it under `sandbox.env`, for all tools of the sandbox")], notes);
            }
            "fetch" => {
                self.add("fetch");
                fields.refuse(&[("timeout", "`fetch` has a time limit of its own")], notes);
            }
            "memory" => {
                self.add("memory");
                fields.refuse(
                    &[("path", "what is remembered is kept with the sessions; see `storage.long_term`. The old database is not read")],
                    notes,
                );
            }
            "todo" | "tasks" => {
                self.add("todo");
                // Both are told where the list is kept and by whom it is seen.
                for key in ["shared", "path"] {
                    if let Some(node) = fields.take(key).filter(|node| node.value.as_bool() != Some(false)) {
                        notes.changed(&node, format!("`{key}`: the list belongs to the session"));
                    }
                }
            }
            "user_prompt" => self.add("ask_user"),
            _ => {
                let why = match kind {
                    "think" => "models think by themselves; `effort` of a model says how hard",
                    "lsp" => "language servers are not spoken to; an MCP server for the language can do this",
                    "model_picker" => {
                        "an agent does not change its model; give the work to another agent with `agent: NAME`"
                    }
                    "background_agents" => "agents that are called as tools in one step already work at the same time",
                    "" => "it has no `type`",
                    _ => "there is no such tool here",
                };
                notes.left_out(node, format!("toolset `{kind}`: {why}"));
                // One note is enough for all of it.
                for key in [
                    "shared",
                    "path",
                    "command",
                    "args",
                    "env",
                    "file_types",
                    "version",
                    "models",
                    "url",
                    "name",
                    "tools",
                ] {
                    fields.take(key);
                }
            }
        }
    }

    fn filesystem(&mut self, fields: &mut Fields<'_>, notes: &mut Notes) {
        self.add("files");
        if let Some(node) = fields.take("tools") {
            let listed = node.texts(notes);
            if !listed.is_empty() && !listed.iter().any(|tool| WRITERS.contains(&tool.as_str())) {
                self.deny.push("files.write".into());
                notes.changed(&node, "the file tools come together; those that write are denied under `permissions`");
            } else {
                notes.changed(
                    &node,
                    "the file tools come together; `permissions` can deny `files.read` or `files.write`",
                );
            }
        }
        fields.refuse(
            &[
                ("post_edit", "use a hook under `hooks.after_tool` with `match: files.write`"),
                ("ignore_vcs", "no files are hidden by a .gitignore; see `sandbox.workspace.hide`"),
            ],
            notes,
        );
    }

    fn scripts(&mut self, fields: &mut Fields<'_>, notes: &mut Notes) {
        let Some(node) = fields.take("shell") else { return };
        for (name, node) in node.entries(notes) {
            let mut fields = node.fields(notes);
            let Some(command) = fields.text("cmd", notes) else {
                notes.left_out(&node, format!("script `{name}` has no `cmd`"));
                continue;
            };
            let parameters = parameters(&mut fields, notes);
            let mut script = String::new();
            if let Some(folder) = fields.text("working_dir", notes) {
                script.push_str(&format!("cd '{}' || exit\n", folder.replace('\'', r"'\''")));
            }
            if let Some(node) = fields.take("env") {
                for (name, value) in node.entries(notes) {
                    let text = value.text(notes).unwrap_or_default();
                    if text.contains('$') {
                        notes.left_out(&value, format!("`{name}`: the environment is not looked up in `command.run`"));
                    } else {
                        script.push_str(&format!("export {name}='{}'\n", text.replace('\'', r"'\''")));
                    }
                }
            }
            let names = parameter_names(&parameters);
            // Arguments arrive as words of their own, so that no value of the model is ever taken for shell syntax.
            for (index, name) in names.iter().enumerate() {
                script.push_str(&format!("export {name}=\"${}\"\n", braced(index + 1)));
            }
            script.push_str(&command);
            let mut run = vec!["sh".to_owned(), "-c".to_owned(), script];
            if !names.is_empty() {
                run.push("sh".into());
                run.extend(names.iter().map(|name| format!("{{{name}}}")));
            }
            let description = fields.text("description", notes).unwrap_or_else(|| name.to_owned());
            fields.finish("a script", notes);
            let tool = Yaml::from([
                ("name", Yaml::from(self.name(name))),
                ("description", literal(&description).into()),
                ("run", run.into()),
                ("parameters", parameters),
            ]);
            self.add([("command", tool)]);
        }
    }

    fn api(&mut self, fields: &mut Fields<'_>, notes: &mut Notes) {
        let Some(node) = fields.take("api_config") else { return };
        let mut fields = node.fields(notes);
        let name = fields.text("name", notes).unwrap_or_default();
        let parameters = parameters(&mut fields, notes);
        let names = parameter_names(&parameters);
        let Some(endpoint) = fields.take("endpoint") else {
            notes.left_out(&node, format!("the API tool `{name}` has no `endpoint`"));
            return;
        };
        let url = template(&endpoint.text(notes).unwrap_or_default(), |word| {
            names.iter().any(|name| name == word).then(|| format!("{{{word}}}"))
        });
        if let Some(unknown) = url.unknown {
            notes.left_out(
                &endpoint,
                format!("`{unknown}` is neither an argument nor a variable, and stands there as text"),
            );
        }
        let headers = fields.take("headers").map(|node| server::variables(&name, &node, notes)).unwrap_or_default();
        let description = fields.text("instruction", notes).unwrap_or_else(|| format!("Calls {name}"));
        // It only told other programs about the answer.
        fields.take("output_schema");
        let method = fields.text("method", notes).unwrap_or_else(|| "GET".into());
        fields.finish("an API tool", notes);
        let tool = Yaml::from([
            ("name", Yaml::from(self.name(&name))),
            ("description", literal(&description).into()),
            ("method", method.to_ascii_uppercase().into()),
            ("url", url.text.into()),
            ("headers", headers.into()),
            ("parameters", parameters),
        ]);
        self.add([("http", tool)]);
    }

    fn openapi(&mut self, fields: &mut Fields<'_>, notes: &mut Notes) {
        let Some(spec) = fields.take("url").and_then(|node| server::url("openapi", &node, notes)) else { return };
        let headers = fields.take("headers").map(|node| server::variables("openapi", &node, notes)).unwrap_or_default();
        let mut tool = Map::default();
        tool.put("spec", spec).put("include", fields.texts("tools", notes)).put("headers", headers);
        if let Some(seconds) = fields.text("timeout", notes) {
            tool.put("timeout", format!("{seconds}s"));
        }
        self.add([("openapi", Yaml::from(tool))]);
    }

    fn a2a(&mut self, fields: &mut Fields<'_>, node: &Node<'_>, notes: &mut Notes) {
        let named = fields.text("name", notes);
        let Some(url) = fields.take("url").and_then(|node| server::url("a2a", &node, notes)) else {
            notes.left_out(node, "the A2A agent has no `url`");
            return;
        };
        let name = named.unwrap_or_else(|| server::name_of(None, &[], Some(&url)));
        let headers = fields.take("headers").map(|node| server::variables(&name, &node, notes)).unwrap_or_default();
        let tool =
            Yaml::from([("name", Yaml::from(self.name(&name))), ("url", url.into()), ("headers", headers.into())]);
        self.add([("a2a", tool)]);
    }

    fn mcp(&mut self, mut fields: Fields<'_>, servers: &Servers<'_>, node: &Node<'_>, notes: &mut Notes) {
        let mut name = fields.text("name", notes);
        let tools = fields.texts("tools", notes);
        let reference = fields.text("ref", notes);
        let shared = reference.as_deref().and_then(|name| servers.get(name));
        let server = if let Some(shared) = shared {
            name = name.or_else(|| reference.clone());
            let mut fields = shared.fields(notes);
            for key in ["name", "type"] {
                fields.take(key);
            }
            let all = fields.texts("tools", notes);
            let reference = fields.text("ref", notes);
            let mut server = server_of(fields, reference, name.as_deref(), shared, notes);
            if let Some((_, server)) = &mut server {
                server.put("tools", if tools.is_empty() { all } else { tools });
            }
            server
        } else {
            let mut server = server_of(fields, reference, name.as_deref(), node, notes);
            if let Some((_, server)) = &mut server {
                server.put("tools", tools);
            }
            server
        };
        let Some((suggested, server)) = server else { return };
        let name = valid_name(&name.unwrap_or(suggested), "server");
        let server = Yaml::from(server);
        let name = free_name(&name, |name| self.mcp.get(name).is_some_and(|there| *there != server));
        self.mcp.put(&*name, server);
        self.add([("mcp", name)]);
    }
}

/// A server and the name that it suggests; none, and a note, if it says neither what to start nor what to reach.
fn server_of(
    mut fields: Fields<'_>,
    reference: Option<String>,
    name: Option<&str>,
    node: &Node<'_>,
    notes: &mut Notes,
) -> Option<(String, Map)> {
    let mut server = Map::default();
    fields.refuse(&[("version", "programs are not installed by the agent: install it beforehand")], notes);
    let suggested;
    if let Some(reference) = reference {
        let image = reference.strip_prefix("docker:").unwrap_or(&reference);
        if reference == image {
            notes.left_out(node, format!("there is no MCP server `{reference}` under `mcps`"));
            return None;
        }
        notes.changed(node, format!("`{reference}` is started by the MCP plugin of Docker, which must be installed"));
        server
            .put("command", "docker")
            .put("args", ["mcp", "gateway", "run", &format!("--servers={image}")].map(Yaml::from).to_vec());
        fields.refuse(&[("config", "give it to Docker with `docker mcp config write`")], notes);
        suggested = image.rsplit('/').next().unwrap_or(image).to_owned();
    } else if let Some(remote) = fields.take("remote") {
        let mut remote_fields = remote.fields(notes);
        let owner = name.unwrap_or("server");
        let url = remote_fields.take("url").and_then(|node| server::url(owner, &node, notes))?;
        if let Some(node) = remote_fields.take("transport_type").filter(|node| node.value == "sse") {
            notes.changed(
                &node,
                "the old SSE transport is not spoken, only streamable HTTP: most servers have it, often at `/mcp`",
            );
        }
        suggested = server::name_of(None, &[], Some(&url));
        let owner = name.unwrap_or(&suggested);
        let headers = remote_fields.take("headers").map(|node| server::variables(owner, &node, notes));
        server.put("url", url).put("headers", headers.unwrap_or_default());
        remote_fields.finish("a remote MCP server", notes);
    } else if let Some(command) = fields.text("command", notes) {
        let args = fields.take("args");
        let plain: Vec<String> = args.as_ref().map(|node| node.texts(&mut Notes::default())).unwrap_or_default();
        suggested = server::name_of(Some(&command), &plain, None);
        let args = args.map(|node| server::arguments(name.unwrap_or(&suggested), &node, notes));
        server.put("command", literal(&command));
        if let Some(args) = args {
            server.put("args", args);
        }
    } else {
        notes.left_out(node, "the MCP server has neither `command`, `remote` nor `ref`");
        return None;
    }
    let owner = name.unwrap_or(&suggested);
    if let Some(env) = fields.take("env") {
        server.put("env", server::variables(owner, &env, notes));
    }
    fields.finish("an MCP server", notes);
    Some((suggested, server))
}

/// `args` and `required` as the JSON Schema that they are parts of.
fn parameters(fields: &mut Fields<'_>, notes: &mut Notes) -> Yaml {
    let properties = fields.take("args").and_then(|node| node.object(notes).map(|map| Value::Object(map.clone())));
    let required = fields.texts("required", notes);
    let Some(properties) = properties else { return Map::default().into() };
    Yaml::from([
        ("type", Yaml::from("object")),
        ("properties", Yaml::from(&literal_value(&properties))),
        ("required", required.into()),
    ])
}

fn parameter_names(parameters: &Yaml) -> Vec<String> {
    let Yaml::Map(map) = parameters else { return vec![] };
    let Some(Yaml::Map(properties)) = map.get("properties") else { return vec![] };
    properties.keys().map(str::to_owned).collect()
}

/// `1`, or `{10}`: a shell takes `$10` for `${1}0`.
fn braced(position: usize) -> String {
    if position < 10 { position.to_string() } else { format!("{{{position}}}") }
}

/// A name that providers take for a tool: `[a-zA-Z0-9_-]`, at most 64 long.
fn tool_name(text: &str) -> String {
    let mut name: String = text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    name.truncate(64);
    if name.is_empty() { "tool".into() } else { name }
}
