//! What a shell command consists of.
//!
//! The whole text is parsed, as bash would, and every simple command in it is listed with its words: those of lists,
//! pipelines, subshells, substitutions, here-documents, functions and loops. Nothing is expanded: what is known only
//! when the command runs is marked as such. What cannot be followed makes the script opaque, or is no script at all.

use std::{sync::mpsc, time::Duration};

use brush_parser::{
    ParserOptions, Token,
    ast::{
        self, AssignmentName, AssignmentValue, CommandPrefixOrSuffixItem as Item, CompoundCommand, CompoundList,
        ExtendedTestExpr, IoFileRedirectKind, IoFileRedirectTarget, IoRedirect,
    },
    word::{self, WordPiece, WordPieceWithSource},
};

use super::launcher::{self, Launched};
use crate::config::rule::ShellWord;

/// A script longer than this is not looked into.
const LONGEST: usize = 64 * 1024;
/// How deep scripts may lie within scripts.
const DEEPEST: usize = 16;
/// How many brackets, braces, keywords and the like a script may have: the parser's time and stack grow with their
/// nesting.
const MOST_NESTED: usize = 1000;
const MOST_WORDS: usize = 2000;
const LONGEST_WAIT: Duration = Duration::from_secs(5);
const STACK: usize = 64 * 1024 * 1024;

/// The parts of a shell command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    pub commands: Vec<Simple>,
    /// Commands that others of these would run: `rm x` of `sudo rm x`. Some are guesses.
    pub launched: Vec<Vec<ShellWord>>,
    /// Files that output is sent to.
    pub writes: Vec<ShellWord>,
    /// Files that input is taken from.
    pub reads: Vec<ShellWord>,
    /// It runs something that cannot be seen.
    pub opaque: bool,
}

/// One command: its name and its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Simple {
    pub words: Vec<ShellWord>,
    /// It sets variables, which may change what it does.
    pub assigns: bool,
}

impl Script {
    /// Takes `text` apart; `None` for what is not a shell command, or too much of one.
    pub(super) fn read(text: &str) -> Option<Self> {
        let odd = |c: char| c.is_control() && c != '\n' && c != '\t';
        if text.len() > LONGEST || text.contains(odd) || nesting(text) > MOST_NESTED {
            return None;
        }
        // The parser recurses, and is not ours: on a thread of its own it has the stack it may need, a panic of it stays
        // there, and it is not waited for longer than a person would.
        let text = text.to_owned();
        let (send, receive) = mpsc::sync_channel(1);
        let read = move || {
            let mut reader = Reader { script: Self::default(), depth: 0 };
            let read = reader.text(&text).map(|()| reader.script);
            // Nobody waits any more.
            let _ = send.send(read);
        };
        std::thread::Builder::new().name("shell-parser".to_owned()).stack_size(STACK).spawn(read).ok()?;
        receive.recv_timeout(LONGEST_WAIT).ok()?
    }
}

fn options() -> ParserOptions {
    ParserOptions::default()
}

/// How deep `text` could be nested at most, whatever its syntax.
fn nesting(text: &str) -> usize {
    const KEYWORDS: &[&str] =
        &["case", "coproc", "do", "elif", "else", "for", "function", "if", "select", "then", "time", "until", "while"];
    // A shell joins lines before it looks for words.
    let text = text.replace("\\\n", "");
    let words = text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| KEYWORDS.contains(word)).count();
    words + text.matches(['(', '{', '`', '[', '!']).count()
}

