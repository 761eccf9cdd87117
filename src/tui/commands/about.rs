//! What the agent is made of: `/tools`, `/mcp`, `/skills`, `/permissions`, `/sandbox`, `/context`.

use super::{Effect, Failure, Name, Next, Part, Talk};
use crate::{
    agent::{Agent, ApproveMode, Permitted, ToolLine},
    config::agent_file::PermissionDefault,
    domain::Effect as ToolEffect,
    sandbox::{BackendKind, Tier},
    tool::{Runs, cap},
    tui::app::Ran,
    ui::table,
};

/// Bytes of a description beside a tool.
const MOST_ABOUT: usize = 60;

impl Talk {
    pub(super) async fn tools(&self) -> Result<Effect, Failure> {
        let (lines, unavailable) = self.here(Name::Tools).await?.tool_lines().await?;
        let rows: Vec<_> = lines.iter().map(tool_row).collect();
        let text = match rows.is_empty() {
            true => "no tools\n".to_owned(),
            false => table(["TOOL", "DOES", "FROM", "RUNS IN", "WHAT FOR"], &rows),
        };
        let warnings = unavailable.into_iter();
        let warnings = warnings.map(|gone| Part::Warning(format!("`{}` gives no tools: {}", gone.server, gone.reason)));
        Ok(Effect { parts: std::iter::once(Part::Text(text)).chain(warnings).collect(), next: Next::Nothing })
    }

    pub(super) async fn mcp(&self) -> Result<Effect, Failure> {
        let servers = self.here(Name::Mcp).await?.server_lines().await;
        if servers.is_empty() {
            return Ok(Effect::text("the agent has no MCP servers\n"));
        }
        let rows: Vec<_> = servers
            .into_iter()
            .map(|server| {
                let state = match (server.wrong, server.required) {
                    (None, _) => format!("{} tools", server.tools),
                    (Some(wrong), false) => wrong,
                    (Some(wrong), true) => format!("required: {wrong}"),
                };
                [server.name, state, server.how]
            })
            .collect();
        Ok(Effect::text(table(["SERVER", "STATE", "COMMAND OR ADDRESS"], &rows)))
    }

    pub(super) async fn skills(&self) -> Result<Effect, Failure> {
        let skills = self.here(Name::Skills).await?.skills()?;
        if skills.is_empty() {
            return Ok(Effect::text("the agent has no skills\n"));
        }
        let rows: Vec<_> = skills.into_iter().map(|skill| [skill.name, short(&skill.description)]).collect();
        Ok(Effect::text(table(["SKILL", "WHAT FOR"], &rows)))
    }

    pub(super) async fn permissions(&self, mode: &str) -> Result<Effect, Failure> {
        let agent = self.here(Name::Permissions).await?;
        let mode = match mode {
            "" => return Ok(Effect::text(permitted(&agent.permitted(&self.key)))),
            "ask" => ApproveMode::Ask,
            "auto" => ApproveMode::Auto,
            "plan" => ApproveMode::Plan,
            "deny" => ApproveMode::Deny,
            other => {
                return Err(Failure::new(format!("there is no mode `{}`", cap::short(other, 40)))
                    .hint("ask, auto, plan or deny"));
            }
        };
        Ok(Effect::text(format!("{}\n", means(mode))).then(Next::Mode(mode)))
    }

    pub(super) async fn sandbox(&self) -> Result<Effect, Failure> {
        let agent = self.here(Name::Sandbox).await?;
        let boxes = agent.boxes();
        let mut text = format!("{}\n", boxes.settings().told());
        let made = boxes.of_session(&self.key).await?;
        for info in &made {
            let tier = info.tier.map_or_else(String::new, |tier| format!(", tier {tier}"));
            text.push_str(&format!("{}: {}, {}{tier}\n", info.id, info.state, info.backend));
        }
        if made.is_empty() {
            text.push_str("none was made for this session yet");
            match boxes.place(&self.key).await {
                Ok(place) => text.push_str(&format!("; it will be {}\n", ran(place))),
                Err(error) => {
                    let why = Failure::from(error);
                    let hint = why.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
                    let warning = Part::Warning(format!("none can be made here: {}{hint}", why.text));
                    return Ok(Effect { parts: vec![Part::Text(text + "\n"), warning], next: Next::Nothing });
                }
            }
        }
        Ok(Effect::text(text))
    }

