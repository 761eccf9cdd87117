//! A call as rules see it.

use std::path::Path;

use serde_json::Value;
use url::Url;

use super::{
    launcher,
    shell::{Script, Simple},
};
use crate::config::{
    Rule,
    rule::{Fit, Glob, Pattern, Place, ShellWord, Side},
};

/// A tool call, taken apart.
pub(super) struct Call<'a> {
    /// The name that rules use.
    name: &'a str,
    workspace: &'a Path,
    about: About,
}

enum About {
    /// A command, and what it consists of, if that could be made out.
    Shell(String, Option<Script>),
    /// Places that are read or written, and among them those that are moved with everything below.
    Files { places: Vec<Place>, moved: Vec<Place> },
    /// Every text in the arguments.
    Texts(Vec<String>),
}

/// The arguments of file tools that are paths.
const PATHS: &[&str] = &["path", "paths", "file", "files", "directory"];
/// Those of a move.
const MOVES: &[&str] = &["source", "destination", "from", "to"];

impl<'a> Call<'a> {
    pub(super) fn new(name: &'a str, arguments: &Value, workspace: &'a Path) -> Self {
        let about = if name == "shell" {
            match arguments.get("command").and_then(Value::as_str) {
                Some(command) => About::Shell(command.to_owned(), Script::read(command)),
                None => About::Shell(String::new(), None),
            }
        } else if name.starts_with("files.") {
            let places = |keys: &[&str]| -> Vec<Place> {
                let mut paths = vec![];
                keys.iter().filter_map(|key| arguments.get(key)).for_each(|value| texts(value, &mut paths));
                paths.iter().filter_map(|path| Place::of(path, workspace)).collect()
            };
            let moved = places(MOVES);
            About::Files { places: places(PATHS).into_iter().chain(moved.clone()).collect(), moved }
        } else {
            let mut found = vec![];
            texts(arguments, &mut found);
            About::Texts(found)
        };
        Self { name, workspace, about }
    }

