//! Programs that run other programs: what stands in their arguments is judged as well.

use crate::config::{
    Rule,
    rule::{Pattern, ShellWord, WordsPattern},
};

/// Run the command that their arguments hold, somewhere after their own options.
const LAUNCHERS: &[&str] = &[
    "builtin",
    "busybox",
    "chroot",
    "chrt",
    "command",
    "coproc",
    "doas",
    "entr",
    "env",
    "exec",
    "flock",
    "ionice",
    "nice",
    "nohup",
    "nsenter",
    "parallel",
    "pkexec",
    "proot",
    "runuser",
    "script",
    "setarch",
    "setsid",
    "stdbuf",
    "strace",
    "su",
    "sudo",
    "systemd-run",
    "taskset",
    "time",
    "timeout",
    "toybox",
    "unbuffer",
    "unshare",
    "watch",
    "xargs",
];

const SHELLS: &[&str] = &["ash", "bash", "csh", "dash", "fish", "ksh", "mksh", "rbash", "sh", "tcsh", "zsh"];

/// Run their arguments as a script.
const EVALUATORS: &[&str] = &["eval", "trap"];

/// Options that make a program write or run something that its name does not suggest. A rule allows them only by
/// naming them: `shell(find *)` is no permission to delete.
const REACHING: &[(&str, &[&str])] = &[
    ("fd", &["-x", "-X", "--exec", "--exec-batch"]),
    ("find", &["-delete", "-exec", "-execdir", "-fls", "-fprint", "-fprint0", "-fprintf", "-ok", "-okdir"]),
    (
        "git",
        &[
            "-O",
            "-c",
            "--config-env",
            "--exec",
            "--exec-path",
            "--ext-diff",
            "--open-files-in-pager",
            "--output",
            "--receive-pack",
            "--textconv",
            "--upload-pack",
        ],
    ),
    ("rg", &["--hostname-bin", "--pre"]),
    ("sed", &["-i", "--in-place"]),
    ("sort", &["-T", "-o", "--compress-program", "--output"]),
    (
        "tar",
        &[
            "-F",
            "-I",
            "--checkpoint-action",
            "--info-script",
            "--new-volume-script",
            "--to-command",
            "--use-compress-program",
        ],
    ),
    ("tree", &["-o"]),
];

/// A command that starts with more words than this before the one it launches is not followed.
const MOST_STARTS: usize = 64;

/// What a command runs besides itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Launched {
    Nothing,
    /// Commands, one of them the true one: where the launcher's own options end is not known.
    Commands(Vec<Vec<ShellWord>>),
    /// The text of a script.
    Script(String),
    /// Something that is not in its arguments.
    Unseen,
}

fn name_of(words: &[ShellWord]) -> Option<&str> {
    match words.first()? {
        ShellWord::Literal(name) => name.rsplit('/').next(),
        ShellWord::Names | ShellWord::Values => None,
    }
}

/// What the command of these words runs.
pub(super) fn launched(words: &[ShellWord]) -> Launched {
    let Some(name) = name_of(words) else { return Launched::Nothing };
    let arguments = &words[1..];
    if SHELLS.contains(&name) {
        return shell(arguments);
    }
    if EVALUATORS.contains(&name) {
        return match literals(arguments) {
            Some(texts) if texts.is_empty() => Launched::Nothing,
            // The first argument of `trap` is the script, the rest are names of signals.
            Some(texts) if name == "trap" => Launched::Script(texts[0].to_owned()),
            Some(texts) => Launched::Script(texts.join(" ")),
            None => Launched::Unseen,
        };
    }
    if name == "find" || name == "fd" {
        let runs = |word: &&ShellWord| {
            matches!(word, ShellWord::Literal(word)
            if matches!(word.as_str(), "-exec" | "-execdir" | "-ok" | "-okdir" | "-x" | "-X" | "--exec" | "--exec-batch"))
        };
        let starts =
            arguments.iter().enumerate().filter(|(_, word)| runs(word)).map(|(at, _)| arguments[at + 1..].to_vec());
        return Launched::Commands(starts.take(MOST_STARTS).collect());
    }
    if LAUNCHERS.contains(&name) {
        if arguments.len() > MOST_STARTS || arguments.contains(&ShellWord::Values) {
            return Launched::Unseen;
        }
        let mut commands: Vec<_> = (0..arguments.len()).map(|at| arguments[at..].to_vec()).collect();
        if name == "xargs" || name == "parallel" {
            // What it reads becomes arguments.
            commands.iter_mut().for_each(|command| command.push(ShellWord::Values));
        }
        // A shell in there runs a script, which is not looked for behind options that may be anything.
        let nested = |command: &Vec<ShellWord>| !matches!(launched_once(command), Launched::Nothing);
        if commands.iter().any(nested) {
            return Launched::Unseen;
        }
        return Launched::Commands(commands);
    }
    Launched::Nothing
}

