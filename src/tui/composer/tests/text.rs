//! Writing, moving, deleting, undoing; where the caret stands.

use super::*;

#[test]
fn letters_and_lines() {
    insta::assert_snapshot!(after("hello<C-j>wörld<A-Enter>"), @"
    › hello
      wörld
      ▏
    ");
    insta::assert_snapshot!(after("one two three four five"), @"
    › one two three four
       five▏
    ");
    insta::assert_snapshot!(after("averyveryverylongwordindeed"), @"
    › averyveryverylongw
      ordindeed▏
    ");
    insta::assert_snapshot!(after("!ls -l<Home>"), @"$ ▏!ls -l");
}

#[test]
fn the_caret_goes_by_what_is_seen() {
    insta::assert_snapshot!(after("日本語<Left>"), @"› 日本▏語");
    insta::assert_snapshot!(after("a👩‍👩‍👧e\u{301}🇩🇪🇫🇷<Left><Left><Left>x"), @"› a👩‍👩‍👧x▏é🇩🇪🇫🇷");
    insta::assert_snapshot!(after("e<Left>\u{301}"), @"› ́▏e");
    // A wide character that does not fit the last column goes to the next row, and the caret with it.
    insta::assert_snapshot!(after("12345678901234567日<Left>"), @"
    › 12345678901234567
      ▏日
    ");
    insta::assert_snapshot!(after("123456789012345678"), @"
    › 123456789012345678
      ▏
    ");
    insta::assert_snapshot!(after("12345678901234567890<Left><Left>"), @"
    › 123456789012345678
      ▏90
    ");
}

#[test]
fn words_and_lines_are_gone_over() {
    insta::assert_snapshot!(after("let x = foo.bar();<A-b><A-b>|"), @"
    › let x =
      foo.|▏bar();
    ");
    insta::assert_snapshot!(after("one two<C-a><A-f>|"), @"› one|▏ two");
    insta::assert_snapshot!(after("one<C-j>two<C-a>|"), @"
    › one
      |▏two
    ");
    insta::assert_snapshot!(after("one<C-j>two<C-Home>|<C-End>|"), @"
    › |one
      two|▏
    ");
    insta::assert_snapshot!(after("one two three four five<Home>|"), @"
    › |▏one two three
      four five
    ");
}

#[test]
fn up_and_down_keep_their_column() {
    insta::assert_snapshot!(after("a long line<C-j>ab<C-j>another one<Up><Up>|"), @"
    › a long line|▏
      ab
      another one
    ");
    insta::assert_snapshot!(after("日本語日本<C-j>abcdef<Left><Up>|"), @"
    › 日本|▏語日本
      abcdef
    ");
    insta::assert_snapshot!(after("ab<C-j>cd<Up><Up>|<Down><Down>|"), @"
    › |ab
      cd|▏
    ");
}

#[test]
fn what_is_deleted_can_be_had_back() {
    insta::assert_snapshot!(after("git commit --amend<C-w><A-BS>x"), @"› git x▏");
    insta::assert_snapshot!(after("one two<C-u><C-y> three"), @"› one two three▏");
    insta::assert_snapshot!(after("one two<Home><C-k>"), @"› ▏");
    insta::assert_snapshot!(after("one<C-j>two<C-u><C-u>|"), @"› one|▏");
    insta::assert_snapshot!(after("one two<C-a><A-d><Del>|"), @"› |▏two");
    insta::assert_snapshot!(after("one two three<C-w><C-_>|"), @"› one two three|▏");
}

#[test]
fn words_are_undone_at_once() {
    let mut composer = Composer::new();
    press(&mut composer, "one two three");
    let mut texts = vec![];
    for keys in ["<C-7>", "<C-7>", "<C-7>", "<C-7>", "<A-_>", "<A-_>", "x", "<A-_>"] {
        press(&mut composer, keys);
        texts.push(format!("{:?}", composer.text()));
    }
    insta::assert_snapshot!(texts.join(" "), @r#""one two" "one" "" "" "one" "one two" "one twox" "one twox""#);
}

#[test]
fn a_large_paste_is_one_piece() {
    let mut composer = Composer::new();
    press(&mut composer, "see ");
    let pasted = "line\r\n".repeat(240);
    composer.on_paste(&pasted);
    press(&mut composer, " there");
    insta::assert_snapshot!(seen(&mut composer, 40, 5), @"› see [Pasted 240 lines] there▏");
    press(&mut composer, "<A-b><Left><Left>|");
    insta::assert_snapshot!(seen(&mut composer, 40, 5), @"› see |▏[Pasted 240 lines] there");
    // One step over it, one key to delete it, one to have it back.
    press(&mut composer, "<BS><BS><Right>");
    insta::assert_snapshot!(seen(&mut composer, 40, 5), @"› see[Pasted 240 lines]▏ there");
    press(&mut composer, "<BS>");
    insta::assert_snapshot!(seen(&mut composer, 40, 5), @"› see▏ there");
    press(&mut composer, "<C-_>");
    let [Outcome::Submit(draft)] = &press(&mut composer, "<Enter>")[..] else { panic!("not sent") };
    assert_eq!(draft.text, format!("see{} there", "line\n".repeat(240)));
    assert_eq!(draft.shown(), "see[Pasted 240 lines] there");
    assert!(composer.is_empty());
}

#[test]
fn a_small_paste_is_text_and_drives_nothing() {
    let mut composer = Composer::new();
    composer.on_paste("a\tb\r\nc\x1b[31md\u{202e}e\u{100000}");
    insta::assert_snapshot!(seen(&mut composer, 30, 5), @"
    › a    b
      c�[31md�e�▏
    ");
    composer.on_paste(&"x".repeat(1001));
    insta::assert_snapshot!(seen(&mut composer, 10, 5), @"
    › a    b
      c�[31md�
      e�
      [Pasted…
      ▏
    ");
}

#[test]
fn files_that_are_pasted_are_attached() {
    let mut composer = Composer::new();
    press(&mut composer, "compare ");
    composer.on_paste("/tmp/a.png '/tmp/b c.txt'");
    insta::assert_snapshot!(seen(&mut composer, 60, 5), @"› compare /tmp/a.png '/tmp/b c.txt'▏");
    let requests = composer.take_requests();
    insta::assert_debug_snapshot!(requests, @r#"
    [
        Paths {
            id: 1,
            paths: [
                "/tmp/a.png",
                "/tmp/b c.txt",
            ],
        },
    ]
    "#);
    composer.on_paths(
        1,
        vec![Found { path: "/tmp/a.png".into(), image: true }, Found { path: "/tmp/b c.txt".into(), image: false }],
    );
    press(&mut composer, " with ");
    composer.attach("/tmp/z.png".into(), true);
    insta::assert_snapshot!(seen(&mut composer, 80, 5), @"› compare [Image #1] [File /tmp/b c.txt] with [Image #2]▏");
    let [Outcome::Submit(draft)] = &press(&mut composer, "<Enter>")[..] else { panic!("not sent") };
    insta::assert_debug_snapshot!((&draft.text, &draft.attachments), @r#"
    (
        "compare [Image #1] [File /tmp/b c.txt] with [Image #2]",
        [
            "/tmp/a.png",
            "/tmp/b c.txt",
            "/tmp/z.png",
        ],
    )
    "#);
    // It comes back whole where it could not be sent.
    composer.restore(draft.clone());
    press(&mut composer, "<BS><BS>");
    let [Outcome::Submit(draft)] = &press(&mut composer, "<Enter>")[..] else { panic!("not sent") };
    assert_eq!((draft.text.as_str(), draft.attachments.len()), ("compare [Image #1] [File /tmp/b c.txt] with", 2));
}

#[test]
fn what_is_no_file_is_text() {
    let mut composer = Composer::new();
    composer.on_paste("/usr/lib is full");
    assert_eq!(composer.take_requests(), [], "not a path by its look");
    press(&mut composer, "<C-u>");
    composer.on_paste("/no/such/file");
    press(&mut composer, "!");
    composer.on_paths(1, vec![]);
    press(&mut composer, "<BS><BS>x");
    assert_eq!(composer.text(), "/no/such/filx");
}

#[test]
fn the_editor_keeps_what_is_attached() {
    let mut composer = Composer::new();
    press(&mut composer, "see ");
    composer.attach("/tmp/a.png".into(), true);
    let [Outcome::Edit(text)] = &press(&mut composer, "<C-g>")[..] else { panic!("no editor") };
    assert_eq!(text, "see [Image #1]");
    composer.set_edited("[Image #1] is what I see\n");
    insta::assert_snapshot!(seen(&mut composer, 40, 5), @"› [Image #1] is what I see▏");
    press(&mut composer, "<C-_>");
    assert_eq!(composer.text(), "see [Image #1]");
}

#[test]
fn the_caret_stays_in_view() {
    let mut composer = Composer::new();
    press(&mut composer, "1<C-j>2<C-j>3<C-j>4<C-j>5");
    insta::assert_snapshot!(seen(&mut composer, 20, 3), @"
    3
    4
    5▏
    ");
    press(&mut composer, "<Up>");
    insta::assert_snapshot!(seen(&mut composer, 20, 3), @"
    3
    4▏
    5
    ");
    press(&mut composer, "<C-Home>");
    insta::assert_snapshot!(seen(&mut composer, 20, 3), @"
    › ▏1
      2
      3
    ");
    insta::assert_snapshot!(seen(&mut composer, 1, 1), @"▏› 1");
}