    /// Whether `rules` together allow the call: each of its parts by one of them.
    pub(super) fn is_allowed<'r>(&self, rules: &(impl Iterator<Item = &'r Rule> + Clone)) -> bool {
        let about = |name: &'static str| rules.clone().filter(move |rule| rule.is_about(name));
        let ours = rules.clone().filter(|rule| rule.is_about(self.name));
        if ours.clone().any(|rule| rule.pattern().is_none()) {
            return true;
        }
        match &self.about {
            About::Shell(_, Some(script)) => {
                !script.opaque
                    && !script.commands.is_empty()
                    && script.commands.iter().all(|command| {
                        !command.assigns && ours.clone().any(|rule| allows_command(rule, &command.words))
                    })
                    && script.writes.iter().all(|file| {
                        is_nowhere(file)
                            || about("files.write").any(|rule| self.fits_file(rule, file, Side::Allow) == Fit::Yes)
                    })
            }
            About::Shell(_, None) => false,
            About::Files { places, .. } => {
                let allows = |place: &Place| ours.clone().any(|rule| fits_place(rule, place, Side::Allow) == Fit::Yes);
                !places.is_empty() && places.iter().all(allows)
            }
            About::Texts(texts) => ours.clone().any(|rule| allows_texts(rule, texts)),
        }
    }

    /// Whether `rule`, which denies or asks, is about any part of the call.
    pub(super) fn fits(&self, rule: &Rule) -> Fit {
        let about = rule.is_about(self.name);
        match (&self.about, rule.pattern()) {
            (_, None) if about => Fit::Yes,
            (About::Shell(_, Some(script)), _) => {
                let files = self.fits_files(script, rule);
                if about { files.max(fits_script(script, rule)) } else { files }
            }
            // Whatever it is, it may be that.
            (About::Shell(_, None), Some(Pattern::Words(_))) if about => Fit::Maybe,
            (About::Files { places, moved }, Some(Pattern::Path(pattern))) if about => {
                let reached = moved.iter().any(|place| pattern.reaches_below(place));
                let unknown = if places.is_empty() || reached { Fit::Maybe } else { Fit::No };
                places.iter().map(|place| pattern.fit(place, Side::Refuse)).fold(unknown, Fit::max)
            }
            (About::Shell(text, _), Some(Pattern::Text(glob))) if about => glob.matches(text).into(),
            (About::Files { places, .. }, Some(Pattern::Text(glob))) if about => {
                places.iter().any(|place| glob.matches(&place.shown())).into()
            }
            (About::Texts(texts), Some(pattern)) if about => {
                texts.iter().any(|text| refuses_text(pattern, text)).into()
            }
            _ => Fit::No,
        }
    }

    /// Why `rules` do not allow the call, in words for a person.
    pub(super) fn why_not<'r>(&self, rules: &(impl Iterator<Item = &'r Rule> + Clone)) -> String {
        let script = match &self.about {
            About::Shell(_, Some(script)) => script,
            About::Shell(_, None) => return "the command could not be understood".to_owned(),
            About::Files { .. } | About::Texts(_) => return "no rule allows it".to_owned(),
        };
        if script.opaque {
            return "it runs something that cannot be seen beforehand".to_owned();
        }
        let allowed = |command: &Simple| {
            rules.clone().any(|rule| rule.is_about(self.name) && allows_command(rule, &command.words))
        };
        for command in &script.commands {
            match command.words.first() {
                _ if command.assigns => return "it sets variables, which may change what its commands do".to_owned(),
                Some(ShellWord::Literal(name)) if !allowed(command) => {
                    return format!("no rule allows this use of `{name}`");
                }
                Some(ShellWord::Names | ShellWord::Values) => {
                    return "it runs a command whose name is not known beforehand".to_owned();
                }
                Some(ShellWord::Literal(_)) | None => {}
            }
        }
        match script.writes.iter().find(|file| !is_nowhere(file)) {
            Some(ShellWord::Literal(path)) => format!("no rule allows to write `{path}`"),
            Some(ShellWord::Names | ShellWord::Values) => "it writes a file that is not known beforehand".to_owned(),
            None => "no rule allows it".to_owned(),
        }
    }

    /// Rules that together would allow this call and its like; none where no rule can.
    pub(super) fn like_it(&self) -> Vec<Rule> {
        let rules: Option<Vec<String>> = match &self.about {
            About::Shell(_, Some(script)) if !script.opaque => {
                let commands =
                    script.commands.iter().map(|command| Some(format!("shell({})", launcher::like(&command.words)?)));
                let files = script.writes.iter().filter(|file| !is_nowhere(file)).map(|file| match file {
                    ShellWord::Literal(path) => Some(file_rule("files.write", &Place::of(path, self.workspace)?)),
                    ShellWord::Names | ShellWord::Values => None,
                });
                commands.chain(files).collect()
            }
            About::Shell(..) => None,
            About::Files { places, .. } => Some(places.iter().map(|place| file_rule(self.name, place)).collect()),
            About::Texts(texts) => {
                let mut hosts = texts
                    .iter()
                    .filter_map(|text| web(text))
                    .filter_map(|url| Some(format!("{}({}://{}/*)", self.name, url.scheme(), url.host_str()?)));
                // With a port or a user the rule would have to say so; then the tool alone is what is kept.
                Some(vec![hosts.next().unwrap_or_else(|| self.name.to_owned())])
            }
        };
        let mut rules: Vec<Rule> = rules.into_iter().flatten().filter_map(|rule| Rule::parse(&rule).ok()).collect();
        rules.dedup();
        if self.is_allowed(&rules.iter()) { rules } else { vec![] }
    }

    fn fits_files(&self, script: &Script, rule: &Rule) -> Fit {
        let fits = |name: &str, files: &[ShellWord]| {
            if !rule.is_about(name) {
                return Fit::No;
            }
            let files = files.iter().filter(|file| !is_nowhere(file));
            files.map(|file| self.fits_file(rule, file, Side::Refuse)).max().unwrap_or(Fit::No)
        };
        fits("files.write", &script.writes).max(fits("files.read", &script.reads))
    }

    fn fits_file(&self, rule: &Rule, file: &ShellWord, side: Side) -> Fit {
        match (file, rule.pattern()) {
            (_, None) => Fit::Yes,
            (ShellWord::Literal(path), Some(_)) => match Place::of(path, self.workspace) {
                Some(place) => fits_place(rule, &place, side),
                None => Fit::Maybe,
            },
            (ShellWord::Names | ShellWord::Values, Some(_)) => Fit::Maybe,
        }
    }
}

