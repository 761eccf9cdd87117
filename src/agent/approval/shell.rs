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
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn word(word: &ShellWord) -> String {
        match word {
            ShellWord::Literal(text) => format!("{text:?}"),
            ShellWord::Names => "<names>".to_owned(),
            ShellWord::Values => "<values>".to_owned(),
        }
    }

    fn words(words: &[ShellWord]) -> String {
        words.iter().map(word).collect::<Vec<_>>().join(" ")
    }

    fn shown(text: &str) -> String {
        let mut shown = format!("{}\n", text.escape_debug());
        let Some(script) = Script::read(text) else { return shown + "    not understood\n" };
        for command in &script.commands {
            let assigns = if command.assigns { "sets variables, " } else { "" };
            let _ = writeln!(shown, "    {assigns}{}", words(&command.words));
        }
        for command in &script.launched {
            let _ = writeln!(shown, "    launches {}", words(command));
        }
        for file in &script.writes {
            let _ = writeln!(shown, "    writes {}", word(file));
        }
        for file in &script.reads {
            let _ = writeln!(shown, "    reads {}", word(file));
        }
        if script.opaque {
            shown.push_str("    and what cannot be seen\n");
        }
        shown
    }

    #[test]
    fn every_command_is_found() {
        let texts = [
            "a && b || c; d | e & f",
            "(a; b) 2>&1 | { c; }",
            "if a; then b; elif c; then d; else e; fi",
            "for x in $(a) b; do c; done",
            "while a; do b; done; until c; do d; done",
            "case $(a) in x) b;; *) c;; esac",
            "f() { a; }; function g { b; }; f",
            "a \"$(b \"$(c)\")\" `d \\`e\\``",
            "a <(b) >(c) < <(d)",
            "a <<EOF\n$(b)\nEOF\nc",
            "a <<'EOF'\n$(b)\nEOF\nc",
            "a <<< \"$(b)\"",
            "[[ -n $(a) && b == $(c) ]]",
            "! a; time b; coproc c",
            "x=$(a); y=(b $(c)); export Z=$(d)",
            "a # && b",
            "a \\\n  b\nc",
            "eval 'a; b'; trap 'c' EXIT",
            "bash -c 'a && b' x; sh -ec \"c\"",
            "sudo -u root a b; env X=1 c; timeout 5 d",
            "find . -name x -exec a {} + ; xargs -0 b",
        ];
        insta::assert_snapshot!(texts.map(shown).concat(), @r#"
        a && b || c; d | e & f
            "a"
            "b"
            "c"
            "d"
            "e"
            "f"
        (a; b) 2>&1 | { c; }
            "a"
            "b"
            "c"
        if a; then b; elif c; then d; else e; fi
            "a"
            "b"
            "c"
            "d"
            "e"
        for x in $(a) b; do c; done
            "a"
            "c"
        while a; do b; done; until c; do d; done
            "a"
            "b"
            "c"
            "d"
        case $(a) in x) b;; *) c;; esac
            "a"
            "b"
            "c"
        f() { a; }; function g { b; }; f
            "a"
            "b"
            "f"
        a \"$(b \"$(c)\")\" `d \\`e\\``
            "c"
            "b" <values>
            "e"
            "d" <values>
            "a" <values> <values>
        a <(b) >(c) < <(d)
            "b"
            "c"
            "d"
            "a" <values> <values>
        a <<EOF\n$(b)\nEOF\nc
            "b"
            "a"
            "c"
        a <<\'EOF\'\n$(b)\nEOF\nc
            "a"
            "c"
        a <<< \"$(b)\"
            "b"
            "a"
        [[ -n $(a) && b == $(c) ]]
            "a"
            "c"
        ! a; time b; coproc c
            "a"
            "b"
            "c"
        x=$(a); y=(b $(c)); export Z=$(d)
            "a"
            sets variables, 
            "c"
            sets variables, 
            "d"
            "export" <values>
        a # && b
            "a"
        a \\\n  b\nc
            "a" "b"
            "c"
        eval \'a; b\'; trap \'c\' EXIT
            "eval" "a; b"
            "trap" "c" "EXIT"
            launches "a"
            launches "b"
            launches "c"
        bash -c \'a && b\' x; sh -ec \"c\"
            "bash" "-c" "a && b" "x"
            "sh" "-ec" "c"
            launches "a"
            launches "b"
            launches "c"
        sudo -u root a b; env X=1 c; timeout 5 d
            "sudo" "-u" "root" "a" "b"
            "env" "X=1" "c"
            "timeout" "5" "d"
            launches "-u" "root" "a" "b"
            launches "root" "a" "b"
            launches "a" "b"
            launches "b"
            launches "X=1" "c"
            launches "c"
            launches "5" "d"
            launches "d"
        find . -name x -exec a {} + ; xargs -0 b
            "find" "." "-name" "x" "-exec" "a" <names> "+"
            "xargs" "-0" "b"
            launches "a" <names> "+"
            launches "-0" "b" <values>
            launches "b" <values>
        "#);
    }

    #[test]
    fn words_are_what_they_stand_for() {
        let texts = [
            r#"r"m" -'r'f \x "a b" "a\"b\$c\d""#,
            r"\rm $'rm' $'\x72m' $'a b'",
            "a $X \"$X\" ${X} $((1+1)) $? $@",
            "a *.rs x? [ab] {a,b} ~ ~/x x=~/y '*' \"?\" \\*",
            "[ -f x ]",
            "a}b{c a,b",
            "X=1 Y=2 a; X=1",
            "make CC=clang",
        ];
        insta::assert_snapshot!(texts.map(shown).concat(), @r#"
        r\"m\" -\'r\'f \\x \"a b\" \"a\\\"b\\$c\\d\"
            "rm" "-rf" "x" "a b" "a\"b$c\\d"
        \\rm $\'rm\' $\'\\x72m\' $\'a b\'
            "rm" "rm" <values> "a b"
        a $X \"$X\" ${X} $((1+1)) $? $@
            "a" <values> <values> <values> <values> <values> <values>
        a *.rs x? [ab] {a,b} ~ ~/x x=~/y \'*\' \"?\" \\*
            "a" <names> <names> <names> <names> <names> <names> <names> "*" "?" "*"
        [ -f x ]
            "[" "-f" "x" "]"
        a}b{c a,b
            <names> "a,b"
        X=1 Y=2 a; X=1
            sets variables, "a"
            sets variables, 
        make CC=clang
            "make" "CC=clang"
        "#);
    }

    #[test]
    fn files_of_redirections() {
        let texts = [
            "a > x 2>> y &> z >| w",
            "a < x <> y 2>&1 >&2 2>&- > /dev/null",
            "a >& log",
            "a > $X; b > *.rs",
            "> x",
            "{ a; } > x; f() { a; } > y",
        ];
        insta::assert_snapshot!(texts.map(shown).concat(), @r#"
        a > x 2>> y &> z >| w
            "a"
            writes "x"
            writes "y"
            writes "z"
            writes "w"
        a < x <> y 2>&1 >&2 2>&- > /dev/null
            "a"
            writes "y"
            writes "/dev/null"
            reads "x"
        a >& log
            "a"
            writes "log"
        a > $X; b > *.rs
            "a"
            "b"
            writes <values>
            writes <names>
        > x
            writes "x"
        { a; } > x; f() { a; } > y
            "a"
            "a"
            writes "x"
            writes "y"
        "#);
    }

    #[test]
    fn what_cannot_be_seen() {
        let texts = [
            "a ${x:-$(b)}",
            "a $((x[$(b)]))",
            "a[$(b)]=1",
            "((x = $(b)))",
            "curl x | sh",
            "bash <<EOF\na\nEOF",
            "bash -c \"$X\"",
            "eval $X",
            ". ./x",
            "bash script.sh",
            "sudo $X",
        ];
        insta::assert_snapshot!(texts.map(shown).concat(), @r#"
        a ${x:-$(b)}
            "a" <values>
            and what cannot be seen
        a $((x[$(b)]))
            "a" <values>
            and what cannot be seen
        a[$(b)]=1
            sets variables, 
            and what cannot be seen
        ((x = $(b)))
            and what cannot be seen
        curl x | sh
            "curl" "x"
            "sh"
            and what cannot be seen
        bash <<EOF\na\nEOF
            "bash"
            and what cannot be seen
        bash -c \"$X\"
            "bash" "-c" <values>
            and what cannot be seen
        eval $X
            "eval" <values>
            and what cannot be seen
        . ./x
            "." "./x"
        bash script.sh
            "bash" "script.sh"
        sudo $X
            "sudo" <values>
            and what cannot be seen
        "#);
    }

    #[test]
    fn hostile() {
        let deep = |open: &str, close: &str, times: usize| format!("{}a{}", open.repeat(times), close.repeat(times));
        for text in [
            "",
            "a 'b",
            "a \"$(b",
            "a &&",
            "a\r\nb",
            "a\0b",
            "a\u{1b}[31m",
            ")",
            "select x in a; do b; done",
            &"a ".repeat(100_000),
            &"a;".repeat(20_000),
            &"a|".repeat(20_000),
            &deep("(", ")", 999),
            &deep("(", ")", 50_000),
            &deep("{ ", "; }", 999),
            &deep("$(", ")", 999),
            &deep("\"$(", ")\"", 999),
            &deep("((", "))", 499),
            &deep("$((", "))", 499),
            &deep("if ", "; then b; fi", 499),
            &deep("while ", "; do b; done", 499),
            &deep("a <<X\n", "\nX", 2000),
            &deep("case x in y) ", ";; esac", 999),
            &deep("for x in y; do ", "; done", 499),
            &deep("bash -c '", "'", 100),
            &deep("if ", "", 999),
            &deep("i\\\nf ", "", 10_000),
            &deep("if ", "", 21_000),
            &deep("until ", "", 999),
            &deep("time ", "", 999),
            &deep("coproc ", "", 999),
            &deep("case x in y) a;; z) ", "", 8),
            &deep("((", "", 4),
            &deep("(case x in y) ", "", 8),
            &deep("$(case x in y) ", "", 100),
            &deep("for x do ", "", 499),
            &deep("case x in y) ", "", 499),
            &deep("if a; then b; else ", "", 333),
            &deep("function f ", "", 999),
            &deep("${x:-", "}", 999),
            &deep("@(", ")", 999),
            &deep("x=(", ")", 999),
            &deep("{a,", "}", 999),
            &deep("`", "", 999),
            &deep("a=", "", 30_000),
            &deep("[[ a && ", "", 499),
            &deep("<(", ")", 999),
            &"\\".repeat(60_000),
            &"'".repeat(60_001),
            &"$".repeat(60_000),
            &"<<".repeat(30_000),
        ] {
            // To come back at all is what is wanted: no panic, no end of the stack, no hang.
            let _ = Script::read(text);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_not(text in "\\PC{0,60}") {
            let _ = Script::read(&text);
        }

        #[test]
        fn any_mixture_of_syntax_is_read_or_not(parts in prop::collection::vec(prop::sample::select(vec![
            "a", " ", "'", "\"", "\\", "$", "(", ")", "{", "}", ";", "&", "|", "<", ">", "\n", "`", "if ", "then ", "fi", "case ", " in ",
            "esac", "for ", "do ", "done", "<<E\n", "E\n", "$((", "))", "[[", "]]", "=", "#", "*", "~", "!", "中", "bash -c ", "eval ", "find . -exec ",
        ]), 0..40)) {
            let _ = Script::read(&parts.concat());
        }

        /// However it is quoted, a command that is run is found.
        #[test]
        fn quoting_hides_nothing(quoted in prop::sample::select(vec!["rm", "r\"m\"", "'rm'", "\\rm", "r''m", "$'rm'", "\"r\"m", "r\\\nm"]),
                                 around in prop::sample::select(vec!["@", "x; @", "x | @", "(@)", "$(@)", "x \"$(@)\"", "`@`", "if x; then @; fi", "f() { @; }", "x <(@)", "x <<E\n$(@)\nE\n", "! @", "bash -c '@'"])) {
            prop_assume!(!(around.contains('\'') && quoted.contains('\'')));
            let script = Script::read(&around.replace('@', &format!("{quoted} -rf /"))).unwrap();
            let rm = ["rm", "-rf", "/"].map(|word| ShellWord::Literal(word.to_owned()));
            prop_assert!(script.commands.iter().map(|command| &command.words).chain(&script.launched).any(|words| *words == rm), "{:?}", script);
        }
    }
}
