//! The command line: one file a verb. Nothing below this layer sees clap.
//!
//! A verb's file holds its `Args` (doc comments are the help text) and its `run`, which reads: resolve the input, call
//! one thing of the library, print.

mod args;
mod boxes;
mod build;
mod chat;
mod completions;
mod cx;
mod default_model;
mod deploy;
mod doctor;
mod error;
mod import;
mod init;
mod man;
mod mcp;
mod models;
mod run;
mod sandbox;
mod schema;
mod session;
mod setup;
mod source;
mod tools;
mod validate;
mod values;
mod web;

use std::{ffi::OsString, process::ExitCode};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub use args::{AgentArgs, GlobalArgs, Output};
pub use cx::Cx;
pub use error::{CliError, Exit};

use crate::{
    config::Env,
    deploy::{local, probe},
    sandbox::hidden,
    ui::Printer,
};

/// One binary, one YAML file per agent: chat with it, serve it, show it, sandbox it, deploy it.
#[derive(Debug, Parser)]
#[command(
    name = "agentscope",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Build(build::BuildArgs),
    Chat(chat::ChatArgs),
    Completions(completions::CompletionsArgs),
    Deploy(deploy::DeployArgs),
    Doctor(doctor::DoctorArgs),
    Import(import::ImportArgs),
    Init(init::InitArgs),
    Invoke(deploy::invoke::InvokeArgs),
    List(deploy::list::ListArgs),
    Logs(deploy::logs::LogsArgs),
    Man(man::ManArgs),
    Mcp(mcp::McpArgs),
    Models(models::ModelsArgs),
    Rm(deploy::rm::RmArgs),
    Rollback(deploy::rollback::RollbackArgs),
    #[command(alias = "serve")]
    Run(run::RunArgs),
    Sandbox(sandbox::SandboxArgs),
    Schema(schema::SchemaArgs),
    Session(session::SessionArgs),
    Setup(setup::SetupArgs),
    Status(deploy::status::StatusArgs),
    Stop(deploy::stop::StopArgs),
    Tools(tools::ToolsArgs),
    Validate(validate::ValidateArgs),
    Web(web::WebArgs),
}

impl Command {
    fn run(self, cx: &Cx) -> Result<Exit, CliError> {
        match self {
            Self::Build(args) => build::run(&args, cx),
            Self::Chat(args) => deploy::chat(args, cx),
            Self::Completions(args) => completions::run(&args, cx),
            Self::Deploy(args) => deploy::run(&args, cx),
            Self::Doctor(args) => doctor::run(&args, cx),
            Self::Import(args) => import::run(&args, cx),
            Self::Init(args) => init::run(&args, cx),
            Self::Invoke(args) => deploy::invoke::run(&args, cx),
            Self::List(args) => deploy::list::run(&args, cx),
            Self::Logs(args) => deploy::logs::run(&args, cx),
            Self::Man(args) => man::run(&args, cx),
            Self::Mcp(args) => mcp::run(&args, cx),
            Self::Models(args) => models::run(&args, cx),
            Self::Rm(args) => deploy::rm::run(&args, cx),
            Self::Rollback(args) => deploy::rollback::run(&args, cx),
            Self::Run(args) => run::run(&args, cx),
            Self::Sandbox(args) => sandbox::run(&args, cx),
            Self::Schema(args) => schema::run(&args, cx),
            Self::Session(args) => session::run(&args, cx),
            Self::Setup(args) => setup::run(&args, cx),
            Self::Status(args) => deploy::status::run(&args, cx),
            Self::Stop(args) => deploy::stop::run(&args, cx),
            Self::Tools(args) => tools::run(&args, cx),
            Self::Validate(args) => validate::run(&args, cx),
            Self::Web(args) => web::run(&args, cx),
        }
    }
}

/// `chat` with these words.
fn chat_with(words: Vec<String>, cx: &Cx) -> Result<Exit, CliError> {
    let words = ["agentscope", "chat"].map(str::to_owned).into_iter().chain(words);
    match Cli::try_parse_from(words) {
        Ok(Cli { command: Command::Chat(args), .. }) => chat::run(&args, cx),
        Ok(_) => Ok(Exit::Done),
        Err(error) => Err(CliError::usage("`chat` cannot be asked so").because(&error)),
    }
}

/// The whole command line, for completions and man pages.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the program. Every error is rendered here and nowhere else.
#[must_use]
pub fn run(args: impl Iterator<Item = OsString>, env: Env) -> ExitCode {
    let args: Vec<_> = args.collect();
    let rest = args.get(1..).unwrap_or_default();
    match rest.first().and_then(|name| name.to_str()) {
        Some(probe::READY) => return probe::main(&rest[1..]),
        Some(local::SUPERVISE) => return local::supervise(&rest[1..]),
        Some(local::SERVE) => return run::deployed::main(),
        _ => {}
    }
    if let Some(code) = hidden::dispatch(rest) {
        return code;
    }
    let cli = match Cli::command().try_get_matches_from(args).and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return error::usage(&error),
    };
    let printer = Printer::new(&env, cli.global.color);
    let cx = Cx::new(env, &cli.global, printer);
    match cli.command.run(&cx) {
        Ok(exit) => exit.into(),
        Err(error) => error.report(&cx.printer).into(),
    }
}
