//! Commands and files.

use super::*;

fn offer(name: &str, hint: &str, while_running: bool) -> Offer {
    let about = format!("what {name} does");
    Offer { name: name.to_owned(), aliases: &[], hint: hint.to_owned(), about, while_running }
}

fn with_commands() -> Composer {
    let mut composer = Composer::new();
    composer.set_commands(vec![
        offer("help", "", true),
        offer("compact", "[GUIDANCE]", false),
        offer("copy", "", true),
        offer("export", "<FILE>", true),
    ]);
    composer
}

fn text_of(outcomes: &[Outcome]) -> String {
    match outcomes.last() {
        Some(Outcome::Submit(draft)) => format!("sent {:?}", draft.text),
        Some(Outcome::Queue(draft)) => format!("queued {:?}", draft.text),
        other => format!("{other:?}"),
    }
}

#[test]
fn commands_are_offered() {
    let mut composer = with_commands();
    composer.set_running(true);
    press(&mut composer, "/");
    insta::assert_snapshot!(seen(&mut composer, 60, 6), @"
    › /▏
    | › /help                what help does
    |   /compact [GUIDANCE]  what compact does (not while the age…
    |   /copy                what copy does
    |   /export <FILE>       what export does
    ");
    press(&mut composer, "o");
    insta::assert_snapshot!(seen(&mut composer, 60, 6), @"
    › /o▏
    | › /compact [GUIDANCE]  what compact does (not while the age…
    |   /copy                what copy does
    |   /export <FILE>       what export does
    ");
    press(&mut composer, "<Down><Tab>");
    insta::assert_snapshot!(seen(&mut composer, 60, 6), @"› /copy▏");
    press(&mut composer, "<Esc>");
    assert!(!composer.is_open());
}

#[test]
fn enter_runs_what_is_chosen() {
    let mut composer = with_commands();
    insta::assert_snapshot!(text_of(&press(&mut composer, "/he<Enter>")), @r#"sent "/help""#);
    insta::assert_snapshot!(text_of(&press(&mut composer, "/co<Down><Enter>")), @r#"sent "/copy""#);
    insta::assert_snapshot!(text_of(&press(&mut composer, "/comp<Enter>")), @r#"sent "/compact ""#);
    insta::assert_snapshot!(text_of(&press(&mut composer, "/exp<Enter>a.md<Enter>")), @r#"sent "/export a.md""#);
    insta::assert_snapshot!(text_of(&press(&mut composer, "/compact keep names<Enter>")), @r#"sent "/compact keep names""#);
    composer.set_running(true);
    insta::assert_snapshot!(text_of(&press(&mut composer, "/comp<Enter>")), @r#"Some(Refused("/compact has to wait until the agent is done"))"#);
    insta::assert_snapshot!(text_of(&press(&mut composer, "<C-u>wait<Tab>")), @r#"queued "wait""#);
    insta::assert_snapshot!(text_of(&press(&mut composer, "wait<A-Enter>")), @r#"queued "wait""#);
}

#[test]
fn an_unknown_command_is_never_sent() {
    let mut composer = with_commands();
    insta::assert_snapshot!(text_of(&press(&mut composer, "/hlep<Esc><Enter>")), @r#"Some(Refused("there is no command /hlep: did you mean /help?"))"#);
    insta::assert_snapshot!(text_of(&press(&mut composer, "<C-u>/etc/passwd<Enter>")), @r#"Some(Refused("there is no command /etc/passwd: /help lists them; a space in front makes a message of it"))"#);
    assert_eq!(composer.text(), "/etc/passwd", "it stays");
    insta::assert_snapshot!(text_of(&press(&mut composer, "<C-a> <Enter>")), @r#"sent " /etc/passwd""#);
}

#[test]
fn files_are_found_and_attached() {
    let mut composer = with_commands();
    press(&mut composer, "see @ma");
    insta::assert_debug_snapshot!(composer.take_requests(), @r#"
    [
        Files {
            id: 3,
            query: "ma",
        },
    ]
    "#);
    let file = |shown: &str, kind| FileMatch { shown: shown.to_owned(), path: format!("/w/{shown}").into(), kind };
    composer.on_files(2, vec![file("late.rs", FileKind::Text)]);
    assert!(!composer.is_open(), "of an earlier question");
    composer.on_files(3, vec![file("src/main.rs", FileKind::Text), file("man/", FileKind::Folder)]);
    insta::assert_snapshot!(seen(&mut composer, 40, 6), @"
    › see @ma▏
    | › src/main.rs
    |   man/
    ");
    press(&mut composer, "<Down><Enter>");
    insta::assert_snapshot!(seen(&mut composer, 40, 6), @"› see @man/▏");
    insta::assert_debug_snapshot!(composer.take_requests(), @r#"
    [
        Files {
            id: 4,
            query: "man/",
        },
    ]
    "#);
    composer.on_files(4, vec![file("man/\u{1b}[2Jx.png", FileKind::Image)]);
    insta::assert_snapshot!(seen(&mut composer, 40, 6), @"
    › see @man/▏
    | › man/�[2Jx.png
    ");
    press(&mut composer, "<Tab>now");
    insta::assert_snapshot!(seen(&mut composer, 40, 6), @"› see [Image #1] now▏");
    press(&mut composer, " a@b");
    assert_eq!(composer.take_requests(), [], "an address is no file");
}