/// Whether these tokens would keep the parser busy: for `(` and for `case` it tries two ways, at every level again.
fn is_tangled(tokens: &[Token]) -> bool {
    const MOST: usize = 8;
    let (mut open, mut deepest, mut cases) = (0_usize, 0, 0);
    for token in tokens {
        match token.to_str() {
            "(" => open += 1,
            ")" => open = open.saturating_sub(1),
            "case" => cases += 1,
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest > MOST || cases > MOST
}

/// Whether a text that is not looked into may run commands.
fn may_run(text: &str) -> bool {
    text.contains(['`']) || text.contains("$(") || text.contains("<(") || text.contains(">(") || text.contains("${ ")
}

struct Reader {
    script: Script,
    depth: usize,
}

/// `None` gives up on the whole script.
type Read = Option<()>;

impl Reader {
    fn text(&mut self, text: &str) -> Read {
        if self.depth == DEEPEST {
            return None;
        }
        self.depth += 1;
        let read = self.program(text);
        self.depth -= 1;
        read
    }

    fn program(&mut self, text: &str) -> Read {
        let tokens = brush_parser::uncached_tokenize_str(text, &options().tokenizer_options()).ok()?;
        if is_tangled(&tokens) {
            return None;
        }
        let program = brush_parser::parse_tokens(&tokens, &options()).ok()?;
        for list in &program.complete_commands {
            self.list(list)?;
        }
        Some(())
    }

    fn list(&mut self, list: &CompoundList) -> Read {
        for item in &list.0 {
            for (_, pipeline) in &item.0 {
                for command in &pipeline.seq {
                    self.command(command)?;
                }
            }
        }
        Some(())
    }

    fn command(&mut self, command: &ast::Command) -> Read {
        match command {
            ast::Command::Simple(simple) => self.simple(simple),
            ast::Command::Compound(compound, redirects) => {
                self.compound(compound)?;
                self.redirects(redirects.as_ref())
            }
            ast::Command::Function(function) => {
                self.compound(&function.body.0)?;
                self.redirects(function.body.1.as_ref())
            }
            ast::Command::ExtendedTest(test, redirects) => {
                self.test(&test.expr)?;
                self.redirects(redirects.as_ref())
            }
        }
    }

    fn compound(&mut self, command: &CompoundCommand) -> Read {
        match command {
            CompoundCommand::Arithmetic(arithmetic) => self.unread(&arithmetic.expr.value),
            CompoundCommand::ArithmeticForClause(clause) => {
                for part in [&clause.initializer, &clause.condition, &clause.updater].into_iter().flatten() {
                    self.unread(&part.value)?;
                }
                self.list(&clause.body.list)
            }
            CompoundCommand::BraceGroup(group) => self.list(&group.list),
            CompoundCommand::Subshell(subshell) => self.list(&subshell.list),
            CompoundCommand::ForClause(clause) => {
                for value in clause.values.iter().flatten() {
                    self.word(value)?;
                }
                self.list(&clause.body.list)
            }
            CompoundCommand::CaseClause(clause) => {
                self.word(&clause.value)?;
                for case in &clause.cases {
                    for pattern in &case.patterns {
                        self.word(pattern)?;
                    }
                    if let Some(list) = &case.cmd {
                        self.list(list)?;
                    }
                }
                Some(())
            }
            CompoundCommand::IfClause(clause) => {
                self.list(&clause.condition)?;
                self.list(&clause.then)?;
                for branch in clause.elses.iter().flatten() {
                    if let Some(condition) = &branch.condition {
                        self.list(condition)?;
                    }
                    self.list(&branch.body)?;
                }
                Some(())
            }
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                self.list(&clause.0)?;
                self.list(&clause.1.list)
            }
            CompoundCommand::Coprocess(coprocess) => self.command(&coprocess.body),
        }
    }

    fn simple(&mut self, command: &ast::SimpleCommand) -> Read {
        let mut simple = Simple::default();
        for item in command.prefix.iter().flat_map(|prefix| &prefix.0) {
            // Words before the name are assignments.
            self.item(item, &mut simple)?;
        }
        simple.assigns =
            command.prefix.iter().flat_map(|prefix| &prefix.0).any(|item| matches!(item, Item::AssignmentWord(..)));
        if let Some(name) = &command.word_or_name {
            let name = self.word(name)?;
            simple.words.insert(0, name);
        } else if !simple.assigns {
            // Nothing but redirections.
            return Some(());
        }
        for item in command.suffix.iter().flat_map(|suffix| &suffix.0) {
            self.item(item, &mut simple)?;
        }
        if simple.words.len() > MOST_WORDS {
            return None;
        }
        match launcher::launched(&simple.words) {
            Launched::Nothing => {}
            Launched::Commands(commands) => self.script.launched.extend(commands),
            Launched::Script(text) => {
                // Its commands are not those of this script: that they are allowed does not allow to launch them.
                let outer = std::mem::take(&mut self.script.commands);
                let read = self.text(&text);
                let inner = std::mem::replace(&mut self.script.commands, outer);
                self.script.launched.extend(inner.into_iter().map(|simple| simple.words));
                self.script.opaque |= read.is_none();
            }
            Launched::Unseen => self.script.opaque = true,
        }
        self.script.commands.push(simple);
        Some(())
    }

    fn item(&mut self, item: &Item, simple: &mut Simple) -> Read {
        match item {
            Item::IoRedirect(redirect) => self.redirect(redirect),
            Item::Word(word) => {
                let word = self.word(word)?;
                simple.words.push(word);
                Some(())
            }
            Item::AssignmentWord(assignment, word) => {
                if let AssignmentName::ArrayElementName(_, index) = &assignment.name {
                    self.unread(index)?;
                }
                // After the name it is an argument: `export A=1`, `make CC=clang`.
                let argument = !simple.words.is_empty();
                match &assignment.value {
                    AssignmentValue::Scalar(_) if argument => {
                        let word = self.word(word)?;
                        simple.words.push(word);
                    }
                    AssignmentValue::Scalar(value) => drop(self.word(value)?),
                    AssignmentValue::Array(values) => {
                        for word in values.iter().flat_map(|(index, value)| index.iter().chain([value])) {
                            self.word(word)?;
                        }
                        if argument {
                            simple.words.push(ShellWord::Values);
                        }
                    }
                }
                Some(())
            }
            Item::ProcessSubstitution(_, subshell) => {
                simple.words.push(ShellWord::Values);
                self.list(&subshell.list)
            }
        }
    }

    fn redirects(&mut self, redirects: Option<&ast::RedirectList>) -> Read {
        for redirect in redirects.iter().flat_map(|redirects| &redirects.0) {
            self.redirect(redirect)?;
        }
        Some(())
    }

    fn redirect(&mut self, redirect: &IoRedirect) -> Read {
        match redirect {
            IoRedirect::File(_, kind, target) => match target {
                IoFileRedirectTarget::Filename(file) => {
                    let file = self.word(file)?;
                    match kind {
                        IoFileRedirectKind::Read => self.script.reads.push(file),
                        IoFileRedirectKind::Write
                        | IoFileRedirectKind::Append
                        | IoFileRedirectKind::ReadAndWrite
                        | IoFileRedirectKind::Clobber
                        | IoFileRedirectKind::DuplicateInput
                        | IoFileRedirectKind::DuplicateOutput => self.script.writes.push(file),
                    }
                    Some(())
                }
                IoFileRedirectTarget::Fd(_) => Some(()),
                IoFileRedirectTarget::ProcessSubstitution(_, subshell) => self.list(&subshell.list),
                IoFileRedirectTarget::Duplicate(target) => {
                    let target = self.word(target)?;
                    // `>&2` and `2>&-` name no file, `>& log` does.
                    let descriptor = matches!(&target, ShellWord::Literal(text)
                        if text.trim_end_matches('-').chars().all(|c| c.is_ascii_digit()));
                    if !descriptor {
                        self.script.writes.push(target);
                    }
                    Some(())
                }
            },
            IoRedirect::HereDocument(_, document) => {
                if document.requires_expansion {
                    let pieces = word::parse_heredoc(&document.doc.value, &options()).ok()?;
                    self.pieces(&document.doc.value, &pieces, &mut Built::default())?;
                }
                Some(())
            }
            IoRedirect::HereString(_, text) => self.word(text).map(drop),
            IoRedirect::OutputAndError(file, _) => {
                let file = self.word(file)?;
                self.script.writes.push(file);
                Some(())
            }
        }
    }

    fn test(&mut self, test: &ExtendedTestExpr) -> Read {
        match test {
            ExtendedTestExpr::And(a, b) | ExtendedTestExpr::Or(a, b) => {
                self.test(a)?;
                self.test(b)
            }
            ExtendedTestExpr::Not(a) | ExtendedTestExpr::Parenthesized(a) => self.test(a),
            ExtendedTestExpr::UnaryTest(_, word) => self.word(word).map(drop),
            ExtendedTestExpr::BinaryTest(_, a, b) => {
                self.word(a)?;
                self.word(b).map(drop)
            }
        }
    }

    /// A text that is not looked into.
    fn unread(&mut self, text: &str) -> Read {
        self.script.opaque |= may_run(text);
        Some(())
    }

    /// What a word stands for once its quotes are taken away.
    fn word(&mut self, word: &ast::Word) -> Option<ShellWord> {
        let pieces = word::parse(&word.value, &options()).ok()?;
        let mut built = Built::default();
        self.pieces(&word.value, &pieces, &mut built)?;
        Some(if built.values {
            ShellWord::Values
        } else if built.names || names_files(&built.unquoted) {
            ShellWord::Names
        } else {
            ShellWord::Literal(built.text)
        })
    }

    fn pieces(&mut self, source: &str, pieces: &[WordPieceWithSource], built: &mut Built) -> Read {
        for piece in pieces {
            match &piece.piece {
                WordPiece::Text(text) => {
                    built.text.push_str(text);
                    if !built.quoted {
                        built.unquoted.push_str(text);
                    }
                }
                WordPiece::SingleQuotedText(text) => built.text.push_str(text),
                // What its escapes stand for is left open rather than decoded as each shell does.
                WordPiece::AnsiCQuotedText(text) => {
                    built.text.push_str(text);
                    built.values |= text.contains('\\');
                }
                WordPiece::DoubleQuotedSequence(inner) | WordPiece::GettextDoubleQuotedSequence(inner) => {
                    let was = std::mem::replace(&mut built.quoted, true);
                    self.pieces(source, inner, built)?;
                    built.quoted = was;
                }
                WordPiece::EscapeSequence(escape) => {
                    // A backslash before the end of a line joins it with the next.
                    built.text.push_str(escape.strip_prefix('\\').unwrap_or(escape).trim_start_matches('\n'));
                }
                WordPiece::TildeExpansion(_) => built.names = true,
                WordPiece::ArithmeticExpression(expression) => {
                    built.values = true;
                    self.unread(&expression.value)?;
                }
                WordPiece::ParameterExpansion(_) => {
                    built.values = true;
                    self.unread(source.get(piece.start_index..piece.end_index).unwrap_or("`"))?;
                }
                WordPiece::CommandSubstitution(text) | WordPiece::BackquotedCommandSubstitution(text) => {
                    built.values = true;
                    self.text(text)?;
                }
            }
        }
        Some(())
    }
}

/// A word in the making.
#[derive(Default)]
struct Built {
    text: String,
    /// The parts that are not quoted, which may mean names of files.
    unquoted: String,
    quoted: bool,
    names: bool,
    values: bool,
}

/// Whether a shell would look for files, or make several words of one, at the unquoted text of a word.
fn names_files(unquoted: &str) -> bool {
    unquoted.contains(['*', '?', '~'])
        || unquoted.contains('[') && unquoted.contains(']')
        || unquoted.contains('{') && unquoted.contains('}')
        || unquoted.contains('(')
}

#[cfg(test)]
mod tests;
