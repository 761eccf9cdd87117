//! Which files an agent file names, with those of the agent files that it names.

use std::path::{Component, Path, PathBuf};

use super::{AgentSpec, Diagnostic, Found, Loaded, McpServer, ToolEntry};
use crate::config::{
    agent_file::{self, AgentRef, Hook, LoadOptions, McpRef},
    catalog,
};

/// One agent of a file, with where its part of the file begins.
struct Part<'a> {
    loaded: &'a Loaded,
    dir: PathBuf,
    pointer: String,
    name: String,
}

pub(super) fn all(loaded: &Loaded, cwd: &Path, found: &mut Found) {
    let dir = normal(&cwd.join(&loaded.dir));
    found.folder(&dir);
    let main = Part { loaded, dir: dir.clone(), pointer: String::new(), name: loaded.file.name.clone() };
    main.agent(&loaded.file.agent, cwd, found);
    for (name, spec) in &loaded.file.agents {
        let part = Part { loaded, dir: dir.clone(), pointer: format!("/agents/{name}"), name: name.clone() };
        part.agent(spec, cwd, found);
    }
    found.variables(loaded.variables.iter().cloned());
    models(loaded, found);
    for unset in loaded.unset.iter().filter(|unset| unset.name.starts_with("file:")) {
        found.warn(format!("{}: `{}` is read where the agent runs", unset.place, unset.name));
    }
}

/// The variables of the models' providers, and what of them a container does not reach.
fn models(loaded: &Loaded, found: &mut Found) {
    let agents = std::iter::once(&loaded.file.agent).chain(loaded.file.agents.values());
    for reference in agents.filter_map(|spec| spec.model.as_ref()) {
        if !loaded.file.models.contains_key(reference) {
            found.variables(of_provider(reference));
        }
    }
    for (name, model) in &loaded.file.models {
        found.variables(of_provider(&model.provider));
        for fallback in model.fallback.iter().filter(|fallback| !loaded.file.models.contains_key(*fallback)) {
            found.variables(of_provider(fallback));
        }
        let host = model.base_url.as_ref().and_then(|url| url::Url::parse(url).ok());
        let host = host.as_ref().and_then(url::Url::host_str).unwrap_or_default();
        if matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
            found.warn(format!(
                "the address of the model `{name}` is this machine, which in a container is the container"
            ));
        }
    }
}

/// Where `PROVIDER/MODEL` finds its key and its address.
pub(super) fn of_provider(reference: &str) -> Vec<String> {
    let name = reference.split('/').next().unwrap_or_default();
    let variables = catalog::provider(name).map(|found| found.key_variables.iter().chain(found.base_url_variables));
    variables.into_iter().flatten().map(|name| (*name).to_owned()).collect()
}