/// As [`launched`] for what a launcher runs, without launchers of launchers: their starts are among its own.
fn launched_once(words: &[ShellWord]) -> Launched {
    match name_of(words) {
        Some(name) if SHELLS.contains(&name) || EVALUATORS.contains(&name) => Launched::Unseen,
        _ => Launched::Nothing,
    }
}

fn literals(words: &[ShellWord]) -> Option<Vec<&str>> {
    words
        .iter()
        .map(|word| match word {
            ShellWord::Literal(text) => Some(text.as_str()),
            ShellWord::Names | ShellWord::Values => None,
        })
        .collect()
}

/// `sh -c SCRIPT`, `sh FILE`, or `sh`, which reads its script from its input.
fn shell(arguments: &[ShellWord]) -> Launched {
    let mut takes_script = false;
    for word in arguments {
        match word {
            ShellWord::Literal(option) if option.starts_with("--") && option.len() > 2 => {}
            ShellWord::Literal(option) if option.starts_with(['-', '+']) && option.len() > 1 => {
                takes_script |= option.contains('c');
                if option.contains('s') && !takes_script {
                    return Launched::Unseen;
                }
            }
            ShellWord::Literal(text) if takes_script => return Launched::Script(text.clone()),
            // A file of commands, as any program is.
            ShellWord::Literal(_) => return Launched::Nothing,
            ShellWord::Names | ShellWord::Values => return Launched::Unseen,
        }
    }
    Launched::Unseen
}

/// Whether a rule with `pattern`, which the command fits, was meant for what the command does beyond its name.
pub(super) fn is_meant(pattern: &WordsPattern, words: &[ShellWord]) -> bool {
    let Some(name) = name_of(words) else { return false };
    if LAUNCHERS.contains(&name) || SHELLS.contains(&name) || EVALUATORS.contains(&name) {
        // `sudo *` would allow everything: what is launched must be named, at least in part.
        return pattern.literal_start() >= 2;
    }
    let Some((_, options)) = REACHING.iter().find(|(program, _)| *program == name) else { return true };
    words[1..].iter().all(|word| match word {
        ShellWord::Literal(word) => options.iter().filter(|option| is_option(word, option)).all(|_| pattern.says(word)),
        ShellWord::Names | ShellWord::Values => true,
    })
}

/// Whether `word` is `option`, also with a value, and abbreviated as long options may be.
fn is_option(word: &str, option: &str) -> bool {
    let name = word.split('=').next().unwrap_or(word);
    if option.starts_with("--") {
        name.len() > 2 && option.starts_with(name)
    } else if option.len() == 2 {
        // `-ofile`, and among others: `-rofile`.
        word.starts_with('-') && !word.starts_with("--") && word.contains(&option[1..])
    } else {
        name == option
    }
}

/// Programs whose first argument says what they do.
const WITH_SUBCOMMANDS: &[&str] = &[
    "apt",
    "bun",
    "cargo",
    "deno",
    "docker",
    "gh",
    "git",
    "go",
    "helm",
    "kubectl",
    "npm",
    "pip",
    "pnpm",
    "poetry",
    "rustup",
    "systemctl",
    "terraform",
    "uv",
    "yarn",
];

/// Programs that only look, whatever their arguments, apart from those of [`REACHING`].
const READERS: &[&str] = &[
    "basename", "cat", "cmp", "cut", "date", "df", "diff", "dirname", "du", "echo", "file", "find", "grep", "head",
    "id", "jq", "ls", "nl", "printf", "ps", "pwd", "readlink", "realpath", "rg", "sort", "stat", "tail", "tr", "tree",
    "uname", "uniq", "wc", "which", "whoami",
];

/// The pattern of commands like this one, for a rule that the user keeps: as wide as is safe, never wider than the
/// program and what it does. `None` for words that are not known.
pub(super) fn like(words: &[ShellWord]) -> Option<String> {
    let texts = literals(words);
    let start: Vec<&str> = words
        .iter()
        .map_while(|word| match word {
            ShellWord::Literal(text) => Some(text.as_str()),
            ShellWord::Names | ShellWord::Values => None,
        })
        .collect();
    let known: &[&str] = match start.as_slice() {
        [name, subcommand, ..]
            if WITH_SUBCOMMANDS.contains(name)
                && subcommand.chars().all(|c| c.is_ascii_lowercase() || c == '-')
                && !subcommand.starts_with('-') =>
        {
            &start[..2]
        }
        [name, ..] if READERS.contains(name) => &start[..1],
        _ => &[],
    };
    let wide = (!known.is_empty()).then(|| format!("{} *", WordsPattern::quote(known)));
    // Only if it would allow this very command.
    let allows = |text: &String| match Rule::parse(&format!("shell({text})")).as_ref().map(Rule::pattern) {
        Ok(Some(Pattern::Words(pattern))) => is_meant(pattern, words),
        _ => false,
    };
    wide.filter(allows).or_else(|| texts.map(|texts| WordsPattern::quote(&texts)).filter(allows))
}
