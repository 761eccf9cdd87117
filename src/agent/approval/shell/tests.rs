//! Scripts as they are read, in tables.

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
