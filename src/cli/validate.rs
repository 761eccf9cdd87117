//! `agentscope validate`: everything that is wrong with an agent file, in one go.

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value;

use super::{AgentArgs, CliError, Cx, Exit, source::AgentSource};
use crate::config::agent_file::{Diagnostics, Document, LoadOptions, Severity};

/// Check an agent file: every error at once, with line and column
#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    #[command(flatten)]
    agent: AgentArgs,
    /// The form of the result
    #[arg(short, long, value_name = "FORM", value_enum, default_value_t)]
    output: Form,
    /// A variable that is not set is an error
    #[arg(long)]
    strict_env: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    #[default]
    Text,
    /// One JSON document
    Json,
    /// Annotations for GitHub Actions
    Github,
}

pub(super) fn run(args: &ValidateArgs, cx: &Cx) -> Result<Exit, CliError> {
    let spelled_out = args.agent.agent.is_some() || args.agent.config.is_some();
    // A check that passes because there is nothing to check would help nobody.
    let missing = || CliError::not_found("there is no ./agent.yaml to check").hint("`agentscope init` makes one");
    if !spelled_out && !cx.env.cwd.join("agent.yaml").is_file() {
        return Err(missing());
    }
    let source = AgentSource::find(&args.agent, cx)?;
    let AgentSource::File(path) = &source else { return Err(missing()) };
    let keys = source.keys(cx)?;
    let lookup = |name: &str| keys.get(name);
    let unset = if args.strict_env { Severity::Error } else { Severity::Warning };
    let mut report = Report::new(path.display().to_string());
    match Document::open(path) {
        Ok(document) => {
            let options = |profile: Option<&str>| LoadOptions { profile: profile.map(str::to_owned), lookup: &lookup };
            match args.agent.profile.as_deref() {
                Some(profile) => report.add(&document, &options(Some(profile)), unset),
                None => report.add_all(&document, &options, unset),
            }
        }
        Err(found) => report.found = found,
    }
    report.print(args.output, cx)
}

/// What is said about a file.
struct Report {
    name: String,
    found: Diagnostics,
    agents: usize,
    tools: usize,
    profiles: usize,
}

/// The form of `-o json`.
#[derive(Serialize)]
struct Json<'a> {
    file: &'a str,
    valid: bool,
    errors: usize,
    warnings: usize,
    diagnostics: Value,
}

impl Report {
    fn new(name: String) -> Self {
        Self { name, found: Diagnostics::default(), agents: 0, tools: 0, profiles: 0 }
    }

    /// The file by itself, then with each of its profiles, of which only what is new is said.
    fn add_all<'a>(
        &mut self,
        document: &Document,
        options: &impl Fn(Option<&str>) -> LoadOptions<'a>,
        unset: Severity,
    ) {
        self.add(document, &options(None), unset);
        let (agents, tools) = (self.agents, self.tools);
        for profile in document.profiles() {
            let mut with = Self::new(String::new());
            with.add(document, &options(Some(profile)), unset);
            self.found.extend_new(with.found, &format!("with the profile `{profile}`: "));
            self.profiles += 1;
        }
        (self.agents, self.tools) = (agents, tools);
    }

    fn add(&mut self, document: &Document, options: &LoadOptions, unset: Severity) {
        match document.load(options) {
            Ok(loaded) => {
                self.found.extend(loaded.warnings.clone());
                self.found.extend(loaded.unset(unset, |_| true));
                self.found.sort();
                self.agents = 1 + loaded.file.agents.len();
                let members = loaded.file.agents.values().map(|member| member.tools.len());
                self.tools = loaded.file.agent.tools.len() + members.sum::<usize>();
            }
            Err(found) => {
                self.found.extend(found);
                self.found.extend(document.unset(options, unset));
                self.found.sort();
            }
        }
    }

    fn print(self, form: Form, cx: &Cx) -> Result<Exit, CliError> {
        let valid = !self.found.has_errors();
        let exit = match (valid, self.found.is_not_found()) {
            (true, _) => Exit::Done,
            (false, true) => Exit::NotFound,
            (false, false) => Exit::Usage,
        };
        match form {
            Form::Text => {
                cx.printer.stderr(&self.found.render(cx.printer.err_color()));
                if valid {
                    cx.printer.stdout(&format!("{}\n", self.summary()))?;
                } else {
                    let (errors, warnings) = (count(self.found.errors(), "error"), self.warnings());
                    cx.printer.stderr(&format!("\n{}: {errors}{warnings}\n", self.name));
                }
            }
            Form::Json => cx.printer.json(&Json {
                file: &self.name,
                valid,
                errors: self.found.errors(),
                warnings: self.found.warnings(),
                diagnostics: self.found.json(),
            })?,
            Form::Github => cx.printer.stdout(&self.found.github())?,
        }
        Ok(exit)
    }

    fn summary(&self) -> String {
        let profiles =
            if self.profiles == 0 { String::new() } else { format!(", {}", count(self.profiles, "profile")) };
        let (agents, tools) = (count(self.agents, "agent"), count(self.tools, "tool entry"));
        format!("ok: {}: {agents}, {tools}{profiles}{}", self.name, self.warnings())
    }

    fn warnings(&self) -> String {
        match self.found.warnings() {
            0 => String::new(),
            warnings => format!(", {}", count(warnings, "warning")),
        }
    }
}

fn count(number: usize, what: &str) -> String {
    match (number, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, None) => format!("{number} {what}s"),
    }
}