impl Part<'_> {
    fn agent(&self, spec: &AgentSpec, cwd: &Path, found: &mut Found) {
        if let Some(path) = &spec.instructions_file {
            self.file("/instructions_file", path, found);
        }
        if let Some(path) = &spec.mcp_file
            && let Some(path) = self.path("/mcp_file", path, found)
        {
            found.settings(&path);
        }
        for (index, path) in spec.skills.iter().enumerate() {
            self.file(&format!("/skills/{index}"), path, found);
        }
        for (name, server) in &spec.mcp {
            self.server(&format!("/mcp/{name}"), name, server, found);
        }
        for (index, tool) in spec.tools.iter().enumerate() {
            self.tool(&format!("/tools/{index}"), tool, cwd, found);
        }
        let hooks = &spec.hooks;
        for (key, hooks) in [
            ("session_start", &hooks.session_start),
            ("before_tool", &hooks.before_tool),
            ("after_tool", &hooks.after_tool),
            ("turn_end", &hooks.turn_end),
        ] {
            for (index, hook) in hooks.iter().enumerate() {
                self.hook(&format!("/hooks/{key}/{index}/run"), hook, found);
            }
        }
        for mount in &spec.sandbox.mounts {
            found.warn(format!(
                "the mount `{mount}` of `{}` is a folder of the machine: it is not put into the image",
                self.name
            ));
        }
    }

    fn tool(&self, pointer: &str, tool: &ToolEntry, cwd: &Path, found: &mut Found) {
        match tool {
            ToolEntry::Openapi(tool) if !tool.spec.contains("://") => {
                self.file(&format!("{pointer}/openapi/spec"), Path::new(&tool.spec), found);
            }
            ToolEntry::Agent(AgentRef::File(other)) => {
                if let Some(path) = self.path(&format!("{pointer}/agent/file"), &other.file, found) {
                    self.other(pointer, &path, cwd, found);
                }
            }
            ToolEntry::Mcp(McpRef::Server(server)) => {
                let name = server.name.as_deref().unwrap_or("mcp");
                self.server(&format!("{pointer}/mcp"), name, server, found);
            }
            // In the sandbox, whose programs are those of the container.
            ToolEntry::Python => found.needs("python3", "the tool `python`"),
            ToolEntry::Shell => found.needs("sh", "the tool `shell`"),
            ToolEntry::Command(tool) => {
                let program = tool.run.first().map_or("", String::as_str);
                found.needs(program, &format!("the tool `{}`", tool.name));
            }
            _ => {}
        }
    }

    /// Another agent file, and what it names.
    fn other(&self, pointer: &str, path: &Path, cwd: &Path, found: &mut Found) {
        match agent_file::load(path, &LoadOptions::default()) {
            Ok(loaded) => {
                let path = loaded.path.as_ref().map_or_else(|| path.to_owned(), |path| normal(&cwd.join(path)));
                if found.agent_file(&path, loaded.text()) {
                    all(&loaded, cwd, found);
                }
            }
            Err(wrong) => {
                found.wrong(
                    Diagnostic::error("other-agent", format!("`{}` cannot be used", path.display()))
                        .at(self.loaded.place(&format!("{}{pointer}", self.pointer))),
                );
                found.all_wrong(wrong);
            }
        }
    }

    /// The program of a server, what of its arguments is a file, and the folder that it runs in.
    fn server(&self, pointer: &str, name: &str, server: &McpServer, found: &mut Found) {
        let Some(command) = &server.command else { return };
        let cwd = server.cwd.as_ref().map_or_else(|| self.dir.clone(), |cwd| normal(&self.dir.join(cwd)));
        if let Some(path) = &server.cwd
            && !self.dir.starts_with(&cwd)
        {
            self.file(&format!("{pointer}/cwd"), path, found);
        }
        let who = format!("the MCP server `{name}`");
        self.program(&format!("{pointer}/command"), command, &self.dir.clone(), &who, found);
        for (index, argument) in server.args.iter().enumerate() {
            self.argument(&format!("{pointer}/args/{index}"), argument, &cwd, found);
        }
    }

    fn hook(&self, pointer: &str, hook: &Hook, found: &mut Found) {
        let Some((program, arguments)) = hook.run.split_first() else { return };
        self.program(&format!("{pointer}/0"), program, &self.dir.clone(), "a hook", found);
        for (index, argument) in arguments.iter().enumerate() {
            self.argument(&format!("{pointer}/{}", index + 1), argument, &self.dir, found);
        }
    }

    /// One with a `/` is a file of the user's; any other is looked for on the path.
    fn program(&self, pointer: &str, program: &str, dir: &Path, who: &str, found: &mut Found) {
        if !program.contains('/') || Path::new(program).is_absolute() {
            found.needs(program, who);
            return;
        }
        let path = normal(&dir.join(program));
        self.file(pointer, Path::new(program), found);
        if let Some(interpreter) = interpreter(&path) {
            found.needs(&interpreter, who);
        }
    }

    /// A word that names a file or a folder beside the agent.
    fn argument(&self, pointer: &str, argument: &str, cwd: &Path, found: &mut Found) {
        let path = normal(&cwd.join(argument));
        let own = !Path::new(argument).is_absolute() && !argument.is_empty() && path.exists();
        // The folder of the agent itself, such as `.`, holds more than the agent.
        if own && !self.dir.starts_with(&path) {
            found.take(&path, || self.loaded.place(&format!("{}{pointer}", self.pointer)));
        }
    }

    fn file(&self, pointer: &str, path: &Path, found: &mut Found) {
        if let Some(path) = self.path(pointer, path, found) {
            found.take(&path, || self.loaded.place(&format!("{}{pointer}", self.pointer)));
        }
    }

    fn path(&self, pointer: &str, path: &Path, found: &mut Found) -> Option<PathBuf> {
        let place = || self.loaded.place(&format!("{}{pointer}", self.pointer));
        if path.is_absolute() {
            found.wrong(
                Diagnostic::error("absolute-path", format!("`{}` is a path of this machine only", path.display()))
                    .at(place())
                    .help("copy it beside the agent file, and give its path relative to that"),
            );
            return None;
        }
        let path = normal(&self.dir.join(path));
        if self.dir.starts_with(&path) {
            found.wrong(
                Diagnostic::error("whole-folder", "the folder of the agent itself cannot be put into an image")
                    .at(place())
                    .help("it holds more than the agent, such as `.env`: name a folder in it"),
            );
            return None;
        }
        Some(path)
    }
}

/// What a script says that it is run by.
fn interpreter(path: &Path) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    let line = bytes.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = String::from_utf8_lossy(line).into_owned();
    let mut words = line.split_whitespace();
    let first = words.next()?;
    let name = if first.ends_with("/env") { words.find(|word| !word.starts_with('-'))? } else { first };
    Some(name.rsplit('/').next()?.to_owned())
}

/// Without `.` and `..`, as the path is written.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// `path` below `root`, with `/` between its parts.
pub(super) fn below(path: &Path, root: &Path) -> Option<String> {
    let path = normal(path);
    let parts: Option<Vec<&str>> = path.strip_prefix(root).ok()?.iter().map(|part| part.to_str()).collect();
    Some(parts?.join("/"))
}