/// Output sent here is gone.
fn is_nowhere(file: &ShellWord) -> bool {
    matches!(file, ShellWord::Literal(path) if matches!(path.as_str(), "/dev/null" | "/dev/stdout" | "/dev/stderr"))
}

fn allows_command(rule: &Rule, words: &[ShellWord]) -> bool {
    match rule.pattern() {
        None => true,
        // What a value turns out to be may be an option that the rule's author did not think of.
        Some(Pattern::Words(pattern)) => {
            matches!(words.first(), Some(ShellWord::Literal(_)))
                && !words.contains(&ShellWord::Values)
                && pattern.fit(words, Side::Allow) == Fit::Yes
                && launcher::is_meant(pattern, words)
        }
        Some(Pattern::Path(_) | Pattern::Url(_) | Pattern::Text(_)) => false,
    }
}

fn fits_script(script: &Script, rule: &Rule) -> Fit {
    let Some(Pattern::Words(pattern)) = rule.pattern() else { return Fit::No };
    let commands = script.commands.iter().map(|command| &command.words).chain(&script.launched);
    let unseen = if script.opaque { Fit::Maybe } else { Fit::No };
    commands.map(|words| pattern.fit(words, Side::Refuse)).fold(unseen, Fit::max)
}

fn fits_place(rule: &Rule, place: &Place, side: Side) -> Fit {
    match rule.pattern() {
        None => Fit::Yes,
        Some(Pattern::Path(pattern)) => pattern.fit(place, side),
        Some(Pattern::Words(_) | Pattern::Url(_) | Pattern::Text(_)) => Fit::No,
    }
}

/// A URL rule allows if every URL among the texts fits, and there is one; a text rule if every text fits.
fn allows_texts(rule: &Rule, texts: &[String]) -> bool {
    match rule.pattern() {
        None => true,
        Some(Pattern::Url(pattern)) => {
            let urls: Vec<Url> = texts.iter().filter_map(|text| Url::parse(text).ok()).collect();
            !urls.is_empty() && urls.iter().all(|url| pattern.fit(url, Side::Allow) == Fit::Yes)
        }
        Some(Pattern::Text(glob)) => !texts.is_empty() && texts.iter().all(|text| glob.matches(text)),
        Some(Pattern::Words(_) | Pattern::Path(_)) => false,
    }
}

fn refuses_text(pattern: &Pattern, text: &str) -> bool {
    match pattern {
        Pattern::Url(pattern) => Url::parse(text).is_ok_and(|url| pattern.fit(&url, Side::Refuse) == Fit::Yes),
        Pattern::Text(glob) => glob.matches(text),
        Pattern::Words(_) | Pattern::Path(_) => false,
    }
}

fn file_rule(name: &str, place: &Place) -> String {
    let path = match place.shown() {
        path if path == "." => "**".to_owned(),
        path => Glob::escape(&path),
    };
    // A name alone would stand for that name in every folder.
    if path.contains('/') { format!("{name}({path})") } else { format!("{name}(./{path})") }
}

fn web(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Object(members) => members.values().for_each(|value| texts(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
