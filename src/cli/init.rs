//! `agentscope init`: a new agent project from a template.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::{CliError, Cx, Exit, args::Output};
use crate::config::agent_file::valid_name;

/// Make a new agent project
#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The folder to make it in
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// What to begin with; `--list` shows what there is
    #[arg(long, value_name = "NAME", default_value = "quickstart", value_parser = TEMPLATES.map(|template| template.name))]
    template: String,
    /// List the templates, and make nothing
    #[arg(long)]
    list: bool,
    /// Overwrite files that exist
    #[arg(long)]
    force: bool,
    /// The form of the result
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Output,
}

/// A project that is compiled in.
struct Template {
    name: &'static str,
    about: &'static str,
    /// Path and text of each file, the agent file first.
    files: &'static [(&'static str, &'static str)],
}

/// The files of the folder `templates/NAME`: those that every template has, and more.
macro_rules! files {
    ($name:literal $(, $more:literal)*) => {
        &[
            ("agent.yaml", include_str!(concat!("../../templates/", $name, "/agent.yaml"))),
            $(($more, include_str!(concat!("../../templates/", $name, "/", $more))),)*
            ("README.md", include_str!(concat!("../../templates/", $name, "/README.md"))),
            (".env.example", include_str!(concat!("../../templates/", $name, "/.env.example"))),
            (".gitignore", include_str!(concat!("../../templates/", $name, "/.gitignore"))),
        ]
    };
}

const TEMPLATES: [Template; 6] = [
    Template { name: "quickstart", about: "an assistant with a to-do list and a memory", files: files!("quickstart") },
    Template {
        name: "research-team",
        about: "a lead with a researcher that it calls and an editor that it hands over to",
        files: files!("research-team"),
    },
    Template { name: "coding", about: "works on the code in your folder, in a sandbox", files: files!("coding") },
    Template { name: "mcp", about: "the tools of MCP servers, here and on the web", files: files!("mcp") },
    Template { name: "structured", about: "answers in JSON of a fixed shape", files: files!("structured") },
    Template {
        name: "http-tools",
        about: "tools from a URL and from an OpenAPI document",
        files: files!("http-tools", "forecast.yaml"),
    },
];

#[derive(Serialize)]
struct Listed {
    name: &'static str,
    description: &'static str,
    files: Vec<&'static str>,
}

#[derive(Serialize)]
struct Made<'a> {
    name: &'a str,
    template: &'a str,
    dir: &'a Path,
    files: Vec<&'static str>,
    /// Files of the template that were there already, and left as they were.
    kept: Vec<&'static str>,
}

/// Files that a folder which is in use has anyway, and that the agent does not need.
const KEPT: [&str; 2] = ["README.md", ".gitignore"];

pub(super) fn run(args: &InitArgs, cx: &Cx) -> Result<Exit, CliError> {
    if args.list {
        return list(args, cx);
    }
    let template = TEMPLATES
        .iter()
        .find(|template| template.name == args.template)
        .ok_or_else(|| CliError::usage(format!("there is no template `{}`", args.template)))?;
    let here = args.dir == Path::new(".");
    let dir = if here { cx.env.cwd.clone() } else { cx.env.cwd.join(&args.dir) };
    if dir.exists() && !dir.is_dir() {
        return Err(CliError::usage(format!("`{}` is a file, not a folder", args.dir.display()))
            .hint("name a folder, as in `agentscope init my-agent`"));
    }
    let kept = if args.force { vec![] } else { keep(template, &dir, args)? };
    let name = project_name(&dir, template);
    let written: Vec<_> = template.files.iter().filter(|(file, _)| !kept.contains(file)).collect();
    for (file, text) in &written {
        let text = match *file {
            "agent.yaml" => text.replacen(&format!("name: {}\n", template.name), &format!("name: {name}\n"), 1),
            _ => (*text).to_owned(),
        };
        write(&dir.join(file), &text)?;
    }
    if kept.contains(&".gitignore") && !ignores_keys(&dir) {
        cx.printer.warn("`.gitignore` does not list `.env`, where keys stand: add it");
    }
    let files: Vec<_> = written.iter().map(|(file, _)| *file).collect();
    if args.output == Output::Json {
        cx.printer.json(&Made { name: &name, template: template.name, dir: &dir, files, kept })?;
        return Ok(Exit::Done);
    }
    let shown = if here { "this folder".to_owned() } else { format!("`{}`", args.dir.display()) };
    let next = if here { String::new() } else { format!("cd {} && ", quoted(&args.dir)) };
    let left = if kept.is_empty() { String::new() } else { format!("kept what was there: {}\n", kept.join(", ")) };
    let made = files.join(", ");
    cx.printer.stdout(&format!("made the agent `{name}` in {shown}: {made}\n{left}next: {next}agentscope chat\n"))?;
    Ok(Exit::Done)
}

fn list(args: &InitArgs, cx: &Cx) -> Result<Exit, CliError> {
    if args.output == Output::Json {
        let listed: Vec<_> = TEMPLATES
            .iter()
            .map(|template| Listed {
                name: template.name,
                description: template.about,
                files: template.files.iter().map(|(file, _)| *file).collect(),
            })
            .collect();
        cx.printer.json(&listed)?;
        return Ok(Exit::Done);
    }
    let width = TEMPLATES.iter().map(|template| template.name.len()).max().unwrap_or_default();
    let lines: String =
        TEMPLATES.iter().map(|template| format!("{:width$}  {}\n", template.name, template.about)).collect();
    cx.printer.stdout(&lines)?;
    Ok(Exit::Done)
}

/// The files of the template that are there and stay as they are; an error where one of them would be overwritten.
fn keep(template: &Template, dir: &Path, args: &InitArgs) -> Result<Vec<&'static str>, CliError> {
    let there = template.files.iter().map(|(file, _)| *file).filter(|file| dir.join(file).symlink_metadata().is_ok());
    let (kept, lost): (Vec<_>, Vec<_>) = there.partition(|file| KEPT.contains(file));
    if lost.is_empty() {
        return Ok(kept);
    }
    let verb = if lost.len() == 1 { "exists" } else { "exist" };
    let lost = lost.join(", ");
    Err(CliError::failed(format!("would overwrite files in `{}`: {lost} {verb} already", args.dir.display()))
        .hint("name another folder, as in `agentscope init my-agent`, or overwrite them with `--force`"))
}

/// Whether the `.gitignore` of a folder keeps `.env` out of what is committed, as far as a look at its lines tells.
fn ignores_keys(dir: &Path) -> bool {
    let text = std::fs::read_to_string(dir.join(".gitignore")).unwrap_or_default();
    text.lines().any(|line| matches!(line.trim().trim_start_matches('/'), ".env" | ".env*" | "*.env"))
}

/// The folder's name, made valid; the template's where it says nothing.
fn project_name(dir: &Path, template: &Template) -> String {
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    valid_name(&dir.file_name().unwrap_or_default().to_string_lossy(), template.name)
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, text));
    made.map_err(|error| CliError::failed(format!("could not write `{}`", path.display())).because(&error))
}

/// A path as a word of a shell.
pub(super) fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = text.chars().all(|c| c.is_alphanumeric() || "/._-+@:".contains(c)) && !text.starts_with('-');
    if plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::source::QUICKSTART;

    #[test]
    fn the_built_in_agent_is_the_first_template() {
        assert_eq!(TEMPLATES[0].files[0].1, QUICKSTART);
    }
}
