//! Earlier messages.

use super::*;

fn with_history() -> Composer {
    let mut composer = Composer::new();
    composer.load_history(&["first".to_owned(), "second\nmessage".to_owned(), "third Grüße".to_owned()]);
    composer
}

#[test]
fn up_goes_back_from_the_edges_only() {
    let mut composer = with_history();
    press(&mut composer, "draft<Up>");
    insta::assert_snapshot!(seen(&mut composer, 20, 6), @"› third Grüße▏");
    press(&mut composer, "<Up><Up>");
    insta::assert_snapshot!(seen(&mut composer, 20, 6), @"› first▏");
    press(&mut composer, "<Up><Down><Down>");
    insta::assert_snapshot!(seen(&mut composer, 20, 6), @"› third Grüße▏");
    press(&mut composer, "<Down>");
    insta::assert_snapshot!(seen(&mut composer, 20, 6), @"› draft▏");
    // In the middle of the text it goes to its start.
    press(&mut composer, "<Left><Up>|");
    insta::assert_snapshot!(seen(&mut composer, 20, 6), @"› |▏draft");
}

#[test]
fn a_draft_is_never_lost() {
    let mut composer = with_history();
    press(&mut composer, "draft<Up>!");
    insta::assert_snapshot!(seen(&mut composer, 20, 6), @"› third Grüße!▏");
    press(&mut composer, "<C-c>");
    assert!(composer.is_empty());
    press(&mut composer, "<Up>");
    assert_eq!(composer.text(), "third Grüße!");
    press(&mut composer, "<Up>");
    assert_eq!(composer.text(), "draft");
    press(&mut composer, "<C-c>");
    assert_eq!(press(&mut composer, "<C-c>"), [Outcome::Ignored], "nothing to clear");
}

#[test]
fn what_was_sent_is_first() {
    let mut composer = with_history();
    composer.on_paste(&"x\n".repeat(20));
    press(&mut composer, "<Enter><Up>");
    insta::assert_snapshot!(seen(&mut composer, 30, 6), @"› [Pasted 20 lines]▏");
    press(&mut composer, "<Enter><Up><Up>");
    assert_eq!(composer.text(), "third Grüße", "once, though sent twice");
}

#[test]
fn a_message_is_found_by_its_letters() {
    let mut composer = with_history();
    press(&mut composer, "draft<C-r>s");
    insta::assert_snapshot!(seen(&mut composer, 30, 6), @"
    › second
      message
      search: s▏
    ");
    press(&mut composer, "e");
    insta::assert_snapshot!(seen(&mut composer, 30, 6), @"
    › second
      message
      search: se▏
    ");
    press(&mut composer, "<BS>");
    insta::assert_snapshot!(seen(&mut composer, 30, 6), @"
    › second
      message
      search: s▏
    ");
    press(&mut composer, "<C-r><C-r>");
    insta::assert_snapshot!(seen(&mut composer, 30, 6), @"
    › draft
      not found: s▏
    ");
    press(&mut composer, "zz");
    insta::assert_snapshot!(seen(&mut composer, 30, 6), @"
    › draft
      not found: szz▏
    ");
    press(&mut composer, "<Esc>");
    assert_eq!((composer.text().as_str(), composer.is_open()), ("draft", false));
    press(&mut composer, "<C-r>GRÜ<Enter>");
    assert_eq!(composer.text(), "third Grüße", "to be changed before it is sent");
    press(&mut composer, "<Down><Up>");
    assert_eq!(composer.text(), "draft", "put aside");
}
