//! A conversation on a terminal that can draw.

use std::path::Path;

use super::{About, Chat, ChatArgs};
use crate::{
    cli::{CliError, Cx, Exit, cx::signals},
    tui::{
        self, Reflow, Setup,
        burst::Brackets,
        commands::{Place, Talk},
        theme::{Depth, Ground},
    },
    ui::{printable, style},
};

/// Whether somebody looks at a terminal that can draw. Where somebody looks at one that cannot, says why the talk goes line
/// by line.
pub(super) fn can_draw(cx: &Cx) -> bool {
    if !(cx.env.stdin_tty && cx.env.stdout_tty) {
        return false;
    }
    let term = cx.env.var("TERM").unwrap_or("dumb");
    let charset = charset(cx);
    let why = match &charset {
        _ if term == "dumb" => "this terminal cannot draw (TERM is dumb)".to_owned(),
        Some(charset) => format!("this terminal shows {charset} and not UTF-8"),
        None => return true,
    };
    cx.printer.stderr(&format!("{why}: talking line by line\n"));
    false
}

/// What the locale says that text is in, where that is not UTF-8.
fn charset(cx: &Cx) -> Option<String> {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| cx.env.var(name))?;
    let (_, charset) = locale.split_once('.')?;
    let charset = charset.split('@').next().unwrap_or(charset);
    let plain = charset.to_ascii_lowercase().replace('-', "");
    (plain != "utf8").then(|| printable(charset))
}

/// Talks until the user leaves.
pub(super) async fn converse(chat: &mut Chat, args: &ChatArgs, cx: &Cx) -> Result<Exit, CliError> {
    let setup = Setup {
        talk: Talk {
            agent: chat.agent.clone(),
            key: chat.key.clone(),
            commands: chat.about.commands.clone(),
            cwd: cx.env.cwd.clone(),
            place: Place::Screen,
        },
        history: args.goes_on(),
        about: about(chat, cx),
        depth: Depth::of(cx.env.var("TERM"), cx.env.var("COLORTERM"), cx.printer.out_color()),
        ground: cx.env.var("COLORFGBG").and_then(Ground::of_variable),
        reflow: Reflow::of(|name| cx.env.var(name)),
        brackets: brackets(cx),
        env: cx.env.clone(),
        state: cx.paths.state.clone(),
        first: args.prompt.clone(),
        attachments: std::mem::take(&mut chat.attachments),
    };
    let ending = tui::run(setup, signals()?).await;
    // What a turn used that was stopped is known at its end, and no server of a tool is left behind.
    chat.agent.drained().await;
    let ending = ending.map_err(|error| CliError::failed("the terminal can no longer be used").because(&error))?;
    chat.key = ending.session;
    if ending.said {
        let dim = cx.printer.err_style(style::DIM);
        cx.printer.stderr(&format!("{dim}{}{dim:#}\n", chat.farewell().await));
    }
    if let Some(unkept) = &ending.unkept {
        cx.printer.warn(&format!("what you typed could not be kept ({}); it was:", unkept.why));
        cx.printer.stderr(&format!("{}\n", printable(&unkept.text)));
    }
    Ok(if ending.interrupted { Exit::Interrupted } else { Exit::Done })
}

fn about(chat: &Chat, cx: &Cx) -> tui::About {
    let (model, window) = chat.agent.model();
    let About { name, welcome, sandbox, mode, url, spelled, .. } = &chat.about;
    tui::About {
        agent: name.clone(),
        model,
        window,
        welcome: welcome.clone(),
        folder: short(&cx.env.cwd, cx.env.var("HOME")),
        sandbox: sandbox.clone(),
        place: None,
        modes: url.is_none(),
        remote: url.clone(),
        command: format!("agentscope chat{spelled}"),
        session: Some(chat.key.session.clone()),
        mode: *mode,
    }
}

/// A folder, with `~` for the user's home.
fn short(folder: &Path, home: Option<&str>) -> String {
    match home.and_then(|home| folder.strip_prefix(home).ok()) {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.display()),
        None => folder.display().to_string(),
    }
}

/// Whether the terminal tells pastes from typing.
fn brackets(cx: &Cx) -> Brackets {
    match cx.env.var("AGENTSCOPE_PASTE") {
        Some("brackets") => Brackets::Trusted,
        Some("bursts") => Brackets::Never,
        _ => Brackets::of(cx.env.var("TERM").unwrap_or_default(), cx.env.var("TMUX").is_some()),
    }
}