    /// Where programs run, or will; `None` where a server keeps that to itself.
    pub(in crate::tui) async fn place(&self) -> Option<Ran> {
        let Agent::Local(agent) = &self.agent else { return None };
        Some(agent.boxes().place(&self.key).await.map_or(Ran::Nowhere, |place| Ran::In(ran(place))))
    }

    pub(super) async fn context(&self) -> Result<Effect, Failure> {
        let agent = self.here(Name::Context).await?;
        let usage = agent.context_use(&self.key).await?;
        let all: u64 = usage.parts.iter().map(|part| part.tokens).sum();
        let share = |tokens: u64| usage.window.map_or_else(String::new, |window| percent(tokens, window));
        let mut rows: Vec<_> =
            usage.parts.iter().map(|part| [part.name.clone(), part.tokens.to_string(), share(part.tokens)]).collect();
        rows.push(["all".to_owned(), all.to_string(), share(all)]);
        let window = match usage.window {
            Some(window) => format!("{} has room for {window} tokens", agent.model_name()),
            None => format!("how much {} has room for is not known", agent.model_name()),
        };
        Ok(Effect::text(format!("{}{window}\n", table(["ESTIMATED", "TOKENS", "SHARE"], &rows))))
    }
}

fn ran((backend, tier): (BackendKind, Tier)) -> String {
    match tier {
        Tier::None => format!("{backend}, without isolation"),
        tier => format!("{backend} tier {tier}"),
    }
}

fn tool_row(ToolLine { spec, source, runs }: &ToolLine) -> [String; 5] {
    let does = match spec.effect {
        ToolEffect::Reads => "reads",
        ToolEffect::Writes => "writes",
    };
    let runs = match runs {
        Runs::Host => "host",
        Runs::Sandbox => "sandbox",
        Runs::Remote => "server",
    };
    [spec.name.clone(), does.to_owned(), source.clone(), runs.to_owned(), short(&spec.description)]
}

fn short(description: &str) -> String {
    cap::short(description.lines().next().unwrap_or_default(), MOST_ABOUT)
}

fn percent(tokens: u64, window: u64) -> String {
    format!("{} %", (tokens * 100).div_ceil(window.max(1)))
}

fn permitted(permitted: &Permitted) -> String {
    let lists = [
        ("denied", "agent file", &permitted.deny),
        ("asked about", "agent file", &permitted.ask),
        ("allowed", "agent file", &permitted.allow),
        ("allowed", "you, for good", &permitted.kept),
        ("allowed", "you, in this session", &permitted.session),
    ];
    let rows: Vec<_> = lists
        .iter()
        .flat_map(|(what, from, rules)| rules.iter().map(|rule| [(*what).to_owned(), rule.clone(), (*from).to_owned()]))
        .collect();
    let rules = if rows.is_empty() { String::new() } else { table(["CALLS ARE", "RULE", "FROM"], &rows) };
    let default = match permitted.default {
        Some(PermissionDefault::Allow) => "Other calls are allowed.",
        Some(PermissionDefault::Ask) => "Other calls are asked about.",
        Some(PermissionDefault::Deny) => "Other calls are denied.",
        None => "Other calls are allowed where they only read, else asked about.",
    };
    format!("{rules}{default}\n{}\n", means(permitted.mode))
}

fn means(mode: ApproveMode) -> &'static str {
    match mode {
        ApproveMode::Ask => "Mode ask: you are asked.",
        ApproveMode::Auto => "Mode auto: what would be asked about is allowed.",
        ApproveMode::Plan => "Mode plan: nothing may write.",
        ApproveMode::Deny => "Mode deny: what would be asked about is denied.",
    }
}
